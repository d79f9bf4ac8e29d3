//! LogtoTenants that are refused, and some that are accepted.

use serde_json::{Value, json};

use super::{
    good::Good,
    object::{Object, tenant},
    refusal::{
        Bad, DUPLICATE, ENUM, NOT_A_BOOL, NOT_A_LIST, NOT_A_NUMBER, NOT_AN_OBJECT, NOT_TEXT,
        NOT_WHOLE, PATTERN, REQUIRED, TOO_LARGE, TOO_LONG, TOO_SHORT, TOO_SMALL, UNKNOWN,
    },
    texts::{NOT_OBJECT_NAMES, letters, uri},
};

pub fn bad() -> Vec<Bad> {
    let good = tenant();
    let spec = good.field("spec");
    let unknown = good.field("spec.endpoint");
    let mut rows = vec![
        spec.missing(),
        spec.bad("a text", "default", NOT_AN_OBJECT),
        unknown.bad("no such field", "https://a.example", UNKNOWN),
    ];
    rows.extend(tenant_id(&good));
    rows.extend(secret(&good));
    rows.extend(endpoint_for_hasura(&good));
    rows.extend(sign_in_endpoints(&good));
    rows.extend(settings(&good));
    rows.extend(rate_limit(&good));
    rows.extend(custom_claims(&good));
    rows
}

fn tenant_id(good: &Object) -> Vec<Bad> {
    let id = good.field("spec.tenantId");
    vec![
        id.missing(),
        id.bad("null", Value::Null, REQUIRED),
        id.bad("empty", "", TOO_SHORT),
        id.bad("64 characters", letters(64), TOO_LONG),
        id.bad("a capital", "Default", PATTERN),
        id.bad("a dot", "default.evil", PATTERN),
        id.bad("a slash", "default/api", PATTERN),
        id.bad("starts with a hyphen", "-default", PATTERN),
        id.bad("ends with a hyphen", "default-", PATTERN),
        id.bad("a line break at its end", "default\n", PATTERN),
        id.bad("a number", 7, NOT_TEXT),
    ]
}

fn secret(good: &Object) -> Vec<Bad> {
    let reference = good.field("spec.credentialsSecretRef");
    let name = good.field("spec.credentialsSecretRef.name");
    let namespace = good.field("spec.credentialsSecretRef.namespace");
    let mut rows = vec![
        reference.missing(),
        reference.bad("a name", "logto-m2m", NOT_AN_OBJECT),
        name.missing(),
        name.bad("empty", "", TOO_SHORT),
        name.bad("254 characters", letters(254), TOO_LONG),
        name.bad("a number", 7, NOT_TEXT),
        namespace.bad("another namespace", "kube-system", UNKNOWN),
    ];
    rows.extend(name.bad_texts(NOT_OBJECT_NAMES, PATTERN));
    rows
}

fn endpoint_for_hasura(good: &Object) -> Vec<Bad> {
    let path = "spec.endpointForHasura";
    let (field, plain) = (good.field(path), "http://logto:3001");
    let forbidden = good.clone().with("spec.allowPlainHttp", false);
    let because = "has to be https unless spec.allowPlainHttp is true";
    let mut rows = vec![
        field.bad("257 characters", uri(257), TOO_LONG),
        field.bad("a list", json!([]), NOT_TEXT),
        field.bad("plain http", plain, because),
        (forbidden.field(path)).bad("plain http, forbidden by name", plain, because),
    ];
    let not_origins = [
        ("no scheme", "logto.example.com"),
        ("neither http nor https", "ftp://logto.example.com"),
        ("no host", "https://"),
        ("a path", "https://logto.example.com/oidc"),
        ("a query", "https://logto.example.com?a=1"),
        ("a fragment", "https://logto.example.com#a"),
        ("a user", "https://user:word@logto.example.com"),
        ("a space", "https://logto.example.com "),
        ("a line break", "https://logto.example.com\n"),
        ("a percent sign", "https://logto%2eexample.com"),
        ("a backslash", "https://logto.example.com\\evil"),
    ];
    rows.extend(field.bad_texts(&not_origins, PATTERN));
    rows
}

