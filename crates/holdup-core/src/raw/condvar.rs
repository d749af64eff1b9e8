//! The condition variable: a wait list of its own, from which whoever is
//! notified moves to the list of its mutex, asleep.
//!
//! # States
//!
//! | word          | meaning                                                    |
//! |---------------|------------------------------------------------------------|
//! | 0             | nobody waits                                               |
//! | waiters       | somebody waits                                             |
//! | waiters, LIST | somebody works on the list: a notifier, or a waiter whose time is up |
//!
//! # How a wait goes
//!
//! *wait*: push a node on the condvar's list; unlock the mutex, as ever; sleep
//! until an unlock of the mutex calls the node or hands it the lock; go on as
//! any queued waiter of the mutex does. Waiting for a condition is no
//! contention: nothing of it is booked.
//!
//! *notify one*: nothing, where the word is 0. Else take LIST, link, mark the
//! oldest node as notified, take it out, give LIST back. If its mutex is held, push
//! the node on the list of that, where its wait for it begins. Who is moved is not woken:
//! the unlock whose turn it is does that. If the mutex is free there is nothing to
//! wait for, and nothing to book: the waiter is woken, and locks the mutex like
//! anybody. So it is if others wait for the mutex: see below.
//!
//! *notify all*: the whole list is taken out by one CAS. The nodes go to the
//! lists of their mutexes oldest first, so they get them in that order, and
//! never more than one of those that were moved is awake because of it (invariant 5 of
//! the mutex). A mutex that is free is taken for that, so that its unlock
//! calls the first. Each waiter is moved once: constant time for each. Of those
//! whose mutex others wait for, the first [`WOKEN_AT_MOST`] are woken instead (of
//! each run of neighbours with the same mutex).
//!
//! *Why not move all*: whoever is moved gets the mutex after all who stand there, and
//! often finds that what it was notified of is gone. With two conditions, and many
//! threads for each (a short queue between them), they would stand in two blocks, each
//! as long as there are threads; of a block the first finds its condition, all others
//! wait again, and so come to stand in one block again. Those that are woken come when
//! they run, so the blocks dissolve, and most find what they were notified of.
//!
//! *time out*: take LIST; if the node was not notified, take it out, and lock the
//! mutex as ever. If it was, it waits for the mutex, and the wait counts as
//! notified, whatever the clock says.
//!
//! # Invariants
//!
//! 1. A node is pushed while its owner holds the mutex. So whoever changes the
//!    condition under the mutex afterwards, and then notifies, finds it.
//! 2. A node is on the condvar's list exactly as long as `notified` is unset.
//!    Both change under LIST. Who sets `notified` has the node for itself until
//!    it gives it away; its owner only looks at `state`, and does not return.
//! 3. `state` is `WAITING` until the node was given away: an unlock that found
//!    it on the mutex's list writes `CALLED` or `HANDED`, a notifier that put it
//!    on no list `ADMITTED`. So an owner that sees one knows where it is, and
//!    needs no other signal: a stale token of the parker is looked through.
//! 4. After the CAS that takes nodes out and gives LIST back, the condvar is not
//!    touched: those it notified may be its last users. After a push, or after
//!    `ADMITTED`, the node is not touched, and the mutex only by who holds it.
//! 5. The mutex of a node that was not given away lives: its owner is still
//!    in a call that borrows it.
//! 6. A thread without a record cannot be woken. It waits for `state` awake,
//!    naps between its looks, and is never moved, but admitted.
//!
//! # Orderings
//!
//! A push is Release, taking LIST Acquire, giving it back Release, as in
//! `wait_list.rs`. A notifier's first look at the word may be Relaxed: by
//! invariant 1 the mutex orders it after the pushes that matter. What the
//! notifier wrote to a node is published with the push on the mutex's list,
//! and comes to its owner with `state`, read with Acquire.

use super::RawMutex;
use super::backoff::Backoff;
use crate::clock;
use crate::ledger::Ticket;
use crate::live::{self, Waiting};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Cell, Instant, const_fn, place};
use crate::thread::{self, Record, Wait};
use crate::wait_list::{self, ADMITTED, Awaited, Node, WAITING, Wanted};
use crate::word::{self, LIST};
use std::time::Duration;

/// How many waiters a call wakes at most instead of moving them.
const WOKEN_AT_MOST: usize = 16;

