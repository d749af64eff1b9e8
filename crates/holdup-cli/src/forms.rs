//! The JSON that commands print with `--json`. The forms are documented in
//! docs/command.md; what is not known is null, and nothing is left out.

use holdup::profile::Profile;
use serde::Serialize;

use crate::summary::{Books, By, Change, Cost, Entry, LockEntry, RowKey, Rows, Shape};

/// Raised when something changes its meaning or goes; not when something is added.
const SCHEMA: u32 = 1;

/// A JSON number that holds a sum: those beyond 64 bits are absurd anyway.
fn number(sum: u128) -> u64 {
    u64::try_from(sum).unwrap_or(u64::MAX)
}

fn signed(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// What is known of a profile as a whole.
#[derive(Serialize)]
pub struct Totals {
    file: String,
    duration_ns: u64,
    waited_ns: u64,
    waits: u64,
    blamed_ns: u64,
    handoff_ns: u64,
    contentions: u64,
    spun_ns: u64,
    spins: u64,
    not_sampled_ns: i64,
    not_charged_ns: i64,
}

/// `books` of the profile `file`.
pub fn totals(file: &str, books: &Books) -> Totals {
    Totals {
        file: file.to_owned(),
        duration_ns: number(books.duration.as_nanos()),
        waited_ns: number(books.waited),
        waits: books.waits,
        blamed_ns: number(books.blamed),
        handoff_ns: number(books.handoff),
        contentions: books.contentions,
        spun_ns: number(books.spun),
        spins: books.spins,
        not_sampled_ns: signed(books.not_sampled()),
        not_charged_ns: signed(books.not_charged()),
    }
}

/// `holdup report --json`.
#[derive(Serialize)]
pub struct Report<'a> {
    schema: u32,
    #[serde(flatten)]
    totals: Totals,
    period_ns: u64,
    by: &'static str,
    rows: Vec<Row<'a>>,
    more_rows: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Frame {
        function: &'a str,
        place: Option<&'a str>,
        flat_ns: u64,
        flat_contentions: u64,
        cum_ns: u64,
        cum_contentions: u64,
    },
    Lock {
        lock: &'a str,
        waited_ns: u64,
        waits: Option<u64>,
        blamed_ns: u64,
        lost_ns: u64,
        handoff_ns: u64,
        contentions: u64,
        wait: Percentiles,
        hold: Percentiles,
        longest_wait_ns: Option<u64>,
    },
    Pair {
        culprit: &'a str,
        victim: Option<&'a str>,
        lock: Option<&'a str>,
        waited_ns: u64,
        contentions: u64,
    },
}

#[derive(Serialize)]
struct Percentiles {
    p50_ns: Option<u64>,
    p90_ns: Option<u64>,
    p99_ns: Option<u64>,
    p999_ns: Option<u64>,
}

impl From<Shape> for Percentiles {
    fn from(shape: Shape) -> Percentiles {
        Percentiles {
            p50_ns: shape.p50.map(number),
            p90_ns: shape.p90.map(number),
            p99_ns: shape.p99.map(number),
            p999_ns: shape.p999.map(number),
        }
    }
}

/// The report of `profile`, at most `most` rows of it.
pub fn report<'a>(
    file: &str,
    profile: &Profile,
    books: &Books,
    by: By,
    rows: &'a Rows,
    most: usize,
) -> Report<'a> {
    let mut rows: Vec<_> = match rows {
        Rows::Frames(rows) => rows.iter().map(frame_row).collect(),
        Rows::Locks(rows) => rows.iter().map(lock_row).collect(),
        Rows::Pairs(rows) => rows.iter().map(pair_row).collect(),
    };
    let more_rows = rows.len().saturating_sub(most);
    rows.truncate(most);
    let period_ns = number(profile.period().as_nanos());
    let by = by.name();
    Report { schema: SCHEMA, totals: totals(file, books), period_ns, by, rows, more_rows }
}

fn frame_row((key, entry): &(RowKey, Entry)) -> Row<'_> {
    Row::Frame {
        function: &key.name,
        place: key.place.as_deref(),
        flat_ns: number(entry.flat.delay),
        flat_contentions: entry.flat.count,
        cum_ns: number(entry.cum.delay),
        cum_contentions: entry.cum.count,
    }
}

