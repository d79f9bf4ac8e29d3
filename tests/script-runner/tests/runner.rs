//! Both runners, on scripts whose fate on a running Logto is known.
#![allow(clippy::unwrap_used)]

use script_runner::{Failure, Worker, run};
use serde_json::{Value, json};

fn payload() -> Value {
    json!({"token": {"aud": "https://shop.example.com/"}, "context": {"user": {"id": "u1"}}, "environmentVariables": {"A": "b"}})
}

/// The script in both runners, which have to agree.
fn both(script: &str) -> Result<Value, Failure> {
    let once = run(script, &payload());
    let kept = Worker::new(script).and_then(|worker| worker.run(&payload()));
    assert_eq!(once, kept, "{script}");
    once
}

#[test]
fn a_script_gets_the_payload_and_gives_claims() {
    for script in [
        "const getCustomJwtClaims = async ({ token, context, environmentVariables }) => ({ token, context, environmentVariables });",
        "const getCustomJwtClaims = ({ token, context, environmentVariables }) => ({ token, context, environmentVariables });",
        "async function getCustomJwtClaims(p) { await null; return { ...p, api: undefined }; }",
        "'use strict'; let getCustomJwtClaims = (p) => new Promise((r) => r({ ...p, api: undefined }));",
    ] {
        assert_eq!(both(script), Ok(payload()), "{script}");
    }
}

#[test]
fn each_way_to_fail_is_told_apart() {
    let threw = |text: &str| Failure::Threw(text.to_owned());
    for (script, failure) in [
        ("const other = 1;\n", Failure::Missing),
        ("const getCustomJwtClaims = 5;\n", Failure::Missing),
        (
            "const getCustomJwtClaims = async () => { throw new Error('boom') };",
            threw("boom"),
        ),
        (
            "const getCustomJwtClaims = () => { throw 'boom' };",
            threw("boom"),
        ),
        (
            "throw new Error('at load'); const getCustomJwtClaims = 1;",
            threw("at load"),
        ),
        (
            "const getCustomJwtClaims = async () => 5;",
            Failure::NotAnObject,
        ),
        (
            "const getCustomJwtClaims = async () => [1];",
            Failure::NotAnObject,
        ),
        (
            "const getCustomJwtClaims = async () => undefined;",
            Failure::NotAnObject,
        ),
        (
            "const getCustomJwtClaims = async () => null;",
            Failure::NotAnObject,
        ),
        (
            "const getCustomJwtClaims = async ({ api }) => api.denyAccess('no');",
            Failure::Denied("no".into()),
        ),
        (
            "const getCustomJwtClaims = ({ api }) => api.denyAccess();",
            Failure::Denied("Access denied".into()),
        ),
        (
            "const getCustomJwtClaims = () => new Promise(() => {});",
            Failure::TimedOut,
        ),
        (
            "const getCustomJwtClaims = () => { for (;;); };",
            Failure::TimedOut,
        ),
        (
            "const getCustomJwtClaims = async () => { for (;;) await null; };",
            Failure::TimedOut,
        ),
    ] {
        assert_eq!(both(script), Err(failure), "{script}");
    }
    let broken = both("const getCustomJwtClaims = async () => {{;");
    assert!(matches!(broken, Err(Failure::Syntax(_))), "{broken:?}");
}

#[test]
fn endless_memory_and_recursion_end() {
    for script in [
        "const getCustomJwtClaims = () => { const all = []; for (;;) all.push(new Array(100000).fill('x')); };",
        "const getCustomJwtClaims = () => { const f = () => f() + 1; return f(); };",
    ] {
        let ends = run(script, &payload());
        assert!(matches!(ends, Err(Failure::Threw(_))), "{script}: {ends:?}");
    }
}

#[test]
fn only_ecmascript_is_there() {
    let script =
        "const getCustomJwtClaims = () => ({ names: Object.getOwnPropertyNames(globalThis) });";
    let names = both(script).unwrap();
    for absent in [
        "URL",
        "fetch",
        "setTimeout",
        "performance",
        "queueMicrotask",
        "process",
        "require",
        "structuredClone",
        "TextEncoder",
        "atob",
    ] {
        assert!(
            !names["names"].as_array().unwrap().contains(&absent.into()),
            "{absent}"
        );
    }
}

#[test]
fn the_old_runner_needs_a_newline_after_a_comment() {
    let script = "const getCustomJwtClaims = () => ({}); // done";
    assert!(run(script, &payload()).is_err());
    assert_eq!(Worker::new(script).unwrap().run(&payload()), Ok(json!({})));
    assert_eq!(both(&format!("{script}\n")), Ok(json!({})));
}

#[test]
fn only_the_worker_keeps_state() {
    let script = "let n = 0; const getCustomJwtClaims = () => ({ n: ++n });";
    assert_eq!(run(script, &payload()), Ok(json!({"n": 1})));
    assert_eq!(run(script, &payload()), Ok(json!({"n": 1})));
    let worker = Worker::new(script).unwrap();
    assert_eq!(worker.run(&payload()), Ok(json!({"n": 1})));
    assert_eq!(worker.run(&payload()), Ok(json!({"n": 2})));
}

#[test]
fn patched_prototypes_bite_as_they_do_in_node() {
    let to_json = "Array.prototype.toJSON = () => 'bitten'; const getCustomJwtClaims = () => ({ roles: ['a'] });";
    assert_eq!(run(to_json, &payload()), Ok(json!({"roles": "bitten"})));
    assert_eq!(
        Worker::new(to_json).unwrap().run(&payload()),
        Ok(json!({"roles": ["a"]}))
    );

    // The payload is made in another realm by the old runner, in the script's own by the worker.
    let getter = "Object.defineProperty(Object.prototype, 'extra', { get: () => 'bitten' });
        const getCustomJwtClaims = ({ token }) => ({ extra: token.extra });";
    assert_eq!(run(getter, &payload()), Ok(json!({})));
    assert_eq!(
        Worker::new(getter).unwrap().run(&payload()),
        Ok(json!({"extra": "bitten"}))
    );

    let then = "Promise.prototype.then = (resolve) => resolve({ forged: true }); const getCustomJwtClaims = async () => ({});";
    assert_eq!(run(then, &payload()), Ok(json!({"forged": true})));
}

#[test]
fn what_can_not_be_cloned_is_an_error_of_the_worker() {
    for value in [
        "() => 1",
        "new Proxy({}, {})",
        "Promise.resolve(1)",
        "Symbol('s')",
        "1n",
    ] {
        let script = format!("const getCustomJwtClaims = () => ({{ value: {value} }});");
        let failure = Worker::new(&script).unwrap().run(&payload());
        assert!(
            matches!(failure, Err(Failure::Threw(_))),
            "{value}: {failure:?}"
        );
    }
    let getter = "const getCustomJwtClaims = () => ({ get a() { return 1; }, b: [1, , 'ü\\u2028'], c: undefined, d: 1.5 });";
    assert_eq!(
        Worker::new(getter).unwrap().run(&payload()),
        Ok(json!({"a": 1, "b": [1, null, "ü\u{2028}"], "d": 1.5}))
    );
}

#[test]
fn several_threads_run_scripts_at_once() {
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                let script = format!("const getCustomJwtClaims = async () => ({{ n: {n} }});");
                for _ in 0..20 {
                    assert_eq!(both(&script), Ok(json!({ "n": n })));
                }
            });
        }
    });
}
