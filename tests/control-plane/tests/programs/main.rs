//! Where the programs come from: assets, cache, releases, a build. The releases are small files on loopback.
#![allow(clippy::unwrap_used)]

mod setting;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use control_plane::programs;
use setting::{Setting, read};
use support::Answer;

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
async fn kubectl_is_downloaded_alone() {
    let setting = Setting::new().await;
    let kubectl = programs::find_kubectl(&setting.sources, &*setting.progress())
        .await
        .unwrap();
    assert_eq!(read(&kubectl), "kubectl");
    let asked = setting.server.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
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
