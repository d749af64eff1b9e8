//! Of a holder's blame, the part during which it waited itself: pure arithmetic.
//!
//! Beside the ledger, in whose time all waiters wait, stands this one, in a time of the
//! holder's own: how long it has waited for locks in all, ever. That clock runs
//! while the holder waits, and stands while it does not. What the waiters' clocks show
//! between two claims in ledger time is the holder's blame; what they show in this time
//! is the part of it during which the holder waited. So the same sums do, in constant time,
//! however often the holder waited and whoever came and went meanwhile.
//!
//! Each claim begins anew, in the time of who holds the lock then: all who wait are
//! counted from there on. Who comes later is counted from what it saw of the holder's
//! clock when its wait began ([`Seen`]), if it saw the holder that the sums are of. Else
//! (the lock was just changing hands, or nobody knows who reads it) it is not counted
//! before the next claim: what is said to be nested is never too much.
//!
//! | exact                                     | left out                              |
//! |-------------------------------------------|---------------------------------------|
//! | mutexes, and writers                      | holds of readers                      |
//! | waits of the holder, from when it queued  | what it spun before, some microseconds |
//! | waiters that give up                      | what the last one to give up leaves   |

/// What a waiter saw of the holder when its wait began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// The holder's number; zero if it saw none.
    pub holder: u32,
    /// How long that had waited in all, in nanoseconds.
    pub waited: u64,
}

/// The sums of one lock's waiters, in the holder's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Nested {
    /// Whose time it is; zero for nobody's.
    holder: u32,
    /// Whether there was a claim: before, the first waiter says whose time it is.
    begun: bool,
    /// Waiters that are counted.
    counted: u64,
    /// Sum over them of the instant from which they are not yet claimed.
    starts: u64,
    /// What waiters who gave up left unclaimed.
    owed: u64,
    claimed_at: u64,
}

impl Nested {
    /// Counts a waiter, if it saw the holder that this is of; one that nobody waited for
    /// before takes the first for it.
    #[inline]
    pub fn join(&mut self, seen: Seen) {
        if !self.begun && self.holder == 0 {
            self.holder = seen.holder;
        }
        if self.counts(seen) {
            self.counted += 1;
            self.starts = self.starts.wrapping_add(seen.waited);
        }
    }

    fn counts(&self, seen: Seen) -> bool {
        seen.holder != 0 && seen.holder == self.holder
    }

    /// The holder `holder`, which has waited so long in all, got the lock, or goes on
    /// with it: `waiters` are counted from now on.
    #[inline]
    pub fn begin(&mut self, holder: u32, waited: u64, waiters: u64) {
        (self.holder, self.begun) = (holder, true);
        self.counted = if holder == 0 { 0 } else { waiters };
        self.starts = self.counted.wrapping_mul(waited);
        self.owed = 0;
        self.claimed_at = waited;
    }

    /// The hold of `holder`, which has waited so long in all, ends: what was waited for it
    /// while it waited. From then on to the next [`begin`](Nested::begin) it is nobody's
    /// time.
    #[inline]
    pub fn claim(&mut self, holder: u32, waited: u64) -> u64 {
        let of = core::mem::take(&mut self.holder);
        let begun = core::mem::replace(&mut self.begun, true);
        // Somebody else may release it than got it: a guard was sent. And most holders
        // did not wait.
        if holder == 0 || holder != of || (begun && waited == self.claimed_at) {
            return 0;
        }
        let all = self.counted.wrapping_mul(waited);
        all.wrapping_sub(self.starts).wrapping_add(self.owed)
    }

