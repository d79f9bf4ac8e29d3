const logtoHasuraRule = (() => {
  'use strict';
  const { about, audience, claims, create, eachEntry, eachPair, indexOf, inScope, isRole, isText, own, slice } = logtoHasura;

  const HEAD = 'https://';
  const TAIL = '.logto.app/api';

  const isManagementApi = (aud) => {
    if (!isText(aud) || indexOf(aud, HEAD) !== 0) return false;
    const tenant = slice(aud, HEAD.length, -TAIL.length);
    return aud === HEAD + tenant + TAIL && tenant !== '' && indexOf(tenant, '.') < 0;
  };

  // A script that denied the operator its own token would lock it out of the tenant, with nobody left to mend the script.
  const isOperators = (token, variables, aud) => {
    const clientId = own(token, 'clientId');
    let is = false;
    if (!isText(clientId) || !isManagementApi(aud)) return is;
    eachEntry(variables, (entry) => {
      if (own(entry, 'client') === clientId) is = true;
    });
    return is;
  };

  const readable = (path) => path === 'organization.id';

  return (payload) => {
    const token = own(payload, 'token');
    const variables = own(payload, 'environmentVariables');
    const aud = audience(token);
    if (isOperators(token, variables, aud)) {
      const found = about(undefined, undefined);
      found.leave = true;
      return found;
    }
    const found = about(variables, aud);
    const namespace = own(found.entry, 'ns');
    if (isText(namespace) && indexOf(namespace, '://') > 0) {
      const granted = create(null);
      const isInScope = inScope(token);
      eachPair(own(found.entry, 'roles'), (role, scope) => {
        if (isRole(role) && isInScope(scope)) granted[role] = true;
      });
      found.claims = claims(found.entry, granted, own(token, 'clientId'), own(payload, 'context'), readable);
    }
    return found;
  };
})();
