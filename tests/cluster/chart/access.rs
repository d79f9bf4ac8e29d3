//! What a ServiceAccount may do, as the API server's own authorizer says.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::{Api, Client, Discovery, api::PostParams};
use serde_json::json;

use super::helm::RELEASE;
use crate::world::World;

/// Every verb that Kubernetes knows for resources.
const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "bind",
    "escalate",
    "impersonate",
    "*",
];

/// What is in no discovery document and can still be granted.
const UNDISCOVERED: [(&str, &str); 3] = [("", "users"), ("", "groups"), ("*", "*")];

/// What everybody who is known to the API server may do: ask about himself (the ClusterRole `system:basic-user`).
const EVERYBODY: [(&str, &str); 3] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

/// The ServiceAccount of an installed release, or a person.
pub struct Account {
    client: Client,
    user: String,
    groups: Vec<String>,
}

pub const NAMESPACES: (&str, &str) = ("", "namespaces");

/// A group and a resource of it, with its subresource after a slash.
type GroupResource = (String, String);

impl Account {
    /// The account of the release in the test's namespace, once the authorizer knows of its rights.
    pub async fn of_release(world: &World) -> anyhow::Result<Self> {
        let namespace = &world.namespace;
        let account = Self {
            client: world.client.clone(),
            user: format!("system:serviceaccount:{namespace}:{RELEASE}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        };
        let tenants = ("logto-hasura.dev", "logtotenants");
        world
            .until("the rights of the release to be in force", || async {
                let may = account.may("list", tenants, &world.namespace, "");
                Ok(may.await?.then_some(()))
            })
            .await?;
        Ok(account)
    }

    /// Somebody who is in no group but that of everybody.
    pub fn of_person(world: &World, user: &str) -> Self {
        Self {
            client: world.client.clone(),
            user: user.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
        }
    }

    /// Waits until the authorizer lets the account read the namespace that the owner id is made of.
    pub async fn reads_kube_system(&self, world: &World) -> anyhow::Result<()> {
        world
            .until("the right to get the namespace kube-system", || async {
                let may = self.may("get", NAMESPACES, "kube-system", "kube-system");
                Ok(may.await?.then_some(()))
            })
            .await
    }

    /// Whether the account may do this to an object of this name, or to all when the name is empty.
    pub async fn may(
        &self,
        verb: &str,
        (group, resource): (&str, &str),
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<bool> {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": self.user,
                "groups": self.groups,
                "resourceAttributes": {
                    "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                    "namespace": namespace, "name": name,
                },
            }
        });
        let review: SubjectAccessReview = serde_json::from_value(review)?;
        let reviews = Api::<SubjectAccessReview>::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// Everything that the account may do in a namespace beyond what everybody may: every verb on every resource and
    /// subresource that the API server has is asked for, one line `<verb> <resource>.<group>` for each that is allowed.
    pub async fn all_it_may(&self, namespace: &str) -> anyhow::Result<BTreeSet<String>> {
        let mut allowed = BTreeSet::new();
        for (group, resource) in resources(&self.client).await? {
            let ask = |verb| self.may(verb, (&group, &resource), namespace, "");
            let answers = try_join_all(VERBS.map(ask)).await?;
            let yes = VERBS.iter().zip(answers).filter(|(_, answer)| *answer);
            allowed.extend(yes.map(|(verb, _)| line(verb, &group, &resource)));
        }
        for (group, resource) in EVERYBODY {
            anyhow::ensure!(
                allowed.remove(&line("create", group, resource)),
                "not even {resource} is allowed: were the right questions asked?"
            );
        }
        Ok(allowed)
    }
}

/// How a right is written in comparisons.
pub fn line(verb: &str, group: &str, resource: &str) -> String {
    format!("{verb} {resource}.{group}")
}

/// All resources and subresources of the API server.
async fn resources(client: &Client) -> anyhow::Result<BTreeSet<GroupResource>> {
    let discovery = Discovery::new(client.clone()).run().await?;
    let mut all: BTreeSet<GroupResource> = UNDISCOVERED
        .map(|(group, resource)| (group.to_owned(), resource.to_owned()))
        .into();
    for group in discovery.groups() {
        for version in group.versions() {
            for (resource, capabilities) in group.versioned_resources(version) {
                for (subresource, _) in capabilities.subresources {
                    let name = format!("{}/{}", resource.plural, subresource.plural);
                    all.insert((resource.group.clone(), name));
                }
                all.insert((resource.group, resource.plural));
            }
        }
    }
    Ok(all)
}
