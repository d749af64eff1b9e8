//! The `holdup` command: a demonstration on real input, and reports of
//! contention profiles.
//!
//! [`main`] is the whole command; the modules are its parts: `args` what may
//! be said on the command line, `demo` and those in `commands` one subcommand
//! each, `summary` the sums they show, `names`, `table`, `units` and `screen` how
//! they show them.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

mod args;
mod commands;
mod demo;
mod names;
mod screen;
mod summary;
mod table;
mod units;

use args::{Args, Command};
use commands::report;
use screen::Screen;

/// Columns of the longest error message: a hostile file may have its say in it.
const LONGEST_MESSAGE: usize = 400;

/// Runs the command with the program's arguments.
///
/// Exit codes: 0 for success, also when whoever reads the output stopped
/// reading; 1 for a failure, told in one line on standard error; 2 for a
/// command line that makes no sense.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let line = units::cut_right(&units::printable(&format!("{error:#}")), LONGEST_MESSAGE);
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "holdup: {line}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let screen = Screen::of_stdout(args.color);
    let mut out = screen::Output::new(io::stdout().lock());
    match args.command {
        Command::Demo(options) => demo::run(&options, &mut out, &screen)?,
        Command::Report(options) => report::run(&options, &mut out, &screen)?,
    }
    out.flush()?;
    Ok(())
}

/// Whether `error` is that of a reader who went away (`holdup report … | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<screen::OutputError>()
        .is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
}
