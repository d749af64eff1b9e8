//! The tables of who waited, and for how long.

use super::{fitted, padded, share, time};
use crate::profile::{Frame, Kind, Lock, LongWait, Profile};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// How many rows are listed.
const PAIRS: usize = 10;
const LONGEST: usize = 5;
/// The widths of the columns with names; the lines fit 100.
const LOCK: usize = 28;
const LOCK_OF_PAIR: usize = 16;
const FUNCTION: usize = 30;
const THREAD: usize = 34;

/// Percentiles of waits and of holds, by lock; nothing if there are no histograms.
pub(super) fn percentiles(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let mut locks: Vec<Lock<'_>> = profile.locks().filter(|lock| !lock.waits.is_empty()).collect();
    if locks.is_empty() {
        return Ok(());
    }
    locks.sort_by_key(|lock| (Reverse(lock.totals.waited), lock.name));
    writeln!(out)?;
    let mut line = padded("How long each waited", LOCK);
    for name in ["p50", "p90", "p99", "p99.9", "longest"] {
        line += &format!("{name:>10}");
    }
    writeln!(out, "{line}{:>11}{:>11}", "held p50", "held p99")?;
    for lock in locks {
        let mut line = padded(lock.name, LOCK);
        for percent in [50.0, 90.0, 99.0, 99.9] {
            let percentile = lock.waits.percentile(percent).unwrap_or_default();
            line += &format!("{:>10}", time(percentile));
        }
        line += &format!("{:>10}", time(lock.longest));
        for percent in [50.0, 99.0] {
            let held = lock.holds.percentile(percent).map_or_else(|| "-".to_owned(), time);
            line += &format!("{held:>11}");
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Who waited for whom, by function; nothing if no victim is known.
pub(super) fn victims(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let name = |stack: &[Frame]| stack.first().map(|frame| frame.function.to_string());
    let mut sums: BTreeMap<(String, &str, String), Duration> = BTreeMap::new();
    let mut all = Duration::ZERO;
    for pair in profile.pairs().filter(|pair| pair.kind == Kind::Blame) {
        all += pair.delay;
        if let (Some(victim), Some(culprit)) = (name(pair.victim), name(pair.culprit)) {
            *sums.entry((victim, pair.lock, culprit)).or_default() += pair.delay;
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    // Stable: equal ones stay in the order of their names.
    rows.sort_by_key(|&(_, delay)| Reverse(delay));
    writeln!(out)?;
    writeln!(
        out,
        "{:>9}{:>9}  {}  {}  for whom",
        "delay",
        "share",
        padded("lock", LOCK_OF_PAIR),
        padded("who waited", FUNCTION)
    )?;
    for ((victim, lock, culprit), delay) in rows.into_iter().take(PAIRS) {
        writeln!(
            out,
            "{:>9}{:>9}  {}  {}  {}",
            time(delay),
            share(delay, all),
            padded(lock, LOCK_OF_PAIR),
            padded(&victim, FUNCTION),
            fitted(&culprit, FUNCTION)
        )?;
    }
    Ok(())
}

/// The longest waits; nothing if none was kept.
pub(super) fn longest(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let waits = profile.longest_waits();
    if waits.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let (lock, victim) = (padded("lock", LOCK_OF_PAIR), padded("who waited", THREAD));
    writeln!(out, "{:>9}  {lock}  {victim}  for whom", "longest")?;
    for LongWait { wait, lock, victim, victim_thread, culprit, culprit_thread, .. } in
        waits.iter().take(LONGEST)
    {
        let lock = padded(lock, LOCK_OF_PAIR);
        let victim = padded(&thread(victim_thread, victim), THREAD);
        let culprit = fitted(&thread(culprit_thread, culprit), THREAD);
        writeln!(out, "{:>9}  {lock}  {victim}  {culprit}", time(*wait))?;
    }
    Ok(())
}

/// A thread and what it did, as far as that is known.
fn thread(name: &str, stack: &[Frame]) -> String {
    let function = stack.first().map(|frame| frame.function.to_string());
    match (name, function) {
        ("", None) => "?".to_owned(),
        ("", Some(function)) => function,
        (name, None) => name.to_owned(),
        (name, Some(function)) => format!("{name}: {function}"),
    }
}
