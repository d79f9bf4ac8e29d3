//! One Secret or ConfigMap of the operator's, read and written so that nothing of somebody else's is touched.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret},
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, PostParams, Preconditions},
};

use crate::{
    api::{FIELD_MANAGER, HasuraInstance, conditions::reasons, policy::PlannedAction},
    controller::{context::Context, visit::Outcome},
    hasura::{delivered::Delivered, env::DesiredAuth, env_from::SourceKind},
};

/// On an object that stayed when its instance was deleted: the instance's name, by which one made again takes it back.
const RETAINED_FROM: &str = "logto-hasura.dev/retained-from";

/// The label that tools show; it makes nothing the operator's own.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What there is under the object's name.
pub enum Held {
    /// Nothing.
    Absent,
    /// It was made for this instance.
    Ours(Box<Found>),
    /// It is somebody else's.
    Taken,
}

/// An object as it was read.
pub struct Found {
    metadata: ObjectMeta,
    data: BTreeMap<String, String>,
}

impl Found {
    /// Whether it says what it should.
    pub fn says(&self, desired: &DesiredAuth) -> bool {
        entries(desired) == self.data
    }
}

/// The way to one object.
pub struct Object<'a> {
    instance: &'a HasuraInstance,
    which: &'a Delivered,
    secrets: Api<Secret>,
    config_maps: Api<ConfigMap>,
}

impl<'a> Object<'a> {
    /// An object of an instance.
    pub fn new(ctx: &Context, instance: &'a HasuraInstance, which: &'a Delivered) -> Self {
        let namespace = instance.namespace().unwrap_or_default();
        Self {
            instance,
            which,
            secrets: Api::namespaced(ctx.client.clone(), &namespace),
            config_maps: Api::namespaced(ctx.client.clone(), &namespace),
        }
    }

