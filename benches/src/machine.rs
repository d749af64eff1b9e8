//! On what machine this ran, when, and what.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// One line: processor, cores, kernel, clock source, load.
pub fn describe() -> String {
    let mut line = processor().unwrap_or_else(|| std::env::consts::ARCH.to_string());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let _ = write!(line, ", {cores} cores");
    if let Some(release) = first_line("/proc/sys/kernel/osrelease") {
        let _ = write!(line, ", {} {release}", std::env::consts::OS);
    }
    let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    if let Some(source) = first_line(source) {
        let _ = write!(line, ", clock {source}");
    }
    if let Some(load) = first_line("/proc/loadavg") {
        let _ = write!(line, ", load {} at the begin", load.split(' ').next().unwrap_or_default());
    }
    line
}

/// One line: the date and the commit.
pub fn when() -> String {
    let here = env!("CARGO_MANIFEST_DIR");
    let date = said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
    let commit = said_by("git", &["-C", here, "describe", "--always", "--dirty=, with changes"]);
    let compiler = said_by("rustc", &["--version"]);
    [("", date), ("commit ", commit), ("", compiler)]
        .into_iter()
        .map(|(what, said)| format!("{what}{}", said.unwrap_or_else(|| "unknown".into())))
        .collect::<Vec<_>>()
        .join(", ")
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_string())
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_string())
}
