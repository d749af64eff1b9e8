//! `holdup convert`: a profile in another format.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use crate::output::{self, Content, Output};
use crate::progress::Progress;
use crate::stacks::{self, Stacks};
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

    /// Whose call stacks [default: those of the profile, with pprof all it has]
    #[arg(long, value_enum, value_name = "WHOSE")]
    stacks: Option<Stacks>,

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
    let contents = match (args.stacks, args.to) {
        (Some(stacks), _) => stacks.into(),
        (None, Format::Pprof) => profile.contents(),
        (None, _) => stacks::usual(&profile),
    };
    if let Some(why) = stacks::missing(&profile, contents) {
        bail!("cannot convert {name} so: {why}");
    }
    let mut bytes = Vec::new();
    let content = match args.to {
        Format::Pprof => {
            profile.write_pprof_of(contents, &mut bytes)?;
            Content::Binary
        }
        Format::Folded => {
            profile.write_folded_of(contents, &mut bytes)?;
            Content::Text
        }
        Format::Speedscope => {
            let file = speedscope::File::new(&profile, contents, &name);
            serde_json::to_writer(&mut bytes, &file)?;
            bytes.push(b'\n');
            Content::Text
        }
    };
    drop(progress);
    output::deliver(&bytes, content, &args.output, out)
}
