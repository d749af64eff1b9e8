//! `holdup completions`: what a shell needs to complete the command line.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args;
use crate::output::Output;

/// Print what a shell needs to complete holdup's arguments
///
/// bash: holdup completions bash > ~/.local/share/bash-completion/completions/holdup
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the script.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::Args::command(), "holdup", &mut script);
    Ok(out.bytes(&script)?)
}