fn lock_row((lock, entry): &(String, LockEntry)) -> Row<'_> {
    Row::Lock {
        lock,
        waited_ns: number(entry.waited),
        waits: entry.waits,
        blamed_ns: number(entry.blamed.delay),
        lost_ns: number(entry.lost.delay),
        handoff_ns: number(entry.handoff),
        contentions: entry.blamed.count,
        wait: entry.waits_shape.into(),
        hold: entry.holds_shape.into(),
        longest_wait_ns: entry.longest.map(number),
    }
}

fn pair_row((key, cost): &(RowKey, Cost)) -> Row<'_> {
    Row::Pair {
        culprit: &key.name,
        victim: key.victim.as_deref(),
        lock: key.lock.as_deref(),
        waited_ns: number(cost.delay),
        contentions: cost.count,
    }
}

/// `holdup diff --json`.
#[derive(Serialize)]
pub struct Difference<'a> {
    schema: u32,
    before: Totals,
    after: Totals,
    scale: f64,
    by: &'static str,
    rows: Vec<ChangeRow<'a>>,
    more_rows: usize,
}

#[derive(Serialize)]
struct ChangeRow<'a> {
    name: &'a str,
    place: Option<&'a str>,
    victim: Option<&'a str>,
    lock: Option<&'a str>,
    before_ns: u64,
    after_ns: u64,
    change_ns: i64,
    before_contentions: u64,
    after_contentions: u64,
}

/// The difference of two profiles, at most `most` rows of it.
pub fn difference<'a>(
    before: Totals,
    after: Totals,
    scale: f64,
    by: By,
    rows: &'a [(RowKey, Change)],
    most: usize,
) -> Difference<'a> {
    let row = |(key, change): &'a (RowKey, Change)| ChangeRow {
        name: &key.name,
        place: key.place.as_deref(),
        victim: key.victim.as_deref(),
        lock: key.lock.as_deref(),
        before_ns: number(change.before.delay),
        after_ns: number(change.after.delay),
        change_ns: signed(change.delay()),
        before_contentions: change.before.count,
        after_contentions: change.after.count,
    };
    let more_rows = rows.len().saturating_sub(most);
    let rows = rows.iter().take(most).map(row).collect();
    Difference { schema: SCHEMA, before, after, scale, by: by.name(), rows, more_rows }
}

/// `holdup demo --json`.
#[derive(Serialize)]
pub struct Demo<'a> {
    schema: u32,
    #[serde(flatten)]
    totals: Totals,
    picture: &'a str,
    indexed: Indexed,
    tasks: Vec<Task>,
    culprits: Vec<Culprit<'a>>,
}

/// What the demonstration indexed.
#[derive(Serialize)]
pub struct Indexed {
    pub files: u64,
    pub text_bytes: u64,
    pub words: u64,
    pub places: u64,
}

/// What threads did, and how long they were in calls of `lock`.
#[derive(Serialize)]
pub struct Task {
    task: &'static str,
    threads: u64,
    in_lock_ns: u64,
}

impl Task {
    /// `in_lock` is in nanoseconds.
    pub fn new(task: &'static str, threads: u64, in_lock: u128) -> Task {
        Task { task, threads, in_lock_ns: number(in_lock) }
    }
}

#[derive(Serialize)]
struct Culprit<'a> {
    culprit: &'a str,
    lock: &'a str,
    waited_ns: u64,
    contentions: u64,
}

/// What the demonstration found; `culprits` are functions and locks.
pub fn demo<'a>(
    totals: Totals,
    picture: &'a str,
    indexed: Indexed,
    tasks: Vec<Task>,
    culprits: &'a [((String, String), Cost)],
) -> Demo<'a> {
    let culprit = |((culprit, lock), cost): &'a ((String, String), Cost)| Culprit {
        culprit,
        lock,
        waited_ns: number(cost.delay),
        contentions: cost.count,
    };
    let culprits = culprits.iter().map(culprit).collect();
    Demo { schema: SCHEMA, totals, picture, indexed, tasks, culprits }
}
