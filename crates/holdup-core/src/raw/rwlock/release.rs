//! Ending a hold that somebody waits for, or that owes a debt.

use super::RawRwLock;
use super::word::UPGRADABLE;
use crate::live;
use crate::record::{self, Draw};
use crate::sync::yield_now;

impl RawRwLock {
    /// Ends a writer's hold.
    #[cold]
    #[inline(never)]
    pub(super) fn end_write_slow(&self, fair: bool) {
        let (class, draw) = (self.class, Draw::new());
        live::released(self.address());
        let mut session = self.begin();
        let section = session.take_blame(&draw);
        let give_way = session.release(fair);
        record::section_ended(class, &draw, &section);
        if give_way {
            yield_now();
        }
    }

    /// Ends a reader's hold, an upgradable one if `flags` say so.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_slow(&self, flags: usize, fair: bool) {
        let (class, draw) = (self.class, Draw::new());
        live::released(self.address());
        let mut session = self.begin();
        let section = session.take_share(&draw);
        session.flags &= !(flags & UPGRADABLE);
        // What waits to upgrade is no reader, and holds UPGRADABLE.
        let give_way = if session.readers == 0 {
            session.release(fair)
        } else {
            session.publish();
            false
        };
        record::section_ended(class, &draw, &section);
        if give_way {
            yield_now();
        }
    }
}
