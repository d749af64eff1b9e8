//! Thread numbers and records in a model: `crate::thread`, without giving
//! numbers of ended threads to new ones.

use crate::nested::Seen;
use crate::park::Parker;
use crate::record::Slate;
use crate::sync::model;
use crate::wait_list::Awaited;
use core::cell::Cell;

/// What belongs to a thread for good. Lives as long as the run.
pub(crate) struct Record {
    pub(crate) parker: Parker,
    pub(crate) slate: Slate,
    number: u32,
    /// How many critical sections it signed.
    sections: Cell<u32>,
}

#[cfg(loom)]
loom::thread_local! {
    static RECORD: &'static Record = new_record();
}
#[cfg(shuttle)]
shuttle::thread_local! {
    static RECORD: &'static Record = new_record();
}

fn new_record() -> &'static Record {
    let record = Record {
        parker: Parker::new(),
        slate: Slate::new(),
        number: model::next_thread(),
        sections: Cell::new(0),
    };
    // SAFETY: kept until the next run; records do not outlive theirs.
    unsafe { &*model::keep(record).as_ptr() }
}

/// A wait. There is no fork here that would have to find it.
pub(crate) struct Wait<'a>(core::marker::PhantomData<&'a ()>);

impl<'a> Wait<'a> {
    pub(crate) fn new(_: &'a dyn Awaited) -> Wait<'a> {
        Wait(core::marker::PhantomData)
    }
}

/// A wait that has begun.
pub(crate) struct Waiting(());

impl Record {
    /// Runs `wait`. There are no signal handlers here.
    pub(crate) fn wait<R>(&self, _: &dyn Awaited, wait: impl FnOnce() -> R) -> R {
        wait()
    }

    pub(crate) fn begin(&self, _: &Wait<'_>) -> Waiting {
        Waiting(())
    }
}

const NUMBER_BITS: u32 = 20;

/// This thread's number, never zero.
pub(crate) fn number() -> u32 {
    RECORD.with(|record| record.number)
}

/// Signs a critical section.
pub(crate) fn sign() -> u32 {
    RECORD.with(|record| {
        record.sections.set(record.sections.get() + 1);
        (record.sections.get() << NUMBER_BITS) | record.number
    })
}

/// In a model no thread is in a rush: see `raw/spin.rs`.
pub(crate) fn signature() -> u32 {
    0
}

/// See [`signature`].
pub(crate) fn sections_since(_signature: u32) -> u32 {
    0
}

/// The number of the thread that made this signature.
pub(crate) fn signed_by(signature: u32) -> u32 {
    signature & ((1 << NUMBER_BITS) - 1)
}

/// This thread's record.
pub(crate) fn record() -> Option<&'static Record> {
    Some(RECORD.with(|record| *record))
}

/// This thread's record.
pub(crate) fn own() -> Option<&'static Record> {
    record()
}

/// Slates are not used in models.
pub(crate) fn slate_of(_: u32) -> Option<&'static Slate> {
    None
}

/// See [`slate_of`].
pub(crate) fn for_each_slate(_: impl FnMut(&Slate)) {}

/// How long a thread has waited in all: nobody knows, here.
pub(crate) fn seen(_: u32, _: u64) -> Seen {
    Seen::default()
}

/// See [`seen`].
pub(crate) fn own_waited() -> u64 {
    0
}

/// Some record, for a thread that has none of its own.
pub(crate) fn any_record() -> &'static Record {
    RECORD.with(|record| *record)
}
