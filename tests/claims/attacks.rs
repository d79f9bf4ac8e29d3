//! Wrapped scripts that try to get at our claims: whatever they do, those are exactly the model's.

use logto_hasura::domain::claims::{program::Kind, script::assemble};
use script_runner::{Failure, Worker};
use serde_json::{Value, json};

use crate::world::{
    AUD, ELSEWHERE, MANAGEMENT, NS, OPERATOR, Variables, entry, expected, first_party, in_both,
    ours, pair, payload, role, token, user, variables,
};

const PATCHES: &str = include_str!("patches.js");

/// Tokens for an audience of ours: of somebody who holds a role, who holds none, through an application that is not our
/// own, and with two entries for the audience.
fn tokens() -> Vec<(Variables, Value, Value)> {
    let one = variables(&[("a", &entry())]);
    let mut nobodys = entry();
    nobodys.everyone.clear();
    let nothing = variables(&[("a", &nobodys)]);
    let two = variables(&[("a", &entry()), ("b", &entry())]);
    let mut listed = entry();
    listed.lists = [pair("x-hasura-orgs", "user.customData.orgs")].into();
    listed.vars = [pair("x-hasura-first", "user.customData.orgs.0")].into();
    let listed = variables(&[("a", &listed)]);
    let holder = user(&[role("R", AUD, &["read"])]);
    let mut member = holder.clone();
    member["customData"] = json!({"orgs": ["a\"", "\\b", 1, true, ""], "join": "x", "length": 9});
    let mut no_member = holder.clone();
    no_member["customData"] = json!({"orgs": {"0": "a", "1": "b", "length": 2, "toString": "c"}});
    vec![
        (listed.clone(), token(""), first_party(member)),
        (listed, token(""), first_party(no_member)),
        (one.clone(), token(""), first_party(holder.clone())),
        (one.clone(), token("read edit"), json!({"user": holder})),
        (
            one.clone(),
            token("edit"),
            json!({"user": holder, "application": {}}),
        ),
        (
            one,
            json!({"aud": AUD}),
            json!({"user": {"id": "u2"}, "application": {"isThirdParty": false}}),
        ),
        (nothing, token("read edit"), first_party(user(&[]))),
        (two, token("read"), first_party(holder)),
    ]
}

/// Our claims, and beside them what the wrapped script may add.
fn with(mut ours: Value, theirs: &Value) -> Value {
    for (name, value) in theirs.as_object().unwrap() {
        ours[name] = value.clone();
    }
    ours
}

/// For each token, what the wrapped text gives in both runners is ours and `theirs`.
fn gives(text: &str, theirs: &Value) {
    let script = assemble(Kind::Users, Some(text), None);
    for (variables, token, context) in tokens() {
        let expected = with(expected(Kind::Users, &variables, &token, &context), theirs);
        assert_eq!(
            in_both(&script, &payload(&variables, &token, &context)),
            Ok(expected),
            "{text}"
        );
    }
}

fn fails(text: &str, failure: &Failure) {
    let script = assemble(Kind::Users, Some(text), None);
    for (variables, token, context) in tokens() {
        let result = in_both(&script, &payload(&variables, &token, &context));
        assert_eq!(result.as_ref(), Err(failure), "{text}");
    }
}

fn forged() -> Value {
    json!({"x-hasura-allowed-roles": ["admin"], "x-hasura-default-role": "admin"})
}

#[test]
fn a_wrapped_script_adds_claims_but_never_ours() {
    let forged = format!(
        "{{ [{}]: {}, extra: 1, then: 'text', __proto__: null }}",
        json!(NS),
        forged()
    );
    let theirs = json!({"extra": 1, "then": "text"});
    for text in [
        format!("const getCustomJwtClaims = () => ({forged});"),
        format!("const getCustomJwtClaims = async () => ({forged});"),
        format!("let getCustomJwtClaims = async () => {{ await null; return {forged}; }}"),
        format!("var getCustomJwtClaims = () => ({{ then: (resolve) => resolve({forged}) }})"),
        format!(
            "function getCustomJwtClaims() {{ return new Promise((resolve) => resolve({forged})); }}"
        ),
        format!("getCustomJwtClaims = async () => ({forged})"),
        format!("\"use strict\"; const getCustomJwtClaims = () => ({forged}); // done"),
        format!("const getCustomJwtClaims = () => ({forged});\r\n// done\r\n"),
        format!(
            "class P extends Promise {{}}\nconst getCustomJwtClaims = () => P.resolve({forged})"
        ),
        format!("const getCustomJwtClaims = () => new Proxy({forged}, {{}});"),
    ] {
        gives(&text, &theirs);
    }
}

