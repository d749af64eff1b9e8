//! What `HOLDUP_PROFILE` and `HOLDUP_PERIOD` do to a program: the example
//! `contended`, which cargo builds along with the tests of this package.

use holdup::profile::{Contents, Profile};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn program() -> Command {
    // target/<profile>/deps/<this test>, and beside deps: examples.
    let test = std::env::current_exe().unwrap();
    let directory = test.ancestors().nth(2).unwrap();
    let name = format!("contended{}", std::env::consts::EXE_SUFFIX);
    let path = directory.join("examples").join(name);
    assert!(path.exists(), "{} is not built: `cargo build --examples`", path.display());
    let mut program = Command::new(path);
    program.env_remove("HOLDUP_PROFILE").env_remove("HOLDUP_PERIOD");
    program.env_remove("HOLDUP_PROFILE_EVERY").env("RUST_BACKTRACE", "0");
    program.env_remove("HOLDUP_CONTENTS");
    program
}

/// Runs the program with the profile at `path` and that way to end.
fn run(path: &Path, how: &str) -> Output {
    let mut program = program();
    program.arg(how).env("HOLDUP_PROFILE", path).env("HOLDUP_PERIOD", "1ns");
    program.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks that the file is a whole profile of that program.
#[track_caller]
fn assert_profile(path: &Path) {
    let profile = Profile::read_pprof(fs::File::open(path).unwrap()).unwrap();
    let totals = profile.totals_of("orders").expect("its lock is named");
    assert!(totals.contentions > 0 && totals.waits > 0, "{totals:?}");
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
    assert_eq!(profile.period().as_nanos(), 1);
    assert!(!profile.samples().is_empty());
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Directory {
        Directory(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn the_stacks_that_are_written_can_be_chosen() {
    for (contents, expected, complaint) in [
        ("pairs", Contents::Pairs, None),
        ("victims", Contents::Victims, None),
        ("blame", Contents::Blame, None),
        ("", Contents::Blame, None),
        ("all", Contents::Blame, Some("it is none of blame, victims, pairs; it stays blame")),
    ] {
        let directory = Directory::new();
        let path = directory.path("locks.pb.gz");
        let mut program = program();
        program.env("HOLDUP_PROFILE", &path).env("HOLDUP_PERIOD", "1ns");
        let output = program.arg("return").env("HOLDUP_CONTENTS", contents).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = stderr(&output);
        let complained = said.lines().find(|line| line.contains("HOLDUP_CONTENTS"));
        assert_eq!(complained.is_some(), complaint.is_some(), "{said}");
        assert!(complained.is_none_or(|line| line.contains(complaint.unwrap_or(""))), "{said}");
        let profile = Profile::read_pprof(fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(profile.contents(), expected, "{contents}");
        // Whatever the stacks, histograms come with them.
        assert_eq!(profile.waits().count(), profile.totals().waits);
    }
}

#[test]
fn a_program_that_returns_exits_or_panics_leaves_its_profile_and_its_exit_code() {
    for (how, code) in [("return", 0), ("exit", 3), ("panic", 101)] {
        let directory = Directory::new();
        let path = directory.path("locks.pb.gz");
        let output = run(&path, how);
        assert_eq!(output.status.code(), Some(code), "{how}: {}", stderr(&output));
        assert_profile(&path);
        assert_eq!(directory.names(), ["locks.pb.gz"], "nothing else is left");
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_a_panic_aborts_leaves_its_profile_and_dies_as_before() {
    use std::os::unix::process::ExitStatusExt;
    let directory = Directory::new();
    let path = directory.path("locks.pb.gz");
    let output = run(&path, "abort-by-panic");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{}", stderr(&output));
    assert_profile(&path);
    // What it prints is what it prints without us.
    let without = program().arg("abort-by-panic").env("HOLDUP_PERIOD", "1ns").output().unwrap();
    assert_eq!(without.status.signal(), Some(libc::SIGABRT));
    let lines = |output: &Output| {
        let text = stderr(output);
        // Thread numbers differ, and addresses in the backtrace that is printed
        // for a panic that may not unwind, whose lines are indented.
        let same = |line: &&str| !line.starts_with("thread '") && !line.starts_with(' ');
        text.lines().filter(same).map(str::to_owned).collect()
    };
    let (with, without): (Vec<_>, Vec<_>) = (lines(&output), lines(&without));
    assert_eq!(with, without);
}

#[cfg(unix)]
#[test]
fn an_abort_without_a_panic_stays_an_abort() {
    use std::os::unix::process::ExitStatusExt;
    let directory = Directory::new();
    let output = run(&directory.path("locks.pb.gz"), "abort");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    assert!(directory.names().is_empty(), "nothing, not half a file: {:?}", directory.names());
}

#[test]
fn the_ending_of_the_name_chooses_the_format() {
    let directory = Directory::new();
    for name in ["locks.pb.gz", "locks.pb", "locks", "locks.txt", "locks.folded"] {
        assert!(run(&directory.path(name), "return").status.success());
    }
    for name in ["locks.pb.gz", "locks.pb", "locks"] {
        assert_profile(&directory.path(name));
    }
    let text = fs::read_to_string(directory.path("locks.txt")).unwrap();
    assert!(text.starts_with("Lock contention in "), "{text}");
    let folded = fs::read_to_string(directory.path("locks.folded")).unwrap();
    assert!(folded.lines().all(|line| line.starts_with("orders;")), "{folded}");
}

#[test]
fn the_process_number_goes_into_the_name() {
    let directory = Directory::new();
    let mut program = program();
    program.env("HOLDUP_PROFILE", directory.path("locks-%p.txt"));
    let mut child = program.stderr(std::process::Stdio::null()).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(directory.names(), [format!("locks-{}.txt", child.id())]);
}

#[test]
fn a_relative_path_starts_from_the_folder_the_program_was_started_in() {
    let directory = Directory::new();
    // A percent sign in the folder's name is no part of the value.
    let folder = directory.path("100%pure");
    fs::create_dir(&folder).unwrap();
    let mut program = program();
    program.arg("elsewhere").current_dir(&folder);
    program.env("HOLDUP_PROFILE", "locks.pb.gz").env("HOLDUP_PERIOD", "1ns");
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_profile(&folder.join("locks.pb.gz"));
}

#[test]
fn a_path_that_cannot_be_written_is_one_line_and_no_more() {
    let directory = Directory::new();
    let path = directory.path("missing").join("locks.txt");
    for (how, code) in [("return", 0), ("exit", 3)] {
        let output = run(&path, how);
        assert_eq!(output.status.code(), Some(code));
        let text = stderr(&output);
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("holdup:")).collect();
        let [line] = lines[..] else { panic!("{text}") };
        let start = format!("holdup: cannot write the profile to {}: ", path.display());
        assert!(line.starts_with(&start), "{line}");
    }
    assert!(directory.names().is_empty());
}

#[test]
fn without_the_variables_nothing_happens() {
    let output = program().output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "period 100µs\n");
    let output = program().env("HOLDUP_PROFILE", "").output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), "period 100µs\n"));
}

#[test]
fn the_period_is_set_before_main() {
    for (text, period) in [("1ms", "1ms"), ("off", "0ns"), ("0", "0ns"), ("1ns", "1ns")] {
        let output = program().env("HOLDUP_PERIOD", text).output().unwrap();
        assert_eq!(stderr(&output), format!("period {period}\n"));
    }
}

#[test]
fn a_bad_period_is_one_line_and_the_default_stays() {
    let output = program().env("HOLDUP_PERIOD", "often").output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        stderr(&output),
        "holdup: HOLDUP_PERIOD=\"often\": a period is a number with ns, us, ms or s, or the word \
         off; it stays 100µs\nperiod 100µs\n"
    );
}

#[test]
fn a_profile_replaces_the_one_before_in_one_step() {
    let directory = Directory::new();
    let path = directory.path("locks.txt");
    fs::write(&path, "old").unwrap();
    // Who has the old file open keeps the old content: it is not overwritten.
    let old = fs::File::open(&path).unwrap();
    assert!(run(&path, "return").status.success());
    assert_eq!(std::io::read_to_string(old).unwrap(), "old");
    assert!(fs::read_to_string(&path).unwrap().starts_with("Lock contention in "));
    assert_eq!(directory.names(), ["locks.txt"]);
}

/// Starts the program, and waits until it can be killed.
#[cfg(unix)]
fn start(how: &str, path: &Path, every: &str) -> Started {
    use std::io::{BufRead, BufReader};
    let mut program = program();
    program.arg(how).env("HOLDUP_PROFILE", path).env("HOLDUP_PERIOD", "1ns");
    program.env("HOLDUP_PROFILE_EVERY", every).stdout(std::process::Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Started(child)
}

/// A program that waits to be killed, at the latest when its test fails.
#[cfg(unix)]
struct Started(std::process::Child);

#[cfg(unix)]
impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
fn end_by(child: &mut Started, signal: i32) -> std::process::ExitStatus {
    // SAFETY: no preconditions; the child is there until it was waited for.
    assert_eq!(unsafe { libc::kill(child.0.id() as i32, signal) }, 0);
    child.0.wait().unwrap()
}

#[test]
#[cfg(unix)]
fn a_program_that_is_killed_leaves_the_last_profile_written_at_intervals_whole() {
    let directory = Directory::new();
    let path = directory.path("p.pb.gz");
    let mut child = start("killed", &path, "10ms");
    while !path.exists() {
        std::thread::yield_now();
    }
    // From now on it is replaced again and again: it is whole whenever it is read, and
    // at last has what happened before the program was ready.
    let all_waits = || {
        let profile = Profile::read_pprof(fs::File::open(&path).unwrap()).unwrap();
        profile.totals_of("orders").is_some_and(|totals| totals.waits == 3)
    };
    while !all_waits() {
        std::thread::yield_now();
    }
    end_by(&mut child, libc::SIGKILL);
    assert_profile(&path);
}

#[test]
#[cfg(unix)]
fn the_last_profile_is_that_of_the_end_whatever_the_intervals() {
    use std::os::unix::process::ExitStatusExt;
    let directory = Directory::new();
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130)] {
        let path = directory.path(&format!("{signal}.pb.gz"));
        let mut child = start("signal", &path, "10ms");
        let status = end_by(&mut child, signal);
        assert_eq!((status.code(), status.signal()), (Some(code), None));
        assert_profile(&path);
    }
    assert_eq!(directory.names(), ["15.pb.gz", "2.pb.gz"], "nothing half done is left");
    // Without the handler the same signal leaves what the interval wrote: nothing yet.
    let path = directory.path("never.pb.gz");
    let mut child = start("killed", &path, "3600s");
    assert_eq!(end_by(&mut child, libc::SIGTERM).signal(), Some(libc::SIGTERM));
    assert!(!path.exists());
}

#[test]
fn an_interval_that_is_none_is_one_line_and_changes_nothing() {
    let directory = Directory::new();
    for (every, complaint) in [("soon", true), ("10", true), ("off", false), ("", false)] {
        let path = directory.path("p.pb.gz");
        let mut program = program();
        program.env("HOLDUP_PROFILE", &path).env("HOLDUP_PERIOD", "1ns");
        let output = program.env("HOLDUP_PROFILE_EVERY", every).output().unwrap();
        assert!(output.status.success());
        assert_profile(&path);
        let said =
            stderr(&output).lines().filter(|line| line.contains("HOLDUP_PROFILE_EVERY")).count();
        assert_eq!(said, usize::from(complaint), "{every}: {}", stderr(&output));
    }
}
