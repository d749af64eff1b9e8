//! `holdup demo`: a real job on real input, with one culprit planted.
//!
//! The walk: `walk` finds the files, `crew` are the threads, which take them
//! from `work`, apart with `tokens`, and enter them in the `index` behind one
//! lock; `outcome` tells what happened.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use holdup::profile::{self, Contents};
use holdup::{Mutex, named_mutex};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{self, Output};
use crate::picture::{self, Heading};
use crate::screen::Screen;
use crate::summary::{self, Books};
use crate::{forms, units};
use index::{Index, Statistics};
use work::Work;

mod crew;
mod index;
mod outcome;
mod tokens;
mod walk;
mod work;

/// One sample for each so much delay, on average: ten times the default's
/// detail, for a run of seconds. What the environment says goes first.
const PERIOD: Duration = Duration::from_micros(10);

/// The index that all threads share.
static INDEX: Mutex<Index> = named_mutex!("index", Index::new());

/// Index text files with many threads and one lock, and show who held up whom
///
/// Threads build an inverted index of the text files under DIR in one shared lock; one thread now
/// and then prunes and sorts it, and holds everybody up. Reads at most 64 MiB and takes well under
/// a minute. Writes the profile to holdup.pb.gz and a flame graph to holdup.svg.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder whose text files are indexed [default: the sources of the repository you are in and
    /// those in cargo's registry]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// How many threads build the index [default: one for each core, at least 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Folder for holdup.pb.gz and holdup.svg, made if it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,

    /// Print JSON instead of tables (docs/command.md says what is in it)
    #[arg(long)]
    json: bool,
}

/// Runs the demonstration and writes its files.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>, screen: &Screen) -> anyhow::Result<()> {
    let roots = walk::roots(args.dir.as_deref())?;
    // Before the work: one wants to know now, not after half a minute.
    let files = Files::in_folder(&args.out)?;
    let progress = progress_bar();

    progress.set_message(format!("looking for files in {}", names(&roots)));
    let mut listing = walk::list(&roots, |files| progress.set_position(files as u64));
    if listing.files.is_empty() {
        bail!("found no file to index in {}", names(&roots));
    }
    let work = Work::new(&mut listing);
    progress.set_length(work.len() as u64);
    progress.reset();

    if std::env::var_os("HOLDUP_PERIOD").is_none() {
        profile::set_period(PERIOD);
    }
    let before = profile::snapshot();
    let began = Instant::now();
    let show = |statistics: &Statistics| {
        progress.set_message(format!("{} words", HumanCount(statistics.words as u64)));
        progress.set_position(work.done() as u64);
    };
    let roles = crew::run(&INDEX, &work, indexers(args), &show)?;
    let took = began.elapsed();
    // All threads are joined: a quiet moment, in which the books must balance.
    let profile = profile::snapshot().since(&before);
    progress.finish_and_clear();

    files.write(&profile)?;
    let index = INDEX.lock();
    if args.json {
        let statistics = index.statistics();
        let indexed = forms::Indexed {
            files: statistics.files.into(),
            text_bytes: work.bytes.load(Relaxed),
            words: statistics.words as u64,
            places: statistics.postings as u64,
        };
        let tasks = roles
            .iter()
            .map(|role| forms::Task::new(role.name, role.threads, role.locking.as_nanos()));
        let culprits = summary::by_culprit(profile.samples());
        let totals = forms::totals(&files.profile.to_string_lossy(), &Books::of(&profile));
        let picture = files.picture.to_string_lossy();
        return Ok(out.json(&forms::demo(
            totals,
            &picture,
            indexed,
            tasks.collect(),
            &culprits,
        ))?);
    }
    outcome::indexed(out, &work, &listing, &index, &roles, took)?;
    outcome::held_up(out, screen, &profile, &roles)?;
    files.say(out)?;
    Ok(())
}

/// The number of indexers: as asked, or one for each core, at least four, so
/// that there is a crowd to hold up.
fn indexers(args: &Args) -> u64 {
    args.threads.map_or_else(
        || thread::available_parallelism().map_or(4, |cores| cores.get().max(4) as u64),
        u64::from,
    )
}

fn names(roots: &[PathBuf]) -> String {
    let names: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    units::printable(&names.join(" and "))
}

/// A bar on standard error where that is a terminal, else nothing.
fn progress_bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} files  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style)
}

/// The two files that are left behind.
struct Files {
    profile: PathBuf,
    picture: PathBuf,
}

impl Files {
    /// Makes `folder` if need be, and makes sure that the files can be written.
    fn in_folder(folder: &Path) -> anyhow::Result<Files> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let files =
            Files { profile: folder.join("holdup.pb.gz"), picture: folder.join("holdup.svg") };
        for path in [&files.profile, &files.picture] {
            output::check(path)?;
        }
        Ok(files)
    }

    fn write(&self, profile: &profile::Profile) -> anyhow::Result<()> {
        let mut pprof = Vec::new();
        profile.write_pprof_of(Contents::Pairs, &mut pprof).context("cannot encode the profile")?;
        let waited = units::duration(profile.totals().waited.as_nanos());
        let heading = Heading::of(Contents::Blame, &waited, "holdup demo");
        let lines = picture::of_profile(profile, Contents::Blame);
        let picture = picture::flame_graph(&lines, &heading)?;
        output::write_whole(&self.profile, &pprof)?;
        output::write_whole(&self.picture, &picture)
    }

    /// Where the files are and what can be done with them.
    fn say<W: Write>(&self, out: &mut Output<W>) -> anyhow::Result<()> {
        let profile = units::printable(&self.profile.display().to_string());
        let picture = units::printable(&self.picture.display().to_string());
        out.line("")?;
        out.line(format!("Wrote {profile} and {picture}. Now:"))?;
        out.line(format!("  holdup report --by pair {profile}"))?;
        out.line(format!("  holdup web {profile}"))?;
        out.line(format!("  go tool pprof -http=: {profile}"))?;
        out.line(format!("  and open {picture} in a browser: a click on a box widens it"))?;
        Ok(())
    }
}