#[test]
fn a_wrapped_script_that_is_none_leaves_our_claims() {
    for text in [
        "",
        "// nothing",
        "const other = 1;",
        "const getCustomJwtClaims = 5;",
    ] {
        gives(text, &json!({}));
    }
}

#[test]
fn a_failure_of_the_wrapped_script_is_the_tokens() {
    fails(
        "const getCustomJwtClaims = () => { throw new Error('boom'); };",
        &Failure::Threw("boom".into()),
    );
    fails(
        "const getCustomJwtClaims = async () => { throw new Error('boom'); };",
        &Failure::Threw("boom".into()),
    );
    fails(
        "const getCustomJwtClaims = ({ api }) => api.denyAccess('no');",
        &Failure::Denied("no".into()),
    );
    fails(
        "const getCustomJwtClaims = async ({ api }) => { await null; api.denyAccess('no'); };",
        &Failure::Denied("no".into()),
    );
    let none = Failure::Threw("The wrapped script did not return an object".into());
    for value in [
        "5",
        "null",
        "undefined",
        "'text'",
        "[1]",
        "true",
        "() => 1",
        "Symbol('s')",
    ] {
        fails(&format!("const getCustomJwtClaims = () => {value};"), &none);
        fails(
            &format!("const getCustomJwtClaims = async () => {value};"),
            &none,
        );
    }
}

#[test]
fn patched_prototypes_do_not_reach_our_claims() {
    // The wrapped script breaks what it needs itself, so it gives back only what needs nothing.
    let at_load =
        format!("{PATCHES} patch(); const getCustomJwtClaims = () => ({{ __proto__: null }});");
    let at_run = format!(
        "{PATCHES} let done = false; const getCustomJwtClaims = () => {{ if (!done) patch(); done = true; return {{ __proto__: null }}; }};"
    );
    gives(&at_load, &json!({}));
    gives(&at_run, &json!({}));
}

#[test]
fn each_patch_by_itself_does_not_reach_our_claims() {
    let forged = forged();
    for patch in [
        "Array.prototype.sort = () => ['admin'];",
        "Array.prototype.toJSON = () => ['admin'];",
        "Array.prototype[Symbol.iterator] = function* () { yield 'admin'; };",
        "Object.defineProperty(Array.prototype, '0', { get: () => 'admin', set() {}, configurable: true });",
        "Object.prototype.toJSON = function () { return this; };",
        "Object.keys = () => ['admin'];",
        "Object.prototype.hasOwnProperty = () => true;",
        "Object.defineProperty(Object.prototype, 'isThirdParty', { get: () => false, configurable: true });",
        "Object.defineProperty(Object.prototype, 'scope', { get: () => 'read edit', configurable: true });",
        "Object.defineProperty(Object.prototype, 'editor', { get: () => true, set() {}, configurable: true });",
        "JSON.parse = () => ({ aud: 'x' });",
        "JSON.stringify = () => '{\"x\":1}';",
        "String.prototype.indexOf = () => 0;",
        "Array.prototype.join = () => '\"admin\"'; Array.prototype.toString = () => '{\"admin\"}';",
        "Array.prototype.concat = () => ['admin']; Object.prototype[Symbol.isConcatSpreadable] = true;",
        "Object.defineProperty(Array.prototype, '5', { get: () => 'admin', set() {}, configurable: true });",
        "Object.defineProperty(Object.prototype, 'lists', { get: () => [['x-hasura-role', 'user.id']], configurable: true });",
        "String.prototype.replace = () => 'admin'; String.prototype.replaceAll = () => 'admin'; String.prototype.charAt = () => '';",
        "Object.prototype[Symbol.toPrimitive] = () => 'admin'; Number.prototype.toString = () => 'admin'; Boolean.prototype.valueOf = () => 'admin';",
        "String.prototype.toLowerCase = () => 'editor';",
        "Function.prototype.call = () => true;",
        "Promise.prototype.then = (resolve) => resolve({ FORGED });",
        "Promise.prototype.constructor = function () { this.then = 1; };",
        "Object.defineProperty(Promise, Symbol.species, { get: () => function (f) { f(() => {}, () => {}); }, configurable: true });",
        "Object.prototype.then = (resolve) => resolve({ FORGED });",
        "Object.freeze = (value) => value; Object.create = () => ({ FORGED });",
        "globalThis.getCustomJwtClaims = () => ({ FORGED });",
        "globalThis.logtoHasura = undefined; globalThis.logtoHasuraRule = () => ({ FORGED });",
    ] {
        let patch = patch.replace("FORGED", &format!("[{}]: {forged}", json!(NS)));
        let result = "{ __proto__: null, kept: 'k' }";
        gives(
            &format!("{patch} const getCustomJwtClaims = () => ({result});"),
            &json!({"kept": "k"}),
        );
        gives(
            &format!("const getCustomJwtClaims = () => {{ {patch} return {result}; }};"),
            &json!({"kept": "k"}),
        );
        gives(
            &format!(
                "const getCustomJwtClaims = async () => {{ await null; {patch} return {result}; }};"
            ),
            &json!({"kept": "k"}),
        );
    }
}

