//! A Secret or ConfigMap as it was read, and what it should say.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret},
    },
};
use kube::api::ObjectMeta;
use sha2::{Digest, Sha256};

use crate::hasura::{
    delivered::Delivered,
    env::DesiredAuth,
    rollout::{Rollout, rollout},
};

/// An object as it was read.
pub struct Found {
    pub(super) metadata: ObjectMeta,
    pub(super) data: BTreeMap<String, String>,
    /// Keys that Deployments name which the settings have not left yet.
    pub(super) named_before: BTreeSet<String>,
}

impl Found {
    /// Whether it says what it should, to a Deployment that is known or to nobody.
    pub fn says(
        &self,
        which: &Delivered,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> bool {
        self.wanted(which, desired, live) == self.data
    }

    /// What one of its keys says.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.data.get(key).map(String::as_str)
    }

    /// What it should say. A key that is no setting any more stays while a container names it, since a pod does not start
    /// without it, also one of a Deployment of before, and until the rollout is through that no longer names it: pods of
    /// before may start anew.
    pub(super) fn wanted(
        &self,
        which: &Delivered,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> BTreeMap<String, String> {
        let mut data = entries(desired);
        let mut named = self.named_before.clone();
        named.extend(live.map(|live| which.keys_named(live)).unwrap_or_default());
        // By envFrom the new pods would read it as well.
        let old_pods = live
            .is_some_and(|live| !which.is_taken_whole(live) && rollout(live) != Rollout::RolledOut);
        for (key, value) in &self.data {
            if old_pods || named.contains(key) {
                data.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        data
    }

    /// A hash of what it says, by which a change is seen later.
    pub(super) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (key, value) in &self.data {
            hash.update(key);
            hash.update([0]);
            hash.update(value);
            hash.update([0]);
        }
        let digest = hash.finalize();
        digest[..16].iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// The settings by their keys.
pub(super) fn entries(desired: &DesiredAuth) -> BTreeMap<String, String> {
    let key = |name| match &desired.delivered {
        Some(object) => object.key(name).to_owned(),
        None => String::from(name),
    };
    let entries = desired.entries().into_iter();
    entries
        .map(|(name, value)| (key(name), value.to_owned()))
        .collect()
}

pub(super) fn of_secret(secret: Secret) -> Found {
    let data = secret.data.unwrap_or_default().into_iter();
    let text = |value: ByteString| String::from_utf8_lossy(&value.0).into_owned();
    Found {
        metadata: secret.metadata,
        data: data.map(|(key, value)| (key, text(value))).collect(),
        named_before: BTreeSet::new(),
    }
}

pub(super) fn of_config_map(object: ConfigMap) -> Found {
    Found {
        metadata: object.metadata,
        data: object.data.unwrap_or_default(),
        named_before: BTreeSet::new(),
    }
}

pub(super) fn secret(object: Found) -> Secret {
    let data = object.data.into_iter();
    Secret {
        metadata: object.metadata,
        type_: Some("Opaque".to_owned()),
        data: Some(
            data.map(|(key, value)| (key, ByteString(value.into_bytes())))
                .collect(),
        ),
        ..Secret::default()
    }
}

pub(super) fn config_map(object: Found) -> ConfigMap {
    ConfigMap {
        metadata: object.metadata,
        data: Some(object.data),
        ..ConfigMap::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        api::delivery::DeliveryKeys,
        hasura::{
            env::{AuthEnv, JWT_SECRET, UNAUTHORIZED_ROLE},
            env_from::SourceKind,
        },
    };

    fn which() -> Delivered {
        Delivered {
            kind: SourceKind::Secret,
            name: "shop-auth".into(),
            keys: DeliveryKeys::default(),
        }
    }

    fn desired(which: &Delivered) -> DesiredAuth {
        DesiredAuth {
            env: AuthEnv::Jwt {
                secret: "{}".into(),
                unauthorized_role: None,
            },
            key_hash: None,
            delivered: Some(which.clone()),
        }
    }

    fn found(data: &[(&str, &str)]) -> Found {
        let data = data.iter();
        Found {
            metadata: ObjectMeta::default(),
            data: data.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            named_before: BTreeSet::new(),
        }
    }

    /// A Deployment with this container, which has rolled out or not.
    fn live(container: Value, rolled_out: bool) -> Deployment {
        let template = json!({"spec": {"containers": [container]}});
        let spec = json!({"selector": {}, "template": template});
        let updated = i32::from(rolled_out);
        let status = json!({"replicas": 1, "updatedReplicas": updated, "availableReplicas": 1});
        serde_json::from_value(json!({"spec": spec, "status": status})).unwrap()
    }

    fn named(variable: &str, key: &str) -> Value {
        let from = json!({"secretKeyRef": {"name": "shop-auth", "key": key}});
        json!({"name": "hasura", "env": [{"name": variable, "valueFrom": from}]})
    }

    #[test]
    fn a_key_that_a_sidecar_names_and_that_is_no_setting_any_more_is_said_and_kept() {
        let (which, desired) = (which(), desired(&which()));
        let found = found(&[(JWT_SECRET, "{}"), (UNAUTHORIZED_ROLE, "guest")]);
        let referring = live(named("ROLE", UNAUTHORIZED_ROLE), true);
        let other = live(json!({"name": "hasura"}), true);
        assert!(found.says(&which, &desired, Some(&referring)));
        assert!(!found.says(&which, &desired, Some(&other)));
        assert!(!found.says(&which, &desired, None));
    }

    #[test]
    fn a_key_that_a_deployment_of_before_names_stays_until_that_is_left() {
        let (which, desired) = (which(), desired(&which()));
        let mut found = found(&[(JWT_SECRET, "{}"), (UNAUTHORIZED_ROLE, "guest")]);
        let now = live(named(JWT_SECRET, JWT_SECRET), true);
        assert!(!found.says(&which, &desired, Some(&now)));
        found.named_before.insert(UNAUTHORIZED_ROLE.into());
        assert!(found.says(&which, &desired, Some(&now)));
        // What it names and the object never had is not made up.
        found.named_before.insert("other".into());
        assert!(found.says(&which, &desired, Some(&now)));
    }

    #[test]
    fn the_key_of_before_stays_until_no_pod_can_need_it() {
        let mut which = which();
        which.keys.jwt_secret = "jwt.secret".into();
        let desired = desired(&which);
        let found = found(&[(JWT_SECRET, "{}"), ("jwt.secret", "{}")]);
        let moved = named(JWT_SECRET, "jwt.secret");
        assert!(found.says(&which, &desired, Some(&live(moved.clone(), false))));
        let wanted = found.wanted(&which, &desired, Some(&live(moved, true)));
        assert_eq!(wanted.into_keys().collect::<Vec<_>>(), ["jwt.secret"]);
        // By envFrom the new pods would read it too.
        let source = json!([{"secretRef": {"name": "shop-auth"}}]);
        let whole = live(json!({"name": "hasura", "envFrom": source}), false);
        assert!(!found.says(&which, &desired, Some(&whole)));
    }
}
