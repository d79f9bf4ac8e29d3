//! The cache: folders that appear whole or not at all, each made by one process at a time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

use super::build::BUILD_LIMIT;
use crate::progress::{Elapsed, Progress};

/// Where everything that is downloaded or built once is kept: `${XDG_CACHE_HOME:-~/.cache}/logto-hasura`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn root() -> Result<PathBuf> {
    let path = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    path("XDG_CACHE_HOME")
        .or_else(|| path("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("logto-hasura"))
        .context("no folder for the cache: set XDG_CACHE_HOME or HOME")
}

/// Lets `make` fill the folder, unless it is whole already. `name` says in messages whose programs it is for. What `make`
/// is given is an empty folder, which becomes the final one when it is done.
///
/// # Errors
/// What `make` says, when the folder can not be written, or when another process holds it for more than an hour.
pub async fn keep(
    folder: &Path,
    name: &str,
    progress: &Progress,
    is_whole: impl Fn(&Path) -> bool,
    make: impl AsyncFnOnce(&Path) -> Result<()>,
) -> Result<()> {
    if is_whole(folder) {
        return Ok(());
    }
    let lock = lock(folder, name, progress).await?;
    if is_whole(folder) {
        return Ok(());
    }
    let partial = empty_partial(folder)?;
    make(&partial).await?;
    publish(&partial, folder)?;
    drop(lock);
    progress(&format!("the programs are kept in {}", folder.display()));
    Ok(())
}

/// Waits until this process alone may make the folder; the lock ends with the returned file, or with the process.
async fn lock(folder: &Path, name: &str, progress: &Progress) -> Result<File> {
    let path = beside(folder, "lock");
    let parent = folder.parent().context("the cache folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("the cache folder {}", parent.display()))?;
    let file = File::create(&path).with_context(|| format!("the lock {}", path.display()))?;
    let began = Instant::now();
    let mut told = began;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("the lock {}", path.display()));
            }
        }
        if began.elapsed() > BUILD_LIMIT {
            bail!("another process holds {} for too long", path.display());
        }
        if told == began || told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            let waited = Elapsed(began.elapsed());
            progress(&format!(
                "another process makes the programs of {name}; waited {waited}"
            ));
        }
        // std's file lock can not be awaited.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// An empty folder beside the final one; what a killed process left there is removed. Needs the lock.
fn empty_partial(folder: &Path) -> Result<PathBuf> {
    let partial = beside(folder, "partial");
    clear(&partial)?;
    fs::create_dir(&partial).with_context(|| format!("the folder {}", partial.display()))?;
    Ok(partial)
}

/// Removes the folder and what is in it, if it is there.
pub(super) fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("the old folder {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Makes the filled folder the final one. Needs the lock.
fn publish(partial: &Path, folder: &Path) -> Result<()> {
    clear(folder)?;
    fs::rename(partial, folder).with_context(|| format!("the folder {}", folder.display()))
}

fn beside(folder: &Path, extension: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}