/// A condition variable for [`RawMutex`].
///
/// 8 bytes, all zero while nobody waits. There are no spurious wake-ups, the
/// oldest waiter is notified first, and one condvar may be used with several
/// mutexes at a time. What a waiter waits for its mutex after it was notified is
/// accounted for like any wait for that mutex; what it waited for the
/// condition is not. Nor is, where others wait for the mutex already, the time until it
/// runs: there it is woken to lock the mutex like anybody.
///
/// What is said of `fork` at [`RawMutex`] holds here too. A signal handler must not
/// use a condvar that the thread it interrupts may be using.
///
/// ```
/// use holdup_core::raw::{RawCondvar, RawMutex};
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
///
/// static LOCK: RawMutex = RawMutex::INIT;
/// static CHANGED: RawCondvar = RawCondvar::INIT;
/// static READY: AtomicBool = AtomicBool::new(false);
///
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         LOCK.lock();
///         READY.store(true, Relaxed);
///         CHANGED.notify_one();
///         // SAFETY: locked above by this thread.
///         unsafe { LOCK.unlock() };
///     });
///     LOCK.lock();
///     while !READY.load(Relaxed) {
///         // SAFETY: this thread holds the lock.
///         unsafe { CHANGED.wait(&LOCK) };
///     }
///     // SAFETY: locked above by this thread.
///     unsafe { LOCK.unlock() };
/// });
/// assert!(!CHANGED.notify_one());
/// ```
pub struct RawCondvar {
    word: AtomicUsize,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<RawCondvar>() == size_of::<usize>());

/// One wait. Lives on the stack of the thread that waits.
#[repr(C)]
struct Waiter {
    /// First, so that where the node is the waiter is.
    node: Node,
    /// Null for a thread that cannot be woken (invariant 6).
    mutex: *const RawMutex,
    /// Whether it was taken out by a notifier (invariant 2).
    notified: Cell<bool>,
}

impl Waiter {
    /// The waiter whose node is `node`.
    ///
    /// # Safety
    /// `node` is the node of a waiter on a list of a condvar, and stays there,
    /// or in the hands of the caller, as long as the reference is used.
    unsafe fn of<'a>(node: *mut Node) -> &'a Waiter {
        // The push exposed the provenance of all of the waiter.
        let waiter = core::ptr::with_exposed_provenance::<Waiter>(node.addr());
        // SAFETY: only nodes of waiters are pushed on a condvar's list, the node
        // is the first field of a `repr(C)`, and it lives (the caller's promise).
        unsafe { &*waiter }
    }
}

impl RawCondvar {
    /// A condition variable that nobody waits for.
    #[cfg(not(loom))]
    #[expect(clippy::declare_interior_mutable_const, reason = "the way lock_api makes them")]
    pub const INIT: RawCondvar = RawCondvar::new();

    const_fn! {
        /// A condition variable that nobody waits for.
        #[must_use]
        pub const fn new() -> RawCondvar {
            RawCondvar { word: AtomicUsize::new(0) }
        }
    }

    /// Releases `mutex`, waits until notified, and acquires it again. Returns
    /// only after a notification. The critical section that ends with this
    /// call is charged like one that ends with an unlock.
    ///
    /// # Safety
    /// The caller holds `mutex`.
    #[inline]
    pub unsafe fn wait(&self, mutex: &RawMutex) {
        // SAFETY: the caller's promise.
        let notified = unsafe { self.wait_as(thread::record(), mutex, None) };
        debug_assert!(notified, "without a deadline nothing else ends a wait");
    }

