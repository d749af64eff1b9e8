//! `holdup diff`: what changed from one profile to another.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use holdup::profile::Contents;

use super::report::{header, more};
use crate::output::{self, Output, OutputError};
use crate::picture::{self, Heading};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::summary::{self, Books, By, Change, Cost, RowKey, Rows};
use crate::table::{Cell, Column, Table, Tone};
use crate::{forms, input, stacks, units};

/// Compare two profiles: what got worse, what got better
///
/// Prints what is charged to each function, line or lock before and after, the largest changes
/// first. With --svg, also draws the profile AFTER as a flame graph, red where more was waited than
/// before, blue where less.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The profile to compare with: a file, or - for standard input
    #[arg(value_name = "BEFORE")]
    before: PathBuf,

    /// The profile in question
    #[arg(value_name = "AFTER")]
    after: PathBuf,

    /// What a row stands for
    #[arg(long, value_enum, default_value_t = By::Function)]
    by: By,

    /// How many rows to print, 0 for all [default: 20; all with --json]
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Scale BEFORE to the duration of AFTER, where one ran longer than the other
    #[arg(long)]
    scale: bool,

    /// Draw the difference as a flame graph into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Print JSON instead of a table (docs/command.md says what is in it)
    #[arg(long)]
    json: bool,
}

/// Rows of a table where nobody says how many.
const ROWS: usize = 20;

/// Reads both profiles and prints what changed.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>, screen: &Screen) -> anyhow::Result<()> {
    input::standard_input_once([&args.before, &args.after])?;
    if args.svg.as_deref() == Some(Path::new("-")) {
        bail!("standard output has the table: name a file with --svg");
    }
    let names = [&args.before, &args.after].map(|path| input::name(path));
    let progress = Progress::new(format!("reading {} and {}", names[0], names[1]));
    let (before, after) = (input::profile(&args.before)?, input::profile(&args.after)?);
    progress.now("comparing");
    let books = [Books::of(&before), Books::of(&after)];
    let scale = if args.scale { scale(&names, &books)? } else { 1.0 };
    let contents = if args.by == By::Pair { Contents::Pairs } else { Contents::Blame };
    for (profile, name) in [(&before, &names[0]), (&after, &names[1])] {
        if let Some(why) = stacks::missing(profile, contents).filter(|_| args.by != By::Lock) {
            bail!("cannot compare {name} so: {why}");
        }
    }
    let [was, is] = [&before, &after].map(|profile| Rows::of(profile, args.by, contents).costs());
    let was = was.into_iter().map(|(key, cost)| (key, cost.times(scale)));
    let rows = summary::difference(was, is);
    if let Some(path) = &args.svg {
        progress.now("drawing");
        let mut lines = [&before, &after].map(|profile| picture::of_profile(profile, contents));
        lines[0].values_mut().for_each(|value| *value = summary::times(*value, scale));
        let svg = picture::difference(&lines[0], &lines[1], &heading(&names))?;
        output::write_whole(path, &svg)?;
    }
    drop(progress);

    let most = |unsaid: usize| match args.top.unwrap_or(unsaid) {
        0 => usize::MAX,
        some => some,
    };
    if args.json {
        let [before, after] = [0, 1].map(|at| forms::totals(&names[at], &books[at]));
        return Ok(out.json(&forms::difference(before, after, scale, args.by, &rows, most(0)))?);
    }
    summary_lines(&names, &books, scale, out, screen)?;
    if !rows.is_empty() {
        out.line("")?;
        // Sums by lock are exact: there is no rest.
        let rest = if args.by == By::Lock { Vec::new() } else { rest(&books, scale) };
        table(&rows, &rest, most(ROWS), args.by).write(out, screen)?;
    }
    Ok(())
}

/// By how much the profile before must be multiplied to be as long as the one after.
fn scale(names: &[String; 2], books: &[Books; 2]) -> anyhow::Result<f64> {
    for (name, books) in names.iter().zip(books) {
        if books.duration.is_zero() {
            bail!("cannot scale: {name} does not say how long it is of");
        }
    }
    Ok(books[1].duration.as_secs_f64() / books[0].duration.as_secs_f64())
}

