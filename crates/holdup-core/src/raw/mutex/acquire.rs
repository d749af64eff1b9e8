//! Acquiring a lock that is not free: spin, queue, sleep, give up.

use super::RawMutex;
use super::list::claim_handoff;
use crate::clock;
use crate::live::{self, Access, Holder, Waiting};
use crate::raw::backoff::Backoff;
use crate::raw::spin::{Spin, Watch};
use crate::record::{self, Sums};
use crate::sync::atomic::Ordering;
use crate::sync::{Instant, place, yield_now};
use crate::thread;
use crate::wait_list::{self, AWAKE, CALLED, HANDED, Node, WAITING, Wanted};
use crate::word::{self, LIST, LOCKED, WOKEN};

impl RawMutex {
    #[cold]
    pub(super) fn try_slow(&self) -> bool {
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
    pub(super) fn lock_slow(&self, deadline: Option<Instant>) -> bool {
        if self.try_slow() {
            return true;
        }
        let mut watch = self.watch();
        if self.spin(&mut watch, deadline) {
            return true;
        }
        match thread::record() {
            Some(record) => record.wait(self, || {
                record.slate.settle();
                let node = place(Node::new(record, Wanted::Exclusive, watch.start()));
                self.queue(&node, watch, deadline)
            }),
            None => self.yield_until(watch, deadline),
        }
    }

    /// The wait begins here.
    fn watch(&self) -> Watch {
        let section = self.owner.load(Ordering::Relaxed);
        Watch::new(section, clock::now())
    }

    /// Spins a little while the lock is held. Whether that got the lock.
    fn spin(&self, watch: &mut Watch, deadline: Option<Instant>) -> bool {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                if self.barge(word).is_ok() {
                    self.book_spun(1, watch);
                    return true;
                }
                continue;
            }
            if !watch.turn(self.owner.load(Ordering::Relaxed))
                || deadline.is_some_and(|deadline| Instant::now() >= deadline)
            {
                return false;
            }
        }
    }

    /// Books all of a wait so far as spun, and `spins` acquisitions that never
    /// queued.
    fn book_spun(&self, spins: u64, watch: &Watch) {
        let spun = watch.end(clock::now(), spins > 0);
        record::book(self.class, &Sums { spins, spun, ..Sums::default() });
    }

    /// Without memory for a parker a thread cannot queue; it goes on trying.
    #[cold]
    fn yield_until(&self, mut watch: Watch, deadline: Option<Instant>) -> bool {
        loop {
            self.book_spun(0, &watch);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            yield_now();
            watch = self.watch();
            if self.spin(&mut watch, deadline) {
                return true;
            }
        }
    }

    /// Queues `node` and waits. Whether the lock was acquired; if not, the
    /// deadline has passed. Either way the node is not on the list any more.
    pub(super) fn queue(&self, node: &Node, mut watch: Watch, deadline: Option<Instant>) -> bool {
        let mut since = watch.start();
        // SAFETY: its owner is here, and until it is pushed nobody else knows it.
        let pushed = unsafe {
            self.push_at(node, || {
                let owner = self.owner.load(Ordering::Relaxed);
                since = watch.look(owner);
                node.begin(since);
                node.see(thread::signed_by(owner));
            })
        };
        if !pushed {
            self.book_spun(1, &watch);
            return true;
        }
        if since > watch.start() {
            // Spun for sections before the one it queued for: not the blame of that.
            let spun = since - watch.start();
            record::book(self.class, &Sums { spun, ..Sums::default() });
        }
        let waiting = Waiting::begin(node.record, self.shown(), since, deadline.is_some());
        self.wait_queued(node, &waiting, deadline)
    }

    /// Waits as the owner of `node`, which is on the list. Ends as `queue` does.
    pub(in crate::raw) fn wait_queued(
        &self,
        node: &Node,
        waiting: &Waiting,
        deadline: Option<Instant>,
    ) -> bool {
        // Whether the WOKEN bit is ours.
        let mut woken = false;
        let mut spin = Spin::queued(waiting.queued_at());
        let mut spinning = true;
        loop {
            // Acquire: a handed lock comes with what its last holder wrote.
            let state = node.state.load(Ordering::Acquire);
            if state == HANDED {
                self.take_list();
                spin.found_free(self.acquired(node));
                return true;
            }
            if state == CALLED {
                // From now on the lock can be handed to us without a delay.
                // Relaxed: a hint; if it fails the lock was just handed over.
                woken = true;
                let stay = node.stay.load(Ordering::Relaxed);
                spin.called(clock::now(), stay);
                spinning = true;
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
                    spin.found_free(self.acquired(node));
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
            spin.sleeps();
            node.enter_victim();
            let called = || node.state.load(Ordering::Relaxed) != WAITING;
            if waiting.sleep(deadline, node, || self.seen_holder(), called) {
                return self.give_up(node);
            }
        }
    }

    /// This mutex, as it is shown to others.
    pub(in crate::raw) fn shown(&self) -> live::Lock {
        let address = core::ptr::from_ref(self).addr();
        live::Lock { address, class: self.class, access: Access::Mutex }
    }

    /// Who holds the lock, as far as a waiter sees.
    pub(in crate::raw) fn seen_holder(&self) -> Holder {
        Holder::numbered(thread::signed_by(self.owner.load(Ordering::Relaxed)))
    }

    /// Queues `node` for its owner, who sleeps. Nobody is pushed on a free lock
    /// (invariant 1), so that is taken first. Whether it was: then the caller
    /// holds it, and by its unlock the oldest waiter is woken. If not, the node may
    /// be gone when this returns.
    ///
    /// # Safety
    /// `node` lives, and is the caller's.
    pub(in crate::raw) unsafe fn enqueue(&self, node: *const Node) -> bool {
        // SAFETY: the caller's promise; a push that failed changed nothing of it.
        unsafe {
            let see = || (*node).see(thread::signed_by(self.owner.load(Ordering::Relaxed)));
            let taken = !self.push_at(node, see);
            if taken {
                self.owned();
                let pushed = self.push_at(node, || {});
                debug_assert!(pushed, "a lock is released by its holder alone");
            }
            taken
        }
    }

    /// Pushes `node`, after a call of `last_look` while the lock is held. False if
    /// the lock turned out to be free and was taken instead. Takes no reference,
    /// which would promise that the node lives to the end of the call.
    ///
    /// # Safety
    /// `node` lives, and is the caller's until it is pushed.
    #[inline]
    pub(super) unsafe fn push_at(&self, node: *const Node, mut last_look: impl FnMut()) -> bool {
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
            last_look();
            // SAFETY: it was not pushed so far.
            unsafe { (*node).prepare(word::newest(word), word::debt(word)) };
            let pushed = word::with_newest(word, node.cast_mut());
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
            let holder = thread::signed_by(self.owner.load(Ordering::Relaxed));
            let waited = account.give_up(node, now, thread::seen(holder, now));
            account.unbooked.add_wait(waited);
            let (culprit, victim) = (account.culprit_of(node.ticket.get().start), node.victim());
            node.record.slate.note_wait(self.class, waited, now, culprit, victim);
        }
        self.leave_list(taken, node);
        node.record.slate.settle();
        false
    }
}
