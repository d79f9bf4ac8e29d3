//! What a failing test shows, and how a test leaves the cluster.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{Namespace, Pod},
        events::v1::Event,
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::world::{OurKind, World};

impl World {
    /// The last requests to Logto without those that each pod makes for the keys all the time.
    fn requests_but_polls(&self, number: usize) -> Vec<String> {
        let mut requests = self.logto.last_requests(200);
        requests.retain(|request| !request.starts_with("GET /oidc/jwks"));
        requests.split_off(requests.len().saturating_sub(number))
    }

    /// What there is, for the report of a failing test.
    pub async fn report(&self, error: &str) -> String {
        let mut report = format!("{error}\n\nnamespace {}\n", self.namespace);
        report.push_str(&self.show::<LogtoTenant>().await);
        report.push_str(&self.show::<HasuraInstance>().await);
        report.push_str(&self.show::<HasuraRoleBinding>().await);
        report.push_str(&self.show::<Deployment>().await);
        report.push_str(&self.show::<Pod>().await);
        if let Ok(events) = self.api::<Event>().list(&ListParams::default()).await {
            report.push_str("--- the last events\n");
            for event in events.items.iter().rev().take(15) {
                let name = event
                    .regarding
                    .as_ref()
                    .and_then(|regarding| regarding.name.clone());
                report.push_str(&format!("{name:?} {:?}: {:?}\n", event.reason, event.note));
            }
        }
        report.push_str(&format!(
            "--- the last requests to Logto\n{}\n",
            self.requests_but_polls(20).join("\n")
        ));
        if let Some(operator) = &*self.operator.lock().unwrap() {
            report.push_str(&format!(
                "--- the operator's log\n{}\n",
                operator.log_tail(30)
            ));
        }
        report
    }

    async fn show<K>(&self) -> String
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize,
        K::DynamicType: Default,
    {
        let Ok(list) = self.api::<K>().list(&ListParams::default()).await else {
            return String::new();
        };
        let mut text = String::new();
        for mut object in list {
            object.managed_fields_mut().clear();
            let json = serde_json::to_string(&object).unwrap_or_default();
            text.push_str(&format!("--- {}\n{json}\n", object.name_any()));
        }
        text
    }

    /// Searches what may be read for secrets, stops the operator and lets the namespace go; finalizers that nobody would remove any more are taken off.
    pub async fn end(&self) {
        self.cluster.leaks.search(self).await;
        drop(self.operator.lock().unwrap().take());
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces
            .delete(&self.namespace, &DeleteParams::default())
            .await;
        let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        self.release::<LogtoTenant>(&none).await;
        self.release::<HasuraInstance>(&none).await;
        self.release::<HasuraRoleBinding>(&none).await;
    }

    async fn release<K: OurKind>(&self, none: &Patch<Value>) {
        let Ok(list) = self.api::<K>().list(&ListParams::default()).await else {
            return;
        };
        for object in list {
            let _ = self
                .api::<K>()
                .patch(&object.name_any(), &PatchParams::default(), none)
                .await;
        }
    }
}
