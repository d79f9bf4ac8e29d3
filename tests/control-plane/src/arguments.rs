//! The command lines of the programs. All paths are relative to the folder they run in.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

/// The file with the admin's token.
pub(crate) const TOKENS: &str = "tokens.csv";
/// What the API server notes of whom.
const AUDIT_POLICY: &str = "audit-policy.json";
/// What it noted, one JSON object a line.
pub(crate) const AUDIT_LOG: &str = "audit.log";
/// The kubeconfig of the admin.
pub(crate) const KUBECONFIG: &str = "kubeconfig";
/// The certificate that kube-apiserver makes for itself, with its authority.
pub(crate) const CERTIFICATE: &str = "pki/apiserver.crt";
/// The key of that certificate.
const KEY: &str = "pki/apiserver.key";

/// A store that is thrown away has no need to survive a power cut.
pub(crate) fn etcd(port: u16, peer_port: u16) -> Vec<String> {
    vec![
        "--data-dir=etcd".to_owned(),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
        format!("--listen-client-urls=http://127.0.0.1:{port}"),
        format!("--advertise-client-urls=http://127.0.0.1:{port}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
    ]
}

pub(crate) fn apiserver(etcd_port: u16, port: u16) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        // Without these two it looks for a network interface to announce, and ends on a machine that has none.
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--cert-dir=pki".to_owned(),
        // It makes its certificate before it reads these keys, so one key does for both.
        format!("--service-account-key-file={KEY}"),
        format!("--service-account-signing-key-file={KEY}"),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--token-auth-file={TOKENS}"),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--audit-policy-file={AUDIT_POLICY}"),
        format!("--audit-log-path={AUDIT_LOG}"),
        // In MB; a file that were put away in between would be looked for in vain.
        "--audit-log-maxsize=100000".to_owned(),
    ]
}

/// Notes the requests of service accounts alone, when they are answered; those of the admin are of no interest, and many.
pub(crate) fn write_audit_policy(folder: &Path) -> Result<()> {
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}]
    });
    let path = folder.join(AUDIT_POLICY);
    fs::write(&path, policy.to_string()).with_context(|| format!("the file {}", path.display()))
}

/// The default limits of 20 requests a second make many parallel tests wait for each other's rollouts and namespaces.
pub(crate) fn controllers() -> Vec<String> {
    let controllers = [
        "deployment-controller",
        "replicaset-controller",
        "garbage-collector-controller",
        "namespace-controller",
        "serviceaccount-controller",
        "clusterrole-aggregation-controller",
    ];
    vec![
        format!("--kubeconfig={KUBECONFIG}"),
        format!("--controllers={}", controllers.join(",")),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
        "--concurrent-namespace-syncs=20".to_owned(),
    ]
}
