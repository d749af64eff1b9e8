//! `holdup report`: a profile as a table.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use holdup::profile::{Contents, Profile};

use crate::output::Output;
use crate::progress::Progress;
use crate::screen::Screen;
use crate::summary::{Books, By, Cost, Entry, LockEntry, RowKey, Rows, Shape};
use crate::table::{Cell, Column, Table};
use crate::{forms, input, stacks, units};

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

    /// Functions and lines of those who waited, instead of those who held them up
    #[arg(long)]
    victims: bool,

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
    let contents = contents(args, &profile, &name)?;
    let books = Books::of(&profile);
    let rows = Rows::of(&profile, args.by, contents);
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
    if contents == Contents::Victims {
        out.line("Of those who waited:")?;
    }
    out.line("")?;
    Ok(table(&rows, &books, most(ROWS), args.by).write(out, screen)?)
}

fn table(rows: &Rows, books: &Books, most: usize, by: By) -> Table {
    match rows {
        Rows::Frames(rows) => frames(rows, books, most, by),
        Rows::Locks(rows) => locks(rows, books, most),
        Rows::Pairs(rows) => pairs(rows, books, most),
    }
}

/// Whose stacks rows are of.
fn contents(args: &Args, profile: &Profile, name: &str) -> anyhow::Result<Contents> {
    let contents = match args.by {
        By::Lock | By::Pair if args.victims => {
            bail!("--victims is for rows by function or by line")
        }
        By::Lock => return Ok(Contents::Blame),
        By::Pair => Contents::Pairs,
        _ if args.victims => Contents::Victims,
        _ => stacks::usual(profile),
    };
    if let Some(why) = stacks::missing(profile, contents) {
        bail!("cannot report {name} so: {why}");
    }
    Ok(contents)
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
    let rows = Rows::of(profile, By::Function, stacks::usual(profile));
    Ok(table(&rows, &books, ROWS, By::Function).write(out, screen)?)
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

fn frames(rows: &[(RowKey, Entry)], books: &Books, most: usize, by: By) -> Table {
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
        row(figures, key.place.as_deref(), &key.name);
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

fn pairs(rows: &[(RowKey, Cost)], books: &Books, most: usize) -> Table {
    let mut table = Table::new([
        Column::figure("waited"),
        Column::figure("share"),
        Column::figure("contentions").spare(2),
        Column::name("lock").spare(1),
        Column::function("held up by"),
        Column::function("who waited in"),
    ]);
    let whole = books.waited;
    let (shown, hidden) = rows.split_at(most.min(rows.len()));
    for (key, cost) in shown {
        table.row([
            units::duration(cost.delay).into(),
            units::share(cost.delay, whole).into(),
            units::count(cost.count).into(),
            key.lock.as_deref().unwrap_or("").into(),
            key.name.as_str().into(),
            key.victim.as_deref().unwrap_or("").into(),
        ]);
    }
    let mut rest = |amount: i128, name: &str| {
        let (amount, share) = (units::signed_duration(amount), units::signed_share(amount, whole));
        table.row(
            [amount, share, String::new(), String::new(), name.to_owned(), String::new()]
                .map(Cell::from),
        );
    };
    if !hidden.is_empty() {
        let delay = Cost::sum(hidden.iter().map(|row| row.1)).delay;
        rest(i128::try_from(delay).unwrap_or(i128::MAX), &more(hidden.len()));
    }
    books.rest().for_each(|(name, amount)| rest(amount, name));
    table
}

fn locks(rows: &[(String, LockEntry)], books: &Books, most: usize) -> Table {
    let whole = books.waited;
    let lost = rows.iter().any(|row| row.1.lost.count > 0);
    let shapes = rows.iter().any(|row| row.1.waits_shape != Shape::default());
    let mut columns = vec![
        Column::figure("waited"),
        Column::figure("share"),
        Column::figure("contentions").spare(3),
        Column::figure("blamed").spare(1),
        Column::figure("handoff").spare(4),
    ];
    if lost {
        columns.push(Column::figure("stack lost").spare(5));
    }
    if shapes {
        columns.extend([
            Column::figure("p50").spare(2),
            Column::figure("p99"),
            Column::figure("longest"),
        ]);
    }
    columns.push(Column::name("lock"));
    let mut table = Table::new(columns);
    let mut row = |name: &str, entry: &LockEntry| {
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
        if shapes {
            let LockEntry { waits_shape: Shape { p50, p99, .. }, longest, .. } = *entry;
            let known = |time: Option<u128>| time.map_or_else(String::new, units::duration);
            cells.extend([p50, p99, longest].map(known));
        }
        cells.push(name.to_owned());
        table.row(cells.into_iter().map(Cell::from).collect::<Vec<_>>());
    };
    let (shown, hidden) = rows.split_at(most.min(rows.len()));
    for (name, entry) in shown {
        row(name, entry);
    }
    if !hidden.is_empty() {
        row(&more(hidden.len()), &LockEntry::sum(hidden.iter().map(|row| &row.1)));
    }
    table
}
