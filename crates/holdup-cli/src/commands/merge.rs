//! `holdup merge`: several profiles as one.

use std::io::Write;
use std::path::PathBuf;

use holdup::profile::Profile;

use crate::input;
use crate::output::{self, Content, Output};
use crate::progress::Progress;

/// Merge profiles into one
///
/// Counts, times and durations are added up; equal call stacks become one. Reads the profiles of
/// holdup and of Go, writes pprof.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The profiles: files, one of them may be - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Where the merged profile goes; - is standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    output: PathBuf,
}

/// Reads the profiles one after the other, and writes what they are together.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    input::standard_input_once(&args.files)?;
    let progress = Progress::new("");
    let mut failure = None;
    let profiles = args.files.iter().enumerate().map_while(|(at, path)| {
        let name = input::name(path);
        progress.now(format!("reading {name} ({} of {})", at + 1, args.files.len()));
        input::profile(path).map_err(|error| failure = Some(error)).ok()
    });
    let merged = Profile::merge(profiles);
    if let Some(error) = failure {
        return Err(error);
    }
    progress.now("encoding");
    let mut bytes = Vec::new();
    merged.write_pprof_of(merged.contents(), &mut bytes)?;
    drop(progress);
    output::deliver(&bytes, Content::Binary, &args.output, out)
}
