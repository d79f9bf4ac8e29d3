//! The admission policies of an installed release: who asks, and which policy refused him.

use std::fmt::Debug;

use anyhow::{Context, ensure};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::helm::RELEASE;
use crate::world::World;

/// A user in the test's namespace, by impersonation.
#[derive(Clone)]
pub struct Asker {
    client: Client,
    namespace: String,
    dry_run: bool,
}

impl Asker {
    pub fn new(world: &World, user: &str) -> anyhow::Result<Self> {
        let mut config = world.cluster.control_plane.config();
        config.auth_info.impersonate = Some(user.to_owned());
        Ok(Self {
            client: Client::try_from(config)?,
            namespace: world.namespace.clone(),
            dry_run: false,
        })
    }

    /// The same, who only asks what would be.
    pub fn dry(&self) -> Self {
        Self {
            dry_run: true,
            ..self.clone()
        }
    }

    /// The ServiceAccount of the release.
    pub fn operator(world: &World) -> anyhow::Result<Self> {
        let user = format!("system:serviceaccount:{}:{RELEASE}", world.namespace);
        Self::new(world, &user)
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates an object.
    pub async fn create<K>(&self, object: &Value) -> kube::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
        K::DynamicType: Default,
    {
        let object = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
        let params = PostParams {
            dry_run: self.dry_run,
            ..PostParams::default()
        };
        self.api::<K>().create(&params, &object).await.map(|_| ())
    }

    /// Changes fields by a merge patch.
    pub async fn edit<K>(&self, name: &str, fields: &Value) -> kube::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let patch = Patch::Merge(fields);
        let api = self.api::<K>();
        api.patch(name, &self.params(), &patch).await.map(|_| ())
    }

    /// Carries out the operations of a JSON patch.
    pub async fn patch<K>(&self, name: &str, operations: &Value) -> kube::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let operations =
            serde_json::from_value(operations.clone()).map_err(kube::Error::SerdeError)?;
        let patch = Patch::Json::<Value>(operations);
        let api = self.api::<K>();
        api.patch(name, &self.params(), &patch).await.map(|_| ())
    }

    /// Puts an object in the place of the one of its name.
    pub async fn replace<K>(&self, object: &Value) -> kube::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
        let name = object.meta().name.clone().unwrap_or_default();
        let (api, params) = (self.api::<K>(), PostParams::default());
        api.replace(&name, &params, &object).await.map(|_| ())
    }

    /// Deletes an object.
    pub async fn delete<K>(&self, name: &str) -> kube::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let params = DeleteParams {
            dry_run: self.dry_run,
            ..DeleteParams::default()
        };
        self.api::<K>().delete(name, &params).await.map(|_| ())
    }

    fn params(&self) -> PatchParams {
        PatchParams {
            dry_run: self.dry_run,
            ..PatchParams::default()
        }
    }
}

/// What a policy of the release says when it refuses; none when something else was the answer.
pub fn refusal(world: &World, policy: &str, answer: &kube::Result<()>) -> Option<String> {
    let Err(kube::Error::Api(status)) = answer else {
        return None;
    };
    let named = format!(
        "ValidatingAdmissionPolicy '{}.{RELEASE}.{policy}'",
        world.namespace
    );
    let is_it = status.code == 403 && status.message.contains(&named);
    is_it.then(|| status.message.clone())
}

/// Makes sure that a policy refused, in these words.
pub fn refused(
    world: &World,
    policy: &str,
    answer: kube::Result<()>,
    words: &str,
) -> anyhow::Result<()> {
    let said = refusal(world, policy, &answer);
    let said = said.with_context(|| format!("not refused by {policy}: {answer:?}"))?;
    ensure!(said.contains(words), "{said}");
    Ok(())
}

/// Waits until a policy refuses something, since each comes into force a moment after it was made.
pub async fn in_force<F>(
    world: &World,
    policy: &str,
    mut attempt: impl FnMut() -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = kube::Result<()>>,
{
    let what = format!("the policy {policy} to be in force");
    world
        .until(&what, || {
            let attempt = attempt();
            async move { Ok(refusal(world, policy, &attempt.await).map(|_| ())) }
        })
        .await
}
