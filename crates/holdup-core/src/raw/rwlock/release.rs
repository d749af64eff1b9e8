//! Ending a hold that somebody waits for, or that owes a debt.

use super::RawRwLock;
use super::word::UPGRADABLE;
use crate::live;
use crate::record;
use crate::sync::yield_now;

impl RawRwLock {
    /// Ends a writer's hold.
    #[cold]
    #[inline(never)]
    pub(super) fn end_write_slow(&self, fair: bool) {
        let class = self.class;
        live::released(self.address());
        let mut session = self.begin();
        let blame = session.take_blame();
        let give_way = session.release(fair);
        record::sample(class, blame);
        if give_way {
            yield_now();
        }
    }

    /// Ends a reader's hold, an upgradable one if `flags` say so.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_slow(&self, flags: usize, fair: bool) {
        let class = self.class;
        live::released(self.address());
        let mut session = self.begin();
        let share = session.take_share();
        session.flags &= !(flags & UPGRADABLE);
        // What waits to upgrade is no reader, and holds UPGRADABLE.
        let give_way = if session.readers == 0 {
            session.release(fair)
        } else {
            session.publish();
            false
        };
        record::sample(class, share);
        if give_way {
            yield_now();
        }
    }
}
