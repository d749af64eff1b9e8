//! The mutex: one word, a wait list that hangs on it, and the two claims of
//! each contended critical section.
//!
//! # States
//!
//! The flags are described in `word.rs`. "Waiters" means that the
//! high bits hold a node.
//!
//! | word                     | meaning                                         |
//! |--------------------------|-------------------------------------------------|
//! | 0                        | free                                            |
//! | LOCKED                   | held, nobody waits                              |
//! | LOCKED, debt             | held, nobody waits any more, who gave up left a debt |
//! | LOCKED, waiters          | held, somebody waits                            |
//! | waiters, WOKEN           | free; the oldest waiter was woken and will try  |
//! | LOCKED, waiters, WOKEN   | held; the one that was woken has not tried yet, or the lock was handed to it |
//! | + LIST                   | somebody works on the list                      |
//!
//! # How a critical section goes
//!
//! *lock, free*: CAS 0 -> LOCKED. *unlock, no waiters*: CAS LOCKED -> 0. No
//! clock, no counter, no call.
//!
//! *lock, held*: read the clock, spin a little (see `spin.rs`); push a node;
//! spin a little more, and sleep. Whoever is awake and finds the lock free
//! takes it (barging). Taking it while there are waiters takes LIST with it in
//! one CAS: link, claim the *handoff*, leave the list if it was a waiter, give
//! LIST back.
//!
//! *unlock, waiters*: take LIST; link, claim the *blame*; then either release
//! and wake the oldest unless one that was woken has still to try, or, if the
//! oldest has waited too long, hand the lock over: it stays LOCKED and belongs
//! to that waiter. A waiter that is due is woken first and handed the lock at
//! the next unlock, when it is awake: so the lock is hardly idle meanwhile. One
//! CAS publishes the outcome and gives LIST back; if it fails, waiters were
//! pushed, and they are claimed too. Wake and book after.
//!
//! *time out*: take LIST while LOCKED is set; leave; what was waited since the
//! last claim stays in the ledger, or in the word where the list is now empty.
//!
//! # Invariants
//!
//! 1. Waiters are pushed only while LOCKED is set.
//! 2. LIST is taken by a holder, together with becoming one, or while LOCKED
//!    is set (a time-out, [`RawMutex::waiters`]). While it is taken, LOCKED
//!    does not change but by who has it: a release with waiters needs LIST,
//!    and a free lock with waiters is taken only when LIST is clear.
//! 3. With waiters and LOCKED clear, WOKEN is set: somebody is on the way.
//!    (A release with waiters sets WOKEN; it is cleared only by a holder, or
//!    by the woken one when it saw LOCKED set and LIST clear.)
//! 4. WOKEN belongs to the oldest node: only the oldest is woken, and it stays
//!    the oldest until it leaves. Its owner knows by the node's `state`, which
//!    is set after WOKEN is in the word.
//! 5. At most one waiter is awake because of an unlock: no wake while WOKEN.
//! 6. A sleeping waiter is woken by a token that is left after `state` was
//!    set, and looks at `state` after each sleep: no wake-up is lost.
//! 7. After the CAS that gives the lock away, nothing of the mutex is touched:
//!    it may be gone. What is needed then (class, record) was read before.
//!
//! # Orderings
//!
//! Taking LOCKED is Acquire, releasing it Release: that is the mutex. LIST
//! likewise protects the list (see `wait_list.rs`). `state`
//! is written with Release before the word is; its owner reads it with
//! Acquire, so a `HANDED` lock comes with all that its last holder wrote.

