//! Where kube-apiserver, kube-controller-manager, etcd, helm and kubectl come from.
//!
//! In this order: `$KUBEBUILDER_ASSETS`; the cache; the projects' own release binaries, their checksums verified; a
//! build of the same versions from their Go modules. Release pages that can not be reached within seconds are passed
//! over, so a machine without a network starts to build at once.

mod build;
pub mod cache;
mod download;
mod our_go;
mod set;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::progress::Progress;
pub use our_go::{OurGo, ask, run};
use set::{CONTROL_PLANE, HELM, KUBECTL, Set};

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// The controllers.
    pub kube_controller_manager: PathBuf,
    /// The store.
    pub etcd: PathBuf,
}

/// Where to look, and how long.
#[derive(Debug, Clone)]
pub struct Sources {
    /// A folder that may have the programs already.
    pub assets: Option<PathBuf>,
    /// The folder that keeps what was downloaded or built; made when missing.
    pub cache: PathBuf,
    /// The release pages.
    pub releases: Releases,
    /// The Go command.
    pub go: PathBuf,
    /// How long a connection to a release page may take.
    pub connect_within: Duration,
    /// How long all release pages together have to show what they offer.
    pub probe_within: Duration,
    /// How long a download may stand still.
    pub stall_within: Duration,
}

/// The addresses of the release pages, without a slash at the end.
#[derive(Debug, Clone)]
pub struct Releases {
    /// kube-apiserver, kube-controller-manager and kubectl.
    pub kubernetes: String,
    /// etcd.
    pub etcd: String,
    /// helm.
    pub helm: String,
}

impl Default for Releases {
    fn default() -> Self {
        Self {
            kubernetes: "https://dl.k8s.io".to_owned(),
            etcd: "https://github.com/etcd-io/etcd/releases/download".to_owned(),
            helm: "https://get.helm.sh".to_owned(),
        }
    }
}

impl Sources {
    /// The usual places: `$KUBEBUILDER_ASSETS`, `${XDG_CACHE_HOME:-~/.cache}/logto-hasura/control-plane`, the projects'
    /// release pages, and `go` in the path.
    ///
    /// # Errors
    /// When neither `XDG_CACHE_HOME` nor `HOME` is set.
    pub fn from_env() -> Result<Self> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS");
        Ok(Self {
            assets: assets.filter(|value| !value.is_empty()).map(PathBuf::from),
            cache: cache::root()?.join("control-plane"),
            releases: Releases::default(),
            go: PathBuf::from("go"),
            connect_within: Duration::from_secs(3),
            probe_within: Duration::from_secs(5),
            stall_within: Duration::from_secs(20),
        })
    }
}

/// Finds the programs of a control plane, or makes them.
///
/// # Errors
/// When they can neither be found, nor downloaded, nor built; the message says why, and what to install.
pub async fn find(sources: &Sources, progress: &Progress) -> Result<Programs> {
    let folder = find_set(&CONTROL_PLANE, sources, progress).await?;
    Ok(Programs {
        kube_apiserver: folder.join("kube-apiserver"),
        kube_controller_manager: folder.join("kube-controller-manager"),
        etcd: folder.join("etcd"),
    })
}

/// Finds helm, or makes it. It is apart from [`find`], so that only who renders charts waits for it.
///
/// # Errors
/// As for [`find`].
pub async fn find_helm(sources: &Sources, progress: &Progress) -> Result<PathBuf> {
    Ok(find_set(&HELM, sources, progress).await?.join("helm"))
}

/// Finds kubectl, or makes it; apart from [`find`], since only the documentation's commands need it.
///
/// # Errors
/// As for [`find`].
pub async fn find_kubectl(sources: &Sources, progress: &Progress) -> Result<PathBuf> {
    Ok(find_set(&KUBECTL, sources, progress).await?.join("kubectl"))
}

/// The folder that has all programs of the set.
async fn find_set(set: &Set, sources: &Sources, progress: &Progress) -> Result<PathBuf> {
    if let Some(assets) = &sources.assets {
        let missing = set.missing_in(assets);
        if missing.is_empty() {
            return Ok(assets.clone());
        }
        progress(&format!(
            "KUBEBUILDER_ASSETS is passed over: {} is not there",
            missing.join(", ")
        ));
    }
    let folder = sources.cache.join(set.folder_name());
    let is_whole = |folder: &Path| set.missing_in(folder).is_empty();
    let make = async |partial: &Path| obtain(set, sources, partial, progress).await;
    cache::keep(&folder, set.name, progress, is_whole, make).await?;
    Ok(folder)
}

/// Fills an empty folder with the programs of the set.
async fn obtain(set: &Set, sources: &Sources, folder: &Path, progress: &Progress) -> Result<()> {
    let no_download = match download::fetch(set, sources, folder, progress).await {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    progress(&format!(
        "no release of {} to download: {no_download:#}",
        set.name
    ));
    build::build(set, &sources.go, folder, progress).await.map_err(|no_build| {
        let names: Vec<_> = set.programs.iter().map(|program| program.name).collect();
        anyhow!(
            "the programs of {} could neither be downloaded ({no_download:#}) nor built ({no_build:#}); install Go \
             1.26 or later from https://go.dev/dl, or put {} into a folder and name it in KUBEBUILDER_ASSETS",
            set.name,
            names.join(", ")
        )
    })
}