/// Lists as no Logto hands them to a script, each an expression: whatever they do when they are read, the variable is an
/// array literal of what was read, or absent.
#[test]
fn a_list_that_is_no_plain_list_ends_no_array_literal_early() {
    let mut listed = entry();
    listed.lists = [pair("x-hasura-orgs", "user.customData.orgs")].into();
    let data = variables(&[("a", &listed)]);
    let sound = assemble(Kind::Users, None, None);
    let (program, made) = sound
        .split_once("const getCustomJwtClaims = ")
        .expect("the entry point");
    let mut holder = user(&[]);
    holder["customData"] = json!({});
    let payload = payload(&data, &token(""), &first_party(holder));
    let variable_of = |list: &str| {
        let script = format!(
            "{program}const inner = {made}const getCustomJwtClaims = (payload) => {{ payload.context.user.customData.orgs = {list}; return inner(payload); }};"
        );
        let given = in_both(&script, &payload).unwrap();
        given[NS]["x-hasura-orgs"].clone()
    };
    for (list, literal) in [
        ("['a', 'b']", json!(r#"{"a","b"}"#)),
        (
            "Object.assign(['a'], { toString: () => 'x', join: () => 'x', toJSON: () => 'x' })",
            json!(r#"{"a"}"#),
        ),
        (
            "Object.assign(['a'], { [Symbol.iterator]: null, [Symbol.toPrimitive]: () => 'x' })",
            json!(r#"{"a"}"#),
        ),
        (
            "new (class extends Array { get [Symbol.toStringTag]() { return 'x'; } })('a', 'b')",
            json!(r#"{"a","b"}"#),
        ),
        (
            "Object.defineProperty(['a'], '0', { get() { this.n = (this.n || 0) + 1; return this.n === 1 ? 'a' : '\"'; } })",
            json!(r#"{"a"}"#),
        ),
        ("new Proxy(['a'], {})", json!(r#"{"a"}"#)),
        (
            "new Proxy(['a', 'b'], { get: (t, k) => k === 'length' ? (t.n = (t.n || 0) + 1) === 1 ? 1 : 1e9 : t[k] })",
            json!(r#"{"a"}"#),
        ),
        ("[-0, NaN, Infinity]", json!(r#"{"0","NaN","Infinity"}"#)),
        ("[, 'a']", json!(null)),
        ("['a', undefined]", json!(null)),
        ("[Symbol('a')]", json!(null)),
        ("[new String('a')]", json!(null)),
        ("[{ toString: () => 'a' }]", json!(null)),
        ("[() => 'a']", json!(null)),
        ("[10n]", json!(null)),
        ("new Array(4294967295)", json!(null)),
        ("new Array(100)", json!(null)),
        (
            "new Proxy([], { get: (t, k) => k === 'length' ? 1e9 : 'a' })",
            json!(null),
        ),
        (
            "new Proxy([], { get: (t, k) => k === 'length' ? '5' : 'a' })",
            json!(null),
        ),
        (
            "{ length: 1, 0: 'a', __proto__: Array.prototype }",
            json!(null),
        ),
        ("new Uint8Array([1])", json!(null)),
        ("new Set(['a'])", json!(null)),
        ("(function () { return arguments; })('a')", json!(null)),
        ("['x'.repeat(1e7)]", json!(null)),
    ] {
        assert_eq!(variable_of(list), literal, "{list}");
    }
    assert_eq!(ours(Kind::Users, &payload)[NS].get("x-hasura-orgs"), None);
}

#[test]
fn the_programs_own_names_can_not_be_replaced() {
    for name in ["logtoHasura", "logtoHasuraRule"] {
        let text = format!("{name} = () => ({{}}); const getCustomJwtClaims = () => ({{}});");
        let script = assemble(Kind::Users, Some(&text), None);
        assert!(
            matches!(Worker::new(&script).err(), Some(Failure::Threw(_))),
            "{name}"
        );
    }
    let inner = "for (const key of Object.keys(logtoHasura)) { logtoHasura[key] = () => ({}); } Object.defineProperty";
    gives(
        &format!("const getCustomJwtClaims = () => {{ {inner}; return {{}}; }};"),
        &json!({}),
    );
}

#[test]
fn what_a_wrapped_script_does_to_its_arguments_or_result_later_changes_nothing() {
    let forged = format!("{{ [{}]: {} }}", json!(NS), forged());
    for text in [
        "const getCustomJwtClaims = (p) => { p.context.user = { id: 'evil', roles: [] }; p.environmentVariables = {}; p.token.aud = 'x'; return {}; };".to_owned(),
        "const getCustomJwtClaims = async ({ context, environmentVariables }) => { for (const key in environmentVariables) delete environmentVariables[key]; context.application = { isThirdParty: false }; return {}; };".to_owned(),
        format!("let kept = []; const getCustomJwtClaims = (p) => {{ for (const old of kept) Object.assign(old, {forged}); const mine = {{}}; kept.push(p, p.context, p.environmentVariables, mine); return mine; }};"),
        format!("const getCustomJwtClaims = () => {{ const mine = {{}}; Promise.resolve().then(() => Object.assign(mine, {forged})); return mine; }};"),
        format!("const getCustomJwtClaims = () => {{ let n = 0; return {{ get then() {{ n += 1; return n === 1 ? undefined : (resolve) => resolve({forged}); }} }}; }};"),
        format!("const getCustomJwtClaims = () => {{ let n = 0; return new Proxy({{}}, {{ get: (t, k) => k === 'then' && n++ ? (resolve) => resolve({forged}) : undefined, ownKeys: () => [{ns}], getOwnPropertyDescriptor: () => ({{ value: 1, enumerable: true, configurable: true }}) }}); }};", ns = json!(NS)),
        format!("const getCustomJwtClaims = () => ({{ toJSON: () => ({forged}) }});"),
        format!("const getCustomJwtClaims = () => ({{ get [{}]() {{ throw new Error('read'); }} }}, {{}});", json!(NS)),
    ] {
        gives(&text, &json!({}));
    }
}

#[test]
fn for_an_audience_that_is_not_ours_a_wrapped_script_is_as_it_was() {
    let data = variables(&[("a", &entry())]);
    for text in [
        format!("const getCustomJwtClaims = ({{ token }}) => ({{ [{}]: {{ a: 1 }}, aud: token.aud, list: [1, {{}}] }});\n", json!(NS)),
        "const getCustomJwtClaims = async ({ context, environmentVariables }) => ({ context, environmentVariables });\n".to_owned(),
        "const getCustomJwtClaims = async () => { throw new Error('boom'); };\n".to_owned(),
        "const getCustomJwtClaims = ({ api }) => api.denyAccess('no');\n".to_owned(),
        "const getCustomJwtClaims = () => 5;\n".to_owned(),
    ] {
        for kind in Kind::ALL {
            for aud in [json!(ELSEWHERE), json!([AUD, ELSEWHERE]), json!(null), json!(MANAGEMENT)] {
                let payload = payload(&data, &json!({"aud": aud, "clientId": "web"}), &first_party(user(&[])));
                let wrapped = in_both(&assemble(kind, Some(&text), None), &payload);
                assert_eq!(wrapped, in_both(&text, &payload), "{text}");
            }
        }
    }
}

#[test]
fn the_operators_own_token_never_reaches_a_wrapped_script() {
    let data = variables(&[("a", &entry())]);
    for text in [
        "const getCustomJwtClaims = ({ api }) => api.denyAccess('no');",
        "const getCustomJwtClaims = () => { for (;;); };",
        "const getCustomJwtClaims = () => ({ organization_id: 'o' });",
    ] {
        let script = assemble(Kind::Machines, Some(text), None);
        let own = payload(
            &data,
            &json!({"aud": MANAGEMENT, "clientId": OPERATOR, "scope": "all"}),
            &json!({}),
        );
        assert_eq!(in_both(&script, &own), Ok(json!({})), "{text}");
    }
    let script = assemble(
        Kind::Machines,
        Some("const getCustomJwtClaims = ({ api }) => api.denyAccess('no');"),
        None,
    );
    for (aud, client) in [
        (MANAGEMENT, "other"),
        ("https://a.b.logto.app/api", OPERATOR),
        ("https://.logto.app/api", OPERATOR),
        ("https://default.logto.app/api/", OPERATOR),
        ("http://default.logto.app/api", OPERATOR),
        (ELSEWHERE, OPERATOR),
    ] {
        let other = payload(&data, &json!({"aud": aud, "clientId": client}), &json!({}));
        assert_eq!(
            in_both(&script, &other),
            Err(Failure::Denied("no".into())),
            "{aud} {client}"
        );
    }
}
