//! Keys by name: of the Secret with the credentials, and of what is delivered.

use serde_json::{Value, json};

use super::{
    good::Good,
    object::{Object, instance, tenant},
    refusal::{Bad, NOT_AN_OBJECT, NOT_TEXT, PATTERN, TOO_LONG, TOO_SHORT, UNKNOWN},
    texts::letters,
};

const CREDENTIALS: &str = "spec.credentialsSecretRef.keys";
const DELIVERY: &str = "spec.delivery.keys";

const THREE: &str = "endpoint, clientId and clientSecret are three different keys";
const FOUR: &str = "jwtSecret, unauthorizedRole, authHook and authHookMode are four different keys";
const NO_KEYS: &str = "keys belongs to mode Secret and ConfigMap";
const OTHER_SETTING: &str = "has the name of another setting of Hasura";

/// What is no key of a Secret or ConfigMap.
const NOT_KEYS: &[(&str, &str)] = &[
    ("a space", "client id"),
    ("a slash", "client/id"),
    ("a dollar sign", "$(KEY)"),
    ("a colon", "a:b"),
    ("a line break at its end", "id\n"),
    ("a letter outside ASCII", "clé"),
];

/// What the API server takes for no key either.
const NOT_KEYS_TO_WRITE: &[(&str, &str)] = &[
    ("this folder", "."),
    ("the folder above", ".."),
    ("starts with two dots", "..data"),
];

/// The fields of `spec.delivery.keys`, each with the variable that it is for.
const DELIVERED: [(&str, &str); 4] = [
    ("jwtSecret", "HASURA_GRAPHQL_JWT_SECRET"),
    ("unauthorizedRole", "HASURA_GRAPHQL_UNAUTHORIZED_ROLE"),
    ("authHook", "HASURA_GRAPHQL_AUTH_HOOK"),
    ("authHookMode", "HASURA_GRAPHQL_AUTH_HOOK_MODE"),
];

fn by(mode: &str) -> Object {
    instance().with("spec.delivery.mode", mode)
}

/// What no field may be that names a key.
fn texts(good: &Object, path: String) -> Vec<Bad> {
    let key = good.field(path);
    let mut rows = key.bad_texts(NOT_KEYS, PATTERN);
    rows.push(key.bad("empty", "", TOO_SHORT));
    rows.push(key.bad("254 characters", letters(254), TOO_LONG));
    rows.push(key.bad("a number", 7, NOT_TEXT));
    rows
}

pub fn bad() -> Vec<Bad> {
    let mut rows = of_credentials();
    rows.extend(of_delivery());
    rows
}

fn of_credentials() -> Vec<Bad> {
    let good = tenant();
    let keys = good.field(CREDENTIALS);
    let mut rows = vec![
        keys.bad("a list", json!(["url"]), NOT_AN_OBJECT),
        keys.bad(
            "two alike",
            json!({"endpoint": "a", "clientId": "a"}),
            THREE,
        ),
        keys.bad("like a default", json!({"endpoint": "clientSecret"}), THREE),
        keys.bad("like another", json!({"clientSecret": "clientId"}), THREE),
        good.field("spec.credentialsSecretRef.keys.token")
            .bad("no such field", "token", UNKNOWN),
    ];
    for field in ["endpoint", "clientId", "clientSecret"] {
        rows.extend(texts(&good, format!("{CREDENTIALS}.{field}")));
    }
    rows
}

fn of_delivery() -> Vec<Bad> {
    let (good, patched) = (by("Secret"), instance());
    let keys = good.field(DELIVERY);
    let named = json!({"jwtSecret": "jwt.secret"});
    let mut rows = vec![
        keys.bad("a text", "jwt.secret", NOT_AN_OBJECT),
        keys.bad(
            "two alike",
            json!({"jwtSecret": "a", "authHook": "a"}),
            FOUR,
        ),
        keys.bad(
            "the last two alike",
            json!({"authHook": "a", "authHookMode": "a"}),
            FOUR,
        ),
        patched
            .field(DELIVERY)
            .bad("no mode", named.clone(), NO_KEYS),
        good.field("spec.delivery.keys.adminSecret")
            .bad("no such field", "admin.secret", UNKNOWN),
    ];
    for (field, own) in DELIVERED {
        let path = format!("{DELIVERY}.{field}");
        rows.extend(texts(&good, path.clone()));
        let key = good.field(path);
        rows.extend(key.bad_texts(NOT_KEYS_TO_WRITE, PATTERN));
        for other in ["HASURA_GRAPHQL_ADMIN_SECRET", "HASURA_GRAPHQL_JWT_SECRETS"] {
            rows.push(key.bad("another setting", other, OTHER_SETTING));
        }
        // Free of their own names, so that no two are alike.
        let others = DELIVERED.iter().filter(|(_, variable)| *variable != own);
        let renamed = others.clone().fold(good.clone(), |object, (other, _)| {
            let path = format!("{DELIVERY}.{other}");
            object.with(&path, *other)
        });
        let key = renamed.field(format!("{DELIVERY}.{field}"));
        for (_, variable) in others {
            rows.push(key.bad("one of the others", *variable, OTHER_SETTING));
        }
    }
    rows
}

/// In a status.
pub fn bad_status() -> Vec<Bad> {
    let made = json!({"kind": "Secret", "name": "shop-auth", "authHash": "h1"});
    let good = instance().with("status.delivered", made);
    let mut rows = vec![
        good.field("status.delivered.keys")
            .bad("a text", "jwt", NOT_AN_OBJECT),
    ];
    for (field, _) in DELIVERED {
        rows.extend(texts(&good, format!("status.delivered.keys.{field}")));
    }
    rows
}

pub fn good() -> Vec<Good> {
    let tenant = tenant();
    let mut rows = Vec::new();
    for field in ["endpoint", "clientId", "clientSecret"] {
        let key = format!("{CREDENTIALS}.{field}");
        let key = tenant.field(key);
        rows.push(key.good("its default by name", field));
        rows.push(key.good("253 characters", letters(253)));
        rows.push(key.good("as in a file", "LOGTO_M2M.key-1"));
    }
    let swapped =
        json!({"endpoint": "url", "clientId": "clientSecret", "clientSecret": "clientId"});
    rows.push(tenant.field(CREDENTIALS).good("swapped", swapped));
    for mode in ["Secret", "ConfigMap"] {
        let good = by(mode);
        for (field, own) in DELIVERED {
            let key = format!("{DELIVERY}.{field}");
            let key = good.field(key);
            rows.push(key.good("its default by name", own));
            rows.push(key.good("253 characters", letters(253)));
            rows.push(key.good("of a chart", "jwt.secret"));
            rows.push(key.good("starts with a dot", ".jwt"));
        }
        rows.push(good.field(DELIVERY).good("none", Value::Null));
    }
    rows
}
