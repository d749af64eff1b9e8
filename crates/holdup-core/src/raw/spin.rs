//! Spinning: a short wait for a lock that is about to be free.
//!
//! Some pauses of the processor first, then the rest of the time slice is
//! given to others. Giving it up rather than pausing matters where threads
//! outnumber processors: the holder may be one of those that cannot run.
//! A sleep and a wake-up cost some 5 to 50 us and two context switches, a
//! round here below 1 us if nobody else wants the processor; so 40 rounds cost
//! about what they may save, and [`TIME`] bounds them where a round takes long.

use crate::clock;

/// Rounds, of which the first few are pauses.
const ROUNDS: u32 = 60;
const PAUSES: u32 = 3;
/// The longest a thread spins before it sleeps, in nanoseconds.
const TIME: u64 = 2_000_000;

/// How far one spinning thread has come.
pub(super) struct Spin {
    round: u32,
    start: u64,
}

impl Spin {
    /// For a wait that began at `start`.
    pub(super) fn since(start: u64) -> Spin {
        Spin { round: 0, start }
    }

    /// Waits one round. False if there were enough.
    pub(super) fn round(&mut self) -> bool {
        if self.round >= ROUNDS {
            return false;
        }
        self.round += 1;
        if self.round <= PAUSES {
            for _ in 0..1 << self.round {
                core::hint::spin_loop();
            }
            return true;
        }
        std::thread::yield_now();
        clock::now().saturating_sub(self.start) < TIME
    }
}
