//! Further operators of a test, each with its own view of the API server, and what all of them made.

use std::sync::Arc;

use fault_proxy::{Proxy, Record, Upstream};
use serde_json::{Value, json};

use crate::{operator::Operator, world::World};

impl World {
    /// Starts an operator of this host that sees the API server at this address.
    pub fn start_replica(&self, host: &str, url: &str, flags: &[&str]) -> anyhow::Result<Operator> {
        self.start_replica_as(host, url, None, flags)
    }

    /// The same as a user with rights of his own.
    pub fn start_replica_as(
        &self,
        host: &str,
        url: &str,
        user: Option<&str>,
        flags: &[&str],
    ) -> anyhow::Result<Operator> {
        // Only the admin may be somebody else.
        let kubeconfig = match user {
            Some(_) => &self.cluster.kubeconfig,
            None => &self.cluster.operator,
        };
        let kubeconfig = std::fs::read_to_string(kubeconfig)?;
        let mut kubeconfig: Value = serde_saphyr::from_str(&kubeconfig)?;
        kubeconfig["clusters"][0]["cluster"]["server"] = json!(url);
        if let Some(user) = user {
            kubeconfig["users"][0]["user"]["as"] = json!(user);
        }
        let path = self.folder.path().join(format!("{host}.kubeconfig"));
        std::fs::write(&path, serde_json::to_string(&kubeconfig)?)?;
        let log = self.folder.path().join(format!("{host}.log"));
        Operator::start_in(&[("HOSTNAME", host)], &path, &self.namespace, log, flags)
    }

    /// A proxy before the API server that keeps this record.
    pub async fn api_proxy(&self, record: &Arc<Record>) -> anyhow::Result<Proxy> {
        let control_plane = &self.cluster.control_plane;
        let authority = control_plane.certificate_authority();
        let server = Upstream::api_server(control_plane.url(), authority)?;
        Proxy::start(server, Arc::clone(record)).await
    }

    /// What is there of ours in Logto: resources, scopes and roles.
    pub fn made(&self) -> (usize, usize, usize) {
        let logto = self.logto.tenant();
        let resources: Vec<_> = logto
            .resources()
            .into_iter()
            .filter(|resource| resource.id != "management-api")
            .collect();
        let scopes = resources
            .iter()
            .map(|resource| logto.scopes(&resource.id).len());
        let roles = logto.roles();
        let ours = roles
            .iter()
            .filter(|role| role.description.contains("[logto-hasura:"));
        (resources.len(), scopes.sum(), ours.count())
    }
}