    /// As [`wait`](RawCondvar::wait), until `deadline` at the latest. Returns
    /// whether it was notified; if not, the deadline has passed. Either way
    /// `mutex` is held again, however long that takes.
    ///
    /// # Safety
    /// The caller holds `mutex`.
    #[inline]
    pub unsafe fn wait_until(&self, mutex: &RawMutex, deadline: Instant) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.wait_as(thread::record(), mutex, Some(deadline)) }
    }

    /// As [`wait_until`](RawCondvar::wait_until), for `timeout` at the longest.
    ///
    /// # Safety
    /// The caller holds `mutex`.
    #[inline]
    pub unsafe fn wait_for(&self, mutex: &RawMutex, timeout: Duration) -> bool {
        // A deadline past the end of time is none.
        let deadline = Instant::now().checked_add(timeout);
        // SAFETY: the caller's promise.
        unsafe { self.wait_as(thread::record(), mutex, deadline) }
    }

    /// Notifies the waiter that has waited longest. Whether there was one. One
    /// load if not.
    #[inline]
    pub fn notify_one(&self) -> bool {
        // Relaxed: see the header.
        self.word.load(Ordering::Relaxed) != 0 && self.notify_oldest()
    }

    /// Notifies all waiters there are; returns how many. They get the mutex in
    /// the order in which they came to wait, unless others wait for it. One load if
    /// nobody waits.
    #[inline]
    pub fn notify_all(&self) -> usize {
        // Relaxed: see the header.
        if self.word.load(Ordering::Relaxed) == 0 { 0 } else { self.notify_each() }
    }

    /// How many threads wait and were not notified yet. A snapshot; for tests and
    /// views of a running program: takes the list for a moment.
    #[must_use]
    pub fn waiters(&self) -> usize {
        let Some(taken) = self.take_list() else { return 0 };
        let newest = word::newest(taken);
        // SAFETY: we took LIST, `newest` is from the word we took it from.
        let waiters = unsafe {
            wait_list::link(newest);
            wait_list::account(newest).ledger.waiters()
        };
        // Release: gives the list back.
        self.word.fetch_and(!LIST, Ordering::Release);
        waiters as usize
    }

    /// Waits as a thread with this record, or with none. Whether it was notified.
    ///
    /// # Safety
    /// The caller holds `mutex`, and `record` is its own.
    unsafe fn wait_as(
        &self,
        record: Option<&'static Record>,
        mutex: &RawMutex,
        deadline: Option<Instant>,
    ) -> bool {
        // On this list the ledger counts waiters, but no time: they begin at 0.
        let waiter = place(Waiter {
            node: Node::new(record.unwrap_or(thread::any_record()), Wanted::Exclusive, 0),
            mutex: if record.is_some() { mutex } else { core::ptr::null() },
            notified: Cell::new(false),
        });
        let both = Both { condvar: self, mutex };
        let wait = Wait::new(&both);
        let _waiting = record.map(|record| record.begin(&wait));
        let shown =
            record.map(|record| Waiting::for_condition(record, mutex.shown(), deadline.is_some()));
        self.push(&waiter);
        // Not in a closure: what this claims is charged to the caller's stack.
        // SAFETY: the caller's promise.
        unsafe { mutex.unlock() };
        let ended = match shown {
            Some(shown) => self.sleep(&waiter, mutex, &shown, deadline).inspect(|state| {
                if *state != ADMITTED {
                    shown.queued();
                    let locked = mutex.wait_queued(&waiter.node, &shown, None);
                    debug_assert!(locked, "without a deadline nothing else ends it");
                }
            }),
            None => self.nap(&waiter, deadline),
        };
        match ended {
            Some(state) if state != ADMITTED => mutex.owned(),
            _ => mutex.lock(),
        }
        ended.is_some()
    }

    /// Sleeps until `waiter` was notified: `ADMITTED`, or called or handed the lock
    /// on the list of its mutex. None if its time was up first.
    fn sleep(
        &self,
        waiter: &Waiter,
        mutex: &RawMutex,
        shown: &Waiting,
        mut deadline: Option<Instant>,
    ) -> Option<u32> {
        let parker = &waiter.node.record.parker;
        loop {
            // Acquire: what the notifier and the unlock wrote to the node.
            let state = waiter.node.state.load(Ordering::Acquire);
            if state != WAITING {
                return Some(state);
            }
            shown.look_if_moved(|| mutex.seen_holder());
            waiter.node.enter_victim();
            match deadline {
                None => parker.park(),
                Some(until) => {
                    if !parker.park_until(until) {
                        if self.give_up(waiter) {
                            return None;
                        }
                        deadline = None;
                    }
                }
            }
        }
    }

    /// The same without a parker.
    #[cold]
    fn nap(&self, waiter: &Waiter, deadline: Option<Instant>) -> Option<u32> {
        let mut backoff = Backoff::new();
        loop {
            // Acquire: the notifier is done with the node (invariant 6).
            let state = waiter.node.state.load(Ordering::Acquire);
            if state != WAITING {
                return Some(state);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) && self.give_up(waiter) {
                return None;
            }
            backoff.wait();
        }
    }

    /// Takes `waiter`, whose time is up, out of the list. False if it was
    /// notified before.
    #[cold]
    fn give_up(&self, waiter: &Waiter) -> bool {
        // Without waiters it is not on the list (invariant 2).
        let Some(taken) = self.take_list() else { return false };
        if waiter.notified.get() {
            // Release: gives the list back.
            self.word.fetch_and(!LIST, Ordering::Release);
            return false;
        }
        let newest = word::newest(taken);
        // SAFETY: we took LIST, `newest` is from the word we took it from.
        unsafe { wait_list::link(newest) };
        self.take_out(newest, &waiter.node);
        true
    }

    fn push(&self, waiter: &Waiter) {
        let this = core::ptr::from_ref(waiter);
        this.expose_provenance();
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            waiter.node.prepare(word::newest(word), 0);
            let pushed = word::with_newest(word, this.cast::<Node>().cast_mut());
            // Release: publishes the node.
            match self.word.compare_exchange_weak(
                word,
                pushed,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        wait_list::steps::count_push();
    }

    /// Takes LIST: the word with it. None if the list is empty.
    fn take_list(&self) -> Option<usize> {
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if !word::has_waiters(word) {
                return None;
            }
            if word & LIST != 0 {
                backoff.wait();
                word = self.word.load(Ordering::Relaxed);
                continue;
            }
            // Acquire: what the last user of the list wrote, and pushed nodes.
            match self.word.compare_exchange_weak(
                word,
                word | LIST,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(word | LIST),
                Err(now) => word = now,
            }
        }
    }

    /// Takes `node` out of the list, linked from `newest`, and gives LIST, which
    /// we have, back. The condvar is not touched afterwards (invariant 4).
    fn take_out(&self, mut newest: *mut Node, node: &Node) {
        // SAFETY: we have LIST, and `newest` is linked.
        unsafe { wait_list::account(newest).leave(node, 0) };
        if core::ptr::eq(newest, node) {
            // SAFETY: as above, `node` is on the list. Void if the CAS fails.
            let next = unsafe { wait_list::remove(newest, node) };
            // Release: gives the list back.
            match self.word.compare_exchange(
                word::with_newest(LIST, newest),
                word::with_newest(0, next),
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                // Only a push can have come between.
                Err(now) => newest = word::newest(now),
            }
            // SAFETY: as above; the failed CAS was an Acquire.
            unsafe { wait_list::link(newest) };
        }
        // SAFETY: as above; `node` is not the newest, so that this is final.
        unsafe { wait_list::remove(newest, node) };
        // Release: gives the list back.
        self.word.fetch_and(!LIST, Ordering::Release);
    }

    #[inline(never)]
    fn notify_oldest(&self) -> bool {
        let Some(taken) = self.take_list() else { return false };
        let newest = word::newest(taken);
        // SAFETY: we took LIST, `newest` is from the word we took it from; the
        // oldest node is on the list, then ours (invariant 2).
        let oldest = unsafe {
            wait_list::link(newest);
            Waiter::of(wait_list::oldest(newest))
        };
        oldest.notified.set(true);
        self.take_out(newest, &oldest.node);
        // SAFETY: it is ours from here on.
        unsafe { notify(oldest) };
        true
    }

    #[inline(never)]
    fn notify_each(&self) -> usize {
        let Some(mut taken) = self.take_list() else { return 0 };
        let mut count = 0;
        let mut last: *mut Node = core::ptr::null_mut();
        let mut oldest = last;
        let newest = loop {
            let newest = word::newest(taken);
            // SAFETY: we have LIST, `newest` is from a word read since, and
            // what lies between `last` and it is linked.
            unsafe {
                wait_list::link(newest);
                let mut at =
                    if last.is_null() { wait_list::oldest(newest) } else { wait_list::newer(last) };
                if last.is_null() {
                    oldest = at;
                }
                loop {
                    Waiter::of(at).notified.set(true);
                    count += 1;
                    if at == newest {
                        break;
                    }
                    at = wait_list::newer(at);
                }
            }
            last = newest;
            // Release: gives the list back. Acquire: nodes pushed meanwhile.
            match self.word.compare_exchange(taken, 0, Ordering::Release, Ordering::Acquire) {
                Ok(_) => break newest,
                Err(now) => taken = now,
            }
        };
        if count == 1 {
            // SAFETY: the node is ours (invariant 2).
            unsafe { notify(Waiter::of(oldest)) };
            return 1;
        }
        let mut moving = Moving::begin();
        let mut at = oldest;
        loop {
            // SAFETY: the nodes are ours (invariant 2), and linked; which is the
            // next one is read before `at` is given away.
            let next = unsafe {
                let next = wait_list::newer(at);
                moving.give(Waiter::of(at));
                next
            };
            if at == newest {
                break;
            }
            at = next;
        }
        moving.end();
        count
    }
}

