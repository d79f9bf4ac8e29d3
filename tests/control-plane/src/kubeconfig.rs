//! The files that let the admin in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

/// A token file for kube-apiserver: one user, in the group that may do everything.
pub(crate) fn write_tokens(path: &Path, token: &str) -> Result<()> {
    write_private(path, &format!("{token},admin,admin,\"system:masters\"\n"))
}

/// A kubeconfig, as JSON, which every reader of YAML reads.
pub(crate) fn write(path: &Path, url: &str, token: &str, certificate: &Path) -> Result<()> {
    let name = "logto-hasura";
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority": certificate}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name
    });
    write_private(path, &format!("{config:#}\n"))
}

fn write_private(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).with_context(|| format!("the file {}", path.display()))?;
    Ok(fs::set_permissions(path, Permissions::from_mode(0o600))?)
}
