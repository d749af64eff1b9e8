//! `holdup top`: who holds up whom at this moment, on the terminal.
//!
//! Threads ask the program ([`source`]), the view's own thread draws and listens
//! ([`screen`]). Between them is a state without either ([`state`], [`keys`]): what came
//! becomes intervals ([`interval`]), these become tables ([`rows`]), and these a picture
//! ([`render`], [`columns`]).

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::Context;

use crate::commands::web::program::Program;
use crate::screen::Screen;
use state::State;

#[cfg(target_os = "linux")]
pub mod beside;
mod columns;
mod document;
mod interval;
mod keys;
#[cfg(target_os = "linux")]
mod process;
mod render;
mod rows;
mod screen;
mod source;
mod state;
#[cfg(test)]
mod tests;

/// Watch who holds up whom in a program that runs
///
/// Shows the culprits of the last second, the locks, who waits right now and for whom, and the
/// longest waits, again each second. Of a program that serves its profile (holdup's feature
/// `serve`, or its HTTP handler in any framework): give its address, or its process number.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The address of a program: http://127.0.0.1:6060 (http://:TOKEN@HOST:PORT shows a token);
    /// on Linux also the number of a process of this machine that serves its profile
    #[cfg_attr(target_os = "linux", arg(required_unless_present = "command"))]
    #[cfg_attr(target_os = "linux", arg(conflicts_with = "command"))]
    #[cfg_attr(not(target_os = "linux"), arg(required = true))]
    #[arg(value_name = "URL|PID")]
    program: Option<OsString>,

    /// Or a program to run, that nobody changed: as by `holdup run --top -- COMMAND`
    #[cfg(target_os = "linux")]
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The exit code where there is no terminal to show it on.
const NO_TERMINAL: u8 = 2;

/// Shows it until its user quits.
pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<ExitCode> {
    #[cfg(target_os = "linux")]
    if !args.command.is_empty() {
        return crate::run::run(&crate::run::Args::to_watch(args.command.clone()), screen);
    }
    if let Some(refused) = refused() {
        return Ok(refused);
    }
    let program = args.program.as_ref().context("no address")?.to_string_lossy();
    view(&named(&program)?, screen)
}

/// The program by its address, or by the number of its process.
fn named(program: &str) -> anyhow::Result<Program> {
    #[cfg(target_os = "linux")]
    if let Ok(number) = program.parse() {
        return process::program(number);
    }
    Program::at(program)
}

/// Why the view cannot be shown here.
fn no_terminal() -> Option<&'static str> {
    if !io::stdout().is_terminal() {
        Some("holdup top needs a terminal; for files and pipes there is holdup report")
    } else if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        Some("holdup top needs a terminal that can move its cursor (TERM is dumb, or not set)")
    } else {
        None
    }
}

/// The exit code if the view cannot be shown here, which is said then.
pub fn refused() -> Option<ExitCode> {
    let why = no_terminal()?;
    // Nothing is left to do if even this cannot be written.
    let _ = writeln!(io::stderr(), "holdup: {why}");
    Some(ExitCode::from(NO_TERMINAL))
}

fn view(program: &Program, screen: &Screen) -> anyhow::Result<ExitCode> {
    let mut state = State::new(program.to_string(), screen.colour, Instant::now());
    let (send, updates) = mpsc::channel();
    for look in [source::present, source::past] {
        let (send, program) = (send.clone(), program.clone());
        thread::Builder::new()
            .name("holdup-top".to_owned())
            .spawn(move || source::ask(|| look(&program), &send))
            .context("no thread could be started")?;
    }
    let signal = Arc::new(AtomicUsize::new(0));
    take_signals(&signal)?;
    let over = || signal.load(Ordering::Relaxed) != 0;
    screen::show(&mut state, &updates, over).context("cannot draw on the terminal")?;
    end_by(signal.load(Ordering::Relaxed))
}

/// From now on, signals that end programs are noted in `which`: the terminal is to be
/// restored first.
#[cfg(unix)]
fn take_signals(which: &Arc<AtomicUsize>) -> io::Result<()> {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        signal_hook::flag::register_usize(signal, Arc::clone(which), signal as usize)?;
    }
    Ok(())
}

/// Ends as the signal would have ended the command, if there was one.
#[cfg(unix)]
fn end_by(signal: usize) -> anyhow::Result<ExitCode> {
    if signal != 0 {
        signal_hook::low_level::emulate_default_handler(signal as i32)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(unix))]
fn take_signals(_: &Arc<AtomicUsize>) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn end_by(_: usize) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
