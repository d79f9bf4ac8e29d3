const logtoHasuraRule = (() => {
  'use strict';
  const { about, audience, claims, create, each, eachPair, indexOf, inScope, isObject, isRole, isText, own } = logtoHasura;

  const readable = (path) =>
    path === 'user.id' ||
    path === 'user.primaryEmail' ||
    path === 'user.primaryPhone' ||
    path === 'organization.id' ||
    path === 'user.name' ||
    path === 'user.username' ||
    path === 'user.avatar' ||
    indexOf(path, 'user.profile.') === 0 ||
    indexOf(path, 'user.customData.') === 0;

  // The scopes of an audience that the user's roles hold now. Logto hides roles named `#internal:` from every list.
  const heldScopes = (user, aud) => {
    const held = create(null);
    each(own(user, 'roles'), (role) => {
      const name = own(role, 'name');
      if (typeof name !== 'string' || indexOf(name, '#internal:') === 0) return;
      each(own(role, 'scopes'), (scope) => {
        const scopeName = own(scope, 'name');
        if (isText(scopeName) && own(own(scope, 'resource'), 'indicator') === aud) held[scopeName] = true;
      });
    });
    return held;
  };

  const grantedRoles = (entry, aud, token, context) => {
    const granted = create(null);
    const user = own(context, 'user');
    const source = own(entry, 'source');
    if (!isObject(user) || (source !== 'AssignedRoles' && source !== 'GrantedScopes')) return granted;
    // A third-party application gets a token without the user's consent, so only what it asked for counts.
    const isFirstParty = own(own(context, 'application'), 'isThirdParty') === false;
    const needsScope = source === 'GrantedScopes' || !isFirstParty;
    const held = heldScopes(user, aud);
    const isInScope = inScope(token);
    eachPair(own(entry, 'roles'), (role, scope) => {
      if (!isRole(role) || !isText(scope) || held[scope] !== true) return;
      if (!needsScope || isInScope(scope)) granted[role] = true;
    });
    if (isFirstParty) {
      each(own(entry, 'everyone'), (role) => {
        if (isRole(role)) granted[role] = true;
      });
    }
    return granted;
  };

  return (payload) => {
    const token = own(payload, 'token');
    const context = own(payload, 'context');
    const aud = audience(token);
    const found = about(own(payload, 'environmentVariables'), aud);
    const namespace = own(found.entry, 'ns');
    if (isText(namespace) && indexOf(namespace, '://') > 0) {
      const granted = grantedRoles(found.entry, aud, token, context);
      found.claims = claims(found.entry, granted, own(own(context, 'user'), 'id'), context, readable);
    }
    return found;
  };
})();
