//! What people are told whose Deployment and whose Secret or ConfigMap do not fit together, such as those of a chart that
//! always takes the setting from a Secret of its own.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
};
use kube::{Api, ResourceExt};

use super::default_name;
use crate::{
    api::{HasuraInstance, conditions::reasons, delivery::DeliveryKeys},
    controller::{context::Context, visit::Outcome},
    hasura::{
        delivered::{Delivered, read_as},
        env_from::SourceKind,
        misread,
    },
};

/// What there is to say of an object that is somebody else's.
pub fn taken(wanted: &Delivered, live: Option<&Deployment>) -> Outcome {
    let read = live.and_then(|live| wanted.variable_read(live));
    let mend = match read {
        Some(variable) => format!(
            "let {variable} read another one, by the values of its chart or a patch after it, and say which in \
             spec.delivery.name and spec.delivery.keys; or delete it, if nothing else stands in it"
        ),
        None => "delete it, or give another spec.delivery.name".to_owned(),
    };
    let message = format!(
        "{wanted} is in this namespace and was not made by the operator for this instance, or was changed since one of that \
         name left it, so it is left alone: {mend}"
    );
    Outcome::stalled(reasons::DELIVERY_TAKEN, message)
}

/// Speaks up where the Deployment reads the object as something else than it is.
///
/// # Errors
/// What the instance's status says.
pub fn misread(wanted: &Delivered, live: &Deployment) -> Result<(), Outcome> {
    match misread::misread(live, wanted) {
        Some(misread) => {
            let message = misread.to_string();
            Err(Outcome::stalled(reasons::DELIVERY_MISREAD, message))
        }
        None => Ok(()),
    }
}

/// The delivery that fits the reference by which the container takes a variable, or how a reference comes to be that a
/// delivery fits. `asked_for` is the object of the spec, which the container does not take the variable from.
pub async fn fitting(
    instance: &HasuraInstance,
    ctx: &Context,
    (live, container): (&Deployment, &str),
    variable: &str,
    asked_for: Option<&Delivered>,
) -> Option<String> {
    let read = read_as(live, container, variable)?;
    let (key, fits) = (read.key(variable), fits(&read, live));
    if asked_for.is_some_and(|asked_for| asked_for.is_same_object(&read)) {
        let of_it = format!("{variable} reads key {key:?} of it by now");
        return fits.then(|| {
            format!(
                "{of_it}, for which spec.delivery.keys is {}",
                keys(&read, variable)
            )
        });
    }
    let is_there = is_there(instance, ctx, &read).await;
    if fits && is_there == Some(false) {
        return Some(format!(
            "{variable} reads key {key:?} of {read} by now, which is not there: with spec.delivery {} the operator makes it",
            stanza(&read, variable)
        ));
    }
    // The lines of the message are the way out.
    if asked_for.is_some() {
        return None;
    }
    let why = match is_there {
        Some(false) => "which can not be made for it alone",
        Some(true) => "which somebody else made",
        None => "which the operator can not read",
    };
    let mut own = Delivered {
        name: default_name(instance),
        ..read.clone()
    };
    if !is_allowed(&own.keys) {
        own.keys = DeliveryKeys::default();
    }
    Some(format!(
        "{variable} reads key {key:?} of {read}, {why}, and the operator never writes into what is not its own: let the \
         reference name another one, by the values of its chart or a patch after it, and set spec.delivery to {}. The entry \
         is then\n{}",
        stanza(&own, variable),
        own.stanza([variable])
    ))
}

/// Whether the operator could make the object for the Deployment as it is.
fn fits(read: &Delivered, live: &Deployment) -> bool {
    is_name(&read.name) && is_allowed(&read.keys) && misread::misread(live, read).is_none()
}

/// A reference may name anything, and what people are told to copy may not.
fn is_name(name: &str) -> bool {
    let is_in_names = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    !name.is_empty() && name.len() <= 253 && name.chars().all(is_in_names)
}

