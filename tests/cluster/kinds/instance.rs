//! HasuraInstances that are refused.

use serde_json::json;

use super::{
    object::{Object, instance},
    refusal::{
        Bad, ENUM, NOT_A_BOOL, NOT_A_NUMBER, NOT_AN_OBJECT, NOT_TEXT, NOT_WHOLE, PATTERN, REQUIRED,
        TOO_LARGE, TOO_LONG, TOO_SHORT, TOO_SMALL, UNKNOWN,
    },
    texts::{ADMINS, NOT_OBJECT_NAMES, NOT_ROLE_NAMES, UNPRINTABLE, letters, uri},
};

const MANAGEMENT_API: &str = "names a Logto Management API";
const RESERVED: &str = "urn:logto: is reserved by Logto";
const DEFAULT_PORT: &str = "states the default port";
const HOST_CASE: &str = "the host has to be lower case";

/// Indicators, each with why it is refused.
const INDICATORS: &[(&str, &str, &str)] = &[
    (
        "with &, which adds a parameter to the hook's URL",
        "https://a.example/?a=1&b=2",
        PATTERN,
    ),
    (
        "with #, for which no token can be asked",
        "https://a.example/#graphql",
        PATTERN,
    ),
    ("with %", "https://a.example/%67raphql", PATTERN),
    ("with a space", "https://a.example/v1 graphql", PATTERN),
    (
        "with a space before it",
        " https://a.example/v1/graphql",
        PATTERN,
    ),
    (
        "with a space after it",
        "https://a.example/v1/graphql ",
        PATTERN,
    ),
    ("with a tab", "https://a.example/v1\tgraphql", PATTERN),
    (
        "with a line break",
        "https://a.example/v1/graphql\n",
        PATTERN,
    ),
    (
        "on two lines",
        "https://a.example/v1/graphql\nhttps://b.example",
        PATTERN,
    ),
    (
        "with a quotation mark",
        "https://a.example/\"graphql",
        PATTERN,
    ),
    ("with a backslash", "https://a.example\\graphql", PATTERN),
    (
        "with letters outside ASCII",
        "https://bücher.example/v1/graphql",
        PATTERN,
    ),
    ("without a scheme", "shop.example.com/v1/graphql", PATTERN),
    ("that is a path", "/v1/graphql", PATTERN),
    ("that is a scheme only", "https:", PATTERN),
    (
        "with a scheme in capitals",
        "HTTPS://a.example/v1/graphql",
        PATTERN,
    ),
    (
        "of the default tenant's Management API",
        "https://default.logto.app/api",
        MANAGEMENT_API,
    ),
    (
        "of a cloud tenant's Management API",
        "https://foo123.logto.app/api",
        MANAGEMENT_API,
    ),
    (
        "of Logto's organizations",
        "urn:logto:resource:organizations",
        RESERVED,
    ),
    (
        "of one organization",
        "urn:logto:organization:org1",
        RESERVED,
    ),
    (
        "with port 443 for https",
        "https://a.example:443/v1/graphql",
        DEFAULT_PORT,
    ),
    (
        "with port 443 and no path",
        "https://a.example:443",
        DEFAULT_PORT,
    ),
    (
        "with port 443 and a query",
        "https://a.example:443?a=1",
        DEFAULT_PORT,
    ),
    (
        "with port 80 for http",
        "http://a.example:80/v1/graphql",
        DEFAULT_PORT,
    ),
    (
        "with port 80 and no path",
        "http://a.example:80",
        DEFAULT_PORT,
    ),
    (
        "with a capital in the host",
        "https://Shop.example.com/v1/graphql",
        HOST_CASE,
    ),
    (
        "with a capital at the host's end",
        "http://hasura.shoP:8080",
        HOST_CASE,
    ),
];

pub fn bad() -> Vec<Bad> {
    let good = instance();
    let mut rows = vec![
        good.lacks("spec"),
        good.wrong("a list for the spec", "spec", json!([]), NOT_AN_OBJECT),
        good.wrong("a field that there is not", "spec.jwtSecret", "x", UNKNOWN),
    ];
    rows.extend(references(&good));
    rows.extend(api_resource(&good));
    rows.extend(prefix(&good));
    rows.extend(auth(&good));
    rows.extend(jwt(&good));
    rows.extend(delivery(&good));
    rows
}