fn heading(names: &[String; 2]) -> Heading {
    Heading {
        title: "Who held everybody up: what changed".to_owned(),
        subtitle: "Boxes are of the second profile. Red: threads waited longer for it than before; blue: less."
            .to_owned(),
        notes: format!("Made by holdup from {} and {}.", names[0], names[1]),
    }
}

/// Both profiles, and what changed in the whole.
fn summary_lines<W: Write>(
    names: &[String; 2],
    books: &[Books; 2],
    scale: f64,
    out: &mut Output<W>,
    screen: &Screen,
) -> Result<(), OutputError> {
    out.line(format!("before  {}", header(&names[0], &books[0])))?;
    out.line(format!("after   {}", header(&names[1], &books[1])))?;
    let whole =
        |books: &Books, scale| Cost { delay: summary::times(books.waited, scale), count: 0 };
    let change = Change { before: whole(&books[0], scale), after: whole(&books[1], 1.0) };
    let mut text = units::change(change.delay());
    if change.before.delay > 0 {
        text.push_str(&format!(" ({})", units::change_share(change.delay(), change.before.delay)));
    }
    let text = match change.delay() {
        1.. => screen.worse(&text),
        ..0 => screen.better(&text),
        0 => text,
    };
    let scaled = if scale == 1.0 {
        String::new()
    } else {
        format!(", with what was before times {scale:.3}")
    };
    out.line(format!("change  {text}{scaled}"))
}

/// What no stack stands for, and what no section is charged with yet, before
/// and after: with it, rows add up to what was waited.
fn rest(books: &[Books; 2], scale: f64) -> Vec<(&'static str, [i128; 2])> {
    let scaled = |amount: i128| (amount as f64 * scale).round() as i128;
    let both = |amount: fn(&Books) -> i128| {
        let before = amount(&books[0]);
        [if scale == 1.0 { before } else { scaled(before) }, amount(&books[1])]
    };
    let rows = [
        ("[not sampled: blame without a stack, or too much with]", both(Books::not_sampled)),
        ("[not charged yet: sections that have not ended]", both(Books::not_charged)),
    ];
    rows.into_iter().filter(|row| row.1 != [0, 0]).collect()
}

fn table(
    rows: &[(RowKey, Change)],
    rest: &[(&'static str, [i128; 2])],
    most: usize,
    by: By,
) -> Table {
    let mut columns = vec![
        Column::figure("before").spare(2),
        Column::figure("after"),
        Column::figure("change"),
        Column::figure("change %").spare(1),
    ];
    match by {
        By::Function => columns.push(Column::function("function")),
        By::Line => columns.extend([Column::place("line"), Column::function("function")]),
        By::Lock => columns.push(Column::name("lock")),
        By::Pair => columns.extend([
            Column::name("lock").spare(3),
            Column::function("held up by"),
            Column::function("who waited in"),
        ]),
    }
    let mut table = Table::new(columns);
    let mut row = |[before, after, change]: [i128; 3], key: &RowKey| {
        let tone = match change {
            1.. => Tone::Worse,
            ..0 => Tone::Better,
            0 => Tone::Plain,
        };
        let of_before = units::change_share(change, before.unsigned_abs());
        let mut cells = vec![
            units::signed_duration(before).into(),
            units::signed_duration(after).into(),
            Cell::toned(units::change(change), tone),
            Cell::toned(of_before, tone),
        ];
        let cell = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or(""));
        match by {
            By::Line => cells.push(cell(&key.place)),
            By::Pair => cells.push(cell(&key.lock)),
            By::Function | By::Lock => {}
        }
        cells.push(key.name.as_str().into());
        if by == By::Pair {
            cells.push(cell(&key.victim));
        }
        table.row(cells);
    };
    let figures = |change: &Change| {
        let signed = |delay| i128::try_from(delay).unwrap_or(i128::MAX);
        [signed(change.before.delay), signed(change.after.delay), change.delay()]
    };
    let (shown, hidden) = rows.split_at(most.min(rows.len()));
    for (key, change) in shown {
        row(figures(change), key);
    }
    if !hidden.is_empty() {
        let change = Change {
            before: Cost::sum(hidden.iter().map(|row| row.1.before)),
            after: Cost::sum(hidden.iter().map(|row| row.1.after)),
        };
        row(figures(&change), &more(hidden.len()).as_str().into());
    }
    for (name, [before, after]) in rest {
        row([*before, *after, after.saturating_sub(*before)], &(*name).into());
    }
    table
}
