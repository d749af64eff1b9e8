//! Reading a profile as a user would.

use super::truth::Truth;
use holdup::profile::{Frame, Kind, Profile, Sample, Totals};
use std::time::Duration;

/// The exact sums of `lock` in `profile`; zero where nobody waited for it.
pub fn totals(profile: &Profile, lock: &str) -> Totals {
    profile.totals_of(lock).unwrap_or_default()
}

/// The samples of `lock` that are of `kind`.
pub fn samples<'a>(
    profile: &'a Profile,
    lock: &'a str,
    kind: Kind,
) -> impl Iterator<Item = &'a Sample> {
    profile.samples().iter().filter(move |sample| sample.lock == lock && sample.kind == kind)
}

/// The count and the delay of all samples of `lock` that are of `kind`.
pub fn sampled(profile: &Profile, lock: &str, kind: Kind) -> (u64, Duration) {
    samples(profile, lock, kind)
        .fold((0, Duration::ZERO), |sum, sample| (sum.0 + sample.count, sum.1 + sample.delay))
}

/// The blame of `lock` that is charged to critical sections which `function`
/// ended: it must be the innermost frame.
pub fn blame_of(profile: &Profile, lock: &str, function: &str) -> Duration {
    samples(profile, lock, Kind::Blame)
        .filter(|sample| sample.stack.first().is_some_and(|frame| is_function(frame, function)))
        .map(|sample| sample.delay)
        .sum()
}

/// Whether `frame` is of the function `name`, whatever its module and its
/// type parameters.
pub fn is_function(frame: &Frame, name: &str) -> bool {
    frame.function.split(['<', '>', ':', ' ']).any(|part| part == name)
}

/// Asserts that all blame of `lock` is charged to one of `functions`, and the
/// samples hold all of it.
pub fn assert_blamed_only(profile: &Profile, lock: &str, functions: &[&str]) {
    for sample in samples(profile, lock, Kind::Blame) {
        let known = |frame: &Frame| functions.iter().any(|name| is_function(frame, name));
        assert!(
            sample.stack.first().is_some_and(known),
            "the innermost frame is none of {functions:?}: {}",
            stack(sample)
        );
    }
    assert_eq!(sampled(profile, lock, Kind::Lost).0, 0, "lost samples of {lock}");
}

/// The functions of a sample in one line.
pub fn stack(sample: &Sample) -> String {
    let names: Vec<&str> = sample.stack.iter().map(|frame| frame.function.as_str()).collect();
    format!("{:?} {:?} {}", sample.kind, sample.delay, names.join(" < "))
}

/// The samples of `lock`, a line for each.
pub fn list(profile: &Profile, lock: &str) -> String {
    let samples = profile.samples().iter().filter(|sample| sample.lock == lock);
    samples.map(|sample| stack(sample) + "\n").collect()
}

/// Asserts that `found` lies between `least` and `most`, give or take 1 % or
/// 2 ms, whichever is more.
pub fn assert_between(what: &str, found: Duration, least: Duration, most: Duration) {
    let tolerance = (most / 100).max(Duration::from_millis(2));
    println!("{what}: {found:?}, truth {least:?} to {most:?}");
    let right = found + tolerance >= least && found <= most + tolerance;
    assert!(right, "{what}: {found:?}, but the truth is {least:?} to {most:?}");
}

/// Asserts that each of `holders` is charged in `profile` what the threads' notes
/// say, and `lock` in all. Between its clock and the lock a thread may lose its processor
/// at any point, so the notes bound the truth from both sides.
pub fn assert_charged(profile: &Profile, lock: &str, truth: &Truth<'_>, holders: &[&str]) {
    let totals = totals(profile, lock);
    let unbooked = truth.unbooked(totals.waited, totals.spun);
    for holder in holders {
        let least = truth.blame(holder).saturating_sub(unbooked);
        assert_between(holder, blame_of(profile, lock, holder), least, truth.most_blame(holder));
    }
    let least = truth.blamed().saturating_sub(unbooked);
    assert_between("blamed", totals.blamed, least, truth.waited());
    // What the waiters waited for each other to wake up is nobody's blame.
    let handoff = truth.waited() - truth.blamed();
    assert_between("handoff", totals.handoff, Duration::ZERO, handoff);
    assert_blamed_only(profile, lock, holders);
    assert_conserved(profile, lock);
}

/// Asserts the conservation law of `lock`, to the nanosecond.
pub fn assert_conserved(profile: &Profile, lock: &str) {
    let totals = totals(profile, lock);
    assert_eq!(totals.blamed + totals.handoff, totals.waited, "{lock}: {totals:?}");
}
