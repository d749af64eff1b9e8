//! The `holdup` command: a demonstration on real input, and what people do
//! with contention profiles.
//!
//! [`main`] is the whole command. Its parts, in the order of their use:
//!
//! - `args`, `commands`, `demo`: what may be said on the command line. A
//!   subcommand is a file that calls the parts below and does little itself.
//! - `input`, `folded`, `looks`: reading whatever a file holds.
//! - `stacks`, `summary`, `names`: whose stacks, and all sums of them, for tables,
//!   JSON and differences alike.
//! - `table`, `shorten`, `units`, `screen`: how they are shown to people;
//!   `forms`: to programs.
//! - `run`, `top`: programs that nobody changed; programs that run, on the terminal.
//! - `picture`, `speedscope`: other forms of a profile.
//! - `output`, `progress`: writing, and telling that it takes long.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

mod args;
mod commands;
mod demo;
mod folded;
mod forms;
mod input;
mod looks;
mod names;
mod output;
mod picture;
mod progress;
#[cfg(target_os = "linux")]
mod run;
mod screen;
mod shorten;
mod speedscope;
mod stacks;
mod summary;
mod table;
mod top;
mod units;

use args::{Args, Command};
use commands::{completions, convert, diff, flamegraph, man, merge, report, web};
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
    match dispatch(args) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let line = units::cut_right(&units::printable(&format!("{error:#}")), LONGEST_MESSAGE);
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "holdup: {line}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: Args) -> anyhow::Result<ExitCode> {
    let screen = Screen::of_stdout(args.color);
    match args.command {
        // Standard output is another thread's, or the program's.
        Command::Top(options) => return top::run(&options, &screen),
        #[cfg(target_os = "linux")]
        Command::Run(options) => return run::run(&options, &screen),
        command => write(command, &screen)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that write and are done.
fn write(command: Command, screen: &Screen) -> anyhow::Result<()> {
    let mut out = output::Output::new(io::stdout().lock());
    match command {
        Command::Demo(options) => demo::run(&options, &mut out, screen)?,
        Command::Report(options) => report::run(&options, &mut out, screen)?,
        Command::Top(_) => {}
        Command::Web(options) => web::run(&options, &mut out)?,
        Command::Flamegraph(options) => flamegraph::run(&options, &mut out)?,
        Command::Diff(options) => diff::run(&options, &mut out, screen)?,
        Command::Merge(options) => merge::run(&options, &mut out)?,
        Command::Convert(options) => convert::run(&options, &mut out)?,
        Command::Completions(options) => completions::run(&options, &mut out)?,
        Command::Man(options) => man::run(&options, &mut out)?,
        #[cfg(target_os = "linux")]
        Command::Run(_) => {}
    }
    out.flush()?;
    Ok(())
}

/// Whether `error` is that of a reader who went away (`holdup report … | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<output::OutputError>()
        .is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
}