fn references(good: &Object) -> Vec<Bad> {
    let (tenant, tenant_name) = ("spec.tenantRef", "spec.tenantRef.name");
    let (deployment, deployment_name) = ("spec.deploymentRef", "spec.deploymentRef.name");
    let container = "spec.deploymentRef.container";
    let mut rows = vec![
        good.lacks(tenant),
        good.wrong("a name for a tenantRef", tenant, "main", NOT_AN_OBJECT),
        good.wrong(
            "a tenant of another namespace",
            "spec.tenantRef.namespace",
            "logto",
            UNKNOWN,
        ),
        good.lacks(deployment),
        good.wrong(
            "a name for a deploymentRef",
            deployment,
            "hasura",
            NOT_AN_OBJECT,
        ),
        good.wrong(
            "a Deployment of another namespace",
            "spec.deploymentRef.namespace",
            "a",
            UNKNOWN,
        ),
        good.wrong("an empty container", container, "", TOO_SHORT),
        good.wrong(
            "a container of 64 characters",
            container,
            letters(64),
            TOO_LONG,
        ),
        good.wrong(
            "a container with a dot",
            container,
            "graphql.engine",
            PATTERN,
        ),
        good.wrong("a container with a capital", container, "Hasura", PATTERN),
        good.wrong(
            "a container that ends with a hyphen",
            container,
            "hasura-",
            PATTERN,
        ),
        good.wrong("a number for a container", container, 0, NOT_TEXT),
    ];
    for (of, name) in [("a tenant", tenant_name), ("a Deployment", deployment_name)] {
        rows.push(good.lacks(name));
        rows.push(good.wrong(format!("{of} with an empty name"), name, "", TOO_SHORT));
        rows.push(good.wrong(
            format!("{of}: 254 characters"),
            name,
            letters(254),
            TOO_LONG,
        ));
        rows.push(good.wrong(format!("{of} by a number"), name, 1, NOT_TEXT));
        for (what, text) in NOT_OBJECT_NAMES {
            rows.push(good.wrong(format!("{of} whose name {what}"), name, *text, PATTERN));
        }
    }
    rows
}

fn api_resource(good: &Object) -> Vec<Bad> {
    let (resource, indicator) = ("spec.apiResource", "spec.apiResource.indicator");
    let (name, life) = (
        "spec.apiResource.name",
        "spec.apiResource.accessTokenTtlSeconds",
    );
    let mut rows = vec![
        good.lacks(resource),
        good.wrong(
            "an indicator for an apiResource",
            resource,
            "https://a.example",
            NOT_AN_OBJECT,
        ),
        good.wrong(
            "a scope in the apiResource",
            "spec.apiResource.scopes",
            json!([]),
            UNKNOWN,
        ),
        good.lacks(indicator),
        good.wrong(
            "null for a required indicator",
            indicator,
            json!(null),
            REQUIRED,
        ),
        good.wrong(
            "an indicator of 3 characters",
            indicator,
            "a:b",
            "at least 4 chars long",
        ),
        good.wrong(
            "an indicator of 257 characters",
            indicator,
            uri(257),
            TOO_LONG,
        ),
        good.wrong("an object for an indicator", indicator, json!({}), NOT_TEXT),
        good.lacks(name),
        good.wrong("an empty name of an API resource", name, "", TOO_SHORT),
        good.wrong(
            "an API resource's name of 129 characters",
            name,
            letters(129),
            TOO_LONG,
        ),
        good.wrong("a number for an API resource's name", name, 7, NOT_TEXT),
        good.wrong("an access token for 59 seconds", life, 59, TOO_SMALL),
        good.wrong("an access token for over a day", life, 86_401, TOO_LARGE),
        good.wrong("an access token for ever", life, -1, TOO_SMALL),
        good.wrong(
            "an access token's life with a unit",
            life,
            "1h",
            NOT_A_NUMBER,
        ),
        good.wrong(
            "an access token's life with a fraction",
            life,
            90.5,
            NOT_WHOLE,
        ),
    ];
    for (what, text, because) in INDICATORS {
        rows.push(good.wrong(format!("an indicator {what}"), indicator, *text, because));
    }
    for (what, character) in UNPRINTABLE {
        let what = format!("an API resource's name with {what}");
        rows.push(good.wrong(what, name, format!("Shop{character}"), PATTERN));
    }
    rows
}

