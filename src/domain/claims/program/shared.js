// A wrapped script shares this realm. It is loaded after this part, and in Logto's newer runner it has run before: it may
// have patched any global or prototype by the time a token is made. So this part takes what it needs while it is alone,
// reads own properties only, calls no methods, uses no iterator, and writes only to objects without a prototype.
const logtoHasura = (() => {
  'use strict';
  const { create, defineProperty, freeze, keys, setPrototypeOf } = Object;
  const { isArray } = Array;
  const { parse, stringify } = JSON;
  const { then } = Promise.prototype;
  const Mistake = TypeError;
  const uncurried = (method) => Function.prototype.call.bind(method);
  const hasOwn = uncurried(Object.prototype.hasOwnProperty);
  const indexOf = uncurried(String.prototype.indexOf);
  const lowerCase = uncurried(String.prototype.toLowerCase);
  const slice = uncurried(String.prototype.slice);
  const sort = uncurried(Array.prototype.sort);

  const PREFIX = 'LOGTO_HASURA_';
  const LOWER = 'abcdefghijklmnopqrstuvwxyz0123456789-_';
  const PLAIN = LOWER + 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const MAX_ELEMENTS = 100;
  const MAX_LITERAL = 4096;

  const isText = (value) => typeof value === 'string' && value !== '';
  const isObject = (value) => typeof value === 'object' && value !== null && !isArray(value);

  const own = (value, key) =>
    typeof value === 'object' && value !== null && hasOwn(value, key) ? value[key] : undefined;

  const each = (list, visit) => {
    if (!isArray(list)) return;
    for (let i = 0; i < list.length; i += 1) visit(own(list, i));
  };

  const eachPair = (list, visit) =>
    each(list, (pair) => {
      if (isArray(pair) && pair.length === 2) visit(own(pair, 0), own(pair, 1));
    });

  const isMadeOf = (alphabet, text) => {
    if (text === '') return false;
    for (let i = 0; i < text.length; i += 1) if (indexOf(alphabet, text[i]) < 0) return false;
    return true;
  };

  // Admin is the superuser in Hasura: no data whatever can name it.
  const isRole = (value) => isText(value) && lowerCase(value) !== 'admin';

  const parsed = (text) => {
    if (typeof text !== 'string') return undefined;
    try {
      return parse(text);
    } catch {
      return undefined;
    }
  };

  const eachEntry = (variables, visit) => {
    if (!isObject(variables)) return;
    each(keys(variables), (key) => {
      const entry = indexOf(key, PREFIX) === 0 ? parsed(own(variables, key)) : undefined;
      if (isObject(entry)) visit(entry);
    });
  };

  const audience = (token) => {
    const aud = own(token, 'aud');
    return isArray(aud) && aud.length === 1 ? own(aud, 0) : aud;
  };

  // What the data says about an audience. Two entries that name it grant nothing, since one of them is somebody else's.
  const about = (variables, aud) => {
    const found = create(null);
    found.count = 0;
    found.entry = undefined;
    found.namespaces = create(null);
    if (!isText(aud)) return found;
    eachEntry(variables, (entry) => {
      if (own(entry, 'aud') !== aud) return;
      found.count += 1;
      found.entry = found.count === 1 && own(entry, 'v') === 1 ? entry : undefined;
      const namespace = own(entry, 'ns');
      if (typeof namespace === 'string') found.namespaces[namespace] = true;
    });
    return found;
  };

  const inScope = (token) => {
    const scope = own(token, 'scope');
    const list = typeof scope === 'string' ? ' ' + scope + ' ' : '';
    return (name) => isText(name) && indexOf(name, ' ') < 0 && indexOf(list, ' ' + name + ' ') >= 0;
  };

  const valueAt = (root, path) => {
    let value = root;
    let start = 0;
    for (let depth = 0; depth < 5; depth += 1) {
      const dot = indexOf(path, '.', start);
      const name = dot < 0 ? slice(path, start) : slice(path, start, dot);
      if (!isObject(value) || !isMadeOf(PLAIN, name)) return undefined;
      value = own(value, name);
      if (dot < 0) return value;
      start = dot + 1;
    }
    return undefined;
  };

  const textOf = (value) => {
    const type = typeof value;
    return type === 'string' || type === 'number' || type === 'boolean' ? '' + value : undefined;
  };

  const quoted = (text) => {
    let inner = '';
    for (let i = 0; i < text.length; i += 1) inner += text[i] === '"' || text[i] === '\\' ? '\\' + text[i] : text[i];
    return '"' + inner + '"';
  };

  // PostgreSQL's literal of an array. With every element in quotes none is taken for NULL, and none ends early.
  const arrayLiteral = (list) => {
    const count = isArray(list) ? list.length : undefined;
    if (typeof count !== 'number' || count > MAX_ELEMENTS) return undefined;
    let literal = '{';
    for (let i = 0; i < count; i += 1) {
      const text = textOf(own(list, i));
      if (text === undefined || text.length > MAX_LITERAL) return undefined;
      literal += (i === 0 ? '' : ',') + quoted(text);
      if (literal.length >= MAX_LITERAL) return undefined;
    }
    return literal + '}';
  };

  const isVariable = (name) =>
    isText(name) &&
    indexOf(name, 'x-hasura-') === 0 &&
    isMadeOf(LOWER, slice(name, 9)) &&
    name !== 'x-hasura-role' &&
    name !== 'x-hasura-allowed-roles' &&
    name !== 'x-hasura-default-role' &&
    name !== 'x-hasura-user-id';

  const defaultRole = (entry, granted, roles) => {
    const wanted = own(entry, 'default');
    if (isRole(wanted) && granted[wanted] === true) return wanted;
    if (roles.length === 1) return own(roles, 0);
    // No role has this name, so that Hasura refuses a request that names none.
    return isRole(wanted) ? wanted : '(none)';
  };

  // The claims for the roles that are keys of `granted`; none if there are none. `mayRead` says which paths give a value.
  const claims = (entry, granted, userId, context, mayRead) => {
    const roles = sort(keys(granted));
    if (roles.length === 0) return undefined;
    const given = create(null);
    const give = (pairs, formOf) =>
      eachPair(pairs, (name, path) => {
        if (!isVariable(name) || !isText(path) || !mayRead(path)) return;
        const text = formOf(valueAt(context, path));
        if (text !== undefined) given[name] = text;
      });
    give(own(entry, 'vars'), textOf);
    give(own(entry, 'lists'), arrayLiteral);
    given['x-hasura-default-role'] = defaultRole(entry, granted, roles);
    if (typeof userId === 'string') given['x-hasura-user-id'] = userId;
    // Without a prototype nobody's toJSON or iterator can speak for the list.
    given['x-hasura-allowed-roles'] = freeze(setPrototypeOf(roles, null));
    return freeze(given);
  };

  const result = (found, theirs) => {
    const all = create(null);
    each(keys(theirs), (key) => {
      if (found.namespaces[key] !== true) all[key] = theirs[key];
    });
    const namespace = own(found.entry, 'ns');
    if (found.claims !== undefined) all[namespace] = found.claims;
    return freeze(all);
  };

  // JSON and back leaves data only: no getter, no `then`, nothing that the wrapped script still holds.
  const asData = (value) => {
    const data = parsed(stringify(value));
    if (!isObject(data)) throw new Mistake('The wrapped script did not return an object');
    return data;
  };

  // Whoever waits for a promise reads `then` or `constructor`, which may be patched.
  const sealed = (promise) => {
    const property = create(null);
    property.value = then;
    defineProperty(promise, 'then', property);
    property.value = undefined;
    return defineProperty(promise, 'constructor', property);
  };

  // `rule` is asked before the wrapped script, which never sees an audience's own claims.
  const customizer = (rule, wrapped) => (payload) => {
    const found = rule(payload);
    if (wrapped === undefined || found.leave === true) return result(found, create(null));
    if (found.count === 0) return wrapped(payload);
    return sealed((async () => result(found, asData(await wrapped(payload))))());
  };

  return freeze({
    __proto__: null,
    about, audience, claims, create, customizer, each, eachEntry, eachPair, indexOf, inScope, isObject, isRole, isText, own, slice,
  });
})();