impl Awaited for RawCondvar {
    unsafe fn forget_waiters(&self) {
        // There are no books; whoever was notified is on the list of its mutex, or
        // nowhere. Relaxed: there is one thread.
        self.word.store(0, Ordering::Relaxed);
    }
}

/// What a waiter is queued at, first the one and then the other.
struct Both<'a> {
    condvar: &'a RawCondvar,
    mutex: &'a RawMutex,
}

impl Awaited for Both<'_> {
    unsafe fn forget_waiters(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.condvar.forget_waiters();
            self.mutex.forget_waiters();
        }
    }
}

impl Default for RawCondvar {
    fn default() -> RawCondvar {
        RawCondvar::new()
    }
}

// What gives waiters away takes pointers: a reference would promise that the
// waiter lives to the end of the call.

/// Gives one `waiter` away: wakes it if its mutex is free, or others wait for it.
///
/// # Safety
/// `waiter` lives, and is ours (invariant 2).
unsafe fn notify(waiter: *const Waiter) {
    // SAFETY: the caller's promise; the mutex lives (invariant 5).
    unsafe {
        let mutex = (*waiter).mutex;
        if mutex.is_null() || !(*mutex).is_locked() || (*mutex).is_awaited() {
            admit(waiter);
        } else {
            let mut moving = Moving::begin();
            moving.give(waiter);
            moving.end();
        }
    }
}

