//! Running programs that end, with their folder, when this value does, or when this whole process is killed.
//!
//! Nothing that runs in a process can clean up after its SIGKILL, so two small helpers do. `leader` is a `cat` whose
//! process group all programs join; `watchdog` is a shell that waits until its standard input, a pipe that only this
//! process holds, is closed, then kills that group and removes the folder. Both are there before the folder and the
//! first program are, so there is no moment at which something could be left behind. The group also keeps a terminal's
//! Ctrl-C away from the programs, so that they end in order.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, anyhow};

/// Kills the group $1 and removes the folder $2 as soon as the pipe is closed. The second try is for a file that a
/// program, already killed, was just making.
const WATCHDOG: &str = r#"
read -r _
kill -s KILL -- "-$1"
rm -rf -- "$2" || { sleep 1; rm -rf -- "$2"; }
"#;

pub(crate) struct Processes {
    folder: PathBuf,
    leader: Child,
    watchdog: Child,
    programs: Vec<Program>,
}

struct Program {
    name: &'static str,
    child: Child,
}

impl Processes {
    /// Makes the folder and the helpers.
    pub(crate) fn new() -> Result<Self> {
        let name = format!("logto-hasura-{:016x}", rand::random::<u64>());
        let folder = std::env::temp_dir().join(name);
        let path = folder
            .to_str()
            .context("the name of the temporary folder is not UTF-8")?;
        let leader = helper("cat", &[])?;
        let group = leader.id().to_string();
        let watchdog = helper("sh", &["-c", WATCHDOG, "sh", &group, path])?;
        // A folder that is there already is an error, so nobody can have prepared one.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("the folder {path}"))?;
        Ok(Self {
            folder,
            leader,
            watchdog,
            programs: Vec::new(),
        })
    }

    /// The folder that lives as long as the programs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program; what it says goes to `<name>.log` in the folder.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        program: &Path,
        arguments: &[String],
    ) -> Result<()> {
        let log = File::create(self.log_path(name))?;
        let group = i32::try_from(self.leader.id()).context("a process id is too large")?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .process_group(group)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} can not be started", program.display()))?;
        self.programs.push(Program { name, child });
        Ok(())
    }

    /// Ends a program that was started under this name, and waits until it has.
    pub(crate) fn end(&mut self, name: &str) -> Result<()> {
        let place = self
            .programs
            .iter()
            .position(|program| program.name == name);
        let mut program = self
            .programs
            .remove(place.with_context(|| format!("no {name} runs"))?);
        program.child.kill()?;
        program.child.wait()?;
        Ok(())
    }

    /// Whether all programs still run.
    ///
    /// # Errors
    /// When one has ended; the message has its last words.
    pub(crate) fn check(&mut self) -> Result<()> {
        let mut ended = None;
        for program in &mut self.programs {
            if let Some(status) = program.child.try_wait()? {
                ended = Some((program.name, status));
                break;
            }
        }
        match ended {
            None => Ok(()),
            Some((name, status)) => Err(anyhow!(
                "{name} ended ({status}):\n{}",
                self.last_words(name)
            )),
        }
    }

    /// The last lines of every program, for a message about why it goes no further.
    pub(crate) fn all_last_words(&self) -> String {
        let words = self.programs.iter().map(|program| {
            let name = program.name;
            format!("--- {name}:\n{}", self.last_words(name))
        });
        words.collect::<Vec<_>>().join("\n")
    }

    fn last_words(&self, name: &str) -> String {
        const LINES: usize = 12;
        let log = fs::read(self.log_path(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.trim_end().lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}

impl Drop for Processes {
    /// Kills without a word of warning: the data is thrown away anyway. The watchdog goes last, so that it takes over if
    /// this process is killed on the way.
    fn drop(&mut self) {
        for program in &mut self.programs {
            // An error says that the program has ended already.
            let _ = program.child.kill();
        }
        for program in &mut self.programs {
            let _ = program.child.wait();
        }
        // What is left after an error is what the operating system cleans up with its temporary files.
        let _ = fs::remove_dir_all(&self.folder);
        for helper in [&mut self.leader, &mut self.watchdog] {
            let _ = helper.kill();
            let _ = helper.wait();
        }
    }
}

/// Starts a helper in a process group of its own that sees its standard input closed when this process ends.
fn helper(program: &str, arguments: &[&str]) -> Result<Child> {
    Command::new(program)
        .args(arguments)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{program} can not be started"))
}
