//! The Go program with the tools.

use std::path::PathBuf;

use anyhow::Result;
use control_plane::programs::OurGo;
use control_plane::progress::Progress;

const PROGRAM: OurGo = OurGo {
    name: "gitops",
    sources: concat!(env!("CARGO_MANIFEST_DIR"), "/go"),
    contents: "kubectl, Helm, Flux, Argo CD, kustomize and kubeconform",
    first_time: "6 minutes",
    needs: "the GitOps tools need Go 1.26.3 or later from https://go.dev/dl",
};

/// Writes a line of progress to standard error.
pub fn to_stderr(line: &str) {
    eprintln!("gitops: {line}");
}

/// The program with the tools; it is built when the cache has none of these sources.
///
/// # Errors
/// When Go is missing or too old, when a module can not be had, or when the cache can not be written.
pub async fn program(progress: &Progress) -> Result<PathBuf> {
    PROGRAM.program(progress).await
}
