//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Who held everybody up? Exact lock contention profiles: see one, read one.
#[derive(Parser, Debug)]
#[command(name = "holdup", version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Demo(DemoArgs),
    Report(ReportArgs),
}

/// Index text files with many threads and one lock, and show who held up whom
///
/// Threads build an inverted index of the text files under DIR in one shared lock; one thread now
/// and then prunes and sorts it, and holds everybody up. Reads at most 64 MiB and takes well under
/// a minute. Writes the profile to holdup.pb.gz and a flame graph to holdup.svg.
#[derive(clap::Args, Debug)]
pub struct DemoArgs {
    /// Folder whose text files are indexed [default: the sources of the repository you are in and
    /// those in cargo's registry]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// How many threads build the index [default: one for each core, at least 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Folder for holdup.pb.gz and holdup.svg, made if it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
}

/// Print a mutex or contention profile as a table
///
/// Reads the profiles of holdup and of Go (pprof, gzip-compressed or not).
#[derive(clap::Args, Debug)]
pub struct ReportArgs {
    /// The profile: a file, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// What a row of the table stands for
    #[arg(long, value_enum, default_value_t = By::Function)]
    pub by: By,

    /// How many rows to print; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum By {
    /// A function: the time of critical sections it ended itself, and of those ended in its calls
    Function,
    /// A line of source code
    Line,
    /// A lock, by its name
    Lock,
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
