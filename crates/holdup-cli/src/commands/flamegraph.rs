//! `holdup flamegraph`: a profile as a picture.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use holdup::profile::Contents;

use crate::input::{self, Data};
use crate::output::{self, Content, Output};
use crate::picture::{self, Heading};
use crate::progress::Progress;
use crate::stacks::{self, Stacks};
use crate::units;

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

    /// Whose call stacks [default: those of the profile, blame where it has both]
    #[arg(long, value_enum, value_name = "WHOSE")]
    stacks: Option<Stacks>,

    /// What stands above the picture
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

/// Reads the file, draws it, and writes the picture.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    let name = input::name(&args.file);
    let progress = Progress::new(format!("reading {name}"));
    let data = input::any(&args.file)?;
    progress.now("drawing");
    let (lines, waited, contents) = match &data {
        Data::Profile(profile) => {
            let contents = args.stacks.map_or_else(|| stacks::usual(profile), Contents::from);
            if let Some(why) = stacks::missing(profile, contents) {
                bail!("cannot draw {name} so: {why}");
            }
            let waited = profile.totals().waited.as_nanos();
            (picture::of_profile(profile, contents), waited, contents)
        }
        Data::Folded(folded) => {
            if args.stacks.is_some() {
                bail!("--stacks is for profiles: {name} has folded stacks");
            }
            let waited = folded.stacks.values().fold(0_u128, |sum, n| sum.saturating_add(*n));
            (picture::of_folded(folded), waited, Contents::Blame)
        }
    };
    let maker = format!("holdup from {name}");
    let mut heading = Heading::of(contents, &units::duration(waited), &maker);
    if let Some(title) = &args.title {
        heading.title.clone_from(title);
    }
    let svg = picture::flame_graph(&lines, &heading)?;
    drop(progress);
    output::deliver(&svg, Content::Text, &args.output, out)
}
