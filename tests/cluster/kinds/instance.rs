//! HasuraInstances that are refused, and some that are accepted.

use serde_json::json;

use super::{
    good::Good,
    object::{Object, instance},
    policy::bad_namespace,
    refusal::{
        Bad, ENUM, NOT_A_NUMBER, NOT_AN_OBJECT, NOT_TEXT, NOT_WHOLE, PATTERN, TOO_LARGE, TOO_LONG,
        TOO_SHORT, TOO_SMALL, UNKNOWN,
    },
    texts::{ADMINS, NOT_NAMES, NOT_OBJECT_NAMES, NOT_ROLE_NAMES, UNPRINTABLE, letters, uri},
};

pub fn bad() -> Vec<Bad> {
    let good = instance();
    let (spec, unknown) = (good.field("spec"), good.field("spec.jwtSecret"));
    let mut rows = vec![
        spec.missing(),
        spec.bad("a list", json!([]), NOT_AN_OBJECT),
        unknown.bad("no such field", "x", UNKNOWN),
    ];
    rows.extend(references(&good));
    rows.extend(container(&good));
    rows.extend(api_resource(&good));
    rows.extend(prefix(&good));
    rows.extend(auth(&good));
    rows.extend(unauthorized_role(&good));
    rows.extend(jwt(&good));
    rows.extend(claims_namespace(&good));
    rows
}

fn references(good: &Object) -> Vec<Bad> {
    let tenant = good.field("spec.tenantRef");
    let deployment = good.field("spec.deploymentRef");
    let deployment_namespace = good.field("spec.deploymentRef.namespace");
    let mut rows = vec![
        tenant.missing(),
        tenant.bad("a name", "main", NOT_AN_OBJECT),
        deployment.bad("a name", "hasura", NOT_AN_OBJECT),
        deployment_namespace.bad("another namespace", "team-a", UNKNOWN),
    ];
    rows.extend(bad_namespace(good, "spec.tenantRef.namespace"));
    for path in ["spec.tenantRef.name", "spec.deploymentRef.name"] {
        let name = good.field(path);
        rows.push(name.missing());
        rows.push(name.bad("empty", "", TOO_SHORT));
        rows.push(name.bad("254 characters", letters(254), TOO_LONG));
        rows.push(name.bad("a number", 1, NOT_TEXT));
        rows.extend(name.bad_texts(NOT_OBJECT_NAMES, PATTERN));
    }
    rows
}

fn container(good: &Object) -> Vec<Bad> {
    let container = good.field("spec.deploymentRef.container");
    vec![
        container.bad("empty", "", TOO_SHORT),
        container.bad("64 characters", letters(64), TOO_LONG),
        container.bad("a dot", "graphql.engine", PATTERN),
        container.bad("a capital", "Hasura", PATTERN),
        container.bad("ends with a hyphen", "hasura-", PATTERN),
        container.bad("a number", 0, NOT_TEXT),
    ]
}

fn api_resource(good: &Object) -> Vec<Bad> {
    let resource = good.field("spec.apiResource");
    let unknown = good.field("spec.apiResource.scopes");
    let name = good.field("spec.apiResource.name");
    let life = good.field("spec.apiResource.accessTokenTtlSeconds");
    let mut rows = vec![
        resource.missing(),
        resource.bad("a text", "https://a.example", NOT_AN_OBJECT),
        unknown.bad("no such field", json!([]), UNKNOWN),
        name.missing(),
        name.bad("empty", "", TOO_SHORT),
        name.bad("129 characters", letters(129), TOO_LONG),
        name.bad("a number", 7, NOT_TEXT),
        life.bad("59 seconds", 59, TOO_SMALL),
        life.bad("over a day", 86_401, TOO_LARGE),
        life.bad("for ever", -1, TOO_SMALL),
        life.bad("with a unit", "1h", NOT_A_NUMBER),
        life.bad("with a fraction", 90.5, NOT_WHOLE),
    ];
    for (what, character) in UNPRINTABLE {
        rows.push(name.bad(what, format!("Sh{character}op"), PATTERN));
    }
    rows
}

fn prefix(good: &Object) -> Vec<Bad> {
    let prefix = good.field("spec.logtoRoleNamePrefix");
    let mut rows = prefix.bad_texts(NOT_NAMES, PATTERN);
    rows.push(prefix.bad("a star at its end", "shop:*", PATTERN));
    rows.push(prefix.bad("64 characters", letters(64), TOO_LONG));
    rows.push(prefix.bad("a list", json!(["shop-"]), NOT_TEXT));
    rows
}