fn prefix(good: &Object) -> Vec<Bad> {
    let field = "spec.logtoRoleNamePrefix";
    let mut rows = vec![
        good.wrong("a prefix of 64 characters", field, letters(64), TOO_LONG),
        good.wrong("a list for a prefix", field, json!(["shop-"]), NOT_TEXT),
    ];
    for (what, text) in NOT_ROLE_NAMES {
        rows.push(good.wrong(format!("a prefix that {what}"), field, *text, PATTERN));
    }
    rows
}

fn auth(good: &Object) -> Vec<Bad> {
    let (mode, role) = ("spec.auth.mode", "spec.auth.unauthorizedRole");
    let mut rows = vec![
        good.wrong("a text for auth", "spec.auth", "JWT", NOT_AN_OBJECT),
        good.wrong(
            "an admin secret in auth",
            "spec.auth.adminSecret",
            "x",
            UNKNOWN,
        ),
        good.wrong("a mode that there is not", mode, "Basic", ENUM),
        good.wrong("a mode in lower case", mode, "jwt", ENUM),
        good.wrong("a bool for a mode", mode, true, NOT_TEXT),
        good.wrong("an empty unauthorizedRole", role, "", TOO_SHORT),
        good.wrong(
            "an unauthorizedRole of 129 characters",
            role,
            letters(129),
            TOO_LONG,
        ),
        good.wrong(
            "a list for an unauthorizedRole",
            role,
            json!(["anonymous"]),
            NOT_TEXT,
        ),
    ];
    for text in ADMINS {
        let what = format!("{text} for callers without a token");
        rows.push(good.wrong(what, role, *text, "can not be admin"));
    }
    for (what, text) in NOT_ROLE_NAMES {
        rows.push(good.wrong(
            format!("an unauthorizedRole that {what}"),
            role,
            *text,
            PATTERN,
        ));
    }
    rows
}

fn jwt(good: &Object) -> Vec<Bad> {
    let (claims, skew) = (
        "spec.auth.jwt.claimsNamespace",
        "spec.auth.jwt.allowedSkewSeconds",
    );
    let mut rows = vec![
        good.wrong("a text for jwt", "spec.auth.jwt", "RS256", NOT_AN_OBJECT),
        good.wrong("a key in jwt", "spec.auth.jwt.key", "x", UNKNOWN),
        good.wrong(
            "a claimsNamespace of 4 characters",
            claims,
            "a://",
            "at least 5 chars long",
        ),
        good.wrong(
            "a claimsNamespace of 257 characters",
            claims,
            uri(257),
            TOO_LONG,
        ),
        good.wrong("a number for a claimsNamespace", claims, 7, NOT_TEXT),
        good.wrong("tokens taken before they are made", skew, -1, TOO_SMALL),
        good.wrong("a skew of over five minutes", skew, 301, TOO_LARGE),
        good.wrong("a skew with a unit", skew, "60s", NOT_A_NUMBER),
        good.wrong("a skew with a fraction", skew, 0.5, NOT_WHOLE),
    ];
    let texts = [
        ("that is a standard claim", "roles"),
        ("that is a claim of Logto's", "organization_id"),
        ("without ://", "https:hasura.io"),
        ("without a scheme", "://hasura.io/jwt/claims"),
        ("with a scheme in capitals", "HTTPS://hasura.io/jwt/claims"),
        ("with a space", "https://hasura.io/jwt claims"),
        ("with a line break", "https://hasura.io/jwt/claims\n"),
        ("with #", "https://hasura.io/jwt#claims"),
    ];
    for (what, text) in texts {
        rows.push(good.wrong(format!("a claimsNamespace {what}"), claims, text, PATTERN));
    }
    rows
}

fn delivery(good: &Object) -> Vec<Bad> {
    let (mode, recreate) = ("spec.delivery.mode", "spec.delivery.allowRecreate");
    vec![
        good.wrong(
            "a text for delivery",
            "spec.delivery",
            "PatchEnv",
            NOT_AN_OBJECT,
        ),
        good.wrong(
            "a field of delivery that there is not",
            "spec.delivery.force",
            true,
            UNKNOWN,
        ),
        good.wrong("a delivery that there is not", mode, "Pigeon", ENUM),
        good.wrong("a delivery in lower case", mode, "patchEnv", ENUM),
        good.wrong("a number for a delivery", mode, 1, NOT_TEXT),
        good.wrong("a text for allowRecreate", recreate, "yes", NOT_A_BOOL),
    ]
}
