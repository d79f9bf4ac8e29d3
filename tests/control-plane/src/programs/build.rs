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

/// A build of programs from Go modules.
#[derive(Debug)]
pub(super) struct GoBuild<'a> {
    /// The Go command.
    pub go: &'a Path,
    /// The folder with go.mod and go.sum.
    pub module: &'a Path,
    /// The packages of the programs.
    pub packages: Vec<&'a str>,
    /// Further flags for the linker; the programs have no symbols in any case.
    pub linker_flags: String,
    /// Where the programs go.
    pub folder: &'a Path,
    /// What is built, in messages.
    pub name: &'a str,
    /// How long a first build takes on two cores, roughly, in messages.
    pub first_time: &'a str,
}

/// Builds the programs.
///
/// # Errors
/// With the last lines of what Go says, when it can not be run, or when it does not end within an hour.
pub(super) async fn go_build(build: &GoBuild<'_>, progress: &Progress) -> Result<()> {
    let child = command(build)
        .spawn()
        .with_context(|| format!("{} can not be run", build.go.display()))?;
    let (name, first_time) = (build.name, build.first_time);
    progress(&format!(
        "building {name} from their Go modules; the first time takes about {first_time} on two cores, later ones less"
    ));
    let line = |elapsed| format!("building {name}, {elapsed}");
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
    Ok(())
}

fn command(build: &GoBuild<'_>) -> Command {
    let mut command = Command::new(build.go);
    command
        .current_dir(build.module)
        .env("CGO_ENABLED", "0")
        // A workspace of the user's would replace our module.
        .env("GOWORK", "off")
        .args(["build", "-mod=readonly", "-trimpath", "-ldflags"])
        .arg(format!("-s -w {}", build.linker_flags))
        .arg("-o")
        .arg(build.folder)
        .args(&build.packages)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Builds all programs of the set into the folder.
pub(super) async fn build(set: &Set, go: &Path, folder: &Path, progress: &Progress) -> Result<()> {
    let module = tempfile::tempdir().context("a folder for the Go module")?;
    fs::write(module.path().join("go.mod"), GO_MOD)?;
    fs::write(module.path().join("go.sum"), GO_SUM)?;
    let build = GoBuild {
        go,
        module: module.path(),
        packages: set.programs.iter().map(|program| program.package).collect(),
        linker_flags: format!(
            "-X k8s.io/component-base/version.gitVersion={}",
            kubernetes_version()
        ),
        folder,
        name: &format!("the programs of {} {}", set.name, set.version()),
        first_time: set.build_time,
    };
    go_build(&build, progress).await?;
    for program in set.programs {
        let built = folder.join(program.built_as);
        fs::rename(&built, folder.join(program.name))
            .with_context(|| format!("go build made no {}", program.built_as))?;
    }
    Ok(())
}
