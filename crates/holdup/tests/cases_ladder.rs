//! Five holders stand in line and hold the lock for 100, 200, ... 500 ms. Each
//! holds up those behind it: 4 x 100, 3 x 200, 2 x 300, 1 x 400 and 0 x 500 ms.
//!
//! Go 1.27 charges 385, 601, 450, 800 and 12 % too much in all (go#73760).

mod common;

use common::reading::{assert_charged, blame_of, totals};
use common::truth::Log;
use common::{alone, stay, wait_until, waiters};
use holdup::{Mutex, named_mutex, profile};
use std::time::Duration;

static LADDER: Mutex<u64> = named_mutex!("ladder", 0);

holder!(holds_100_ms, 1);
holder!(holds_200_ms, 2);
holder!(holds_300_ms, 3);
holder!(holds_400_ms, 4);
holder!(holds_500_ms, 5);

const NAMES: [&str; 5] =
    ["holds_100_ms", "holds_200_ms", "holds_300_ms", "holds_400_ms", "holds_500_ms"];

/// Holds the lock as the holder of this rung of the ladder.
fn hold(rung: usize, log: &mut Log) {
    let length = Duration::from_millis(100 * (rung as u64 + 1));
    match rung {
        // The first one's time begins when all others stand in line.
        0 => holds_100_ms(&LADDER, log, || {
            wait_until(|| waiters(&LADDER) == 4);
            stay(length);
        }),
        1 => holds_200_ms(&LADDER, log, || stay(length)),
        2 => holds_300_ms(&LADDER, log, || stay(length)),
        3 => holds_400_ms(&LADDER, log, || stay(length)),
        _ => holds_500_ms(&LADDER, log, || stay(length)),
    }
}

#[test]
fn each_holder_is_charged_for_those_behind_it() {
    let _alone = alone();
    let before = profile::snapshot();
    let log = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for rung in 0..5 {
            threads.push(scope.spawn(move || {
                let mut log = Log::default();
                hold(rung, &mut log);
                log
            }));
            // The next one asks only when this one has its place.
            wait_until(|| match rung {
                0 => LADDER.is_locked(),
                _ => waiters(&LADDER) == rung,
            });
        }
        let mut log = Log::default();
        threads.into_iter().for_each(|thread| log.merge(thread.join().unwrap()));
        log
    });
    let profile = profile::snapshot().since(&before);
    let truth = log.truth();

    assert_eq!(log.order(), NAMES, "they did not get the lock in the order they asked");
    assert_charged(&profile, "ladder", &truth, &NAMES);
    // They stand in line before their time begins.
    let expected = [400, 600, 600, 400, 0];
    for (name, expected) in NAMES.into_iter().zip(expected) {
        let found = blame_of(&profile, "ladder", name);
        assert!(found >= Duration::from_millis(expected), "{name}: {found:?}");
    }
    let totals = totals(&profile, "ladder");
    assert_eq!(totals.waits, 4);
    assert_eq!(totals.contentions, 4, "the last one held up nobody");
}
