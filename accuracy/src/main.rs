//! holdup's part of the accuracy benchmark: runs cases whose truth the threads
//! note by their own clocks, and prints both, the notes and what holdup says.
//! `accuracy/run` builds it, runs it, and judges; docs/accuracy.md has the format.
//!
//! usage: `holdup-accuracy PERIOD_NS CASE...`

mod cases;
mod notes;
mod rows;

use holdup::profile::{self, Kind, Profile};
use std::time::Duration;

/// How long the load of a rate runs.
const LOAD: Duration = Duration::from_millis(1500);

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let period = arguments.next().and_then(|text| text.parse().ok());
    let Some(period) = period.map(Duration::from_nanos) else {
        eprintln!("usage: holdup-accuracy PERIOD_NS CASE...");
        std::process::exit(2);
    };
    println!(r#"{{"version":"holdup {}"}}"#, env!("CARGO_PKG_VERSION"));
    for case in arguments {
        run(&case, period)?;
    }
    Ok(())
}

/// Runs a case and prints the notes and the profile.
fn run(case: &str, period: Duration) -> std::io::Result<()> {
    let (name, number) = case.rsplit_once('-').unwrap_or((case, ""));
    let number: u32 = number.parse().unwrap_or(0);
    profile::set_period(period);
    if name == "rate" {
        profile::set_period(period_of(number));
    }
    let before = profile::snapshot();
    cases::begin();
    let notes = match (case, name) {
        ("ladder", _) => cases::ladder(),
        ("innocent", _) => cases::innocent(),
        ("pending-writer", _) => cases::pending_writer(),
        ("overlapping-readers", _) => cases::overlapping_readers(),
        ("sleepless", _) => {
            let (notes, time) = cases::sleepless();
            println!(r#"{{"case":"{case}","cpu_ms":{}}}"#, millis(time));
            notes
        }
        (_, "hog") => cases::hog(number as usize),
        (_, "rate") => cases::load(LOAD),
        _ => panic!("no such case: {case}"),
    };
    let profile = profile::snapshot().since(&before);
    notes::print(case, &notes)?;
    print(case, &profile);
    Ok(())
}

/// The period that keeps one of `number` contentions of the load, in the mean:
/// a contention is kept by its delay, so it is the mean delay, times `number`.
fn period_of(number: u32) -> Duration {
    if number <= 1 {
        return Duration::from_nanos(1);
    }
    let before = profile::snapshot();
    cases::load(LOAD / 8);
    let totals = profile::snapshot().since(&before).totals();
    totals.blamed / u32::try_from(totals.contentions.max(1)).unwrap_or(u32::MAX) * number
}

/// Prints what holdup says: each sample under the function that ended the
/// section, and what is nobody's.
fn print(case: &str, profile: &Profile) {
    let say = |row: &str, delay: Duration| {
        println!(r#"{{"case":"{case}","said":["{row}",{}]}}"#, millis(delay));
    };
    for sample in profile.samples() {
        let row = match sample.kind {
            Kind::Blame => sample.stack.first().map_or("", |frame| &frame.function),
            Kind::Handoff => "handoff",
            _ => "lost",
        };
        // Without the path and the type of the closure.
        let row = row.split('<').next().unwrap_or_default();
        say(row.trim_end_matches(':').rsplit("::").next().unwrap_or_default(), sample.delay);
    }
    let totals = profile.totals();
    // For sections that ended before the thread queued: charged to nobody.
    say("spun", totals.spun);
    let exact = totals.blamed + totals.handoff + totals.spun;
    println!(
        r#"{{"case":"{case}","total_ms":{},"period_ns":{}}}"#,
        millis(exact),
        profile.period().as_nanos()
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
