//! What a program says, and does, that does nothing about deadlocks itself. It is this
//! very file, run again.

use holdup::{Mutex, named_mutex};
use std::process::{Command, Output, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

static LEFT: Mutex<()> = named_mutex!("left", ());
static RIGHT: Mutex<()> = named_mutex!("right", ());

/// The program: two threads that lock two mutexes in different orders.
#[test]
fn deadlocked_program() {
    // How long it lasts, in seconds.
    let Ok(seconds) = std::env::var("HOLDUP_TEST_DEADLOCK") else { return };
    let both = Barrier::new(2);
    std::thread::scope(|scope| {
        for (name, first, second) in [("left-first", &LEFT, &RIGHT), ("right-first", &RIGHT, &LEFT)]
        {
            let both = &both;
            let builder = std::thread::Builder::new().name(name.to_owned());
            let body = move || {
                let _first = first.lock();
                both.wait();
                drop(second.lock());
            };
            builder.spawn_scoped(scope, body).unwrap();
        }
        std::thread::sleep(Duration::from_secs(seconds.parse().unwrap()));
        std::process::exit(3);
    });
}

fn run(action: &str, seconds: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["deadlocked_program", "--exact", "--nocapture", "--test-threads=1"]);
    command.env("HOLDUP_TEST_DEADLOCK", seconds).env("HOLDUP_DEADLOCK", action);
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn without_a_hook_a_message_names_threads_and_locks_and_shows_the_stacks() {
    let output = run("report", "2");
    let text = String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert_eq!(output.status.code(), Some(3), "the program goes on");
    assert!(text.contains("DEADLOCK: 2 threads wait for each other"));
    assert_eq!(text.matches("DEADLOCK").count(), 1);
    for (thread, lock, other) in
        [("`left-first`", "`right`", "`right-first`"), ("`right-first`", "`left`", "`left-first`")]
    {
        let line = text.lines().find(|line| line.trim_start().starts_with(thread)).unwrap();
        assert!(line.contains("for the mutex"), "{line}");
        assert!(line.contains(lock) && line.contains(other), "{line}");
    }
}

#[test]
fn the_environment_makes_a_deadlock_abort_the_program_or_go_unreported() {
    let begin = Instant::now();
    let output = run("abort", "100");
    println!("ended after {:?}", begin.elapsed());
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(output.status.signal(), Some(6), "SIGABRT");
    }
    assert!(String::from_utf8_lossy(&output.stderr).contains("DEADLOCK"));

    let output = run("off", "1");
    assert_eq!(output.status.code(), Some(3));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("DEADLOCK"));

    let output = run("sometimes", "0");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("neither off nor report nor abort"), "{text}");
}
