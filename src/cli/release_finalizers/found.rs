//! The objects that hold our finalizer, and what is left behind of each.

use std::fmt::{self, Write};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, ListParams},
};
use serde::de::DeserializeOwned;

use super::Error;
use crate::{
    api::{
        FINALIZER, HasuraInstance, HasuraRoleBinding, LogtoTenant, Origin,
        conditions::types::CLAIMS_DEPLOYED, instance::AuthMode,
    },
    domain::{subjects::given, words::quoted},
};

/// An object that holds the finalizer.
pub struct Holder {
    pub(super) resource: ApiResource,
    pub(super) metadata: kube::api::ObjectMeta,
    /// What may own a Secret or ConfigMap.
    pub(super) instance: Option<Box<HasuraInstance>>,
    left: Vec<String>,
}

impl Holder {
    /// Whether its deletion waits.
    pub fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it is the same object.
    pub fn is(&self, other: &Self) -> bool {
        self.metadata.uid == other.metadata.uid
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let name = self.metadata.name.as_deref().unwrap_or_default();
        write!(f, "{} {namespace}/{name}", self.resource.kind)
    }
}

/// One of our kinds.
trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + fmt::Debug + DeserializeOwned
{
    /// What of it is outside, as its status tells.
    fn left(&self) -> Vec<String>;

    fn instance(&self) -> Option<Box<HasuraInstance>> {
        None
    }
}

/// All objects with the finalizer: bindings, instances, tenants, in the order in which one would delete them.
pub async fn holders(
    client: &Client,
    namespace: Option<&str>,
    only_deleting: bool,
) -> Result<Vec<Holder>, Error> {
    let mut all = of_kind::<HasuraRoleBinding>(client, namespace).await?;
    all.extend(of_kind::<HasuraInstance>(client, namespace).await?);
    all.extend(of_kind::<LogtoTenant>(client, namespace).await?);
    all.retain(|holder| holder.is_being_deleted() || !only_deleting);
    Ok(all)
}

async fn of_kind<K: Kind>(client: &Client, namespace: Option<&str>) -> Result<Vec<Holder>, Error> {
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let listed = match api.list(&ListParams::default()).await {
        Ok(listed) => listed.items,
        // With the definition its objects are gone too.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::List {
                kind: format!("{}s", K::kind(&())),
                error: Box::new(error),
            });
        }
    };
    let held = listed
        .into_iter()
        .filter(|object| object.finalizers().iter().any(|held| held == FINALIZER));
    Ok(held
        .map(|object| Holder {
            resource: ApiResource::erase::<K>(&()),
            left: object.left(),
            instance: object.instance(),
            metadata: object.meta().clone(),
        })
        .collect())
}

/// What is released and what is left of it, for people.
pub fn listed(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return format!("No object to release: none holds the finalizer {FINALIZER}.\n");
    }
    let mut text = format!(
        "Objects that hold the finalizer {FINALIZER}: {}. Left behind, by what their status says:\n\n",
        holders.len()
    );
    for holder in holders {
        let deleting = if holder.is_being_deleted() {
            " (being deleted)"
        } else {
            ""
        };
        // Writing to a String can not fail.
        let _ = writeln!(text, "{holder}{deleting}");
        for left in &holder.left {
            let _ = writeln!(text, "  {left}");
        }
        if holder.left.is_empty() {
            let _ = writeln!(text, "  nothing");
        }
    }
    text.push_str(
        "\nRoles in Logto go on granting what they do until you take them away. What the operator made bears [logto-hasura: at \
         the end of its description.\n",
    );
    text
}

fn origin(origin: Option<Origin>) -> &'static str {
    match origin {
        Some(Origin::Created) => ", made by the operator",
        Some(Origin::Adopted) => ", taken over",
        Some(Origin::Creating) => ", being made when it was last seen",
        None => "",
    }
}

impl Kind for HasuraRoleBinding {
    fn left(&self) -> Vec<String> {
        let Some(status) = &self.status else {
            return Vec::new();
        };
        let mut left = Vec::new();
        if let Some(role) = &status.role {
            left.push(format!(
                "role {} (id {}){}",
                quoted(&role.name),
                quoted(&role.id),
                origin(role.origin)
            ));
            let count = given(&status.subjects).len();
            if count > 0 {
                left.push(format!("{count} who were given the role by the binding"));
            }
        }
        if let Some(scope) = &status.scope {
            left.push(format!(
                "scope {} (id {} of the API resource {}){}",
                quoted(&self.spec.scope.name),
                quoted(&scope.id),
                quoted(&scope.resource_id),
                origin(scope.origin)
            ));
        }
        left
    }
}

impl Kind for HasuraInstance {
    fn left(&self) -> Vec<String> {
        let Some(status) = &self.status else {
            return Vec::new();
        };
        let mut left = Vec::new();
        if let Some(resource) = &status.api_resource {
            left.push(format!(
                "API resource {} (id {}){}",
                quoted(&self.spec.api_resource.indicator),
                quoted(resource.id.as_deref().unwrap_or("unknown")),
                origin(Some(resource.origin))
            ));
            if self.spec.auth.mode == AuthMode::Jwt {
                left.push("its claims in the tenant's Custom JWT script".to_owned());
            }
        }
        let named = self.spec.deployment_ref.as_ref();
        for at in status.deployment.iter().chain(&status.previous_deployments) {
            if let Some(name) = at.name.as_ref().or(named.map(|named| &named.name)) {
                left.push(format!("Hasura's settings on Deployment {}", quoted(name)));
            }
        }
        if let Some(delivered) = &status.delivered {
            left.push(format!(
                "{:?} {:?} with Hasura's settings, let go of so that it stays",
                delivered.kind, delivered.name
            ));
        }
        left
    }

    fn instance(&self) -> Option<Box<HasuraInstance>> {
        Some(Box::new(self.clone()))
    }
}

impl Kind for LogtoTenant {
    fn left(&self) -> Vec<String> {
        let conditions = self.status.iter().flat_map(|status| &status.conditions);
        let deployed = conditions
            .filter(|condition| condition.type_ == CLAIMS_DEPLOYED)
            .any(|condition| condition.status == "True");
        let script = || {
            format!(
                "Custom JWT script of tenant {}, with the claims of all its instances",
                quoted(&self.spec.tenant_id)
            )
        };
        deployed.then(script).into_iter().collect()
    }
}
