//! Profiles without a line of code: `HOLDUP_PROFILE`, `HOLDUP_PROFILE_EVERY`,
//! `HOLDUP_CONTENTS` and `HOLDUP_PERIOD`.
//!
//! A constructor, which runs before `main` in every program that this crate is
//! linked into, reads the variables and arranges for the file to be written.
//!
//! - At exit: by `atexit`, which covers the return from `main`, also with a
//!   panic, and `std::process::exit`.
//! - At abort by panic: see [`abort`].
//! - At intervals: see [`every`].

#[cfg_attr(unix, path = "abort_unix.rs")]
#[cfg_attr(not(unix), path = "abort_other.rs")]
mod abort;
mod every;
mod file;
mod period;

use crate::live::DeadlockAction;
use crate::profile::Contents;
use file::Target;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the profile goes. Set only if the environment says so.
static TARGET: OnceLock<Target> = OnceLock::new();

/// The loader calls through each pointer in this section before `main`.
// A module of the library that the program refers to nowhere stays in it
// because of `used`: rustc makes the linker keep such statics of libraries.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs"))]
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
#[cfg_attr(not(any(target_vendor = "apple", windows)), unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: extern "C" fn() = start;

/// Reads `text` as both variables would be.
#[cfg(fuzzing)]
pub fn fuzz(text: &str) -> Option<std::time::Duration> {
    file::fuzz(text);
    period::parse(text).ok()
}

extern "C" fn start() {
    crate::profile::note_start();
    crate::live::deadlock::arrange();
    if let Some(text) = std::env::var_os("HOLDUP_DEADLOCK").filter(|text| !text.is_empty()) {
        match text.to_str() {
            Some("off") => crate::set_deadlock_action(DeadlockAction::Off),
            Some("report") => crate::set_deadlock_action(DeadlockAction::Report),
            Some("abort") => crate::set_deadlock_action(DeadlockAction::Abort),
            _ => complain(format_args!(
                "HOLDUP_DEADLOCK={text:?}: neither off nor report nor abort; it is ignored"
            )),
        }
    }
    if let Some(text) = std::env::var_os("HOLDUP_PERIOD") {
        let text = text.to_string_lossy();
        match period::parse(&text) {
            Ok(period) => crate::profile::set_period(period),
            Err(error) => {
                let kept = crate::profile::period();
                complain(format_args!("HOLDUP_PERIOD={text:?}: {error}; it stays {kept:?}"));
            }
        }
    }
    let Some(path) = std::env::var_os("HOLDUP_PROFILE").filter(|path| !path.is_empty()) else {
        return;
    };
    if TARGET.set(Target::new(path, contents())).is_ok() {
        // SAFETY: `at_exit` has the signature that is asked for, and lives as
        // long as the program: it is in the module that calls `atexit`, which
        // drops the registration should that module be unloaded.
        if unsafe { libc::atexit(at_exit) } != 0 {
            complain(format_args!("HOLDUP_PROFILE: the profile cannot be written at exit"));
        }
        abort::arrange();
        arrange_intervals();
    }
}

fn arrange_intervals() {
    let Some(text) = std::env::var_os("HOLDUP_PROFILE_EVERY").filter(|text| !text.is_empty())
    else {
        return;
    };
    let text = text.to_string_lossy();
    match (period::parse(&text), TARGET.get()) {
        (Ok(every), Some(target)) if !every.is_zero() => every::arrange(target, every),
        // `off`.
        (Ok(_), _) => {}
        (Err(error), _) => {
            complain(format_args!("HOLDUP_PROFILE_EVERY={text:?}: {error}; it is ignored"));
        }
    }
}

/// Which stacks are to be written.
fn contents() -> Contents {
    let Some(text) = std::env::var_os("HOLDUP_CONTENTS").filter(|text| !text.is_empty()) else {
        return Contents::default();
    };
    let text = text.to_string_lossy();
    text.parse().unwrap_or_else(|error| {
        let usual = Contents::default();
        complain(format_args!("HOLDUP_CONTENTS={text:?}: {error}; it stays {usual}"));
        usual
    })
}

extern "C" fn at_exit() {
    // What unwinds out of a C function aborts, and would change the exit code.
    let _ = std::panic::catch_unwind(write_once);
}

/// Writes the profile, unless that was done or begun before: at exit, or while
/// the program aborts, perhaps because of the writing.
fn write_once() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    // Relaxed: the flag guards no other data.
    if BEGUN.swap(true, Ordering::Relaxed) {
        return;
    }
    let Some(target) = TARGET.get() else { return };
    every::end();
    if let Err((path, error)) = target.write(&crate::profile::snapshot()) {
        complain(format_args!("cannot write the profile to {}: {error}", path.display()));
    }
}

/// One line on standard error. If it cannot be written, nobody is told.
fn complain(message: std::fmt::Arguments<'_>) {
    let line = format!("holdup: {message}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
