//! The machine, and the time that its processors spend.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;

/// In a sentence.
pub fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let model = field(&read("/proc/cpuinfo"), "model name");
    let kilobytes = field(&read("/proc/meminfo"), "MemTotal");
    let kilobytes = kilobytes.trim_end_matches(" kB").parse().unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {model}, {:.0} GiB of memory, Linux {}",
        kilobytes / 1024.0 / 1024.0,
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// Processor time of this process.
pub fn own_processor_time() -> anyhow::Result<Duration> {
    processor_time("self")
}

/// Processor time of a process, user and system.
pub fn processor_time(id: &str) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The program's name comes second; it may hold anything, but the last bracket closes it.
    let (_, rest) = text.rsplit_once(") ").context("a stat line")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    // Hundredths of a second, on every Linux.
    let ticks = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
    Ok(Duration::from_millis(10) * ticks)
}

/// Processor time of the processes that run in a folder.
pub fn processor_time_in(folder: &Path) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    for process in fs::read_dir("/proc")? {
        let process = process?;
        let id = process.file_name().to_string_lossy().into_owned();
        let runs_there =
            fs::read_link(process.path().join("cwd")).is_ok_and(|there| there == folder);
        // One may end between the two looks.
        if runs_there && let Ok(time) = processor_time(&id) {
            sum += time;
        }
    }
    Ok(sum)
}