use super::backoff::Backoff;
use super::spin::{Spin, Watch};
use crate::class::ClassId;
use crate::clock;
use crate::record::{self, Sums};
use crate::thread;
use crate::wait_list::{self, AWAKE, Account, CALLED, HANDED, Node, WAITING};
use crate::word::{self, LIST, LOCKED, WOKEN};
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A waiter that has waited longer is handed the lock directly, in
/// nanoseconds ...
const HANDOFF_AFTER: u64 = 1_000_000;
/// ... unless another was handed it just before: a direct handoff moves the
/// lock and its data to another processor, and may leave it idle until its new
/// owner runs. So there is one for each `HANDOFF_ROUND / waiters`: whoever
/// waits gets the lock after about one round, however many wait, ...
const HANDOFF_ROUND: u64 = 8_000_000;
/// ... within these bounds.
const HANDOFF_INTERVAL: (u64, u64) = (100_000, 1_000_000);
/// How long an unlock leaves a woken waiter the time to come before it hands
/// it the lock unseen.
const HANDOFF_PATIENCE: u64 = 200_000;

/// A mutex without data that accounts for its waiters.
///
/// At most 16 bytes, all zero when unlocked and unnamed. Lock and unlock are
/// one CAS each where nobody waits. Not reentrant. The methods are those of
/// `lock_api`'s traits, which the `holdup` crate implements with them.
///
/// Do not use a lock in a forked child that was waited for at the moment of
/// the fork: its waiters do not exist there, and it would be handed to them.
///
/// ```
/// use holdup_core::raw::RawMutex;
/// static LOCK: RawMutex = RawMutex::INIT;
/// LOCK.lock();
/// assert!(!LOCK.try_lock());
/// // SAFETY: locked above by this thread.
/// unsafe { LOCK.unlock() };
/// assert!(!LOCK.is_locked());
/// ```
pub struct RawMutex {
    word: AtomicUsize,
    /// The holder's signature: its thread number, and a count that makes it
    /// another one for each critical section; zero while nobody holds the
    /// lock. A hint: written apart from the word.
    owner: AtomicU32,
    class: ClassId,
}

const _: () = assert!(size_of::<RawMutex>() <= 16);

impl RawMutex {
    /// An unlocked mutex without a name.
    #[expect(clippy::declare_interior_mutable_const, reason = "the way lock_api makes locks")]
    pub const INIT: RawMutex = RawMutex::with_class(ClassId::UNNAMED);

    /// An unlocked mutex of the lock class `class`.
    #[must_use]
    pub const fn with_class(class: ClassId) -> RawMutex {
        RawMutex { word: AtomicUsize::new(0), owner: AtomicU32::new(0), class }
    }

    /// Acquires the lock; waits as long as it must. One CAS if it is free.
    #[inline]
    pub fn lock(&self) {
        if !self.try_fast() {
            self.lock_slow(None);
        }
        self.owned();
    }

    /// Acquires the lock if it is free, even past waiters. Does not wait.
    #[inline]
    #[must_use]
    pub fn try_lock(&self) -> bool {
        let locked = self.try_fast() || self.try_slow();
        if locked {
            self.owned();
        }
        locked
    }

