//! Where the programs come from: assets, cache, releases, a build. The releases are small files on loopback.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use control_plane::programs::{self, Releases, Sources};
use control_plane::progress::Progress;
use sha2::{Digest as _, Sha256};
use support::{Answer, Server};
use tempfile::TempDir;

/// A cache of its own, release pages on loopback, a Go that builds nothing real, and what the user is told.
struct Setting {
    server: Server,
    sources: Sources,
    folder: TempDir,
    said: Arc<Mutex<Vec<String>>>,
}

impl Setting {
    async fn new() -> Self {
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
        for name in ["kube-apiserver", "kube-controller-manager"] {
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
    fn page(&self, end: &str) -> String {
        let arch = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        format!("/kubernetes/v1.36.3/bin/linux/{arch}/{end}")
    }

    fn progress(&self) -> Box<Progress> {
        let said = self.said.clone();
        Box::new(move |line| said.lock().unwrap().push(line.to_owned()))
    }

    /// What the three programs hold.
    async fn find(&self) -> anyhow::Result<[String; 3]> {
        let found = programs::find(&self.sources, &*self.progress()).await?;
        Ok([
            found.kube_apiserver,
            found.kube_controller_manager,
            found.etcd,
        ]
        .map(|path| read(&path)))
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    fn builds(&self) -> usize {
        fs::read_to_string(self.sources.cache.join("builds"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    async fn falls_over_to_the_build(&self, because: &str) {
        let found = self.find().await.unwrap();
        assert_eq!(found, ["built"; 3]);
        assert!(self.said().contains(because), "{}", self.said());
        assert!(self.said().contains("about 10 minutes"), "{}", self.said());
    }
}

fn read(program: &PathBuf) -> String {
    assert_ne!(
        fs::metadata(program).unwrap().permissions().mode() & 0o111,
        0
    );
    fs::read_to_string(program).unwrap()
}

const RELEASED: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "etcd"];

#[tokio::test]
async fn releases_are_downloaded_once_and_kept() {
    let setting = Setting::new().await;
    assert_eq!(setting.find().await.unwrap(), RELEASED);
    assert!(
        setting
            .said()
            .contains("downloading the programs of control plane v1.36.3"),
        "{}",
        setting.said()
    );
    let asked = setting.server.asked().len();
    assert_eq!(asked, 6, "{:?}", setting.server.asked());

    assert_eq!(setting.find().await.unwrap(), RELEASED);
    assert_eq!(setting.server.asked().len(), asked);
    assert_eq!(setting.builds(), 0);
}

#[tokio::test]
async fn helm_is_downloaded_alone() {
    let setting = Setting::new().await;
    let helm = programs::find_helm(&setting.sources, &*setting.progress())
        .await
        .unwrap();
    assert_eq!(read(&helm), "helm");
    assert_eq!(
        setting.server.asked().len(),
        2,
        "{:?}",
        setting.server.asked()
    );
}

#[tokio::test]
async fn a_download_with_a_wrong_checksum_is_refused_and_built_instead() {
    let setting = Setting::new().await;
    setting.server.set(
        &setting.page("kube-controller-manager"),
        Answer::Body(200, b"evil".to_vec()),
    );
    setting
        .falls_over_to_the_build("kube-controller-manager is refused: its SHA-256 is")
        .await;
}

#[tokio::test]
async fn a_missing_release_is_built_instead() {
    let setting = Setting::new().await;
    setting.server.set(
        &setting.page("kube-apiserver.sha256"),
        Answer::Body(404, Vec::new()),
    );
    setting.falls_over_to_the_build("answers 404").await;
}

#[tokio::test]
async fn a_page_that_is_no_checksum_is_not_trusted() {
    let setting = Setting::new().await;
    let login = Answer::Body(200, b"<html>sign in to the wifi</html>".to_vec());
    setting
        .server
        .set(&setting.page("kube-apiserver.sha256"), login);
    setting
        .falls_over_to_the_build("has no checksum of kube-apiserver")
        .await;
}

#[tokio::test]
async fn release_pages_that_do_not_answer_are_passed_over_in_time() {
    let mut setting = Setting::new().await;
    setting.sources.probe_within = Duration::from_millis(300);
    setting
        .server
        .set(&setting.page("kube-apiserver.sha256"), Answer::Silence);
    let began = Instant::now();
    setting
        .falls_over_to_the_build("no answer within 0.3 s")
        .await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_download_that_stands_still_is_given_up() {
    let mut setting = Setting::new().await;
    setting.sources.stall_within = Duration::from_millis(300);
    setting
        .server
        .set(&setting.page("kube-apiserver"), Answer::Stall);
    setting
        .falls_over_to_the_build("kube-apiserver broke off")
        .await;
}

#[tokio::test]
async fn a_machine_without_network_builds_at_once() {
    let mut setting = Setting::new().await;
    // Nothing listens on the discard port.
    setting.sources.releases.kubernetes = "http://127.0.0.1:9".to_owned();
    setting
        .falls_over_to_the_build("no release of control plane to download")
        .await;
}

#[tokio::test]
async fn without_releases_and_go_the_user_learns_what_to_install() {
    let mut setting = Setting::new().await;
    setting.sources.releases.kubernetes = "http://127.0.0.1:9".to_owned();
    setting.sources.go = PathBuf::from("/nonexistent/go");
    let error = setting.find().await.unwrap_err().to_string();
    for part in [
        "neither be downloaded",
        "/nonexistent/go can not be run",
        "install Go 1.26",
        "KUBEBUILDER_ASSETS",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_build_that_fails_shows_what_go_said() {
    let mut setting = Setting::new().await;
    setting.sources.releases.kubernetes = "http://127.0.0.1:9".to_owned();
    // Its arguments make `ls` fail in its own words.
    setting.sources.go = PathBuf::from("ls");
    let error = setting.find().await.unwrap_err().to_string();
    assert!(error.contains("nor built (go build: ls: "), "{error}");
    assert!(!setting.sources.cache.join("v1.36.3-linux-amd64").exists());
}

#[tokio::test]
async fn assets_go_before_everything_else() {
    let mut setting = Setting::new().await;
    let assets = setting.folder.path().join("assets");
    fs::create_dir(&assets).unwrap();
    setting.sources.assets = Some(assets.clone());
    for name in ["kube-apiserver", "etcd"] {
        fs::write(assets.join(name), "asset").unwrap();
        fs::set_permissions(assets.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    // The usual envtest archives lack it, and versions are not mixed.
    assert_eq!(setting.find().await.unwrap(), RELEASED);
    assert!(
        setting
            .said()
            .contains("passed over: kube-controller-manager is not there"),
        "{}",
        setting.said()
    );

    fs::copy(assets.join("etcd"), assets.join("kube-controller-manager")).unwrap();
    assert_eq!(setting.find().await.unwrap(), ["asset"; 3]);
}

#[tokio::test]
async fn two_at_once_build_once() {
    let mut setting = Setting::new().await;
    setting.sources.releases.kubernetes = "http://127.0.0.1:9".to_owned();
    let (one, other) = tokio::join!(setting.find(), setting.find());
    assert_eq!(
        (one.unwrap(), other.unwrap()),
        (
            ["built"; 3].map(String::from),
            ["built"; 3].map(String::from)
        )
    );
    assert_eq!(setting.builds(), 1);
    assert!(
        setting
            .said()
            .contains("another process makes the programs"),
        "{}",
        setting.said()
    );
}

#[tokio::test]
async fn what_a_killed_download_left_is_made_good() {
    let setting = Setting::new().await;
    setting.find().await.unwrap();
    let folder = fs::read_dir(&setting.sources.cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    fs::remove_file(folder.join("etcd")).unwrap();
    let partial = PathBuf::from(format!("{}.partial", folder.display()));
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("etcd"), "half").unwrap();

    assert_eq!(setting.find().await.unwrap(), RELEASED);
    assert!(!partial.exists());
}
