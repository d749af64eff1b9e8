//! The clock of the models: a counter that only its readings move on.

use super::STATE;
use std::time::Duration;

/// How the clock goes in one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// A nanosecond for each reading: no threshold is ever reached.
    #[default]
    Slow,
    /// More than any threshold for each reading.
    Fast,
    /// Both, in turn (loom) or by chance (shuttle).
    Mixed,
    /// As `Mixed`, and some readings are behind the one before, as those of
    /// two processors may be.
    Disordered,
}

/// More than any threshold of the protocols.
const LONG: u64 = 3_000_000;
/// How far two readings may be out of order.
const DISORDER: u64 = 5;

#[derive(Default)]
pub(super) struct State {
    clock: Clock,
    now: u64,
    readings: u64,
}

impl State {
    pub(super) fn begin(&mut self, clock: Clock) {
        // Not at zero: an instant may lie before the first reading.
        *self = State { clock, now: 1_000_000_000, readings: 0 };
    }
}

#[cfg(loom)]
fn long_step(readings: u64) -> bool {
    readings % 3 == 2
}

#[cfg(shuttle)]
fn long_step(_: u64) -> bool {
    super::by_chance(4)
}

#[cfg(loom)]
fn behind(readings: u64) -> bool {
    readings % 2 == 1
}

#[cfg(shuttle)]
fn behind(_: u64) -> bool {
    super::by_chance(2)
}

/// Now, in nanoseconds: the clock of the models, moved on by this reading.
#[must_use]
pub fn now() -> u64 {
    let (clock, readings) = STATE.with(|state| {
        let state = &mut state.borrow_mut().clock;
        state.readings += 1;
        (state.clock, state.readings)
    });
    let step = match clock {
        Clock::Slow => 1,
        Clock::Fast => LONG,
        Clock::Mixed | Clock::Disordered if long_step(readings) => LONG,
        Clock::Mixed | Clock::Disordered => 1,
    };
    let back = if clock == Clock::Disordered && behind(readings) { DISORDER } else { 0 };
    STATE.with(|state| {
        let state = &mut state.borrow_mut().clock;
        state.now += step;
        state.now - back
    })
}

/// As `std::time::Instant`, by the clock of the models, which reading this
/// does not move on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(u64);

impl Instant {
    /// Now.
    #[must_use]
    pub fn now() -> Instant {
        Instant(STATE.with(|state| state.borrow().clock.now))
    }

    /// That much later.
    #[must_use]
    pub fn checked_add(self, time: Duration) -> Option<Instant> {
        let nanos = u64::try_from(time.as_nanos()).ok()?;
        self.0.checked_add(nanos).map(Instant)
    }

    /// How long after `earlier`; zero if it was before.
    #[must_use]
    pub fn saturating_duration_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Moves the clock on to this instant, if it is not there.
    pub(crate) fn pass(self) {
        STATE.with(|state| {
            let now = &mut state.borrow_mut().clock.now;
            *now = self.0.max(*now);
        });
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, time: Duration) -> Instant {
        self.checked_add(time).expect("an instant")
    }
}
