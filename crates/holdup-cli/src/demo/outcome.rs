//! What the demonstration tells at its end.

use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use holdup::profile::Profile;

use super::crew::Role;
use super::index::Index;
use super::walk::Listing;
use super::work::Work;
use crate::output::{Output, OutputError};
use crate::screen::Screen;
use crate::summary;
use crate::table::{Cell, Column, Table};
use crate::units;

/// Rows of the table of culprits.
const CULPRITS: usize = 8;

/// What was indexed and what was left out.
pub fn indexed<W: Write>(
    out: &mut Output<W>,
    work: &Work,
    listing: &Listing,
    index: &Index,
    roles: &[Role],
    took: Duration,
) -> Result<(), OutputError> {
    let statistics = index.statistics();
    out.line(format!(
        "Indexed {} ({} of text) in {} with {}, a pruner and a statistician.",
        units::plural(statistics.files.into(), "file"),
        units::bytes(work.bytes.load(Relaxed)),
        units::duration(took.as_nanos()),
        units::plural(roles[0].threads, "indexer"),
    ))?;
    let left_out: Vec<String> = [
        (work.binary.load(Relaxed), "not text"),
        (listing.too_large + work.grown.load(Relaxed), "over 1 MiB"),
        (listing.unreadable + work.unreadable.load(Relaxed), "unreadable"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, why)| format!("{} {why}", units::count(number)))
    .collect();
    if !left_out.is_empty() {
        out.line(format!("Left out: {}.", left_out.join(", ")))?;
    }
    if let Some(limit) = work.limit.get() {
        out.line(format!("Stopped at {limit}: there was more to read."))?;
    }
    out.line("")?;
    let pruned = if statistics.prunings > 0 {
        format!(
            "; the rarest were dropped {}, so a count may be short by that",
            units::plural(statistics.prunings.into(), "time")
        )
    } else {
        String::new()
    };
    out.line(format!(
        "The index holds {} at {} in files{pruned}.",
        units::plural(statistics.words as u64, "word"),
        units::plural(statistics.postings as u64, "place"),
    ))?;
    answers(out, index)
}

/// A few queries, so that one sees that the index is one.
fn answers<W: Write>(out: &mut Output<W>, index: &Index) -> Result<(), OutputError> {
    let files = |number: usize| units::plural(number as u64, "file");
    let top: Vec<&str> = index.top(4).collect();
    for word in &top {
        let found = index.find(word);
        let short = if found.missed > 0 {
            format!(" to {}", found.files + found.missed as usize)
        } else {
            String::new()
        };
        out.line(format!("  {:?} is in {}{short}", units::printable(word), files(found.files)))?;
    }
    let pair = ["mutex", "thread"];
    let pair = if pair.iter().all(|word| index.find(word).files > 0) { pair.to_vec() } else { top };
    if let [one, other, ..] = pair[..] {
        out.line(format!(
            "  {:?} and {:?} are both in {}",
            units::printable(one),
            units::printable(other),
            files(index.find_both(one, other)),
        ))?;
    }
    Ok(())
}

/// Who held up whom, how much, and whether the books balance.
pub fn held_up<W: Write>(
    out: &mut Output<W>,
    screen: &Screen,
    profile: &Profile,
    roles: &[Role],
) -> Result<(), OutputError> {
    let samples = profile.samples();
    out.line("")?;
    out.line(screen.bold("Who held everybody up"))?;
    let rows = summary::by_culprit(samples);
    let whole: u128 = rows.iter().map(|row| row.1.delay).sum();
    if rows.is_empty() {
        out.line("  Nobody: no thread had to queue for the lock. With more --threads, some may.")?;
    } else {
        let mut table = Table::new([
            Column::figure("waited"),
            Column::figure("share"),
            Column::figure("contentions").spare(1),
            Column::name("lock"),
            Column::function("function that ended the critical section"),
        ]);
        for ((function, lock), cost) in rows.iter().take(CULPRITS) {
            table.row([
                units::duration(cost.delay).into(),
                units::share(cost.delay, whole).into(),
                units::count(cost.count).into(),
                lock.as_str().into(),
                function.as_str().into(),
            ]);
        }
        table.write(out, screen)?;
        if rows.len() > CULPRITS {
            let more = units::plural((rows.len() - CULPRITS) as u64, "more row");
            out.line(format!("  … and {more}"))?;
        }
    }

    out.line("")?;
    out.line(screen.bold("Whom they held up"))?;
    let mut table =
        Table::new([Column::figure("in lock()"), Column::figure("threads"), Column::name("task")]);
    for role in roles {
        table.row([
            units::duration(role.locking.as_nanos()).into(),
            units::count(role.threads).into(),
            role.name.into(),
        ]);
    }
    table.write(out, screen)?;
    books(out, screen, profile)
}

/// The exact totals, and that what was waited is what was charged.
fn books<W: Write>(
    out: &mut Output<W>,
    screen: &Screen,
    profile: &Profile,
) -> Result<(), OutputError> {
    let totals = profile.totals();
    let exact = |time: Duration| Cell::from(format!("{} ns", units::count(time.as_nanos())));
    out.line("")?;
    out.line(screen.bold("The books, exact to the nanosecond (the table above is sampled)"))?;
    let mut table = Table::new([Column::figure("time"), Column::name("what")]);
    let waits = units::plural(totals.waits, "wait");
    table.row([exact(totals.waited), format!("waited, in {waits}").into()]);
    let sections = units::plural(totals.contentions, "critical section");
    table.row([exact(totals.blamed), format!("blamed, on {sections}").into()]);
    table.row([
        exact(totals.handoff),
        "handoff: the lock was free, the waiter not yet running".into(),
    ]);
    table.row([
        exact(totals.spun),
        format!(
            "spun, in {} that had the lock before they queued",
            units::plural(totals.spins, "lock call")
        )
        .into(),
    ]);
    table.write(out, screen)?;
    let charged = totals.blamed + totals.handoff;
    if charged == totals.waited {
        out.line("  waited = blamed + handoff: the books balance.")
    } else {
        let line = format!(
            "  waited - (blamed + handoff) = {} ns: the books do NOT balance.",
            totals.waited.as_nanos() as i128 - charged.as_nanos() as i128
        );
        out.line(screen.alarm(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdup::profile;

    #[test]
    fn when_nobody_waited_that_is_said_instead_of_an_empty_table() {
        let now = profile::snapshot();
        let (mut text, screen) = (Vec::new(), Screen { width: None, colour: false });
        let mut out = Output::new(&mut text);
        held_up(&mut out, &screen, &now.since(&now), &[]).unwrap();
        out.flush().unwrap();
        drop(out);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Nobody: no thread had to queue for the lock."), "{text}");
        assert!(!text.contains("function that ended"), "{text}");
    }
}
