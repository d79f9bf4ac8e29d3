//! Objects that are accepted, most of them at the very bound that a row of the bad ones is one past.

use serde_json::{Value, json};

use super::{
    object::{Object, all, binding, instance, tenant},
    texts::{letters, uri},
};

/// An object with nothing wrong.
pub struct Good {
    pub what: String,
    pub object: Object,
    /// The field that is stored as it is written.
    pub field: &'static str,
}

pub fn good() -> Vec<Good> {
    let mut rows = Vec::new();
    for object in all() {
        let what = format!("a {} with the required fields only", object.kind());
        rows.push(Good {
            what,
            object,
            field: "metadata.name",
        });
    }
    rows.extend(tenants());
    rows.extend(instances());
    rows.extend(indicators());
    rows.extend(bindings());
    rows
}

fn tenants() -> Vec<Good> {
    let endpoint = "spec.endpointForHasura";
    let plain = tenant().with("spec.allowPlainHttp", true);
    let mut rows = from(
        &tenant(),
        vec![
            ("a tenantId of one character", "spec.tenantId", json!("a")),
            (
                "a tenantId of 63 characters",
                "spec.tenantId",
                json!(letters(63)),
            ),
            (
                "a tenantId of Logto's cloud",
                "spec.tenantId",
                json!("4f9-x2"),
            ),
            (
                "a Secret's name of 253 characters",
                "spec.credentialsSecretRef.name",
                json!(letters(253)),
            ),
            (
                "a Secret's name with a dot",
                "spec.credentialsSecretRef.name",
                json!("logto.m2m"),
            ),
            ("an empty endpointForHasura", endpoint, json!("")),
            (
                "an endpointForHasura with a port",
                endpoint,
                json!("https://logto.example.com:3001"),
            ),
            (
                "an endpointForHasura that ends with /",
                endpoint,
                json!("https://logto.example.com/"),
            ),
            (
                "an endpointForHasura of 256 characters",
                endpoint,
                json!(host(256)),
            ),
            (
                "an IPv6 address for Hasura",
                endpoint,
                json!("https://[fd00::1]:3001"),
            ),
            (
                "an endpointForHasura in capitals",
                endpoint,
                json!("https://LOGTO.example.com"),
            ),
            (
                "plain http allowed without need",
                "spec.allowPlainHttp",
                json!(true),
            ),
            ("keys that are not checked", "spec.jwksCheck", json!("Skip")),
            ("keys that are checked", "spec.jwksCheck", json!("Require")),
            (
                "one request a second",
                "spec.rateLimit.requestsPerSecond",
                json!(1),
            ),
            (
                "1000 requests a second",
                "spec.rateLimit.requestsPerSecond",
                json!(1000),
            ),
            ("a burst of one", "spec.rateLimit.burst", json!(1)),
            ("a burst of 1000", "spec.rateLimit.burst", json!(1000)),
            (
                "a resync every minute",
                "spec.resyncPeriodSeconds",
                json!(60),
            ),
            (
                "a resync every day",
                "spec.resyncPeriodSeconds",
                json!(86_400),
            ),
        ],
    );
    rows.extend(from(
        &plain,
        vec![
            (
                "plain http that is allowed",
                endpoint,
                json!("http://logto.logto.svc:3001"),
            ),
            (
                "https where plain http is allowed",
                endpoint,
                json!("https://logto.example.com"),
            ),
        ],
    ));
    rows
}

fn instances() -> Vec<Good> {
    let (name, life) = (
        "spec.apiResource.name",
        "spec.apiResource.accessTokenTtlSeconds",
    );
    let (container, prefix) = ("spec.deploymentRef.container", "spec.logtoRoleNamePrefix");
    let (role, claims) = (
        "spec.auth.unauthorizedRole",
        "spec.auth.jwt.claimsNamespace",
    );
    let skew = "spec.auth.jwt.allowedSkewSeconds";
    from(
        &instance(),
        vec![
            (
                "a tenant's name of 253 characters",
                "spec.tenantRef.name",
                json!(letters(253)),
            ),
            (
                "a Deployment's name of 253 characters",
                "spec.deploymentRef.name",
                json!(letters(253)),
            ),
            ("a container of one character", container, json!("h")),
            (
                "a container of 63 characters",
                container,
                json!(letters(63)),
            ),
            ("an API resource's name of one character", name, json!("S")),
            (
                "an API resource's name of 128 letters",
                name,
                json!("é".repeat(128)),
            ),
            ("an API resource's name in Arabic", name, json!("متجر")),
            ("an access token for a minute", life, json!(60)),
            ("an access token for a day", life, json!(86_400)),
            ("an empty prefix", prefix, json!("")),
            ("a prefix of 63 characters", prefix, json!(letters(63))),
            ("a prefix with a hyphen at its end", prefix, json!("shop-")),
            ("an unauthorizedRole", role, json!("anonymous")),
            (
                "an unauthorizedRole that starts with admin",
                role,
                json!("admin-viewer"),
            ),
            (
                "an unauthorizedRole of 128 characters",
                role,
                json!(letters(128)),
            ),
            ("a claimsNamespace of 5 characters", claims, json!("a://b")),
            (
                "a claimsNamespace of 256 characters",
                claims,
                json!(uri(256)),
            ),
            ("clocks that are the same", skew, json!(0)),
            ("clocks five minutes apart", skew, json!(300)),
            ("mode JWT by name", "spec.auth.mode", json!("JWT")),
            ("PatchEnv by name", "spec.delivery.mode", json!("PatchEnv")),
            (
                "a Deployment that may stop first",
                "spec.delivery.allowRecreate",
                json!(true),
            ),
        ],
    )
}

