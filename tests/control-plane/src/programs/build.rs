//! A build from the official Go modules, in the versions of `programs/go.mod`.
//!
//! `go install k8s.io/kubernetes/cmd/kube-apiserver@v…` is refused because of that module's replace directives; a module
//! of our own that repeats them works.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::set::{GO_MOD, GO_SUM, Set, kubernetes_version};
use crate::progress::{self, Progress};

/// A build that takes longer is ended: it hangs, most likely on a module proxy.
pub(super) const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Builds all programs of the set into the folder.
pub(super) async fn build(set: &Set, go: &Path, folder: &Path, progress: &Progress) -> Result<()> {
    let module = tempfile::tempdir().context("a folder for the Go module")?;
    fs::write(module.path().join("go.mod"), GO_MOD)?;
    fs::write(module.path().join("go.sum"), GO_SUM)?;
    let mut command = command(set, go, module.path(), folder);
    let child = command
        .spawn()
        .with_context(|| format!("{} can not be run", go.display()))?;
    progress(&format!(
        "building the programs of {} {} from their Go modules; the first time takes about {} on two cores, later ones \
         less",
        set.name,
        set.version(),
        set.build_time
    ));
    let line = |elapsed| format!("building the programs of {}, {elapsed}", set.name);
    let work = tokio::time::timeout(BUILD_LIMIT, child.wait_with_output());
    let output = progress::beside(progress, Duration::from_secs(15), line, work)
        .await
        .with_context(|| {
            format!(
                "go build did not end within {} minutes",
                BUILD_LIMIT.as_secs() / 60
            )
        })??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<_> = said.trim().lines().rev().take(5).collect();
        bail!(
            "go build: {}",
            last.into_iter().rev().collect::<Vec<_>>().join(" | ")
        );
    }
    for program in set.programs {
        let built = folder.join(program.built_as);
        fs::rename(&built, folder.join(program.name))
            .with_context(|| format!("go build made no {}", program.built_as))?;
    }
    Ok(())
}

fn command(set: &Set, go: &Path, module: &Path, folder: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        // A workspace of the user's would replace our module.
        .env("GOWORK", "off")
        .args(["build", "-mod=readonly", "-trimpath", "-ldflags"])
        .arg(format!(
            "-s -w -X k8s.io/component-base/version.gitVersion={}",
            kubernetes_version()
        ))
        .arg("-o")
        .arg(folder)
        .args(set.programs.iter().map(|program| program.package))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
