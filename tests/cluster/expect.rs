//! Ways to wait for what a test expects; none waits for ever, and each says what it waited for.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::bail;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{apps::v1::Deployment, core::v1::Namespace, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams},
};
use logto_emulator::Emulator;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::de::DeserializeOwned;

use crate::world::{OurKind, World};

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// All tests' namespaces pass one controller, which deletes about fifty a minute on a busy machine.
const PATIENCE_FOR_NAMESPACES: Duration = Duration::from_secs(150);

/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl World {
    /// Looks until something is there; on giving up says what was waited for.
    pub async fn until<T, F>(&self, what: &str, look: impl FnMut() -> F) -> anyhow::Result<T>
    where
        F: Future<Output = anyhow::Result<Option<T>>>,
    {
        self.until_within(PATIENCE, what, look).await
    }

    /// Deletes the namespace, while its operator works.
    pub async fn delete_namespace(&self) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let params = DeleteParams::default();
        namespaces.delete(&self.namespace, &params).await?;
        Ok(())
    }

    /// Waits until nothing is left of the namespace.
    pub async fn namespace_is_gone(&self) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let look = || async {
            let found = namespaces.get_opt(&self.namespace).await?;
            Ok(found.is_none().then_some(()))
        };
        self.until_within(PATIENCE_FOR_NAMESPACES, "the namespace to be gone", look)
            .await
    }

    async fn until_within<T, F>(
        &self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut() -> F,
    ) -> anyhow::Result<T>
    where
        F: Future<Output = anyhow::Result<Option<T>>>,
    {
        let start = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if start.elapsed() > patience {
                bail!("waited {} s for: {what}", patience.as_secs());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits for something about Logto's data.
    pub async fn until_logto(
        &self,
        what: &str,
        mut holds: impl FnMut(&Emulator) -> bool,
    ) -> anyhow::Result<()> {
        self.until(what, || {
            std::future::ready(Ok(holds(&self.logto).then_some(())))
        })
        .await
    }

    /// Waits until an object's condition has this status and reason, for the newest generation.
    pub async fn condition<K: OurKind>(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> anyhow::Result<(K, Condition)> {
        let what = format!("{} {name}: {type_}={status} {reason}", K::kind(&()));
        self.until(&what, || async {
            let Some(object) = self.api::<K>().get_opt(name).await? else {
                return Ok(None);
            };
            let found = object.conditions().iter().find(|condition| {
                condition.type_ == type_
                    && condition.status == status
                    && (reason.is_empty() || condition.reason == reason)
                    && condition.observed_generation == object.meta().generation
            });
            Ok(found.cloned().map(|condition| (object, condition)))
        })
        .await
    }

    /// Waits for Ready=True.
    pub async fn ready<K: OurKind>(&self, name: &str) -> anyhow::Result<K> {
        Ok(self.condition::<K>(name, "Ready", "True", "").await?.0)
    }

    /// Waits until a binding's scope and role are in Logto and its claims are deployed, whether or not Hasura runs with
    /// its settings.
    pub async fn published(&self, name: &str) -> anyhow::Result<()> {
        self.condition::<HasuraRoleBinding>(name, "RoleSynced", "True", "")
            .await?;
        self.condition::<HasuraRoleBinding>(name, "ClaimsPublished", "True", "")
            .await?;
        Ok(())
    }

    /// Waits for Stalled=True with this reason; gives the message.
    pub async fn stalled<K: OurKind>(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        Ok(self
            .condition::<K>(name, "Stalled", "True", reason)
            .await?
            .1
            .message)
    }

    /// Waits for Ready=False with this reason, while it is retried or waited for; gives the message.
    pub async fn waiting<K: OurKind>(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        let (object, condition) = self.condition::<K>(name, "Ready", "False", reason).await?;
        let reconciling = object
            .conditions()
            .iter()
            .any(|condition| condition.type_ == "Reconciling");
        anyhow::ensure!(
            reconciling,
            "{name} is not Reconciling: {:?}",
            object.conditions()
        );
        Ok(condition.message)
    }

    /// Waits until an object is gone.
    pub async fn gone<K>(&self, name: &str) -> anyhow::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let what = format!("{name} to be gone");
        self.until(&what, || async {
            Ok(self.api::<K>().get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }

    /// Waits for an event about an object; gives its note.
    pub async fn event(&self, object: &str, reason: &str) -> anyhow::Result<String> {
        self.until(&format!("an event {reason} about {object}"), || async {
            let events = self.api::<Event>().list(&ListParams::default()).await?;
            let found = events.into_iter().find(|event| {
                let regarding = event
                    .regarding
                    .as_ref()
                    .and_then(|regarding| regarding.name.as_deref());
                regarding == Some(object) && event.reason.as_deref() == Some(reason)
            });
            Ok(found.map(|event| event.note.unwrap_or_default()))
        })
        .await
    }

    /// Whether there is an event about an object with this reason.
    pub async fn has_event(&self, object: &str, reason: &str) -> anyhow::Result<bool> {
        let events = self.api::<Event>().list(&ListParams::default()).await?;
        Ok(events.into_iter().any(|event| {
            let regarding = event.regarding.and_then(|regarding| regarding.name);
            regarding.as_deref() == Some(object) && event.reason.as_deref() == Some(reason)
        }))
    }

    /// Lets the operator come to rest: no request to Logto and no write to our objects for a while. Nothing can be
    /// awaited when the expectation is that nothing happens.
    pub async fn quiet(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut since = Instant::now();
        let mut before = self.fingerprint().await?;
        while since.elapsed() < Duration::from_millis(1500) {
            anyhow::ensure!(
                start.elapsed() < PATIENCE,
                "the operator does not come to rest"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
            let now = self.fingerprint().await?;
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// The versions of all that the operator may write to, and how many writes Logto saw.
    pub async fn fingerprint(&self) -> anyhow::Result<(Vec<String>, u64)> {
        let mut versions = Vec::new();
        let all = ListParams::default();
        let version = |name: String, version: Option<String>| {
            format!("{name}@{}", version.unwrap_or_default())
        };
        for object in self.api::<LogtoTenant>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        for object in self.api::<HasuraInstance>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        for object in self.api::<HasuraRoleBinding>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        for object in self.api::<Deployment>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        Ok((versions, self.logto.writes()))
    }
}
