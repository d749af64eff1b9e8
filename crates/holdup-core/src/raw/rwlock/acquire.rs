//! Acquiring a lock that was not free for the asking.

use super::RawRwLock;
use super::session::Session;
use super::word::{
    self, ALONE, EXCLUSIVE, LIST, LOCKED, QUEUED, READER, UPGRADABLE, WOKEN, is_queued, with_newest,
};
use crate::clock;
use crate::live::{self, Access, Holder, Waiting};
use crate::raw::backoff::Backoff;
use crate::raw::spin::{Spin, Watch};
use crate::record::{self, Sums};
use crate::sync::atomic::Ordering;
use crate::sync::{Instant, place, yield_now};
use crate::thread;
use crate::wait_list::{self, ADMITTED, ADMITTED_ON, AWAKE, CALLED, HANDED, Node, WAITING, Wanted};

/// What came of an attempt.
enum Attempt {
    /// The lock is acquired.
    Acquired,
    /// It is not to be had now.
    Blocked,
    /// It could be, but somebody works on the list.
    Busy,
    /// It could be, but somebody changed the word.
    Changed,
}

/// The flags that `wanted` sets when it gets the lock.
fn held(wanted: Wanted) -> usize {
    match wanted {
        Wanted::Exclusive | Wanted::Upgrade => LOCKED | EXCLUSIVE,
        Wanted::Shared => LOCKED,
        Wanted::Upgradable => LOCKED | UPGRADABLE,
    }
}

pub(super) fn passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

impl RawRwLock {
    /// Acquires the lock if it can be had without a wait.
    pub(super) fn try_slow(&self, wanted: Wanted, recursive: bool) -> bool {
        let mut backoff = Backoff::new();
        loop {
            match self.attempt(self.word.load(Ordering::Relaxed), wanted, recursive) {
                Attempt::Acquired => return true,
                Attempt::Blocked => return false,
                Attempt::Busy => backoff.wait(),
                Attempt::Changed => {}
            }
        }
    }

    /// Acquires the lock, seen as `word`, if that leaves it to be had. Past those
    /// who wait, but where readers hold it and somebody waits for it alone.
    fn attempt(&self, word: usize, wanted: Wanted, recursive: bool) -> Attempt {
        let open = match wanted {
            Wanted::Exclusive => false,
            Wanted::Shared => word & EXCLUSIVE == 0 && (recursive || word & ALONE == 0),
            Wanted::Upgradable => word & (EXCLUSIVE | UPGRADABLE | ALONE) == 0,
            Wanted::Upgrade => false,
        };
        if word & LOCKED != 0 && !open {
            return Attempt::Blocked;
        }
        if word & LIST != 0 {
            return Attempt::Busy;
        }
        let taken = word | held(wanted);
        let reads = usize::from(wanted != Wanted::Exclusive);
        if !is_queued(word) {
            if word::is_full(word) {
                too_many_readers();
            }
            // Acquire: the critical sections before.
            return match self.word.compare_exchange_weak(
                word,
                taken + reads * READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => Attempt::Acquired,
                Err(_) => Attempt::Changed,
            };
        }
        let taken = taken | LIST;
        // Acquire: the critical sections before, and the list (invariant 2).
        if self
            .word
            .compare_exchange_weak(word, taken, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return Attempt::Changed;
        }
        let mut session = Session::of(self, taken);
        if word & LOCKED == 0 {
            session.claim_handoff();
            if wanted == Wanted::Exclusive {
                session.begin_alone();
            }
        } else {
            session.claim_for_readers();
        }
        session.readers += reads;
        session.publish();
        Attempt::Acquired
    }

    /// Acquires the lock, waiting for it. False if the deadline passed before.
    pub(super) fn acquire_slow(&self, wanted: Wanted, deadline: Option<Instant>) -> bool {
        if self.try_slow(wanted, false) {
            return true;
        }
        let mut watch = self.watch();
        if self.spin(wanted, &mut watch, deadline) {
            return true;
        }
        match thread::record() {
            Some(record) => record.wait(self, || {
                record.slate.settle();
                let node = place(Node::new(record, wanted, watch.start()));
                self.queue(&node, watch, deadline)
            }),
            None => self.yield_until(wanted, watch, deadline),
        }
    }

