//! `holdup flamegraph`: a profile as a picture.

use std::io::Write;
use std::path::PathBuf;

use crate::input::{self, Data};
use crate::output::{self, Content, Output};
use crate::progress::Progress;
use crate::{picture, units};

/// Draw a flame graph (SVG) of who held everybody up
///
/// The width of a box is the time that threads waited for the critical sections that ended in it. A
/// click on a box widens it, Ctrl-F searches. Reads the profiles of holdup and of Go, and folded
/// stacks, whose numbers it takes for nanoseconds.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The profile or the folded stacks: a file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where the picture goes; - is standard output
    #[arg(short, long, value_name = "SVG", default_value = "-")]
    output: PathBuf,

    /// What stands above the picture
    #[arg(long, value_name = "TEXT", default_value = picture::TITLE)]
    title: String,
}

/// Reads the file, draws it, and writes the picture.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    let name = input::name(&args.file);
    let progress = Progress::new(format!("reading {name}"));
    let data = input::any(&args.file)?;
    progress.now("drawing");
    let lines = match &data {
        Data::Profile(profile) => picture::of_profile(profile),
        Data::Folded(folded) => picture::of_folded(folded),
    };
    let waited = match &data {
        Data::Profile(profile) => profile.totals().waited.as_nanos(),
        Data::Folded(folded) => {
            folded.stacks.values().fold(0_u128, |sum, n| sum.saturating_add(*n))
        }
    };
    let maker = format!("holdup from {name}");
    let svg = picture::of_waiting(&lines, &args.title, &units::duration(waited), &maker)?;
    drop(progress);
    output::deliver(&svg, Content::Text, &args.output, out)
}
