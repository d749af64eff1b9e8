//! `holdup convert`: a profile in another format.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::output::{self, Content, Output};
use crate::progress::Progress;
use crate::{input, speedscope};

/// Write a profile in another format
///
/// Reads the profiles of holdup and of Go (pprof, compressed or not).
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The profile: a file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Format,

    /// Where it goes; - is standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    output: PathBuf,
}

/// What can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For go tool pprof, Pyroscope, Parca and others
    Pprof,
    /// A line for each stack, for flame graphs: names from the lock on, and nanoseconds
    Folded,
    /// JSON for speedscope.app: delays and, as a second profile, contentions
    Speedscope,
}

/// Reads the profile and writes it.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    let name = input::name(&args.file);
    let progress = Progress::new(format!("reading {name}"));
    let profile = input::profile(&args.file)?;
    progress.now("converting");
    let mut bytes = Vec::new();
    let content = match args.to {
        Format::Pprof => {
            profile.write_pprof(&mut bytes)?;
            Content::Binary
        }
        Format::Folded => {
            profile.write_folded(&mut bytes)?;
            Content::Text
        }
        Format::Speedscope => {
            serde_json::to_writer(&mut bytes, &speedscope::File::new(&profile, &name))?;
            bytes.push(b'\n');
            Content::Text
        }
    };
    drop(progress);
    output::deliver(&bytes, content, &args.output, out)
}
