//! A port that somebody else takes first.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use control_plane::{ControlPlane, Options, programs, progress};

/// The only test of its binary: no other thread may start a process while the script is being written.
#[tokio::test]
async fn a_taken_port_is_no_reason_to_give_up() {
    let sources = programs::Sources::from_env().unwrap();
    let mut programs = programs::find(&sources, &progress::to_stderr)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("etcd");
    let text = format!(
        "#!/bin/sh\n\
         if mkdir '{0}/tried'; then echo 'listen tcp 127.0.0.1:1: bind: address already in use'; exit 1; fi\n\
         exec '{1}' \"$@\"\n",
        folder.path().display(),
        programs.etcd.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    programs.etcd = script;

    let plane = ControlPlane::start(Options::new(programs)).await.unwrap();
    assert!(folder.path().join("tried").exists());
    plane.client().unwrap().apiserver_version().await.unwrap();
    plane.stop().await;
}
