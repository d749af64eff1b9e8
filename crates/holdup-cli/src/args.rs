//! What may be said on the command line: the subcommands. What each of them
//! takes is said in its own file.

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands::{completions, convert, diff, flamegraph, man, merge, report, web};
use crate::demo;
#[cfg(target_os = "linux")]
use crate::run;
use crate::top;

/// Who held everybody up? Exact lock contention profiles: see one, read one.
#[derive(Parser, Debug)]
#[command(name = "holdup", version, max_term_width = 100)]
pub struct Args {
    /// When to use colour; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, global = true)]
    pub color: Color,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Demo(demo::Args),
    Report(report::Args),
    Web(web::Args),
    Top(top::Args),
    Flamegraph(flamegraph::Args),
    Diff(diff::Args),
    Merge(merge::Args),
    Convert(convert::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[cfg(target_os = "linux")]
    Run(run::Args),
}

/// When output is coloured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or the terminal is "dumb"
    Auto,
    /// Also in files and pipes
    Always,
    /// Not even on a terminal
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