    /// The wait begins here.
    fn watch(&self) -> Watch {
        let section = self.section();
        Watch::new(section, clock::now())
    }

    /// Spins a little while the lock cannot be had. Whether that got it.
    fn spin(&self, wanted: Wanted, watch: &mut Watch, deadline: Option<Instant>) -> bool {
        loop {
            if self.try_slow(wanted, false) {
                self.book_spun(1, watch);
                return true;
            }
            if !watch.turn(self.section()) || passed(deadline) {
                return false;
            }
        }
    }

    /// What tells one critical section from the next: the writer's signature, or how
    /// many read. Zero while the lock changes hands.
    fn section(&self) -> u32 {
        let word = self.word.load(Ordering::Relaxed);
        match word & (EXCLUSIVE | QUEUED) {
            0 => word::readers(word) as u32,
            QUEUED => u32::MAX,
            _ => self.owner.load(Ordering::Relaxed),
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
    fn yield_until(&self, wanted: Wanted, mut watch: Watch, deadline: Option<Instant>) -> bool {
        loop {
            self.book_spun(0, &watch);
            if passed(deadline) {
                return false;
            }
            yield_now();
            watch = self.watch();
            if self.spin(wanted, &mut watch, deadline) {
                return true;
            }
        }
    }

    /// Queues `node` and waits. Whether the lock was acquired; if not, the
    /// deadline has passed. Either way the node is not on the list any more.
    pub(super) fn queue(&self, node: &Node, mut watch: Watch, deadline: Option<Instant>) -> bool {
        let Some(since) = self.push(node, &mut watch) else {
            self.book_spun(1, &watch);
            return true;
        };
        if since > watch.start() {
            // Spun for sections before the one it queued for: not the blame of that.
            let spun = since - watch.start();
            record::book(self.class, &Sums { spun, ..Sums::default() });
        }
        self.wait_queued(node, since, deadline)
    }

    /// Pushes `node`; since when it waits. None if the lock could be had after
    /// all, and was taken.
    fn push(&self, node: &Node, watch: &mut Watch) -> Option<u64> {
        let mut backoff = Backoff::new();
        loop {
            let word = self.word.load(Ordering::Relaxed);
            match self.attempt(word, node.wanted, false) {
                Attempt::Acquired => return None,
                Attempt::Busy => backoff.wait(),
                Attempt::Changed => {}
                Attempt::Blocked => {
                    let since = watch.look(self.section());
                    node.begin(since);
                    node.see(self.writer());
                    if self.try_push(word, node) {
                        wait_list::steps::count_push();
                        return Some(since);
                    }
                }
            }
        }
    }

    /// The CAS that pushes `node` where the word is `word`, which leaves the lock
    /// not to be had: it has LOCKED (invariant 1).
    fn try_push(&self, word: usize, node: &Node) -> bool {
        let mut flags = word & (LOCKED | LIST | EXCLUSIVE | UPGRADABLE);
        if is_queued(word) {
            node.prepare(word::newest(word), 0);
            flags |= word & (WOKEN | ALONE);
        } else {
            // A debt stays in the pot.
            node.prepare(core::ptr::null_mut(), 0);
            node.set_readers(word::readers(word));
        }
        if node.wanted.is_alone() {
            flags |= ALONE;
        }
        let pushed = with_newest(core::ptr::from_ref(node).cast_mut(), flags);
        // Release: publishes the node.
        self.word.compare_exchange_weak(word, pushed, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Waits with `node` on the list. Whether the lock was acquired; if not, the
    /// deadline has passed. Either way the node is not on the list any more.
    pub(super) fn wait_queued(&self, node: &Node, start: u64, deadline: Option<Instant>) -> bool {
        let shown = self.shown(node.wanted);
        let waiting = Waiting::begin(node.record, shown, start, deadline.is_some());
        // Whether the WOKEN bit is ours.
        let mut woken = false;
        let mut spin = Spin::queued(waiting.queued_at());
        let mut spinning = true;
        loop {
            // Acquire: the lock comes with what its last writer wrote.
            match node.state.load(Ordering::Acquire) {
                HANDED => {
                    spin.found_free(self.acquired(self.begin(), node));
                    return true;
                }
                state @ (ADMITTED | ADMITTED_ON) => {
                    self.admitted(node, state);
                    return true;
                }
                CALLED => {
                    // From now on the lock can be handed to us without a delay.
                    // Relaxed: a hint; it fails if the state says more meanwhile.
                    woken = true;
                    let stay = node.stay.load(Ordering::Relaxed);
                    spin.called(clock::now(), stay);
                    spinning = true;
                    let relaxed = Ordering::Relaxed;
                    let _ = node.state.compare_exchange(CALLED, AWAKE, relaxed, relaxed);
                }
                _ => {}
            }
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                if let Some(free) = self.take_free(word, node) {
                    spin.found_free(free);
                    return true;
                }
                continue;
            }
            // Called, or nobody waits for the lock alone: then the order does not matter.
            if word::may_share(word, node.wanted) && (woken || word & ALONE == 0) {
                if self.join(node) {
                    return true;
                }
                continue;
            }
            if spinning {
                spinning = spin.turn() && !passed(deadline);
                continue;
            }
            if woken {
                // Had its try and lost: the next release may wake it again.
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

    /// This lock, as it is shown to others.
    fn shown(&self, wanted: Wanted) -> live::Lock {
        let access = Access::to_rwlock(wanted);
        live::Lock { address: self.address(), class: self.class, access }
    }

    /// The number of the writer that holds the lock, if one does; else zero.
    pub(super) fn writer(&self) -> u32 {
        self.holder().map_or(0, core::num::NonZeroU32::get)
    }

    /// Who holds the lock, as far as a waiter sees.
    pub(in crate::raw) fn seen_holder(&self) -> Holder {
        let word = self.word.load(Ordering::Relaxed);
        match word & (LOCKED | EXCLUSIVE) {
            LOCKED => Holder::Readers,
            0 | EXCLUSIVE => Holder::Unknown,
            _ => Holder::numbered(thread::signed_by(self.owner.load(Ordering::Relaxed))),
        }
    }

    /// Takes the lock, seen free as `word`, for `node`, which is on the list: the
    /// word has QUEUED, and LIST is free (invariant 2). For how long nobody had held it,
    /// if that worked.
    fn take_free(&self, word: usize, node: &Node) -> Option<u64> {
        debug_assert!(is_queued(word) && word & LIST == 0);
        let taken = word | held(node.wanted) | LIST;
        // Acquire: the critical sections before, and the list.
        let took = self
            .word
            .compare_exchange_weak(word, taken, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        took.then(|| self.acquired(Session::of(self, taken), node))
    }

    /// Shares the lock with the readers that hold it, if it is still theirs, and takes
    /// `node` out of the list. Whether the lock was acquired.
    fn join(&self, node: &Node) -> bool {
        let mut backoff = Backoff::new();
        let taken = loop {
            // Who lets us in may be at the list for longer.
            let state = node.state.load(Ordering::Acquire);
            if matches!(state, ADMITTED | ADMITTED_ON) {
                self.admitted(node, state);
                return true;
            }
            let word = self.word.load(Ordering::Relaxed);
            if !word::may_share(word, node.wanted) {
                return false;
            }
            if let Some(taken) = self.try_take_list(word) {
                break taken;
            }
            backoff.wait();
        };
        // Relaxed: whoever changed the state had LIST before us.
        let state = node.state.load(Ordering::Relaxed);
        if matches!(state, ADMITTED | ADMITTED_ON) {
            // Release: gives the list back, as it was.
            self.word.fetch_and(!LIST, Ordering::Release);
            self.admitted(node, state);
            return true;
        }
        let mut session = Session::of(self, taken);
        session.claim_for_readers();
        session.flags |= held(node.wanted);
        session.readers += 1;
        session.end_wait(node);
        session.note_hold(node.record, true);
        session.publish();
        true
    }

    /// The lock is ours, and the list: claims the handoff and leaves the list. For how
    /// long nobody had held the lock.
    fn acquired(&self, mut session: Session<'_>, node: &Node) -> u64 {
        session.claim_handoff();
        let free = session.section;
        session.flags &= !(EXCLUSIVE | UPGRADABLE);
        session.flags |= held(node.wanted);
        session.readers = usize::from(!node.wanted.is_alone());
        session.end_wait(node);
        if node.wanted.is_alone() {
            session.begin_alone();
        }
        session.note_hold(node.record, !node.wanted.is_alone());
        session.publish();
        free
    }

    /// Somebody let us in, and took `node` out of the list. Since then we waited
    /// for a processor alone.
    fn admitted(&self, node: &Node, state: u32) {
        let at = node.admitted_at.get();
        let now = clock::now().max(at);
        let mut sums = Sums::default();
        sums.add_wait(now - node.ticket.get().start);
        sums.add_handoff(now - at);
        record::book(self.class, &sums);
        if is_queued(self.word.load(Ordering::Relaxed)) {
            live::got(node.record, self.address(), true, at);
        }
        let (culprit, victim) = (node.admitted_by.get(), node.victim());
        let waited = now - node.ticket.get().start;
        node.record.slate.note_wait(self.class, waited, now, culprit, victim);
        if state == ADMITTED_ON {
            let mut session = self.begin();
            session.claim_for_readers();
            session.publish();
        }
    }

    /// Clears the WOKEN bit, which is ours, unless the lock became free or was
    /// given to us: then the caller looks again.
    fn give_back_woken(&self, node: &Node) -> bool {
        let mut backoff = Backoff::new();
        let taken = loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                return false;
            }
            if let Some(taken) = self.try_take_list(word) {
                break taken;
            }
            // A release may be deciding, and it saw WOKEN set.
            backoff.wait();
        };
        // Relaxed: whoever changed the state had LIST before us.
        let state = node.state.load(Ordering::Relaxed);
        // Readers may have got the lock since it was seen: then it is to be had.
        let ours =
            matches!(state, CALLED | AWAKE | WAITING) && !word::may_share(taken, node.wanted);
        let mut back = LIST;
        if ours {
            node.state.store(WAITING, Ordering::Relaxed);
            // We are on the list, so it is QUEUED, and the bit is WOKEN.
            back |= WOKEN;
        }
        // Release: gives the list back, as it was.
        self.word.fetch_and(!back, Ordering::Release);
        ours
    }

    /// The deadline has passed: takes `node` out, unless the lock can be had at
    /// the last moment. Whether it was acquired.
    fn give_up(&self, node: &Node) -> bool {
        let mut backoff = Backoff::new();
        let taken = loop {
            let state = node.state.load(Ordering::Acquire);
            if matches!(state, ADMITTED | ADMITTED_ON) {
                self.admitted(node, state);
                return true;
            }
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                if self.take_free(word, node).is_some() {
                    return true;
                }
            } else if let Some(taken) = self.try_take_list(word) {
                break taken;
            }
            backoff.wait();
        };
        match node.state.load(Ordering::Acquire) {
            HANDED => {
                self.acquired(Session::of(self, taken), node);
                return true;
            }
            state @ (ADMITTED | ADMITTED_ON) => {
                // Release: gives the list back, as it was.
                self.word.fetch_and(!LIST, Ordering::Release);
                self.admitted(node, state);
                return true;
            }
            _ => {}
        }
        let mut session = Session::of(self, taken);
        if node.wanted == Wanted::Upgrade {
            // It reads on, as it did before it tried.
            session.claim_for_readers();
            session.readers += 1;
        }
        session.end_wait(node);
        if node.wanted == Wanted::Upgrade {
            session.note_hold(node.record, true);
        }
        session.publish();
        node.record.slate.settle();
        false
    }
}

#[cold]
fn too_many_readers() -> ! {
    // Unwinding from a lock call could leave a list behind.
    std::process::abort()
}
