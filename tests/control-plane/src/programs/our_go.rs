//! A Go program of the tests' own: built from its sources, kept in a folder of the cache that is named by their hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::build::{GoBuild, go_build};
use super::cache;
use crate::progress::Progress;

/// Where the sources of a program are, and what it is called.
#[derive(Debug)]
pub struct OurGo {
    /// The program, and the folder of the cache.
    pub name: &'static str,
    /// The folder with go.mod, go.sum and one package.
    pub sources: &'static str,
    /// What is built, in messages.
    pub contents: &'static str,
    /// How long a first build takes on two cores, roughly, in messages.
    pub first_time: &'static str,
    /// What a failed build needs, in messages.
    pub needs: &'static str,
}

impl OurGo {
    /// The program; it is built when the cache has none of these sources.
    ///
    /// # Errors
    /// When Go is missing or too old, when a module can not be had, or when the cache can not be written.
    pub async fn program(&self, progress: &Progress) -> Result<PathBuf> {
        let sources = Path::new(self.sources);
        let folder = cache::root()?.join(self.name).join(hash(sources)?);
        let is_whole = |folder: &Path| folder.join(self.name).is_file();
        let make = async |partial: &Path| {
            let build = GoBuild {
                go: Path::new("go"),
                module: sources,
                packages: vec!["."],
                linker_flags: String::new(),
                // A file, so that it is not called like the Go module.
                folder: &partial.join(self.name),
                name: self.contents,
                first_time: self.first_time,
            };
            go_build(&build, progress).await.context(self.needs)
        };
        cache::keep(&folder, self.contents, progress, is_whole, make).await?;
        Ok(folder.join(self.name))
    }
}

/// Runs such a program, and gives what it prints; `what` is what it is asked for, in messages.
///
/// # Errors
/// When it can not be started, or with what it says when it fails.
pub async fn run(command: &mut Command, what: &str) -> Result<Vec<u8>> {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("starting {}", command.as_std().get_program().display()))?;
    ensure!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

/// The same, of one that prints JSON.
///
/// # Errors
/// Those of [`run`], and when it prints something else.
pub async fn ask<T: DeserializeOwned>(command: &mut Command, what: &str) -> Result<T> {
    let printed = run(command, what).await?;
    serde_json::from_slice(&printed).with_context(|| {
        let said = String::from_utf8_lossy(&printed);
        format!("{what} printed {said:?}")
    })
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
