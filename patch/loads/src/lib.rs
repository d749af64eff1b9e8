//! What the loads have in common: a load passes only if holdup's books say
//! that threads waited inside of the crate under test, and that they balance.
//! With the published parking_lot the books stay empty, and each load fails.

use holdup::profile::{self, Kind, Profile};
use std::time::Duration;

/// How often a load is repeated until somebody had to wait.
const ROUNDS: usize = 100;

/// Repeats `load` until a stack with a function whose path begins with
/// `within` is blamed for a wait, then prints who held whom up, and checks the
/// books. `load` runs at least once, and must end all threads it starts.
///
/// # Panics
///
/// If nobody was blamed in many rounds, or the books do not balance: then it
/// is not holdup's locks that the crate uses, or they are wrong.
pub fn held_up(within: &str, mut load: impl FnMut()) {
    // Record the stack of each contention, not of one for each so much delay.
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    for round in 1..=ROUNDS {
        load();
        let profile = profile::snapshot().since(&before);
        let totals = profile.totals();
        let blamed = blame(&profile, within);
        if blamed.is_zero() {
            continue;
        }
        profile.write_text(std::io::stdout()).expect("standard output is there");
        println!(
            "{} waits, {:?} waited = {:?} blamed + {:?} handoff; \
             {blamed:?} of the blame is on {within}; rounds: {round}",
            totals.waits, totals.waited, totals.blamed, totals.handoff
        );
        assert_eq!(totals.waited, totals.blamed + totals.handoff, "the books balance");
        return;
    }
    panic!("nobody was held up in {within}, in {ROUNDS} rounds: these are not holdup's locks");
}

/// The blame on stacks that have a function of `within`.
fn blame(profile: &Profile, within: &str) -> Duration {
    let samples = profile.samples().iter().filter(|sample| sample.kind == Kind::Blame);
    samples
        .filter(|sample| {
            sample.stack.iter().any(|frame| {
                // `<crate::Type as Trait>::method` is of the crate, too.
                frame.function.trim_start_matches('<').starts_with(within)
            })
        })
        .map(|sample| sample.delay)
        .sum()
}
