//! `holdup report`: a profile as a table.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use holdup::profile::{Frame, Kind, Profile, ReadError, Sample};

use crate::names;
use crate::screen::{Output, OutputError, Screen};
use crate::summary::{self, Entry};
use crate::table::Table;
use crate::units;

/// Print a mutex or contention profile as a table
///
/// Reads the profiles of holdup and of Go (pprof, gzip-compressed or not).
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The profile: a file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What a row of the table stands for
    #[arg(long, value_enum, default_value_t = By::Function)]
    by: By,

    /// How many rows to print; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
}

/// What a row of a table stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum By {
    /// A function: the time of critical sections it ended itself, and of those ended in its calls
    Function,
    /// A line of source code
    Line,
    /// A lock, by its name
    Lock,
}

/// Reads the profile and prints it.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>, screen: &Screen) -> anyhow::Result<()> {
    let profile = read(&args.file)?;
    header(&profile, &args.file, out)?;
    let samples = profile.samples();
    if samples.is_empty() {
        out.line("It holds no contention: no thread waited for a lock, or profiling was off.")?;
        return Ok(());
    }
    out.line("")?;
    let (table, rows) = match args.by {
        By::Function => frames(samples, args.top, "function", names::function),
        By::Line => frames(samples, args.top, "line", names::line),
        By::Lock => locks(&profile, args.top),
    };
    table.write(out, screen)?;
    let more = rows.saturating_sub(shown(args.top));
    if more > 0 {
        out.line(format!("  … and {} (--top 0 shows all)", units::plural(more as u64, "row")))?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Profile> {
    if path == Path::new("-") {
        return parsed(io::stdin().lock()).context("cannot read standard input");
    }
    let context = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(context)?;
    if file.metadata().with_context(context)?.is_dir() {
        bail!("cannot read {}: it is a directory", path.display());
    }
    parsed(BufReader::new(file)).with_context(context)
}

fn parsed(input: impl Read) -> anyhow::Result<Profile> {
    Profile::read_pprof(input).map_err(|error| match error {
        // What could not be read is said by the caller; the reason is enough.
        ReadError::Io(reason) => reason.into(),
        other => other.into(),
    })
}

/// One line: how much waiting, in how many contentions, while how long.
fn header<W: Write>(
    profile: &Profile,
    path: &Path,
    out: &mut Output<W>,
) -> Result<(), OutputError> {
    // The exact sums, where the profile has them; Go's have none.
    let (waited, contentions) = if profile.classes().next().is_some() {
        let totals = profile.totals();
        (totals.waited.as_nanos(), totals.contentions)
    } else {
        let samples = profile.samples();
        let all = summary::total(samples, &[Kind::Blame, Kind::Handoff, Kind::Lost]);
        let blamed = summary::total(samples, &[Kind::Blame, Kind::Lost]);
        (all.delay, blamed.count)
    };
    let name = if path == Path::new("-") {
        "standard input".into()
    } else {
        units::printable(&path.to_string_lossy())
    };
    let mut line = format!(
        "{name}: {} of waiting, {}",
        units::duration(waited),
        units::plural(contentions, "contention"),
    );
    if profile.duration() > Duration::ZERO {
        line.push_str(&format!(", in {}", units::duration(profile.duration().as_nanos())));
    }
    out.line(line)
}

/// The rows that `--top` asks for.
fn shown(top: usize) -> usize {
    if top == 0 { usize::MAX } else { top }
}

fn frames(
    samples: &[Sample],
    top: usize,
    title: &'static str,
    key: impl Fn(&Frame) -> String,
) -> (Table, usize) {
    let whole = summary::total(samples, &[Kind::Blame, Kind::Handoff, Kind::Lost]).delay;
    let rows = summary::by_frame(samples, key);
    let mut table = Table::new(&["flat", "flat %", "cum", "cum %", "contentions", title]);
    for (name, Entry { flat, cum }) in rows.iter().take(shown(top)) {
        table.row([
            units::duration(flat.delay),
            units::share(flat.delay, whole),
            units::duration(cum.delay),
            units::share(cum.delay, whole),
            units::count(cum.count),
            name.clone(),
        ]);
    }
    (table, rows.len())
}

fn locks(profile: &Profile, top: usize) -> (Table, usize) {
    let rows = summary::by_lock(profile.samples(), profile.classes());
    let whole = rows.iter().fold(0_u128, |sum, (_, entry)| sum.saturating_add(entry.blamed.delay));
    let lost = rows.iter().any(|row| row.1.lost.count > 0);
    let titles: &[&str] = if lost {
        &["blamed", "share", "contentions", "handoff", "of blamed, stack lost", "lock"]
    } else {
        &["blamed", "share", "contentions", "handoff", "lock"]
    };
    let mut table = Table::new(titles);
    for (name, entry) in rows.iter().take(shown(top)) {
        let mut cells = vec![
            units::duration(entry.blamed.delay),
            units::share(entry.blamed.delay, whole),
            units::count(entry.blamed.count),
            units::duration(entry.handoff.delay),
        ];
        if lost {
            cells.push(units::duration(entry.lost.delay));
        }
        cells.push(name.clone());
        table.row(cells);
    }
    (table, rows.len())
}
