//! LogtoTenants that are refused.

use serde_json::json;

use super::{
    object::{Object, tenant},
    refusal::{
        Bad, ENUM, NOT_A_BOOL, NOT_A_NUMBER, NOT_AN_OBJECT, NOT_TEXT, NOT_WHOLE, PATTERN, REQUIRED,
        TOO_LARGE, TOO_LONG, TOO_SHORT, TOO_SMALL, UNKNOWN,
    },
    texts::{NOT_OBJECT_NAMES, letters, uri},
};

pub fn bad() -> Vec<Bad> {
    let good = tenant();
    let mut rows = vec![
        good.lacks("spec"),
        good.wrong("a text for the spec", "spec", "default", NOT_AN_OBJECT),
        good.wrong(
            "a field that there is not",
            "spec.endpoint",
            "https://a.example",
            UNKNOWN,
        ),
    ];
    rows.extend(tenant_id(&good));
    rows.extend(secret(&good));
    rows.extend(endpoint_for_hasura(&good));
    rows.extend(settings(&good));
    rows
}

fn tenant_id(good: &Object) -> Vec<Bad> {
    let field = "spec.tenantId";
    vec![
        good.lacks(field),
        good.wrong("null for a required tenantId", field, json!(null), REQUIRED),
        good.wrong("an empty tenantId", field, "", TOO_SHORT),
        good.wrong("a tenantId of 64 characters", field, letters(64), TOO_LONG),
        good.wrong("a tenantId with a capital", field, "Default", PATTERN),
        good.wrong("a tenantId with a dot", field, "default.evil", PATTERN),
        good.wrong("a tenantId with a slash", field, "default/api", PATTERN),
        good.wrong(
            "a tenantId that starts with a hyphen",
            field,
            "-default",
            PATTERN,
        ),
        good.wrong(
            "a tenantId that ends with a hyphen",
            field,
            "default-",
            PATTERN,
        ),
        good.wrong(
            "a tenantId that ends with a line break",
            field,
            "default\n",
            PATTERN,
        ),
        good.wrong("a number for a tenantId", field, 7, NOT_TEXT),
    ]
}

fn secret(good: &Object) -> Vec<Bad> {
    let (reference, name) = (
        "spec.credentialsSecretRef",
        "spec.credentialsSecretRef.name",
    );
    let mut rows = vec![
        good.lacks(reference),
        good.wrong(
            "a name for a reference to a Secret",
            reference,
            "logto-m2m",
            NOT_AN_OBJECT,
        ),
        good.lacks(name),
        good.wrong("an empty name of a Secret", name, "", TOO_SHORT),
        good.wrong(
            "a name of a Secret of 254 characters",
            name,
            letters(254),
            TOO_LONG,
        ),
        good.wrong("a number for a name of a Secret", name, 7, NOT_TEXT),
        good.wrong(
            "a Secret of another namespace",
            "spec.credentialsSecretRef.namespace",
            "kube-system",
            UNKNOWN,
        ),
    ];
    for (what, text) in NOT_OBJECT_NAMES {
        rows.push(good.wrong(format!("a Secret whose name {what}"), name, *text, PATTERN));
    }
    rows
}

fn endpoint_for_hasura(good: &Object) -> Vec<Bad> {
    let field = "spec.endpointForHasura";
    let texts = [
        ("without a scheme", "logto.example.com"),
        ("that is neither http nor https", "ftp://logto.example.com"),
        ("without a host", "https://"),
        ("with a path", "https://logto.example.com/oidc"),
        ("with a query", "https://logto.example.com?a=1"),
        ("with a fragment", "https://logto.example.com#a"),
        ("with a user", "https://user:word@logto.example.com"),
        ("with a space", "https://logto.example.com "),
        ("with a line break", "https://logto.example.com\n"),
        ("with a percent sign", "https://logto%2eexample.com"),
        ("with a backslash", "https://logto.example.com\\evil"),
    ];
    let plain = "has to be https unless spec.allowPlainHttp is true";
    let forbidden = good.clone().with("spec.allowPlainHttp", false);
    let mut rows = vec![
        good.wrong(
            "an endpointForHasura of 257 characters",
            field,
            uri(257),
            TOO_LONG,
        ),
        good.wrong(
            "a list for an endpointForHasura",
            field,
            json!([]),
            NOT_TEXT,
        ),
        good.wrong("plain http, not allowed", field, "http://logto:3001", plain),
        forbidden.wrong("plain http, forbidden", field, "http://logto:3001", plain),
    ];
    for (what, text) in texts {
        rows.push(good.wrong(format!("an endpointForHasura {what}"), field, text, PATTERN));
    }
    rows
}

fn settings(good: &Object) -> Vec<Bad> {
    let (plain, check) = ("spec.allowPlainHttp", "spec.jwksCheck");
    let (rate, burst) = ("spec.rateLimit.requestsPerSecond", "spec.rateLimit.burst");
    let resync = "spec.resyncPeriodSeconds";
    vec![
        good.wrong("a text for allowPlainHttp", plain, "true", NOT_A_BOOL),
        good.wrong("a number for allowPlainHttp", plain, 1, NOT_A_BOOL),
        good.wrong("a jwksCheck that there is not", check, "Sometimes", ENUM),
        good.wrong("a jwksCheck in lower case", check, "require", ENUM),
        good.wrong("an empty jwksCheck", check, "", ENUM),
        good.wrong("a bool for a jwksCheck", check, true, NOT_TEXT),
        good.wrong(
            "a number for a rateLimit",
            "spec.rateLimit",
            10,
            NOT_AN_OBJECT,
        ),
        good.wrong(
            "a field of rateLimit that there is not",
            "spec.rateLimit.qps",
            10,
            UNKNOWN,
        ),
        good.wrong("no request a second", rate, 0, TOO_SMALL),
        good.wrong("less than no request a second", rate, -1, TOO_SMALL),
        good.wrong("1001 requests a second", rate, 1001, TOO_LARGE),
        good.wrong("one and a half requests a second", rate, 1.5, NOT_WHOLE),
        good.wrong("a text for requests a second", rate, "10", NOT_A_NUMBER),
        good.wrong("a burst of none", burst, 0, TOO_SMALL),
        good.wrong("a burst of 1001", burst, 1001, TOO_LARGE),
        good.wrong("a text for a burst", burst, "20", NOT_A_NUMBER),
        good.wrong("a resync period of 59 seconds", resync, 59, TOO_SMALL),
        good.wrong("a resync period of over a day", resync, 86_401, TOO_LARGE),
        good.wrong("a resync period with a unit", resync, "10m", NOT_A_NUMBER),
        good.wrong(
            "a resync period past 32 bits",
            resync,
            1_u64 << 32,
            TOO_LARGE,
        ),
    ]
}