fn auth(good: &Object) -> Vec<Bad> {
    let (auth, mode) = (good.field("spec.auth"), good.field("spec.auth.mode"));
    let unknown = good.field("spec.auth.adminSecret");
    vec![
        auth.bad("a text", "JWT", NOT_AN_OBJECT),
        unknown.bad("no such field", "x", UNKNOWN),
        mode.bad("no such mode", "Basic", ENUM),
        mode.bad("lower case", "jwt", ENUM),
        mode.bad("a bool", true, NOT_TEXT),
    ]
}

fn unauthorized_role(good: &Object) -> Vec<Bad> {
    let role = good.field("spec.auth.unauthorizedRole");
    let mut rows = role.bad_texts(ADMINS, "unauthorizedRole can not be admin");
    rows.extend(role.bad_texts(NOT_NAMES, PATTERN));
    rows.extend(role.bad_texts(NOT_ROLE_NAMES, PATTERN));
    rows.push(role.bad("empty", "", TOO_SHORT));
    rows.push(role.bad("129 characters", letters(129), TOO_LONG));
    rows.push(role.bad("a list", json!(["anonymous"]), NOT_TEXT));
    rows
}

fn jwt(good: &Object) -> Vec<Bad> {
    let (jwt, unknown) = (good.field("spec.auth.jwt"), good.field("spec.auth.jwt.key"));
    let skew = good.field("spec.auth.jwt.allowedSkewSeconds");
    vec![
        jwt.bad("a text", "RS256", NOT_AN_OBJECT),
        unknown.bad("no such field", "x", UNKNOWN),
        skew.bad("below zero", -1, TOO_SMALL),
        skew.bad("over five minutes", 301, TOO_LARGE),
        skew.bad("with a unit", "60s", NOT_A_NUMBER),
        skew.bad("with a fraction", 0.5, NOT_WHOLE),
    ]
}

fn claims_namespace(good: &Object) -> Vec<Bad> {
    let claims = good.field("spec.auth.jwt.claimsNamespace");
    let texts = [
        ("a standard claim", "roles"),
        ("a claim of Logto's", "organization_id"),
        ("no ://", "https:hasura.io"),
        ("no scheme", "://hasura.io/jwt/claims"),
        ("a scheme in capitals", "HTTPS://hasura.io/jwt/claims"),
        ("a space", "https://hasura.io/jwt claims"),
        ("a space before it", " https://hasura.io/jwt/claims"),
        ("a line break at its end", "https://hasura.io/jwt/claims\n"),
        ("#", "https://hasura.io/jwt#claims"),
    ];
    let mut rows = claims.bad_texts(&texts, PATTERN);
    rows.push(claims.bad("4 characters", "a://", "at least 5 chars long"));
    rows.push(claims.bad("257 characters", uri(257), TOO_LONG));
    rows.push(claims.bad("a number", 7, NOT_TEXT));
    rows
}

pub fn good() -> Vec<Good> {
    let good = instance();
    let tenant = good.field("spec.tenantRef.name");
    let tenant_namespace = good.field("spec.tenantRef.namespace");
    let deployment = good.field("spec.deploymentRef.name");
    let container = good.field("spec.deploymentRef.container");
    let name = good.field("spec.apiResource.name");
    let life = good.field("spec.apiResource.accessTokenTtlSeconds");
    let prefix = good.field("spec.logtoRoleNamePrefix");
    vec![
        tenant.good("253 characters", letters(253)),
        tenant_namespace.good("one character", "a"),
        tenant_namespace.good("63 characters", letters(63)),
        deployment.good("253 characters", letters(253)),
        container.good("one character", "h"),
        container.good("63 characters", letters(63)),
        name.good("one character", "S"),
        name.good("128 letters of two bytes", "é".repeat(128)),
        name.good("Arabic", "متجر"),
        life.good("a minute", 60),
        life.good("a day", 86_400),
        prefix.good("empty", ""),
        prefix.good("63 characters", letters(63)),
        prefix.good("a hyphen at its end", "shop-"),
        prefix.good("two words", "Big Shop"),
        prefix.good("a space at its end", "Big Shop "),
    ]
}

pub fn good_auth() -> Vec<Good> {
    let good = instance();
    let role = good.field("spec.auth.unauthorizedRole");
    let claims = good.field("spec.auth.jwt.claimsNamespace");
    let skew = good.field("spec.auth.jwt.allowedSkewSeconds");
    let mode = good.field("spec.auth.mode");
    vec![
        role.good("one", "anonymous"),
        role.good("starts with admin", "admin-viewer"),
        role.good("two words", "Window Shopper"),
        role.good("one character", "a"),
        role.good("128 characters", letters(128)),
        claims.good("5 characters", "a://b"),
        claims.good("256 characters", uri(256)),
        skew.good("none", 0),
        skew.good("five minutes", 300),
        mode.good("by name", "JWT"),
    ]
}
