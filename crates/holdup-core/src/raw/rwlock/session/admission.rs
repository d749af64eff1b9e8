//! How readers that wait get in where others hold the lock: see the header of
//! `rwlock.rs`.

use super::Session;
use crate::clock;
use crate::raw::handoff::must_let_in;
use crate::raw::rwlock::word::{EXCLUSIVE, UPGRADABLE, WOKEN};
use crate::sync::atomic::Ordering;
use crate::thread::Record;
use crate::wait_list::{self, ADMITTED, ADMITTED_ON, CALLED, Node, Wanted};
use core::mem::MaybeUninit;

/// How many waiters one session admits at most.
const BATCH: usize = 16;

/// Waiters that are off the list, to be told and woken.
pub(super) struct Batch {
    /// The first `length` are there. (Most sessions admit nobody, and should not
    /// pay for an empty batch.)
    waiters: [MaybeUninit<(*const Node, &'static Record)>; BATCH],
    pub(super) length: usize,
    /// How many were told.
    told: usize,
}

impl Session<'_> {
    /// Readers hold the lock, and the oldest waiter may share it: sees to it that it
    /// does (invariant 6). Whom to wake, to try.
    #[cold]
    #[inline(never)]
    pub(super) fn let_in(&mut self) -> Option<&'static Record> {
        let now = if self.now == 0 { clock::now() } else { self.now };
        // SAFETY: we have LIST, the list is linked, and the node stays on it until it is
        // admitted; so not borrowed from the session.
        let oldest = unsafe { &*wait_list::oldest(self.newest()) };
        let on_the_way = self.flags & WOKEN != 0;
        let account = self.account();
        let now = account.ledger.not_before(now);
        if must_let_in(account, oldest, now) {
            account.handed_at = now;
            self.admit();
            return None;
        }
        if on_the_way {
            return None;
        }
        (account.called_at, account.gave_way_at) = (now, now);
        self.flags |= WOKEN;
        // No handoff is meant.
        oldest.stay.store(0, Ordering::Relaxed);
        // Release: its owner may see it before the word.
        oldest.state.store(CALLED, Ordering::Release);
        Some(oldest.record)
    }

    /// Lets in those at the old end of the list who may share the lock with the
    /// readers that hold it (invariant 6).
    #[cold]
    #[inline(never)]
    pub(in crate::raw::rwlock) fn admit(&mut self) {
        while self.admitted.length < BATCH && self.is_queued() {
            match self.oldest().wanted {
                Wanted::Shared => {}
                Wanted::Upgradable if self.flags & UPGRADABLE == 0 => self.flags |= UPGRADABLE,
                _ => break,
            }
            // SAFETY: the node is on the list, and stays alive until it is told, below
            // (invariant 7); so not borrowed from the session.
            let node = unsafe { &*wait_list::oldest(self.newest()) };
            let now = self.stop_waiting(node);
            node.admitted_at.set(now);
            node.admitted_by.set(self.account().culprit_of(node.ticket.get().start));
            self.remove(node);
            self.readers += 1;
            self.admitted.push(node);
        }
        if self.word & EXCLUSIVE != 0 {
            // Who was told reads before the word is published, and may look at it: no
            // writer holds the lock by then. Relaxed: it comes with `state`.
            self.lock.word.fetch_and(!EXCLUSIVE, Ordering::Relaxed);
            self.word &= !EXCLUSIVE;
        }
        self.admitted.tell();
    }
}

impl Batch {
    #[inline]
    pub(super) fn new() -> Batch {
        Batch { waiters: [const { MaybeUninit::uninit() }; BATCH], length: 0, told: 0 }
    }

    fn push(&mut self, node: &Node) {
        self.waiters[self.length].write((node, node.record));
        self.length += 1;
    }

    fn waiter(&self, index: usize) -> (*const Node, &'static Record) {
        debug_assert!(index < self.length);
        // SAFETY: the first `length` were written.
        unsafe { self.waiters[index].assume_init() }
    }

    /// Tells who was not told yet. The last of a full batch goes on admitting.
    fn tell(&mut self) {
        for index in self.told..self.length {
            let state = if index + 1 == BATCH { ADMITTED_ON } else { ADMITTED };
            let (node, _) = self.waiter(index);
            // SAFETY: a node that was not told lives. It is off the list, and not
            // touched again (invariant 7).
            // Release: with all that the last writer wrote.
            unsafe { (*node).state.store(state, Ordering::Release) };
        }
        self.told = self.length;
    }

    pub(super) fn wake(&self) {
        for index in 0..self.length {
            self.waiter(index).1.parker.unpark();
        }
    }
}
