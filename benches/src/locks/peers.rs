//! Contestants that are processes of their own: they are built when first
//! asked for, told by words what to run, and answer with lines. The words and
//! the lines are described in `peers/README.md`.

use super::Contestant;
use crate::job::Job;
use crate::load::Edge;
use crate::metrics::{self, Values};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Builds the program of `lock`, if it has one and this has not been done; says
/// why it is missing.
pub fn ensure(lock: Contestant) -> Result<(), &'static str> {
    if lock.is_elsewhere() { program(lock).map(|_| ()) } else { Ok(()) }
}

fn program(lock: Contestant) -> Result<&'static Path, &'static str> {
    static PROGRAMS: [OnceLock<Result<PathBuf, String>>; 3] = [const { OnceLock::new() }; 3];
    let which = match lock {
        Contestant::HoldupSemaphore => 0,
        Contestant::Go => 1,
        Contestant::Abseil => 2,
        _ => return Err("part of this process"),
    };
    match PROGRAMS[which].get_or_init(|| build(lock)) {
        Ok(path) => Ok(path),
        Err(why) => Err(why),
    }
}

fn build(lock: Contestant) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/build");
    let output = Command::new(script)
        .arg(lock.name())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("peers/build: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().next_back().unwrap_or("peers/build failed").to_string();
    if output.status.success() { Ok(PathBuf::from(last)) } else { Err(last) }
}

/// Runs the job of these words once; nothing where `lock` cannot do it or is
/// missing.
pub fn run(lock: Contestant, words: &[String], edge: &mut dyn FnMut(Edge)) -> Values {
    let Ok(program) = program(lock) else { return Values::new() };
    let mut command = Command::new(program);
    if lock == Contestant::HoldupSemaphore {
        command.arg("--child");
    }
    let child = command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return Values::new() };
    let lines = child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines());
    let mut values = Values::new();
    for line in lines.map_while(Result::ok) {
        match line.as_str() {
            "begin" => edge(Edge::Begin),
            "end" => edge(Edge::End),
            _ => values.extend(value(&line)),
        }
    }
    match child.wait() {
        Ok(status) if status.success() => values,
        _ => {
            eprintln!("{} failed at {}", lock.name(), words.join(" "));
            Values::new()
        }
    }
}

/// A line "name: number".
fn value(line: &str) -> Option<(metrics::Metric, f64)> {
    let (name, value) = line.rsplit_once(": ")?;
    Some((metrics::named(name)?, value.parse().ok()?))
}

/// The other side: runs the job of these words with holdup and answers. Whether
/// they were understood.
pub fn answer(words: &[String]) -> bool {
    let Some(job) = Job::of_words(words) else { return false };
    let values = job.run_here(Contestant::Holdup, &mut |edge| {
        println!("{}", if edge == Edge::Begin { "begin" } else { "end" });
        let _ = std::io::stdout().flush();
    });
    for (metric, value) in values {
        println!("{}: {value}", metric.name);
    }
    true
}
