//! The Go program: built from the sources in `go/`, kept in a folder of the cache that is named by their hash.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use control_plane::programs::{GoBuild, cache, go_build};
use control_plane::progress::Progress;
use sha2::{Digest as _, Sha256};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/go");

/// Writes a line of progress to standard error.
pub fn to_stderr(line: &str) {
    eprintln!("gitops: {line}");
}

/// The program with the tools; it is built when the cache has none of these sources.
///
/// # Errors
/// When Go is missing or too old, when a module can not be had, or when the cache can not be written.
pub async fn program(progress: &Progress) -> Result<PathBuf> {
    let sources = Path::new(SOURCES);
    let folder = cache::root()?.join("gitops").join(hash(sources)?);
    let is_whole = |folder: &Path| folder.join("gitops").is_file();
    let make = async |partial: &Path| {
        let build = GoBuild {
            go: Path::new("go"),
            module: sources,
            packages: vec!["."],
            linker_flags: String::new(),
            // A file, so that it is not called like the Go module.
            folder: &partial.join("gitops"),
            name: "kubectl, Helm, Flux, Argo CD, kustomize and kubeconform",
            first_time: "6 minutes",
        };
        go_build(&build, progress)
            .await
            .context("the GitOps tools need Go 1.26.3 or later from https://go.dev/dl")
    };
    cache::keep(&folder, "GitOps", progress, is_whole, make).await?;
    Ok(folder.join("gitops"))
}

/// Another name for each state of the sources.
fn hash(sources: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(sources)
        .with_context(|| format!("the Go sources in {}", sources.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| file.display().to_string())?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // The lengths keep two files from being taken for others that are the same when put together.
        hash.update(format!("{name} {} ", content.len()));
        hash.update(content);
    }
    let hash = hash.finalize();
    Ok(hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_sources_get_a_build_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.go"), "one").unwrap();
        fs::write(folder.path().join("b.go"), "two").unwrap();
        let before = hash(folder.path()).unwrap();
        assert_eq!(before, hash(folder.path()).unwrap());
        assert_eq!(before.len(), 16);

        fs::write(folder.path().join("a.go"), "onet").unwrap();
        fs::write(folder.path().join("b.go"), "wo").unwrap();
        assert_ne!(before, hash(folder.path()).unwrap());
    }
}