fn sign_in_endpoints(good: &Object) -> Vec<Bad> {
    let field = good.field("spec.signInEndpoints");
    let forbidden = good.clone().with("spec.allowPlainHttp", false);
    let because = "has to be https unless spec.allowPlainHttp is true";
    let origin = |number: usize| format!("https://id{number}.example.com");
    let nine: Vec<String> = (0..9).map(origin).collect();
    let plain = json!(["https://id.example.com", "http://id.example.com"]);
    // So that what is no https either is refused for its own sake.
    let http = good.clone().with("spec.allowPlainHttp", true);
    let first = |what: &str, origin: Value, because| {
        let object = http.clone().with("spec.signInEndpoints", json!([origin]));
        object.refused(what, "spec.signInEndpoints[0]", because)
    };
    let twice = json!(["https://id.example.com", "https://id.example.com"]);
    let twice = good.clone().with("spec.signInEndpoints", twice);
    let mut rows = vec![
        field.bad("a text", "https://id.example.com", NOT_A_LIST),
        field.bad("nine", json!(nine), "must have at most 8 items"),
        twice.refused("one twice", "spec.signInEndpoints[1]", DUPLICATE),
        first("257 characters", json!(uri(257)), TOO_LONG),
        first("empty", json!(""), "should be at least 8 chars long"),
        first("a number", json!(7), NOT_TEXT),
        field.bad("plain http", plain.clone(), because),
        (forbidden.field("spec.signInEndpoints")).bad("plain http, forbidden", plain, because),
    ];
    for (what, text) in [
        ("no scheme", "id.example.com"),
        ("a path", "https://id.example.com/oidc"),
        ("a query", "https://id.example.com?a=1"),
        ("a user", "https://user:word@id.example.com"),
        ("a line break", "https://id.example.com\n"),
    ] {
        rows.push(first(what, json!(text), PATTERN));
    }
    rows
}

fn settings(good: &Object) -> Vec<Bad> {
    let bundle = json!({"kind": "ConfigMap", "name": "corp-ca", "key": "ca.crt"});
    let bundled = good.clone().with("spec.caBundleRef", bundle);
    let kind = bundled.field("spec.caBundleRef.kind");
    let name = bundled.field("spec.caBundleRef.name");
    let key = bundled.field("spec.caBundleRef.key");
    let plain = good.field("spec.allowPlainHttp");
    let check = good.field("spec.jwksCheck");
    let webhook = good.field("spec.webhookMode");
    let resync = good.field("spec.resyncPeriodSeconds");
    vec![
        (bundled.field("spec.caBundleRef")).bad("a name", "corp-ca", NOT_AN_OBJECT),
        kind.bad("no such kind", "Pod", ENUM),
        name.bad("upper case", "Corp", PATTERN),
        key.bad("a slash", "a/b", PATTERN),
        plain.bad("a text", "true", NOT_A_BOOL),
        plain.bad("a number", 1, NOT_A_BOOL),
        check.bad("no such check", "Sometimes", ENUM),
        check.bad("lower case", "require", ENUM),
        check.bad("empty", "", ENUM),
        check.bad("a bool", true, NOT_TEXT),
        webhook.bad("no such mode", "Warn", ENUM),
        webhook.bad("lower case", "allow", ENUM),
        webhook.bad("empty", "", ENUM),
        webhook.bad("a bool", true, NOT_TEXT),
        resync.bad("59 seconds", 59, TOO_SMALL),
        resync.bad("over a day", 86_401, TOO_LARGE),
        resync.bad("with a unit", "10m", NOT_A_NUMBER),
        resync.bad("past 32 bits", 1_u64 << 32, TOO_LARGE),
    ]
}

fn rate_limit(good: &Object) -> Vec<Bad> {
    let limit = good.field("spec.rateLimit");
    let unknown = good.field("spec.rateLimit.qps");
    let rate = good.field("spec.rateLimit.requestsPerSecond");
    let burst = good.field("spec.rateLimit.burst");
    vec![
        limit.bad("a number", 10, NOT_AN_OBJECT),
        unknown.bad("no such field", 10, UNKNOWN),
        rate.bad("none", 0, TOO_SMALL),
        rate.bad("less than none", -1, TOO_SMALL),
        rate.bad("1001", 1001, TOO_LARGE),
        rate.bad("one and a half", 1.5, NOT_WHOLE),
        rate.bad("a text", "10", NOT_A_NUMBER),
        burst.bad("none", 0, TOO_SMALL),
        burst.bad("1001", 1001, TOO_LARGE),
        burst.bad("a text", "20", NOT_A_NUMBER),
    ]
}

