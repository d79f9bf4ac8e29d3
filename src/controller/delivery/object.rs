//! One Secret or ConfigMap of the operator's, read and written so that nothing of somebody else's is touched.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret},
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, PostParams, Preconditions},
};

use super::found::{Found, config_map, entries, of_config_map, of_secret, secret};
use crate::{
    api::{
        FIELD_MANAGER, HasuraInstance, conditions::reasons, delivery::DeliveryKeys,
        policy::PlannedAction,
    },
    controller::{moving, visit::Outcome},
    hasura::{delivered::Delivered, env::DesiredAuth, env_from::SourceKind},
};

/// On an object that stayed when its instance was deleted: the instance's name, by which one made again takes it back.
const RETAINED_FROM: &str = "logto-hasura.dev/retained-from";

/// Beside it: a hash of what the object said then. Once somebody has changed it, it is his.
const RETAINED_HASH: &str = "logto-hasura.dev/retained-hash";

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

/// The way to one object.
pub struct Object<'a> {
    instance: &'a HasuraInstance,
    which: &'a Delivered,
    secrets: Api<Secret>,
    config_maps: Api<ConfigMap>,
    deployments: Api<Deployment>,
}

impl<'a> Object<'a> {
    /// An object of an instance.
    pub fn new(client: &Client, instance: &'a HasuraInstance, which: &'a Delivered) -> Self {
        let namespace = instance.namespace().unwrap_or_default();
        Self {
            instance,
            which,
            secrets: Api::namespaced(client.clone(), &namespace),
            config_maps: Api::namespaced(client.clone(), &namespace),
            deployments: Api::namespaced(client.clone(), &namespace),
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
            Some(found) if self.is_ours(&found) => Held::Ours(Box::new(found)),
            Some(_) => Held::Taken,
        })
    }

    /// What there is, with what else needs it: for who asks what it should say.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn read_with_needs(&self) -> Result<Held, Outcome> {
        let mut held = self.read().await?;
        if let Held::Ours(found) = &mut held {
            found.named_before = self.named_before().await?;
        }
        Ok(held)
    }

    /// The keys that the pods of Deployments of before do not start without.
    async fn named_before(&self) -> Result<BTreeSet<String>, Outcome> {
        let of_before = moving::of_before(self.instance, &self.deployments).await;
        let of_before = of_before.map_err(|error| {
            let message = format!("get of the Deployments in status.previousDeployments: {error}");
            Outcome::retry(reasons::KUBERNETES_ERROR, message)
        })?;
        let named = of_before
            .iter()
            .flat_map(|before| self.which.keys_named(before));
        Ok(named.collect())
    }

    fn is_ours(&self, found: &Found) -> bool {
        let owners = found.metadata.owner_references.as_deref();
        let owners = owners.unwrap_or_default();
        let uid = self.instance.uid().unwrap_or_default();
        let annotations = found.metadata.annotations.as_ref();
        let says = |annotation: &str, text: &str| {
            let value = annotations.and_then(|all| all.get(annotation));
            value.is_some_and(|value| value == text)
        };
        let was_left =
            || says(RETAINED_FROM, &self.instance.name_any()) && says(RETAINED_HASH, &found.hash());
        owners.iter().any(|owner| owner.uid == uid) || (owners.is_empty() && was_left())
    }

    /// Makes it.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn create(&self, desired: &DesiredAuth) -> Result<(), Outcome> {
        let found = Found {
            metadata: self.owned(self.new_metadata()),
            data: entries(desired),
            named_before: BTreeSet::new(),
        };
        self.post(found).await
    }

    /// Makes it without an owner, so that it stays when the instance goes.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn create_retained(&self, desired: &DesiredAuth) -> Result<(), Outcome> {
        let found = Found {
            metadata: self.new_metadata(),
            data: entries(desired),
            named_before: BTreeSet::new(),
        };
        self.post(self.retained(found)).await
    }

    /// Writes what it should say, if that is something else than it says.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn update(
        &self,
        found: Box<Found>,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> Result<(), Outcome> {
        let data = found.wanted(self.which, desired, live);
        self.change(&found, data).await
    }

    /// Adds the keys that it lacks, and leaves the others as they are.
    ///
    /// # Errors
    /// What the instance's status says.
    pub async fn complete(&self, found: Box<Found>, desired: &DesiredAuth) -> Result<(), Outcome> {
        let mut data = entries(desired);
        data.extend(found.data.clone());
        self.change(&found, data).await
    }

    async fn change(&self, found: &Found, data: BTreeMap<String, String>) -> Result<(), Outcome> {
        match self.to_put(found, data) {
            Some(object) => self.put(object).await,
            None => Ok(()),
        }
    }

    /// What is written so that it says this; none when it does already.
    fn to_put(&self, found: &Found, data: BTreeMap<String, String>) -> Option<Found> {
        let metadata = self.owned(found.metadata.clone());
        (data != found.data || metadata != found.metadata).then(|| Found {
            metadata,
            data,
            named_before: BTreeSet::new(),
        })
    }

    /// What [`Object::update`] would do: nothing, mend it, or take back what stayed when the instance was deleted.
    pub fn would_update(
        &self,
        found: &Found,
        desired: &DesiredAuth,
        live: Option<&Deployment>,
    ) -> Option<PlannedAction> {
        self.to_put(found, found.wanted(self.which, desired, live))?;
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
        self.put(self.retained(*found)).await
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
            annotations.remove(RETAINED_HASH);
        }
        metadata.annotations = metadata.annotations.filter(|all| !all.is_empty());
        metadata
    }

    fn retained(&self, mut found: Found) -> Found {
        let hash = found.hash();
        found.metadata.owner_references = None;
        let annotations = found.metadata.annotations.get_or_insert_default();
        annotations.insert(RETAINED_FROM.to_owned(), self.instance.name_any());
        annotations.insert(RETAINED_HASH.to_owned(), hash);
        found
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
                let (kind, values) = match self.which.kind {
                    SourceKind::Secret => (
                        "Secrets",
                        "set delivery.secrets of its Helm chart to true or name it under delivered in its value secrets",
                    ),
                    SourceKind::ConfigMap => (
                        "ConfigMaps",
                        "set delivery.configMaps of its Helm chart to true",
                    ),
                };
                let keys = if self.which.keys == DeliveryKeys::default() {
                    ""
                } else {
                    "; where its admission policies are on, name the keys of spec.delivery.keys under delivery.keys of its \
                     Helm chart too"
                };
                let message = format!(
                    "the operator may not {verb} {}: {values}, or give its ServiceAccount the right to get, create, update \
                     and delete {kind}{keys}",
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
