//! What a user is told while something takes long.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Takes one line, without its end, of what is being done.
pub type Progress = dyn Fn(&str) + Send + Sync;

/// Writes the line to standard error, dimmed where that is a terminal and `NO_COLOR` is not set.
pub fn to_stderr(line: &str) {
    let mut stderr = std::io::stderr();
    let colours = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (dim, plain) = if colours {
        ("\x1b[2m", "\x1b[0m")
    } else {
        ("", "")
    };
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(stderr, "{dim}control-plane: {line}{plain}");
}

/// Runs `work`, and says a line about it every `pace` with the time since it began.
pub(crate) async fn beside<T>(
    progress: &Progress,
    pace: Duration,
    line: impl Fn(Elapsed) -> String,
    work: impl Future<Output = T>,
) -> T {
    let began = Instant::now();
    let mut ticks = interval_at(began + pace, pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut work = pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => progress(&line(Elapsed(began.elapsed()))),
        }
    }
}

/// A time span, shown as `1 min 05 s`.
pub(crate) struct Elapsed(pub(crate) Duration);

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        match seconds / 60 {
            0 => write!(f, "{seconds} s"),
            minutes => write!(f, "{minutes} min {:02} s", seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_work_says_a_line_at_each_pace() {
        let lines = Mutex::new(Vec::new());
        let said = std::sync::Arc::new(lines);
        let listener = said.clone();
        let progress = move |line: &str| listener.lock().unwrap().push(line.to_owned());
        let work = tokio::time::sleep(Duration::from_secs(70));
        beside(
            &progress,
            Duration::from_secs(30),
            |elapsed| format!("building, {elapsed}"),
            work,
        )
        .await;
        assert_eq!(
            *said.lock().unwrap(),
            ["building, 30 s", "building, 1 min 00 s"]
        );
    }
}