/// Lets `waiter` go to lock its mutex like anybody.
///
/// # Safety
/// As for [`notify`].
unsafe fn admit(waiter: *const Waiter) {
    // SAFETY: the caller's promise, up to the store, which is the last access.
    let (record, wakes) = unsafe {
        let record = (*waiter).node.record;
        let wakes = !(*waiter).mutex.is_null();
        // Release: whoever sees it sees that we are done with the node.
        (*waiter).node.state.store(ADMITTED, Ordering::Release);
        (record, wakes)
    };
    if wakes {
        record.parker.unpark();
    }
}

/// Notified waiters on their way to the lists of their mutexes.
struct Moving {
    /// When they were notified: their waits for the mutexes begin.
    now: u64,
    /// A mutex that was free, and is held by us until all are pushed.
    held: *const RawMutex,
    /// The mutex of the last one, compared only, and how many more of its waiters are to
    /// be woken.
    mutex: *const RawMutex,
    to_wake: usize,
}

impl Moving {
    fn begin() -> Moving {
        let none = core::ptr::null();
        Moving { now: clock::now(), held: none, mutex: none, to_wake: 0 }
    }

    /// Gives `waiter` away.
    ///
    /// # Safety
    /// As for [`notify`].
    unsafe fn give(&mut self, waiter: *const Waiter) {
        // SAFETY: the caller's promise.
        let mutex = unsafe { (*waiter).mutex };
        if mutex.is_null() {
            // SAFETY: as above.
            return unsafe { admit(waiter) };
        }
        if self.mutex != mutex {
            self.mutex = mutex;
            // SAFETY: as above; the mutex lives (invariant 5).
            self.to_wake = if unsafe { (*mutex).is_awaited() } { WOKEN_AT_MOST } else { 0 };
        }
        if let Some(left) = self.to_wake.checked_sub(1) {
            self.to_wake = left;
            // SAFETY: as above.
            return unsafe { admit(waiter) };
        }
        if self.held != mutex {
            self.release();
        }
        // SAFETY: as above; the mutex lives (invariant 5). `enqueue` is the last
        // access to either, unless it took the mutex.
        let taken = unsafe {
            (*waiter).node.ticket.set(Ticket { start: self.now, epoch: 0 });
            (*waiter).node.moved.set(true);
            live::moved((*waiter).node.record, self.now, (*mutex).seen_holder());
            (*mutex).enqueue(&raw const (*waiter).node)
        };
        if taken {
            self.held = mutex;
        }
    }

    /// All are given away.
    fn end(mut self) {
        self.release();
    }

    fn release(&mut self) {
        let held = core::mem::replace(&mut self.held, core::ptr::null());
        if !held.is_null() {
            // SAFETY: we took it in `give`; the one who is queued there since
            // cannot get it, and return, before this call gives it away.
            unsafe { (*held).unlock() };
        }
    }
}

#[cfg(test)]
mod tests;
