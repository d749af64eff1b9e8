//! `holdup report`: a profile as a table.

use std::io::Write;
use std::path::PathBuf;

use holdup::profile::Profile;

use crate::output::Output;
use crate::progress::Progress;
use crate::screen::Screen;
use crate::summary::{Books, By, Cost, Entry, FrameKey, LockEntry, Rows};
use crate::table::{Cell, Column, Table};
use crate::{forms, input, units};

/// Print who held up whom, as a table
///
/// Reads the profiles of holdup and Go's mutex profiles (pprof, compressed or not). Percentages are
/// of all that was waited, which is exact; a row of its own says what the sampled stacks leave out.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The profile: a file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What a row stands for
    #[arg(long, value_enum, default_value_t = By::Function)]
    by: By,

    /// How many rows to print, 0 for all [default: 20; all with --json]
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Print JSON instead of a table (docs/command.md says what is in it)
    #[arg(long)]
    json: bool,
}

/// Rows of a table where nobody says how many.
const ROWS: usize = 20;

/// Reads the profile and prints it.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>, screen: &Screen) -> anyhow::Result<()> {
    let name = input::name(&args.file);
    let progress = Progress::new(format!("reading {name}"));
    let profile = input::profile(&args.file)?;
    progress.now("adding up");
    let books = Books::of(&profile);
    let rows = Rows::of(&profile, args.by);
    drop(progress);

    let most = |unsaid: usize| match args.top.unwrap_or(unsaid) {
        0 => usize::MAX,
        some => some,
    };
    if args.json {
        return Ok(out.json(&forms::report(&name, &profile, &books, args.by, &rows, most(0)))?);
    }
    out.line(header(&name, &books))?;
    if books.is_empty() {
        return Ok(out.line(nothing(&books))?);
    }
    out.line("")?;
    Ok(match &rows {
        Rows::Frames(rows) => frames(rows, &books, most(ROWS), args.by).write(out, screen),
        Rows::Locks(rows) => locks(rows, &books, most(ROWS)).write(out, screen),
    }?)
}

/// Prints a profile that went to `name` as it is printed when nothing else is asked for.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "`holdup run` uses it"))]
pub fn show<W: Write>(
    profile: &Profile,
    name: &str,
    out: &mut Output<W>,
    screen: &Screen,
) -> anyhow::Result<()> {
    let books = Books::of(profile);
    out.line(header(name, &books))?;
    if books.is_empty() {
        return Ok(out.line(nothing(&books))?);
    }
    out.line("")?;
    let rows = Rows::of(profile, By::Function);
    Ok(match &rows {
        Rows::Frames(rows) => frames(rows, &books, ROWS, By::Function).write(out, screen),
        Rows::Locks(rows) => locks(rows, &books, ROWS).write(out, screen),
    }?)
}

/// One line: how much waiting, in how many contentions, while how long.
pub fn header(name: &str, books: &Books) -> String {
    let mut line = format!(
        "{name}: {} of waiting, {}",
        units::duration(books.waited),
        units::plural(books.contentions, "contention"),
    );
    if !books.duration.is_zero() {
        line.push_str(&format!(", in {}", units::duration(books.duration.as_nanos())));
    }
    line
}

/// Why there is no table.
fn nothing(books: &Books) -> String {
    if books.spins > 0 || books.spun > 0 {
        format!(
            "No thread queued for a lock; {} spun for {} together, and had theirs before that.",
            units::plural(books.spins, "lock call"),
            units::duration(books.spun),
        )
    } else {
        "It holds no contention: no thread waited for a lock, or profiling was off.".to_owned()
    }
}

fn frames(rows: &[(FrameKey, Entry)], books: &Books, most: usize, by: By) -> Table {
    let mut columns = vec![
        Column::figure("flat"),
        Column::figure("flat %"),
        Column::figure("cum").spare(1),
        Column::figure("cum %").spare(2),
        Column::figure("contentions").spare(3),
    ];
    if by == By::Line {
        columns.push(Column::place("line"));
    }
    columns.push(Column::function("function"));
    let mut table = Table::new(columns);
    let mut row = |figures: [String; 5], place: Option<&str>, function: &str| {
        let mut cells: Vec<Cell> = figures.map(Cell::from).into();
        if by == By::Line {
            cells.push(place.unwrap_or("").into());
        }
        cells.push(function.into());
        table.row(cells);
    };
    let whole = books.waited;
    let (shown, hidden) = rows.split_at(most.min(rows.len()));
    for (key, Entry { flat, cum }) in shown {
        let figures = [
            units::duration(flat.delay),
            units::share(flat.delay, whole),
            units::duration(cum.delay),
            units::share(cum.delay, whole),
            units::count(cum.count),
        ];
        row(figures, key.place.as_deref(), &key.function);
    }
    let only_flat = |amount: i128| {
        let empty = String::new;
        let (amount, share) = (units::signed_duration(amount), units::signed_share(amount, whole));
        [amount, share, empty(), empty(), empty()]
    };
    if !hidden.is_empty() {
        let flat = Cost::sum(hidden.iter().map(|row| row.1.flat)).delay;
        let flat = i128::try_from(flat).unwrap_or(i128::MAX);
        row(only_flat(flat), None, &more(hidden.len()));
    }
    for (name, amount) in books.rest() {
        row(only_flat(amount), None, name);
    }
    table
}

/// The row that stands for those that are not shown.
pub fn more(rows: usize) -> String {
    format!("[{}: --top 0 shows all]", units::plural(rows as u64, "more row"))
}

fn locks(rows: &[(String, LockEntry)], books: &Books, most: usize) -> Table {
    let whole = books.waited;
    let lost = rows.iter().any(|row| row.1.lost.count > 0);
    let mut columns = vec![
        Column::figure("waited"),
        Column::figure("share"),
        Column::figure("contentions").spare(2),
        Column::figure("blamed"),
        Column::figure("handoff").spare(1),
    ];
    if lost {
        columns.push(Column::figure("stack lost").spare(3));
    }
    columns.push(Column::name("lock"));
    let mut table = Table::new(columns);
    let (shown, hidden) = rows.split_at(most.min(rows.len()));
    for (name, entry) in shown {
        let mut cells = vec![
            units::duration(entry.waited),
            units::share(entry.waited, whole),
            units::count(entry.blamed.count),
            units::duration(entry.blamed.delay),
            units::duration(entry.handoff),
        ];
        if lost {
            cells.push(units::duration(entry.lost.delay));
        }
        cells.push(name.clone());
        table.row(cells.into_iter().map(Cell::from).collect::<Vec<_>>());
    }
    if !hidden.is_empty() {
        let sum = |part: fn(&LockEntry) -> u128| {
            hidden.iter().fold(0_u128, |sum, row| sum.saturating_add(part(&row.1)))
        };
        let waited = sum(|entry| entry.waited);
        let mut cells = vec![
            units::duration(waited),
            units::share(waited, whole),
            units::count(Cost::sum(hidden.iter().map(|row| row.1.blamed)).count),
            units::duration(sum(|entry| entry.blamed.delay)),
            units::duration(sum(|entry| entry.handoff)),
        ];
        if lost {
            cells.push(units::duration(sum(|entry| entry.lost.delay)));
        }
        cells.push(more(hidden.len()));
        table.row(cells.into_iter().map(Cell::from).collect::<Vec<_>>());
    }
    table
}