    /// Acquires the lock unless that takes longer than `timeout`. Returns
    /// whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_for(&self, timeout: Duration) -> bool {
        let locked = self.try_fast() || {
            // A deadline past the end of time is none.
            self.lock_slow(Instant::now().checked_add(timeout))
        };
        if locked {
            self.owned();
        }
        locked
    }

    /// Acquires the lock unless that takes until after `deadline`. Returns
    /// whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_until(&self, deadline: Instant) -> bool {
        let locked = self.try_fast() || self.lock_slow(Some(deadline));
        if locked {
            self.owned();
        }
        locked
    }

    /// Releases the lock. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held, and this call ends the critical section.
    #[inline]
    pub unsafe fn unlock(&self) {
        self.release(false);
    }

    /// Releases the lock, and hands it to the oldest waiter if there is one,
    /// so that nobody else can take it before.
    ///
    /// # Safety
    /// As for [`unlock`](RawMutex::unlock).
    #[inline]
    pub unsafe fn unlock_fair(&self) {
        self.release(true);
    }

    /// Lets the oldest waiter, if there is one, have the lock before the
    /// caller gets it back. One load if nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller.
    #[inline]
    pub unsafe fn bump(&self) {
        if word::has_waiters(self.word.load(Ordering::Relaxed)) {
            // SAFETY: the caller's promise.
            unsafe { self.unlock_fair() };
            self.lock();
        }
    }

    /// Whether somebody holds the lock. A snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// The number of the thread that holds the lock, if one does and has
    /// already written its number. A snapshot.
    #[must_use]
    pub fn holder(&self) -> Option<NonZeroU32> {
        let signature = self.owner.load(Ordering::Relaxed);
        NonZeroU32::new(thread::signed_by(signature)).filter(|_| self.is_locked())
    }

    /// The class of the lock.
    #[must_use]
    pub const fn class(&self) -> ClassId {
        self.class
    }

    /// How many threads are queued. A snapshot; for tests and views of a
    /// running program: takes the list for a moment.
    #[must_use]
    pub fn waiters(&self) -> usize {
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        let newest = loop {
            if !word::has_waiters(word) {
                return 0;
            }
            // Invariant 2. Of a free lock somebody is about to take both.
            if word & LOCKED == 0 {
                word = self.word.load(Ordering::Relaxed);
            } else {
                match self.try_take_list(word) {
                    Ok(taken) => break word::newest(taken),
                    Err(now) => word = now,
                }
            }
            backoff.wait();
        };
        // SAFETY: we took LIST, `newest` is from the word we took it from.
        let waiters = unsafe {
            wait_list::link(newest);
            wait_list::account(newest).ledger.waiters()
        };
        self.word.fetch_and(!LIST, Ordering::Release);
        waiters as usize
    }

    #[inline]
    fn try_fast(&self) -> bool {
        // Acquire: sees what the last holder wrote.
        self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn owned(&self) {
        self.owner.store(thread::sign(), Ordering::Relaxed);
    }

    #[inline(always)]
    fn release(&self, fair: bool) {
        self.owner.store(0, Ordering::Relaxed);
        // Release: the next holder sees the critical section.
        if self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_slow(fair);
            // A function whose last act is to unlock would otherwise jump there
            // and leave no frame, and its caller be blamed for what it did.
            core::hint::black_box(());
        }
    }

    #[cold]
    fn try_slow(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & LOCKED == 0 {
            match self.barge(word) {
                Ok(()) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Takes the lock, seen free as `word`, past those who wait. The word as
    /// it is now if that failed.
    fn barge(&self, word: usize) -> Result<(), usize> {
        self.take_free(word)?;
        if word::has_waiters(word) {
            let newest = word::newest(word);
            // SAFETY: `take_free` took LIST with LOCKED, and `newest` is from
            // the word it replaced.
            unsafe { claim_handoff(newest) };
            self.word.fetch_and(!LIST, Ordering::Release);
        }
        Ok(())
    }

    /// The CAS that takes a free lock, and with it the list if there is one
    /// (invariant 2).
    fn take_free(&self, word: usize) -> Result<(), usize> {
        debug_assert!(word & LOCKED == 0);
        let mut taken = word | LOCKED;
        if word::has_waiters(word) {
            debug_assert!(word & LIST == 0);
            taken |= LIST;
        }
        // Acquire: the critical sections before, and the list.
        self.word.compare_exchange_weak(word, taken, Ordering::Acquire, Ordering::Relaxed).map(drop)
    }

    /// Acquires a lock that was not free, or not without waiters.
    #[cold]
    fn lock_slow(&self, deadline: Option<Instant>) -> bool {
        if self.try_slow() {
            return true;
        }
        // The wait begins here.
        let start = clock::now();
        let Some(start) = self.spin(start, deadline) else { return true };
        match thread::record() {
            Some(record) => record.wait(|| self.queue(&Node::new(record, start), deadline)),
            None => self.yield_until(deadline),
        }
    }

    /// Spins a little while the lock is held. None if that got the lock, else
    /// since when it waits for the section it leaves it with: what it spun for
    /// earlier ones is not that holder's blame, and booked as spun.
    fn spin(&self, start: u64, deadline: Option<Instant>) -> Option<u64> {
        let mut watch = Watch::new(start);
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                if self.barge(word).is_ok() {
                    self.book_spun(1, clock::now().saturating_sub(start));
                    return None;
                }
                continue;
            }
            if watch.turn(self.owner.load(Ordering::Relaxed))
                && deadline.is_none_or(|deadline| Instant::now() < deadline)
            {
                continue;
            }
            let since = watch.since();
            if since > start {
                self.book_spun(0, since - start);
            }
            return Some(since);
        }
    }

    /// Books time spent spinning, and acquisitions that never queued.
    fn book_spun(&self, spins: u64, spun: u64) {
        record::book(self.class, &Sums { spins, spun, ..Sums::default() });
    }

    /// Without memory for a parker a thread cannot queue; it goes on trying.
    #[cold]
    fn yield_until(&self, deadline: Option<Instant>) -> bool {
        loop {
            if self.spin(clock::now(), deadline).is_none() {
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            std::thread::yield_now();
        }
    }

    /// Queues `node` and waits. Whether the lock was acquired; if not, the
    /// deadline has passed. Either way the node is not on the list any more.
    fn queue(&self, node: &Node, deadline: Option<Instant>) -> bool {
        if !self.push(node) {
            self.book_spun(1, clock::now().saturating_sub(node.ticket.get().start));
            return true;
        }
        // Whether the WOKEN bit is ours.
        let mut woken = false;
        let mut spin = Spin::queued(clock::now());
        let mut spinning = true;
        loop {
            // Acquire: a handed lock comes with what its last holder wrote.
            let state = node.state.load(Ordering::Acquire);
            if state == HANDED {
                self.take_list();
                self.acquired(node);
                return true;
            }
            if state == CALLED {
                // From now on the lock can be handed to us without a delay.
                // Relaxed: a hint; if it fails the lock was just handed over.
                woken = true;
                (spin, spinning) = (Spin::queued(clock::now()), true);
                let (called, awake) = (CALLED, AWAKE);
                let _ = node.state.compare_exchange(
                    called,
                    awake,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
            }
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                if self.take_free(word).is_ok() {
                    self.acquired(node);
                    return true;
                }
                continue;
            }
            if spinning {
                spinning = spin.turn() && deadline.is_none_or(|deadline| Instant::now() < deadline);
                continue;
            }
            if woken {
                // Had its try and lost: the next unlock may wake it again.
                if !self.give_back_woken(node) {
                    continue;
                }
                woken = false;
            }
            match deadline {
                None => node.record.parker.park(),
                Some(deadline) => {
                    if !node.record.parker.park_until(deadline) {
                        return self.give_up(node);
                    }
                }
            }
        }
    }

    /// Pushes `node`. False if the lock turned out to be free and was taken
    /// instead.
    fn push(&self, node: &Node) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & LOCKED == 0 {
                match self.barge(word) {
                    Ok(()) => return false,
                    Err(now) => {
                        word = now;
                        continue;
                    }
                }
            }
            node.prepare(word::newest(word), word::debt(word));
            let pushed = word::with_newest(word, core::ptr::from_ref(node).cast_mut());
            // Release: publishes the node.
            match self.word.compare_exchange_weak(
                word,
                pushed,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    wait_list::steps::count_push();
                    return true;
                }
                Err(now) => word = now,
            }
        }
    }

    /// Clears the WOKEN bit, which is ours, unless the lock became free or was
    /// handed over: then the caller looks again.
    fn give_back_woken(&self, node: &Node) -> bool {
        // First the state, then the bit: once that is clear, the next unlock
        // may set both again.
        node.tried.store(true, Ordering::Relaxed);
        if node
            .state
            .compare_exchange(AWAKE, WAITING, Ordering::Acquire, Ordering::Acquire)
            .is_err_and(|state| state == HANDED)
        {
            return false;
        }
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        while word & LOCKED != 0 {
            if word & LIST != 0 {
                // An unlock may be deciding, and it saw WOKEN set.
                backoff.wait();
                word = self.word.load(Ordering::Relaxed);
                continue;
            }
            // Acquire: if an unlock handed us the lock before, see `state`.
            match self.word.compare_exchange_weak(
                word,
                word & !WOKEN,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return node.state.load(Ordering::Acquire) != HANDED,
                Err(now) => word = now,
            }
        }
        false
    }

    /// The deadline has passed: takes `node` out, unless it gets the lock at
    /// the last moment. Whether it got it.
    fn give_up(&self, node: &Node) -> bool {
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        let taken = loop {
            if word & LOCKED == 0 {
                match self.take_free(word) {
                    Ok(()) => {
                        self.acquired(node);
                        return true;
                    }
                    Err(now) => word = now,
                }
                continue;
            }
            match self.try_take_list(word) {
                Ok(taken) => break taken,
                Err(now) => word = now,
            }
            backoff.wait();
        };
        // Acquire came with LIST.
        if node.state.load(Ordering::Acquire) == HANDED {
            self.acquired(node);
            return true;
        }
        let newest = word::newest(taken);
        // SAFETY: we have LIST, `newest` is from the word we took it from.
        unsafe {
            wait_list::link(newest);
            let account = wait_list::account(newest);
            let now = account.ledger.not_before(clock::now());
            let waited = account.ledger.leave(node.ticket.get(), now);
            account.unbooked.add_wait(waited);
        }
        self.leave_list(taken, node);
        false
    }

    /// The lock is ours, and the list: claims the handoff, takes `node` out,
    /// and gives the list back.
    fn acquired(&self, node: &Node) {
        let word = self.word.load(Ordering::Acquire);
        let newest = word::newest(word);
        // SAFETY: we have LIST, `newest` was read since.
        let (account, now) = unsafe { claim_handoff(newest) };
        let waited = account.ledger.leave(node.ticket.get(), now);
        account.unbooked.add_wait(waited);
        self.leave_list(word, node);
    }

    /// Takes `node`, which the ledger no longer counts, out of the list that
    /// was linked from `word`, and gives LIST back. LOCKED is set.
    fn leave_list(&self, word: usize, node: &Node) {
        let this = core::ptr::from_ref(node).cast_mut();
        let mut newest = word::newest(word);
        // Invariant 4: WOKEN is the oldest's.
        // SAFETY: we have LIST, and `newest` is linked.
        let woken = if unsafe { wait_list::oldest(newest) } == this { WOKEN } else { 0 };
        if newest == this {
            // SAFETY: as above; `node` is on the list. What this does is void
            // if the CAS fails.
            let next = unsafe { wait_list::remove(newest, node) };
            // SAFETY: as above.
            let account = unsafe { wait_list::account(newest) };
            let (rest, excess) = if next.is_null() {
                word::locked_with_debt(account.ledger.owed())
            } else {
                (word::with_newest(word, next) & !(LIST | woken), 0)
            };
            // Release: gives the list back.
            match self.word.compare_exchange(word, rest, Ordering::Release, Ordering::Acquire) {
                Ok(_) => {
                    if next.is_null() {
                        // Nobody is left to carry the sums to the unlock.
                        self.book_last(account.unbooked, excess);
                    }
                    return;
                }
                // Only a push can have come between.
                Err(now) => newest = word::newest(now),
            }
            // SAFETY: as above; the failed CAS was an Acquire.
            unsafe { wait_list::link(newest) };
        }
        // SAFETY: as above; `node` is not the newest, so that this is final.
        unsafe { wait_list::remove(newest, node) };
        // Release: gives the list back.
        self.word.fetch_and(!(LIST | woken), Ordering::Release);
    }

    fn book_last(&self, mut unbooked: Sums, excess: u64) {
        unbooked.blamed += excess;
        record::book(self.class, &unbooked);
        if excess > 0 {
            record::book_lost(self.class, excess);
        }
    }

    /// Takes the LIST bit if it is free in `word` and the list is not empty.
    /// The word with the bit, or as it is now.
    fn try_take_list(&self, word: usize) -> Result<usize, usize> {
        if word & LIST != 0 || !word::has_waiters(word) {
            return Err(self.word.load(Ordering::Relaxed));
        }
        // Acquire: what the last user of the list wrote, and pushed nodes.
        self.word
            .compare_exchange_weak(word, word | LIST, Ordering::Acquire, Ordering::Relaxed)
            .map(|word| word | LIST)
    }

    /// Takes the LIST bit of a list that stays not empty.
    fn take_list(&self) {
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        while let Err(now) = self.try_take_list(word) {
            word = now;
            backoff.wait();
        }
    }

    /// Releases a lock that somebody waits for, or owes a debt.
    #[cold]
    #[inline(never)]
    fn unlock_slow(&self, fair: bool) {
        let class = self.class;
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        // Take the list, or release a lock that has none.
        let had = loop {
            if !word::has_waiters(word) {
                // Release: the next holder sees the critical section.
                match self.word.compare_exchange_weak(word, 0, Ordering::Release, Ordering::Relaxed)
                {
                    Ok(_) => {
                        let debt = word::debt(word);
                        if debt > 0 {
                            let sums = Sums { contentions: 1, blamed: debt, ..Sums::default() };
                            record::book(class, &sums);
                            record::sample(class, debt);
                        }
                        return;
                    }
                    Err(now) => word = now,
                }
            } else if word & LIST != 0 {
                // A waiter that timed out is leaving.
                backoff.wait();
                word = self.word.load(Ordering::Relaxed);
            } else {
                // WOKEN goes in before any `state` does (invariant 4).
                // Acquire: the list.
                let taken = word | LIST | WOKEN;
                match self.word.compare_exchange_weak(
                    word,
                    taken,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break word,
                    Err(now) => word = now,
                }
            }
        };
        let on_the_way = had & WOKEN != 0;
        word = had | LIST | WOKEN;
        let (mut blame, mut first) = (0, true);
        let mut sums = None;
        let mut hand_over = fair;
        let wake = loop {
            let newest = word::newest(word);
            // SAFETY: we have LIST, `newest` was read since; `oldest` is alive
            // as long as we have it.
            let oldest = unsafe {
                wait_list::link(newest);
                let account = wait_list::account(newest);
                let now = account.ledger.not_before(clock::now());
                let oldest = &*wait_list::oldest(newest);
                if hand_over || must_hand_over(account, oldest, now) {
                    hand_over = true;
                    account.handed_at = now;
                } else if !on_the_way {
                    account.called_at = now;
                }
                let claim = account.ledger.claim(now);
                account.unbooked.add_blame(claim, first);
                first = false;
                blame += claim;
                // Once: what a second turn claims stays for the next unlock.
                if sums.is_none() {
                    sums = account.take_due(now);
                }
                oldest
            };
            let wake = oldest.record;
            let released = if hand_over {
                // Release: its owner may see it before the word.
                oldest.state.store(HANDED, Ordering::Release);
                word & !LIST
            } else {
                if !on_the_way {
                    oldest.state.store(CALLED, Ordering::Release);
                }
                word & !(LIST | LOCKED)
            };
            // Release: the critical section, the list, `state`.
            match self.word.compare_exchange(word, released, Ordering::Release, Ordering::Acquire) {
                // Invariant 7: from here on the mutex may be gone.
                Ok(_) => break (hand_over || !on_the_way).then_some(wake),
                Err(now) => word = now,
            }
        };
        if let Some(record) = wake {
            record.parker.unpark();
        }
        if let Some(sums) = sums {
            record::book(class, &sums);
        }
        record::sample(class, blame);
    }
}

