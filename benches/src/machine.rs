//! On what machine this ran.

use std::fmt::Write as _;
use std::fs;

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
        let _ = write!(line, ", load {}", load.split(' ').next().unwrap_or_default());
    }
    line
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_string())
}