    /// A waiter stops waiting: one that was there at the last claim (`claimed`), or one
    /// that came later and had seen this. `waited` says how long `holder`, which holds the
    /// lock, has waited by now, if that is known.
    #[inline]
    pub fn leave(&mut self, seen: Seen, claimed: bool, holder: u32, waited: Option<u64>) {
        if self.holder == 0 || !(claimed || self.counts(seen)) {
            return;
        }
        let since = if claimed { self.claimed_at } else { seen.waited };
        self.counted -= 1;
        self.starts = self.starts.wrapping_sub(since);
        if let Some(waited) = waited.filter(|_| holder == self.holder) {
            self.owed = self.owed.wrapping_add(waited.saturating_sub(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What happens to a lock.
    #[derive(Clone, Debug)]
    enum Event {
        /// Time passes, while the holder waits or not.
        Pass { ticks: u64, nested: bool },
        /// A waiter comes.
        Come,
        /// One of them gives up.
        GiveUp(prop::sample::Index),
        /// The hold ends, and another thread, or the same, gets the lock.
        Change { holder: u32 },
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            (0..100_u64, any::<bool>()).prop_map(|(ticks, nested)| Event::Pass { ticks, nested }),
            Just(Event::Come),
            any::<prop::sample::Index>().prop_map(Event::GiveUp),
            (1..4_u32).prop_map(|holder| Event::Change { holder }),
        ];
        prop::collection::vec(event, 1..60)
    }

    struct Waiter {
        seen: Seen,
        claimed: bool,
    }

    proptest! {
        #[test]
        fn what_is_nested_is_what_was_waited_while_the_holder_waited(events in events()) {
            let mut nested = Nested::default();
            // How long each thread has waited in all.
            let mut waited = [0_u64; 4];
            let mut holder = 1_u32;
            let mut waiters: Vec<Waiter> = Vec::new();
            // Brute force, of this hold.
            let mut truth = 0;
            nested.begin(holder, waited[holder as usize], 0);
            for event in events {
                match event {
                    Event::Pass { ticks, nested: true } => {
                        waited[holder as usize] += ticks;
                        truth += ticks * waiters.len() as u64;
                    }
                    Event::Pass { nested: false, .. } => {}
                    Event::Come => {
                        let seen = Seen { holder, waited: waited[holder as usize] };
                        nested.join(seen);
                        waiters.push(Waiter { seen, claimed: false });
                    }
                    Event::GiveUp(index) if !waiters.is_empty() => {
                        let waiter = waiters.swap_remove(index.index(waiters.len()));
                        let now = Some(waited[holder as usize]);
                        nested.leave(waiter.seen, waiter.claimed, holder, now);
                    }
                    Event::GiveUp(_) => {}
                    Event::Change { holder: next } => {
                        let count = waiters.len() as u64;
                        let claim = nested.claim(holder, waited[holder as usize]);
                        prop_assert_eq!(claim, truth);
                        truth = 0;
                        // Nobody holds it for a while: not nested in anything.
                        waited[next as usize] += 7;
                        holder = next;
                        nested.begin(holder, waited[holder as usize], count);
                        waiters.iter_mut().for_each(|waiter| waiter.claimed = true);
                    }
                }
            }
        }
    }

    #[test]
    fn who_saw_another_holder_is_not_counted_before_the_next_claim() {
        let mut nested = Nested::default();
        nested.join(Seen { holder: 1, waited: 100 });
        nested.join(Seen { holder: 2, waited: 5_000 });
        nested.join(Seen::default());
        assert_eq!(nested.claim(1, 130), 30);
        assert_eq!(nested.claim(1, 135), 0, "nobody's time");
        nested.begin(1, 130, 3);
        assert_eq!(nested.claim(1, 140), 30);
        // A guard that was sent: somebody else's clock says nothing.
        nested.begin(1, 140, 3);
        assert_eq!(nested.claim(2, 9_000), 0);
        // Nobody's time: who comes, and who goes, is not counted.
        nested.begin(0, 0, 3);
        nested.join(Seen { holder: 1, waited: 1 });
        nested.leave(Seen { holder: 1, waited: 1 }, false, 1, Some(9));
        nested.leave(Seen { holder: 1, waited: 1 }, true, 1, Some(9));
        assert_eq!(nested.claim(1, 10), 0);
    }
}
