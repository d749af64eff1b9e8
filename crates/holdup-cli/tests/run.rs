//! `holdup run`: the program is as it is without. (`preload/verify` runs real ones.)

#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod support;

use predicates::str::contains;
use support::holdup;

/// `holdup run` with its profile in a folder of its own.
fn run(folder: &tempfile::TempDir) -> assert_cmd::Command {
    let mut command = holdup();
    command.arg("run").arg("-o").arg(folder.path().join("profile.json"));
    command
}

#[test]
fn output_and_exit_code_are_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder)
        .args(["--", "sh", "-c", "cat; echo said >&2; exit 37"])
        .write_stdin("what comes in")
        .assert()
        .code(37)
        .stdout("what comes in")
        .stderr(contains("said"));
    let profile = std::fs::read_to_string(folder.path().join("profile.json")).unwrap();
    assert!(profile.starts_with("{\"schema\":1,"), "{profile}");
}

#[test]
fn a_program_that_a_signal_ends_ends_the_command_by_it() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let output = run(&folder).args(["--", "sh", "-c", "kill -USR1 $$"]).output().unwrap();
    assert_eq!(output.status.signal(), Some(libc::SIGUSR1));
}

#[test]
fn what_is_no_program_gives_the_codes_of_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, "no program").unwrap();
    run(&folder).args(["--", "/no/such/program"]).assert().code(127);
    run(&folder).args(["--", "no-such-program-anywhere"]).assert().code(127);
    run(&folder).arg("--").arg(&file).assert().code(126);
}

#[test]
fn a_program_without_contention_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder).args(["--", "true"]).assert().success().stderr(contains("no thread waited"));
}

#[test]
fn the_environment_of_the_program_keeps_what_was_to_be_loaded() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder)
        .env("LD_PRELOAD", "libc.so.6")
        .args(["--no-follow", "--", "sh", "-c", "echo \"$LD_PRELOAD,$HOLDUP_RUN\""])
        .assert()
        .success()
        .stdout("libc.so.6,\n");
}

#[test]
fn a_profile_that_cannot_be_written_changes_no_exit_code() {
    holdup()
        .args(["run", "-o", "/no/such/folder/profile", "--", "sh", "-c", "exit 5"])
        .assert()
        .code(5)
        .stderr(contains("cannot write /no/such/folder/profile"));
}
