//! The projects' release binaries.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::Sources;
use super::cache;
use super::set::{Download, Program, Set};
use crate::progress::{self, Progress};
use crate::tls;

/// A release that exists, with the checksum that it has to have.
struct Offer<'a> {
    program: &'a Program,
    download: Download,
    sha256: String,
}

/// Downloads all programs of the set into the folder. On an error the folder is empty again.
pub(super) async fn fetch(
    set: &Set,
    sources: &Sources,
    folder: &Path,
    progress: &Progress,
) -> Result<()> {
    tls::use_ring();
    let client = reqwest::Client::builder()
        .connect_timeout(sources.connect_within)
        .read_timeout(sources.stall_within)
        .build()?;
    let offers = tokio::time::timeout(sources.probe_within, probe(&client, set, sources))
        .await
        .with_context(|| format!("no answer within {} s", sources.probe_within.as_secs_f32()))??;
    let Set {
        name,
        download_size,
        ..
    } = set;
    progress(&format!(
        "downloading the programs of {name} {}, some {download_size}",
        set.version()
    ));
    let result = fetch_all(&client, &offers, folder, progress).await;
    if result.is_err() {
        cache::clear(folder)?;
        fs::create_dir(folder)?;
    }
    result
}

/// The checksums are small and needed anyway, so asking for them shows whether the release pages are there.
async fn probe<'a>(
    client: &reqwest::Client,
    set: &'a Set,
    sources: &Sources,
) -> Result<Vec<Offer<'a>>> {
    try_join_all(set.programs.iter().map(|program| async move {
        let download = program
            .download(&sources.releases)
            .context("there is none for this operating system")?;
        let sums = get(client, &download.sums_url).await?.text().await?;
        let file = download.url.rsplit('/').next().unwrap_or_default();
        let sha256 = checksum_of(&sums, file)
            .with_context(|| format!("{} has no checksum of {file}", download.sums_url))?;
        Ok(Offer {
            program,
            download,
            sha256,
        })
    }))
    .await
}

async fn fetch_all(
    client: &reqwest::Client,
    offers: &[Offer<'_>],
    folder: &Path,
    progress: &Progress,
) -> Result<()> {
    for offer in offers {
        let received = AtomicU64::new(0);
        let line = |elapsed| {
            let megabytes = received.load(Ordering::Relaxed) / 1_000_000;
            format!(
                "downloading {}: {megabytes} MB, {elapsed}",
                offer.program.name
            )
        };
        let work = fetch_one(client, offer, folder, &received);
        progress::beside(progress, Duration::from_secs(15), line, work).await?;
    }
    Ok(())
}

async fn fetch_one(
    client: &reqwest::Client,
    offer: &Offer<'_>,
    folder: &Path,
    received: &AtomicU64,
) -> Result<()> {
    let Offer {
        program,
        download,
        sha256,
    } = offer;
    let path = folder.join(program.name);
    let raw = if download.member.is_some() {
        path.with_extension("tar.gz")
    } else {
        path.clone()
    };
    let found = save(client, &download.url, &raw, received).await?;
    ensure!(
        found == *sha256,
        "{} is refused: its SHA-256 is {found}, the project says {sha256}",
        download.url
    );
    if let Some(member) = &download.member {
        unpack(&raw, member, &path).await?;
        fs::remove_file(&raw)?;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    Ok(())
}

/// Writes what the URL gives into the file; returns its SHA-256 in hexadecimal.
async fn save(
    client: &reqwest::Client,
    url: &str,
    path: &Path,
    received: &AtomicU64,
) -> Result<String> {
    let mut response = get(client, url).await?;
    let mut file = File::create(path)?;
    let mut hash = Sha256::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .with_context(|| format!("{url} broke off"))?
    {
        file.write_all(&chunk)?;
        hash.update(&chunk);
        received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

async fn get(client: &reqwest::Client, url: &str) -> Result<reqwest::Response> {
    let response = client.get(url).send().await?;
    ensure!(
        response.status().is_success(),
        "{url} answers {}",
        response.status()
    );
    Ok(response)
}

/// Takes one file out of a tar.gz; `tar` is on every Linux and macOS, so no library for it.
async fn unpack(archive: &Path, member: &str, path: &Path) -> Result<()> {
    let tar = Command::new("tar")
        .arg("-xzOf")
        .arg(archive)
        .arg(member)
        .stdin(Stdio::null())
        .stdout(File::create(path)?)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("tar can not be run")?;
    let output = tar.wait_with_output().await?;
    if !output.status.success() {
        bail!(
            "tar finds no {member}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// The checksum of the file in a list of `<sum>  <name>`, or the only one when the text is just a sum.
fn checksum_of(sums: &str, file: &str) -> Option<String> {
    let is_sum =
        |word: &str| word.len() == 64 && word.chars().all(|digit| digit.is_ascii_hexdigit());
    sums.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let sum = words.next().filter(|word| is_sum(word))?;
        let name = words
            .next()
            .map_or(file, |name| name.trim_start_matches('*'));
        (name == file).then(|| sum.to_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_file() {
        let (a, b) = ("A".repeat(64), "b".repeat(64));
        let lower = a.to_lowercase();
        assert_eq!(
            checksum_of(&format!("{a}\n"), "etcd.tar.gz"),
            Some(lower.clone())
        );
        assert_eq!(
            checksum_of(&format!("{b}  other\n{a} *etcd.tar.gz\n"), "etcd.tar.gz"),
            Some(lower)
        );
        assert_eq!(checksum_of(&format!("{b}  other\n"), "etcd.tar.gz"), None);
        assert_eq!(
            checksum_of("<html>no such file</html>", "etcd.tar.gz"),
            None
        );
    }
}
