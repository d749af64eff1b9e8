//! Who waited how long because of whom: pure arithmetic, no clock, no atomics.
//!
//! A ledger belongs to one lock while it has waiters. It never looks at single
//! waiters: with `n` of them, the time they wait together up to `now` is
//! `n * now - (sum of their starts)`, so that a *claim* takes the exact
//! integral of the number of waiters since the claim before in constant time.
//!
//! | event                     | what happens                                      |
//! |---------------------------|---------------------------------------------------|
//! | a waiter joins            | it is counted from its start on                   |
//! | the lock was acquired     | [`claim`](Ledger::claim): nobody held the lock: *handoff* |
//! | the lock is released      | [`claim`](Ledger::claim): the holder's *blame*     |
//! | a waiter got the lock     | a claim at the same instant, then [`leave`](Ledger::leave): it owes nothing |
//! | a waiter gives up         | `leave`: its stretch since the last claim stays *owed*, and goes to the next claim |
//!
//! **Conservation.** Whenever nobody waits and nothing is owed, the sum of all
//! claims equals the sum of what [`leave`](Ledger::leave) returned, exactly:
//! each leave adds to `owed` what no claim had taken, each claim takes all
//! there is. All sums wrap, only differences are used.
//!
//! **Time does not run backwards here.** Clocks of two processors may be read
//! out of order by some nanoseconds. The ledger keeps the `latest` instant it
//! was told of and moves earlier ones up to it ([`Ledger::not_before`]); so no
//! difference is ever negative, and nothing is clamped away.

/// What a waiter needs to leave: when it began, and in which stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ticket {
    /// When the wait began, in ticks.
    pub start: u64,
    /// The ledger's epoch when the waiter joined.
    pub epoch: u64,
}

/// The sums of one lock's waiters. All times are ticks of one monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    waiters: u64,
    /// Sum over the waiters of the instant from which they are not yet claimed.
    starts: u64,
    /// What waiters who gave up left unclaimed.
    owed: u64,
    /// How many claims there were; tells whether a waiter was claimed before.
    epoch: u64,
    claimed_at: u64,
    latest: u64,
}

impl Ledger {
    /// A ledger without waiters that owes `owed` ticks. Constant time.
    #[must_use]
    pub const fn owing(owed: u64) -> Ledger {
        Ledger { waiters: 0, starts: 0, owed, epoch: 0, claimed_at: 0, latest: 0 }
    }

    /// Counts a waiter from `start` on. Constant time.
    #[inline]
    pub fn join(&mut self, start: u64) -> Ticket {
        self.waiters += 1;
        self.starts = self.starts.wrapping_add(start);
        self.latest = self.latest.max(start);
        Ticket { start, epoch: self.epoch }
    }

    /// `now`, or the latest instant this ledger knows if that is later. Each
    /// `now` given to the ledger must come from here.
    #[inline]
    #[must_use]
    pub fn not_before(&self, now: u64) -> u64 {
        now.max(self.latest)
    }

    /// Takes all waiting since the last claim. Constant time.
    #[inline]
    pub fn claim(&mut self, now: u64) -> u64 {
        debug_assert!(now >= self.latest);
        let all = self.waiters.wrapping_mul(now);
        let amount = all.wrapping_sub(self.starts).wrapping_add(self.owed);
        self.starts = all;
        self.owed = 0;
        self.claimed_at = now;
        self.latest = now;
        self.epoch = self.epoch.wrapping_add(1);
        amount
    }

    /// What [`claim`](Self::claim) would take. Constant time.
    #[inline]
    #[must_use]
    pub fn due(&self, now: u64) -> u64 {
        self.waiters.wrapping_mul(now).wrapping_sub(self.starts).wrapping_add(self.owed)
    }

    /// A waiter stops waiting; returns how long it waited in all. What of it
    /// no claim has taken yet stays owed. Constant time.
    #[inline]
    pub fn leave(&mut self, ticket: Ticket, now: u64) -> u64 {
        debug_assert!(now >= self.latest && self.waiters > 0);
        let since = self.since(ticket);
        self.owed = self.owed.wrapping_add(now.wrapping_sub(since));
        self.waiters -= 1;
        self.starts = self.starts.wrapping_sub(since);
        self.latest = now;
        now.wrapping_sub(ticket.start)
    }

    /// As [`leave`](Self::leave), but what no claim has taken of this wait is not
    /// left owed: it is returned beside the whole wait, for the caller to book. For
    /// a waiter that was let in while others go on to wait for whoever holds the
    /// lock. Constant time.
    #[inline]
    pub fn leave_settled(&mut self, ticket: Ticket, now: u64) -> (u64, u64) {
        let owed = self.owed;
        let waited = self.leave(ticket, now);
        let unclaimed = self.owed.wrapping_sub(owed);
        self.owed = owed;
        (waited, unclaimed)
    }

    /// What those who wait waited and no claim has taken yet.
    #[inline]
    #[must_use]
    pub fn of_waiters(&self, now: u64) -> u64 {
        self.waiters.wrapping_mul(now).wrapping_sub(self.starts)
    }

    /// What a waiter with this `ticket` waited and no claim has taken yet.
    #[inline]
    #[must_use]
    pub fn unclaimed(&self, ticket: Ticket, now: u64) -> u64 {
        now.wrapping_sub(self.since(ticket))
    }

    /// From when on a waiter is not yet claimed.
    #[inline]
    fn since(&self, ticket: Ticket) -> u64 {
        if ticket.epoch == self.epoch { ticket.start } else { self.claimed_at }
    }

    /// How long ago the last claim was; very long if there was none.
    #[inline]
    #[must_use]
    pub fn since_claim(&self, now: u64) -> u64 {
        now.wrapping_sub(self.claimed_at)
    }

    /// When the last claim was; zero if there was none.
    #[inline]
    #[must_use]
    pub fn claimed_at(&self) -> u64 {
        self.claimed_at
    }

    /// Whether a waiter with this ticket was there at the last claim.
    #[inline]
    #[must_use]
    pub fn is_claimed(&self, ticket: Ticket) -> bool {
        ticket.epoch != self.epoch
    }

    /// How many wait.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> u64 {
        self.waiters
    }

    /// Ticks that nobody has claimed and nobody who still waits will add.
    #[inline]
    #[must_use]
    pub fn owed(&self) -> u64 {
        self.owed
    }
}

/// What the verifier of wait lists looks at.
#[cfg(any(holdup_verify, loom, shuttle))]
impl Ledger {
    pub(crate) fn starts(&self) -> u64 {
        self.starts
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }
}
