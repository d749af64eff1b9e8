//! From one way of holding the lock to another. A hold that changes ends like
//! any other: it claims.

use super::acquire::passed;
use super::session::Session;
use super::word::{self, EXCLUSIVE, LOCKED, READER, UPGRADABLE};
use super::{RawRwLock, SLOW, after};
use crate::record::{self, Draw};
use crate::sync::atomic::Ordering;
use crate::sync::{Instant, place, yield_now};
use crate::wait_list::{Node, Wanted};
use crate::{clock, live, thread};
use std::time::Duration;

/// The word of a lock that an upgradable reader alone holds, and nobody waits.
const UPGRADABLE_ALONE: usize = READER | LOCKED | UPGRADABLE;

/// Changing how the lock is held.
impl RawRwLock {
    /// A writer becomes a reader; no other writer comes between. One CAS if nobody
    /// waits.
    ///
    /// # Safety
    /// The lock is held by the caller as a writer.
    #[inline]
    pub unsafe fn downgrade(&self) {
        self.end_write_reading(LOCKED);
    }

    /// A writer becomes an upgradable reader. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller as a writer.
    #[inline]
    pub unsafe fn downgrade_to_upgradable(&self) {
        self.end_write_reading(LOCKED | UPGRADABLE);
    }

    #[inline(always)]
    fn end_write_reading(&self, flags: usize) {
        self.owner.store(0, Ordering::Relaxed);
        // Release: readers see what was written.
        if self
            .word
            .compare_exchange(
                LOCKED | EXCLUSIVE,
                READER | flags,
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_err()
        {
            self.end_write_reading_slow(flags);
            core::hint::black_box(());
        }
    }

    #[cold]
    #[inline(never)]
    fn end_write_reading_slow(&self, flags: usize) {
        live::released(self.address());
        let mut session = self.begin();
        let draw = Draw::new();
        let section = session.take_blame(&draw);
        session.flags &= !EXCLUSIVE;
        session.flags |= flags;
        session.readers = 1;
        if let Some(record) = thread::own() {
            session.note_hold(record, true);
        }
        session.publish();
        record::section_ended(self.class, &draw, &section);
    }

    /// An upgradable reader becomes a plain one. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller as an upgradable reader.
    #[inline]
    pub unsafe fn downgrade_upgradable(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & SLOW == 0 {
            // Release, as any end of a hold.
            match self.word.compare_exchange_weak(
                word,
                word & !UPGRADABLE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.downgrade_upgradable_slow();
        core::hint::black_box(());
    }

    #[cold]
    #[inline(never)]
    fn downgrade_upgradable_slow(&self) {
        let mut session = self.begin();
        let draw = Draw::new();
        let section = session.take_share(&draw);
        session.readers += 1;
        session.flags &= !UPGRADABLE;
        session.publish();
        record::section_ended(self.class, &draw, &section);
    }

    /// An upgradable reader becomes a writer: waits for the other readers to leave;
    /// no writer comes between. One CAS if there are none and nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller as an upgradable reader.
    #[inline]
    pub unsafe fn upgrade(&self) {
        if !self.try_upgrade_fast() {
            self.upgrade_slow(None);
            core::hint::black_box(());
        }
    }

    /// [`upgrade`](RawRwLock::upgrade) unless that takes a wait. Returns whether it
    /// did; if not, the caller still holds the lock as an upgradable reader.
    ///
    /// # Safety
    /// As for [`upgrade`](RawRwLock::upgrade).
    #[inline]
    #[must_use]
    pub unsafe fn try_upgrade(&self) -> bool {
        self.try_upgrade_fast() || self.try_upgrade_slow()
    }

    /// [`upgrade`](RawRwLock::upgrade) unless it takes longer than `timeout`.
    /// Returns whether it did; if not, the caller still holds the lock as an
    /// upgradable reader.
    ///
    /// # Safety
    /// As for [`upgrade`](RawRwLock::upgrade).
    #[inline]
    #[must_use]
    pub unsafe fn try_upgrade_for(&self, timeout: Duration) -> bool {
        self.try_upgrade_fast() || self.upgrade_slow(after(timeout))
    }

    /// [`upgrade`](RawRwLock::upgrade) unless it takes until after `deadline`.
    /// Returns whether it did; if not, the caller still holds the lock as an
    /// upgradable reader.
    ///
    /// # Safety
    /// As for [`upgrade`](RawRwLock::upgrade).
    #[inline]
    #[must_use]
    pub unsafe fn try_upgrade_until(&self, deadline: Instant) -> bool {
        self.try_upgrade_fast() || self.upgrade_slow(Some(deadline))
    }

    #[inline]
    fn try_upgrade_fast(&self) -> bool {
        // Acquire: writes come after what other readers read. (Release is not needed:
        // who reads later gets the lock from the end of the write.)
        let upgraded = self
            .word
            .compare_exchange(
                UPGRADABLE_ALONE,
                LOCKED | EXCLUSIVE,
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .is_ok();
        if upgraded {
            self.owned();
        }
        upgraded
    }

    /// Upgrades if there are no other readers, past those who wait.
    #[cold]
    #[inline(never)]
    fn try_upgrade_slow(&self) -> bool {
        // Without LIST, which would send those readers, when they leave, the slow way.
        // Relaxed: one that is just leaving may still be seen.
        let word = self.word.load(Ordering::Relaxed);
        if !word::is_queued(word) && word::readers(word) > 1 {
            return false;
        }
        let mut session = self.begin();
        if session.readers != 1 {
            session.publish();
            return false;
        }
        let draw = Draw::new();
        let section = session.take_share(&draw);
        live::released(self.address());
        self.write_now(session);
        record::section_ended(self.class, &draw, &section);
        true
    }

    /// The calling thread, whose share was taken, reads no more, but writes.
    fn write_now(&self, mut session: Session<'_>) {
        session.flags &= !UPGRADABLE;
        session.flags |= EXCLUSIVE;
        session.begin_alone();
        if let Some(record) = thread::own() {
            session.note_hold(record, false);
        }
        session.publish();
        self.owned();
    }

    #[cold]
    #[inline(never)]
    fn upgrade_slow(&self, deadline: Option<Instant>) -> bool {
        // The wait, if there is one, begins here.
        let start = clock::now();
        let Some(parker) = thread::record() else {
            return self.upgrade_without_queue(deadline);
        };
        live::released(self.address());
        let mut session = self.begin();
        let draw = Draw::new();
        let section = session.take_share(&draw);
        if session.readers == 0 {
            self.write_now(session);
            record::section_ended(self.class, &draw, &section);
            return true;
        }
        let upgraded = parker.wait(self, || {
            let node = place(Node::new(parker, Wanted::Upgrade, start));
            session.publish_with(&node);
            record::section_ended(self.class, &draw, &section);
            self.wait_queued(&node, start, deadline)
        });
        if upgraded {
            self.owned();
        }
        upgraded
    }

    /// Without memory for a parker a thread cannot queue; it goes on trying.
    #[cold]
    fn upgrade_without_queue(&self, deadline: Option<Instant>) -> bool {
        while !self.try_upgrade_slow() {
            if passed(deadline) {
                return false;
            }
            yield_now();
        }
        true
    }
}