/// Claims, for a lock just acquired, the time since nobody held it. Returns the
/// account and the instant of the claim.
///
/// # Safety
/// As for [`wait_list::link`] and [`wait_list::account`].
#[inline]
unsafe fn claim_handoff<'a>(newest: *mut Node) -> (&'a mut Account, u64) {
    // SAFETY: the caller's promise.
    let account = unsafe {
        wait_list::link(newest);
        wait_list::account(newest)
    };
    let now = account.ledger.not_before(clock::now());
    let handoff = account.ledger.claim(now);
    account.unbooked.add_handoff(handoff);
    (account, now)
}

/// Whether the lock must go to the oldest waiter: it has waited too long, and
/// either it is awake, so that it goes on at once, or there is a reason not to
/// wait for that.
fn must_hand_over(account: &Account, oldest: &Node, now: u64) -> bool {
    if now.wrapping_sub(oldest.ticket.get().start) < HANDOFF_AFTER {
        return false;
    }
    let (least, most) = HANDOFF_INTERVAL;
    let interval = (HANDOFF_ROUND / account.ledger.waiters()).clamp(least, most);
    if now.wrapping_sub(account.handed_at) < interval {
        return false;
    }
    match oldest.state.load(Ordering::Relaxed) {
        AWAKE => true,
        // It is on the way; is it coming?
        CALLED => now.wrapping_sub(account.called_at) >= HANDOFF_PATIENCE,
        // It had its try and lost it, or the section that ends here was so
        // long that the way of the waiter does not count.
        _ => {
            oldest.tried.load(Ordering::Relaxed)
                || account.ledger.since_claim(now) >= HANDOFF_PATIENCE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn processor_time() -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is valid for writes.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    #[test]
    #[cfg(unix)]
    fn a_woken_waiter_leaves_the_processor_to_who_has_the_list() {
        let lock = RawMutex::INIT;
        lock.lock();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                lock.lock();
                // SAFETY: locked above.
                unsafe { lock.unlock() };
                processor_time()
            });
            while lock.waiters() == 0 {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(20));
            // An unlock that is preempted, after it called the waiter.
            lock.take_list();
            let word = lock.word.fetch_or(WOKEN, Ordering::Relaxed) | WOKEN;
            // SAFETY: we have LIST, and `newest` is from a word read since.
            unsafe {
                wait_list::link(word::newest(word));
                let oldest = &*wait_list::oldest(word::newest(word));
                oldest.state.store(CALLED, Ordering::Release);
                oldest.record.parker.unpark();
            }
            std::thread::sleep(Duration::from_millis(300));
            lock.word.fetch_and(!(LIST | LOCKED), Ordering::Release);
            let spent = waiter.join().unwrap();
            assert!(spent < Duration::from_millis(60), "{spent:?}");
        });
    }

    #[test]
    fn counting_waiters_does_not_take_the_list_of_a_free_lock() {
        let lock = RawMutex::INIT;
        let node = Node::new(thread::record().unwrap(), clock::now());
        node.prepare(core::ptr::null_mut(), 0);
        // Free, and its only waiter was woken and has not run yet.
        let free = word::with_newest(WOKEN, core::ptr::from_ref(&node).cast_mut());
        lock.word.store(free, Ordering::Release);
        std::thread::scope(|scope| {
            let count = scope.spawn(|| lock.waiters());
            std::thread::sleep(Duration::from_millis(20));
            assert!(!count.is_finished());
            assert_eq!(lock.word.load(Ordering::Relaxed), free);
            lock.word.fetch_or(LOCKED, Ordering::Relaxed);
            assert_eq!(count.join().unwrap(), 1);
        });
    }
}
