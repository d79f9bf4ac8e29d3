//! What a test of where the programs come from needs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control_plane::programs::{self, Releases, Sources};
use control_plane::progress::Progress;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::{Answer, Server};

/// A cache of its own, release pages on loopback, a Go that builds nothing real, and what the user is told.
pub struct Setting {
    pub server: Server,
    pub sources: Sources,
    pub folder: TempDir,
    said: Arc<Mutex<Vec<String>>>,
}

impl Setting {
    pub async fn new() -> Self {
        let server = Server::start().await;
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources {
            assets: None,
            cache: folder.path().join("cache"),
            releases: Releases {
                kubernetes: server.url("/kubernetes"),
                etcd: server.url("/etcd"),
                helm: server.url("/helm"),
            },
            go: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-go"),
            connect_within: Duration::from_secs(3),
            probe_within: Duration::from_secs(5),
            stall_within: Duration::from_secs(5),
        };
        let setting = Self {
            server,
            sources,
            folder,
            said: Arc::default(),
        };
        setting.release_all();
        setting
    }

    /// Puts all programs on the release pages, as their projects do.
    fn release_all(&self) {
        let (version, etcd, helm) = ("v1.36.3", "v3.6.8", "v4.2.4");
        let arch = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        for name in ["kube-apiserver", "kube-controller-manager", "kubectl"] {
            let path = format!("/kubernetes/{version}/bin/linux/{arch}/{name}");
            self.release(
                &path,
                format!("{path}.sha256"),
                name.as_bytes().to_vec(),
                false,
            );
        }
        let archive = format!("etcd-{etcd}-linux-{arch}");
        let packed = self.pack(&format!("{archive}/etcd"), "etcd");
        self.release(
            &format!("/etcd/{etcd}/{archive}.tar.gz"),
            format!("/etcd/{etcd}/SHA256SUMS"),
            packed,
            true,
        );
        let path = format!("/helm/helm-{helm}-linux-{arch}.tar.gz");
        let packed = self.pack(&format!("linux-{arch}/helm"), "helm");
        self.release(&path, format!("{path}.sha256sum"), packed, true);
    }

    fn release(&self, path: &str, sums: String, content: Vec<u8>, with_name: bool) {
        let mut sum: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if with_name {
            let file = path.rsplit('/').next().unwrap();
            sum = format!("{}  another-file\n{sum}  {file}\n", "0".repeat(64));
        }
        self.server.set(&sums, Answer::Body(200, sum.into_bytes()));
        self.server.set(path, Answer::Body(200, content));
    }

    fn pack(&self, member: &str, content: &str) -> Vec<u8> {
        let path = self.folder.path().join(member);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        let archive = self.folder.path().join("archive.tar.gz");
        let tar = Command::new("tar")
            .current_dir(&self.folder)
            .arg("-czf")
            .arg(&archive)
            .arg(member)
            .status();
        assert!(tar.unwrap().success());
        fs::read(archive).unwrap()
    }

    /// The path on the release pages that ends so.
    pub fn page(&self, end: &str) -> String {
        let arch = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        format!("/kubernetes/v1.36.3/bin/linux/{arch}/{end}")
    }

    pub fn progress(&self) -> Box<Progress> {
        let said = self.said.clone();
        Box::new(move |line| said.lock().unwrap().push(line.to_owned()))
    }

    /// What the three programs hold.
    pub async fn find(&self) -> anyhow::Result<[String; 3]> {
        let found = programs::find(&self.sources, &*self.progress()).await?;
        Ok([
            found.kube_apiserver,
            found.kube_controller_manager,
            found.etcd,
        ]
        .map(|path| read(&path)))
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    pub fn builds(&self) -> usize {
        fs::read_to_string(self.sources.cache.join("builds"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    pub async fn falls_over_to_the_build(&self, because: &str) {
        let found = self.find().await.unwrap();
        assert_eq!(found, ["built"; 3]);
        assert!(self.said().contains(because), "{}", self.said());
        assert!(self.said().contains("about 10 minutes"), "{}", self.said());
    }
}

pub fn read(program: &PathBuf) -> String {
    assert_ne!(
        fs::metadata(program).unwrap().permissions().mode() & 0o111,
        0
    );
    fs::read_to_string(program).unwrap()
}
