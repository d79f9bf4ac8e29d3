//! However a control plane ends, no process and no file of it is left.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, Options, programs, progress};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A `control-plane up` that is ready.
struct Up {
    child: Child,
    folder: PathBuf,
}

impl Up {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_control-plane"))
            .arg("up")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let kubeconfig = line
            .trim()
            .strip_prefix("export KUBECONFIG='")
            .and_then(|rest| rest.strip_suffix('\''));
        let folder = Path::new(kubeconfig.unwrap_or_else(|| panic!("{line:?}")))
            .parent()
            .unwrap()
            .to_owned();
        Self { child, folder }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // For a test that fails; an error says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that work in the folder, or have its name on their command line, or are in the process group of one
/// that does. What has ended and is not yet reaped is not counted.
fn processes_of(folder: &Path) -> Vec<String> {
    let all: Vec<_> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Process::read(&entry.unwrap().path()))
        .collect();
    let is_in = |process: &Process| {
        process.works_in.as_deref() == Some(folder)
            || process.command_line.contains(folder.to_str().unwrap())
    };
    let groups: Vec<_> = all
        .iter()
        .filter(|process| is_in(process))
        .map(|process| process.group)
        .collect();
    all.into_iter()
        .filter(|process| groups.contains(&process.group))
        .map(|process| process.command_line)
        .collect()
}

struct Process {
    group: i32,
    works_in: Option<PathBuf>,
    command_line: String,
}

impl Process {
    fn read(folder: &Path) -> Option<Self> {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // After the name in parentheses: state, parent, process group.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let command_line = fs::read(folder.join("cmdline")).ok()?;
        (fields[0] != "Z").then(|| Self {
            group: fields[2].parse().unwrap(),
            works_in: fs::read_link(folder.join("cwd")).ok(),
            command_line: String::from_utf8_lossy(&command_line).replace('\0', " "),
        })
    }
}

fn assert_nothing_left(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while folder.exists() || !processes_of(folder).is_empty() {
        let exists = folder.exists();
        assert!(
            Instant::now() < deadline,
            "folder there: {exists}, processes: {:#?}",
            processes_of(folder)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// etcd, kube-apiserver, kube-controller-manager, the leader of their group, and the watchdog.
fn assert_all_there(folder: &Path) {
    assert_eq!(processes_of(folder).len(), 5, "{:#?}", processes_of(folder));
    assert!(folder.join("kubeconfig").exists());
}

#[test]
fn killed_with_sigkill() {
    let mut up = Up::start();
    assert_all_there(&up.folder);
    up.signal(Signal::SIGKILL);
    up.child.wait().unwrap();
    assert_nothing_left(&up.folder);
}

#[test]
fn ended_by_ctrl_c_or_sigterm() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut up = Up::start();
        assert_all_there(&up.folder);
        up.signal(signal);
        assert!(up.child.wait().unwrap().success());
        // It has cleaned up before it ended, so there is nothing to wait for.
        assert!(!up.folder.exists());
        assert_eq!(processes_of(&up.folder), [""; 0]);
    }
}

#[tokio::test]
async fn stopped_or_dropped() {
    let sources = programs::Sources::from_env().unwrap();
    let programs = programs::find(&sources, &progress::to_stderr)
        .await
        .unwrap();
    let plane = ControlPlane::start(Options::new(programs.clone()))
        .await
        .unwrap();
    let folder = plane.folder().to_owned();
    plane.stop().await;
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder), [""; 0]);

    let plane = ControlPlane::start(Options::new(programs)).await.unwrap();
    let folder = plane.folder().to_owned();
    drop(plane);
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder), [""; 0]);
}

#[tokio::test]
async fn failed_to_start() {
    let sources = programs::Sources::from_env().unwrap();
    let mut programs = programs::find(&sources, &progress::to_stderr)
        .await
        .unwrap();
    // `false` ends at once without a word.
    programs.kube_apiserver = PathBuf::from("false");
    let before = folders();
    let error = ControlPlane::start(Options::new(programs))
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("kube-apiserver ended (exit status: 1)"),
        "{error}"
    );
    let left: Vec<_> = folders()
        .into_iter()
        .filter(|folder| !before.contains(folder))
        .collect();
    for folder in left {
        // Another test may have started one in the meantime, but then something runs in it.
        assert!(!processes_of(&folder).is_empty(), "{}", folder.display());
    }
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(std::env::temp_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("logto-hasura-")
        })
        .collect()
}

#[tokio::test]
async fn not_ready_in_time() {
    let sources = programs::Sources::from_env().unwrap();
    let programs = programs::find(&sources, &progress::to_stderr)
        .await
        .unwrap();
    let mut options = Options::new(programs);
    options.ready_within = Duration::from_millis(300);
    let error = ControlPlane::start(options)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the API server does not get ready: "),
        "{error}"
    );
    assert!(
        error.contains("--- etcd:\n") && error.contains("--- kube-apiserver:\n"),
        "{error}"
    );
}