/// What the schema asks of keys.
fn is_allowed(keys: &DeliveryKeys) -> bool {
    let names = DeliveryKeys::default();
    let all = [
        (&keys.jwt_secret, &names.jwt_secret),
        (&keys.unauthorized_role, &names.unauthorized_role),
        (&keys.auth_hook, &names.auth_hook),
        (&keys.auth_hook_mode, &names.auth_hook_mode),
    ];
    all.iter().enumerate().all(|(place, (key, name))| {
        let is_own = key == name || !key.starts_with("HASURA_GRAPHQL_");
        is_own && all[place + 1..].iter().all(|(other, _)| other != key)
    })
}

/// Its data are not read: it may be anybody's.
async fn is_there(instance: &HasuraInstance, ctx: &Context, object: &Delivered) -> Option<bool> {
    if !is_name(&object.name) {
        return None;
    }
    let namespace = instance.namespace().unwrap_or_default();
    let (client, name) = (ctx.client.clone(), &object.name);
    let found = match object.kind {
        SourceKind::Secret => {
            let secrets: Api<Secret> = Api::namespaced(client, &namespace);
            secrets
                .get_metadata_opt(name)
                .await
                .map(|found| found.is_some())
        }
        SourceKind::ConfigMap => {
            let config_maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
            let found = config_maps.get_metadata_opt(name).await;
            found.map(|found| found.is_some())
        }
    };
    found.ok()
}

/// `spec.delivery` for an object, as YAML on one line.
fn stanza(object: &Delivered, variable: &str) -> String {
    let keys = if object.key(variable) == variable {
        String::new()
    } else {
        format!(", keys: {}", keys(object, variable))
    };
    format!("{{mode: {}, name: {}{keys}}}", object.kind, object.name)
}

fn keys(object: &Delivered, variable: &str) -> String {
    format!(
        "{{{}: {}}}",
        Delivered::field(variable),
        object.key(variable)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const JWT: &str = "HASURA_GRAPHQL_JWT_SECRET";

    /// What fits a container that reads this key of this Secret as the JWT secret, and another one as its admin secret.
    fn fits_with(name: &str, key: &str, admin: &str) -> bool {
        let reads = |variable: &str, name: &str, key: &str| json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}});
        let env = json!([
            reads(JWT, name, key),
            reads("HASURA_GRAPHQL_ADMIN_SECRET", admin, "admin.secret"),
        ]);
        let template = json!({"spec": {"containers": [{"name": "hasura", "env": env}]}});
        let live = json!({"spec": {"selector": {}, "template": template}});
        let live: Deployment = serde_json::from_value(live).unwrap();
        let read = read_as(&live, "hasura", JWT).unwrap();
        assert_eq!(read.key(JWT), key);
        fits(&read, &live)
    }

    #[test]
    fn a_delivery_is_told_only_where_the_schema_and_the_other_entries_let_it_be() {
        assert!(fits_with("shop-auth", "jwt.secret", "hasura-secrets"));
        assert!(fits_with("shop-auth", JWT, "hasura-secrets"));
        // The chart's own Secret holds the admin secret too.
        assert!(!fits_with("hasura-secrets", "jwt.secret", "hasura-secrets"));
        for key in [
            "HASURA_GRAPHQL_ADMIN_SECRET",
            "HASURA_GRAPHQL_UNAUTHORIZED_ROLE",
        ] {
            assert!(!fits_with("shop-auth", key, "hasura-secrets"), "{key}");
        }
        for name in ["", "a, mode: PatchEnv", "Shop", "a\nb"] {
            assert!(!fits_with(name, "jwt.secret", "hasura-secrets"), "{name}");
        }
    }

    #[test]
    fn the_delivery_is_yaml_that_can_be_copied() {
        let mut object = Delivered {
            kind: SourceKind::ConfigMap,
            name: "shop-auth".into(),
            keys: DeliveryKeys::default(),
        };
        let told = |object: &Delivered| -> serde_json::Value {
            serde_saphyr::from_str(&stanza(object, JWT)).unwrap()
        };
        assert_eq!(
            told(&object),
            json!({"mode": "ConfigMap", "name": "shop-auth"})
        );
        object.keys.jwt_secret = "jwt.secret".into();
        let keys = json!({"jwtSecret": "jwt.secret"});
        assert_eq!(
            told(&object),
            json!({"mode": "ConfigMap", "name": "shop-auth", "keys": keys})
        );
    }
}