fn custom_claims(good: &Object) -> Vec<Bad> {
    let claims = good.field("spec.customClaims");
    let unknown = good.field("spec.customClaims.script");
    let mut rows = vec![
        claims.bad("a text", "Manage", NOT_AN_OBJECT),
        claims.bad("a list", json!(["users"]), NOT_AN_OBJECT),
        unknown.bad("no such field", "return {}", UNKNOWN),
    ];
    let fields = [
        ("spec.customClaims.users", "Observe", "manage"),
        ("spec.customClaims.machines", "Wrap", "ignore"),
        ("spec.customClaims.existingScript", "Delete", "refuse"),
    ];
    for (path, other, lower) in fields {
        let field = good.field(path);
        rows.push(field.bad("no such word", other, ENUM));
        rows.push(field.bad("lower case", lower, ENUM));
        rows.push(field.bad("empty", "", ENUM));
        rows.push(field.bad("a bool", true, NOT_TEXT));
    }
    rows
}

pub fn good() -> Vec<Good> {
    let good = tenant();
    let id = good.field("spec.tenantId");
    let secret = good.field("spec.credentialsSecretRef.name");
    let check = good.field("spec.jwksCheck");
    let rate = good.field("spec.rateLimit.requestsPerSecond");
    let burst = good.field("spec.rateLimit.burst");
    let resync = good.field("spec.resyncPeriodSeconds");
    let mut rows = vec![
        id.good("one character", "a"),
        id.good("63 characters", letters(63)),
        id.good("of Logto's cloud", "4f9-x2"),
        secret.good("253 characters", letters(253)),
        secret.good("a dot", "logto.m2m"),
        check.good("the default by name", "Require"),
        check.good("the other", "Skip"),
        rate.good("one", 1),
        rate.good("1000", 1000),
        burst.good("one", 1),
        burst.good("1000", 1000),
        resync.good("a minute", 60),
        resync.good("a day", 86_400),
    ];
    rows.extend(good_endpoints(&good));
    rows.extend(good_sign_in_endpoints(&good));
    rows.extend(good_claims(&good));
    rows
}

fn good_claims(good: &Object) -> Vec<Good> {
    let words: [(&str, &[&str]); 4] = [
        ("spec.webhookMode", &["Forbid", "Allow"]),
        ("spec.customClaims.users", &["Manage", "Ignore"]),
        ("spec.customClaims.machines", &["Manage", "Ignore"]),
        (
            "spec.customClaims.existingScript",
            &["Refuse", "Wrap", "Replace"],
        ),
    ];
    let mut rows = Vec::new();
    for (path, words) in words {
        let field = good.field(path);
        rows.extend(words.iter().map(|word| field.good(word, *word)));
    }
    rows
}

fn good_sign_in_endpoints(good: &Object) -> Vec<Good> {
    let path = "spec.signInEndpoints";
    let plain = good.clone().with("spec.allowPlainHttp", true);
    let origin = |number: usize| format!("https://id{number}.example.com");
    let eight: Vec<String> = (0..8).map(origin).collect();
    let longest = format!("https://{}", letters(248));
    vec![
        good.field(path).good("none", json!([])),
        good.field(path).good("eight", json!(eight)),
        good.field(path).good("256 characters", json!([longest])),
        plain
            .field(path)
            .good("plain http, allowed", json!(["http://id.example.com:3001"])),
    ]
}

fn good_endpoints(good: &Object) -> Vec<Good> {
    let path = "spec.endpointForHasura";
    let plain = good.clone().with("spec.allowPlainHttp", true);
    let (field, plain) = (good.field(path), plain.field(path));
    let longest = format!("https://{}", letters(248));
    vec![
        field.good("empty", ""),
        field.good("a port", "https://logto.example.com:3001"),
        field.good("/ at its end", "https://logto.example.com/"),
        field.good("256 characters", longest),
        field.good("an IPv6 address", "https://[fd00::1]:3001"),
        field.good("capitals", "https://LOGTO.example.com"),
        plain.good("plain http, allowed", "http://logto.logto.svc:3001"),
        plain.good("https beside allowed http", "https://logto.example.com"),
    ]
}
