//! Helm without a cluster.

use std::{path::Path, process::Command};

use control_plane::{
    programs::{self, Sources},
    progress,
};

use crate::ROOT;

/// What the chart renders for the namespace `logto-hasura`, with the values of a file or its own.
pub async fn template(values: Option<&Path>) -> Result<String, String> {
    let sources = Sources::from_env().unwrap();
    let program = programs::find_helm(&sources, &progress::to_stderr)
        .await
        .unwrap();
    let mut helm = Command::new(program);
    helm.args(["template", "logto-hasura", "--namespace", "logto-hasura"])
        .arg(format!("{ROOT}/charts/logto-hasura"));
    if let Some(file) = values {
        helm.arg("--values").arg(file);
    }
    let output = helm.output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
