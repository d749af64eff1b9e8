//! What waiters and holders show, in a model: nothing.

use super::{Holder, Lock};
use crate::clock;
use crate::sync::Instant;
use crate::thread::Record;
use crate::wait_list::Node;
use core::cell::Cell;

pub(crate) struct Waiting {
    record: &'static Record,
    queued_at: Cell<u64>,
}

impl Waiting {
    pub(crate) fn begin(record: &'static Record, _: Lock, _: u64, _: bool) -> Waiting {
        Waiting { record, queued_at: Cell::new(clock::now()) }
    }

    pub(crate) fn for_condition(record: &'static Record, _: Lock, _: bool) -> Waiting {
        Waiting { record, queued_at: Cell::new(0) }
    }

    pub(crate) fn queued(&self) {
        self.queued_at.set(clock::now());
    }

    pub(crate) fn queued_at(&self) -> u64 {
        self.queued_at.get()
    }

    pub(crate) fn look_if_moved(&self, _: impl Fn() -> Holder) {}

    pub(crate) fn sleep(
        &self,
        deadline: Option<Instant>,
        _: &Node,
        _: impl Fn() -> Holder,
        _: impl Fn() -> bool,
    ) -> bool {
        match deadline {
            None => {
                self.record.parker.park();
                false
            }
            Some(deadline) => !self.record.parker.park_until(deadline),
        }
    }
}

pub(crate) fn moved(_: &Record, _: u64, _: Holder) {}

pub(crate) fn got(_: &Record, _: usize, _: bool, _: u64) {}

pub(crate) fn released(_: usize) {}