    /// What there is.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn read(&self) -> Result<Held, Outcome> {
        let name = &self.which.name;
        let found = match self.which.kind {
            SourceKind::Secret => self
                .secrets
                .get_opt(name)
                .await
                .map(|found| found.map(of_secret)),
            SourceKind::ConfigMap => {
                let found = self.config_maps.get_opt(name).await;
                found.map(|found| found.map(of_config_map))
            }
        };
        let found = found.map_err(|error| self.failed("get", &error))?;
        Ok(match found {
            None => Held::Absent,
            Some(found) if self.is_ours(&found.metadata) => Held::Ours(Box::new(found)),
            Some(_) => Held::Taken,
        })
    }

    fn is_ours(&self, metadata: &ObjectMeta) -> bool {
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        let uid = self.instance.uid().unwrap_or_default();
        let retained = metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(RETAINED_FROM));
        owners.iter().any(|owner| owner.uid == uid)
            || (owners.is_empty() && retained == Some(&self.instance.name_any()))
    }

    /// Makes it.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn create(&self, desired: &DesiredAuth) -> Result<(), Outcome> {
        let found = Found {
            metadata: self.owned(self.new_metadata()),
            data: entries(desired),
        };
        self.post(found).await
    }

    /// Makes it without an owner, so that it stays when the instance goes.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn create_retained(&self, desired: &DesiredAuth) -> Result<(), Outcome> {
        let found = Found {
            metadata: self.retained(self.new_metadata()),
            data: entries(desired),
        };
        self.post(found).await
    }

    /// Writes what it should say, if that is something else than it says. A key that is no setting any more stays while a
    /// container names it: a pod does not start without it.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn update(
        &self,
        found: Box<Found>,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> Result<(), Outcome> {
        match self.to_put(&found, desired, live) {
            Some(object) => self.put(object).await,
            None => Ok(()),
        }
    }

    /// What [`Object::update`] writes; none when it says all that already.
    fn to_put(
        &self,
        found: &Found,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> Option<Found> {
        let mut data = entries(desired);
        for key in live
            .map(|live| self.which.keys_named(live))
            .unwrap_or_default()
        {
            if let Some(value) = found.data.get(&key) {
                data.entry(key).or_insert_with(|| value.clone());
            }
        }
        let metadata = self.owned(found.metadata.clone());
        (data != found.data || metadata != found.metadata).then_some(Found { metadata, data })
    }

    /// What [`Object::update`] would do: nothing, mend it, or take back what stayed when the instance was deleted.
    pub fn would_update(
        &self,
        found: &Found,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> Option<PlannedAction> {
        self.to_put(found, desired, live)?;
        let owners = found.metadata.owner_references.as_deref();
        Some(match owners.unwrap_or_default() {
            [] => PlannedAction::Adopt,
            _ => PlannedAction::Change,
        })
    }

    /// Lets it stay when the instance goes.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn retain(&self, found: Box<Found>) -> Result<(), Outcome> {
        let Found { metadata, data } = *found;
        let metadata = self.retained(metadata);
        self.put(Found { metadata, data }).await
    }

    /// Deletes it, if it is the operator's.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn delete(&self) -> Result<(), Outcome> {
        let Held::Ours(found) = self.read().await? else {
            return Ok(());
        };
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: found.metadata.uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let name = &self.which.name;
        let result = match self.which.kind {
            SourceKind::Secret => self.secrets.delete(name, &params).await.map(|_| ()),
            SourceKind::ConfigMap => self.config_maps.delete(name, &params).await.map(|_| ()),
        };
        match result {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            result => result.map_err(|error| self.failed("delete", &error)),
        }
    }

    fn new_metadata(&self) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.which.name.clone()),
            namespace: self.instance.namespace(),
            // Labels of the instance are not copied: Argo CD, Flux and Helm would take the object for theirs, and prune it.
            labels: Some([(MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned())].into()),
            ..ObjectMeta::default()
        }
    }

    fn owned(&self, mut metadata: ObjectMeta) -> ObjectMeta {
        metadata.owner_references = Some(vec![OwnerReference {
            api_version: HasuraInstance::api_version(&()).into_owned(),
            kind: HasuraInstance::kind(&()).into_owned(),
            name: self.instance.name_any(),
            uid: self.instance.uid().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: None,
        }]);
        if let Some(annotations) = &mut metadata.annotations {
            annotations.remove(RETAINED_FROM);
        }
        metadata.annotations = metadata.annotations.filter(|all| !all.is_empty());
        metadata
    }

    fn retained(&self, mut metadata: ObjectMeta) -> ObjectMeta {
        metadata.owner_references = None;
        metadata
            .annotations
            .get_or_insert_default()
            .insert(RETAINED_FROM.to_owned(), self.instance.name_any());
        metadata
    }

    async fn post(&self, object: Found) -> Result<(), Outcome> {
        let params = params();
        let result = match self.which.kind {
            SourceKind::Secret => self
                .secrets
                .create(&params, &secret(object))
                .await
                .map(|_| ()),
            SourceKind::ConfigMap => {
                let object = config_map(object);
                self.config_maps.create(&params, &object).await.map(|_| ())
            }
        };
        result.map_err(|error| self.failed("create", &error))
    }

    /// With the resourceVersion that was read, so that nobody's change in between is lost.
    async fn put(&self, object: Found) -> Result<(), Outcome> {
        let (name, params) = (&self.which.name, params());
        let result = match self.which.kind {
            SourceKind::Secret => {
                let object = secret(object);
                self.secrets
                    .replace(name, &params, &object)
                    .await
                    .map(|_| ())
            }
            SourceKind::ConfigMap => {
                let object = config_map(object);
                self.config_maps
                    .replace(name, &params, &object)
                    .await
                    .map(|_| ())
            }
        };
        result.map_err(|error| self.failed("update", &error))
    }

    fn failed(&self, verb: &str, error: &kube::Error) -> Outcome {
        match error {
            kube::Error::Api(status) if status.is_forbidden() => {
                let (kind, value) = match self.which.kind {
                    SourceKind::Secret => ("Secrets", "delivery.secrets"),
                    SourceKind::ConfigMap => ("ConfigMaps", "delivery.configMaps"),
                };
                let message = format!(
                    "the operator may not {verb} {}: set {value} of its Helm chart to true, or give its ServiceAccount the \
                     right to get, create, update and delete {kind}",
                    self.which
                );
                Outcome::retry(reasons::FORBIDDEN, message)
            }
            kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() => {
                let message = format!(
                    "{} changed while it was written; it is tried again",
                    self.which
                );
                Outcome::retry(reasons::KUBERNETES_ERROR, message)
            }
            error => {
                let message = format!("{verb} of {}: {error}", self.which);
                Outcome::retry(reasons::KUBERNETES_ERROR, message)
            }
        }
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

fn entries(desired: &DesiredAuth) -> BTreeMap<String, String> {
    let entries = desired.entries().into_iter();
    entries
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn of_secret(secret: Secret) -> Found {
    let data = secret.data.unwrap_or_default().into_iter();
    let text = |value: ByteString| String::from_utf8_lossy(&value.0).into_owned();
    Found {
        metadata: secret.metadata,
        data: data.map(|(key, value)| (key, text(value))).collect(),
    }
}

fn of_config_map(object: ConfigMap) -> Found {
    Found {
        metadata: object.metadata,
        data: object.data.unwrap_or_default(),
    }
}

fn secret(object: Found) -> Secret {
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

fn config_map(object: Found) -> ConfigMap {
    ConfigMap {
        metadata: object.metadata,
        data: Some(object.data),
        ..ConfigMap::default()
    }
}