fn indicators() -> Vec<Good> {
    let texts = [
        ("of 4 characters", "a://".to_owned()),
        ("of 256 characters", uri(256)),
        ("that ends with /", "https://shop.example.com/".to_owned()),
        ("without a path", "https://shop.example.com".to_owned()),
        (
            "with a port",
            "https://shop.example.com:8443/v1/graphql".to_owned(),
        ),
        (
            "of a Service",
            "http://hasura.shop.svc:8080/v1/graphql".to_owned(),
        ),
        (
            "with http's port for https",
            "https://shop.example.com:80/v1/graphql".to_owned(),
        ),
        (
            "with https's port for http",
            "http://shop.example.com:443/v1/graphql".to_owned(),
        ),
        (
            "with a port that starts like the default",
            "https://a.example:4430/v1".to_owned(),
        ),
        (
            "with the default port's digits in the path",
            "https://a.example/x:443".to_owned(),
        ),
        (
            "with capitals in the path",
            "https://shop.example.com/V1/GraphQL".to_owned(),
        ),
        (
            "with capitals in a query without a path",
            "https://shop.example.com?View=A".to_owned(),
        ),
        (
            "with a query",
            "https://shop.example.com/v1/graphql?tenant=a".to_owned(),
        ),
        ("that is a URN", "urn:example:Shop".to_owned()),
        ("of a scheme of one's own", "api://shop".to_owned()),
        (
            "that is nearly a Management API",
            "https://default.logto.app/api/shop".to_owned(),
        ),
        (
            "of a host below a Management API's",
            "https://a.default.logto.app/api".to_owned(),
        ),
        (
            "of a host that only looks like Logto's",
            "https://a.logtoxapp/api".to_owned(),
        ),
    ];
    let row = |(what, text): (&str, String)| {
        fine(
            &instance(),
            format!("an indicator {what}"),
            "spec.apiResource.indicator",
            text.into(),
        )
    };
    texts.map(row).into()
}

fn bindings() -> Vec<Good> {
    let (role, scope, name) = ("spec.hasuraRole", "spec.scope.name", "spec.logtoRole.name");
    let (of_scope, of_role) = ("spec.scope.description", "spec.logtoRole.description");
    let mut rows = from(
        &binding(),
        vec![
            (
                "an instance's name of 253 characters",
                "spec.instanceRef.name",
                json!(letters(253)),
            ),
            ("a hasuraRole of one character", role, json!("r")),
            ("a hasuraRole of 128 characters", role, json!(letters(128))),
            (
                "a hasuraRole with every character that there may be",
                role,
                json!("aZ0_:.-"),
            ),
            (
                "a hasuraRole that starts with admin",
                role,
                json!("administrator"),
            ),
            (
                "a hasuraRole that ends with admin",
                role,
                json!("team:admin"),
            ),
            (
                "a scope's name of 256 characters",
                scope,
                json!(letters(256)),
            ),
            ("a scope's name of one character", scope, json!("r")),
            (
                "a scope named like the superuser, which is no role",
                scope,
                json!("admin"),
            ),
            ("a logtoRole.name of one character", name, json!("r")),
            (
                "a logtoRole.name of 128 characters",
                name,
                json!(letters(128)),
            ),
            (
                "a logtoRole.name that starts with admin",
                name,
                json!("admin-of-shop"),
            ),
            ("a role for people", "spec.logtoRole.type", json!("User")),
            (
                "a role for machines",
                "spec.logtoRole.type",
                json!("MachineToMachine"),
            ),
            (
                "a scope's description of 256 characters",
                of_scope,
                json!("é".repeat(256)),
            ),
            (
                "a role's description of 73 characters",
                of_role,
                json!("é".repeat(73)),
            ),
        ],
    );
    for field in [of_scope, of_role] {
        for text in [
            "",
            "Liest Nutzer – größtenteils",
            "قراءة المستخدمين",
            "[logto] reads",
            "👩‍💻 only",
        ] {
            rows.push(fine(
                &binding(),
                format!("{field} {text:?}"),
                field,
                text.into(),
            ));
        }
    }
    rows
}

fn from(object: &Object, rows: Vec<(&str, &'static str, Value)>) -> Vec<Good> {
    let rows = rows.into_iter();
    rows.map(|(what, field, value)| fine(object, what.to_owned(), field, value))
        .collect()
}

fn fine(object: &Object, what: String, field: &'static str, value: Value) -> Good {
    Good {
        what,
        object: object.clone().with(field, value),
        field,
    }
}

/// An https origin of this length.
fn host(length: usize) -> String {
    let scheme = "https://";
    format!("{scheme}{}", letters(length - scheme.len()))
}
