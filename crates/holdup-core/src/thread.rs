//! Thread numbers and records.
//!
//! Each thread that takes a lock has a small number, given at its first lock,
//! and with it a [`Record`]: its parker and what else others must be able to
//! touch at any time. Records are never freed, so a waker may use one without
//! knowing whether the thread still lives; at worst it leaves a token that
//! nobody expected. When a thread exits, its number goes to the next one that
//! starts, so there are never more records than there were threads at a time.
//!
//! Nothing here allocates from the program's allocator, because locks are
//! used inside allocators: the first records are static, more come from mmap
//! in doubling segments.

use crate::live::cell::WaitCell;
use crate::live::holds::Holds;
use crate::nested::Seen;
use crate::park::Parker;
use crate::record::Slate;
use crate::wait_list::Awaited;
use core::cell::Cell;
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// One wait of a thread; lives on its stack.
pub(crate) struct Wait<'a> {
    what: &'a dyn Awaited,
    /// The wait that a signal handler interrupted to begin this one.
    outer: Cell<*mut Wait<'static>>,
}

impl<'a> Wait<'a> {
    /// A wait for `what` that has not begun.
    #[inline]
    pub(crate) fn new(what: &'a dyn Awaited) -> Wait<'a> {
        Wait { what, outer: Cell::new(core::ptr::null_mut()) }
    }
}

/// A wait that has begun, and ends when this is dropped.
pub(crate) struct Waiting<'a> {
    record: &'static Record,
    wait: &'a Wait<'a>,
}

/// What belongs to a thread for good, found by its number.
#[repr(align(128))]
pub(crate) struct Record {
    pub(crate) parker: Parker,
    /// The wait the thread is in, if any. Touched by itself alone, and by the
    /// child of a fork that it does not exist in.
    waiting: AtomicPtr<Wait<'static>>,
    /// What it has yet to book.
    pub(crate) slate: Slate,
    /// The next free number, while this one is free.
    next_free: AtomicU32,
    /// The system's number of the thread; zero where that is not known.
    os_id: AtomicU32,
    /// Whether `holds` is not empty. Touched by the thread itself alone.
    holding: AtomicBool,
    /// When a notifier queued the thread, which waits for a condition, for its mutex;
    /// zero before.
    moved_at: AtomicU64,
    /// Whom that notifier saw hold the mutex, as `live::Holder` has it.
    moved_past: AtomicU32,
    /// What the thread is asked by one that looks for a deadlock: see `live/deadlock`.
    asked: AtomicU32,
    /// The turn of its wait that was reported as part of a deadlock.
    reported: AtomicU32,
    shown: Shown,
    pub(crate) holds: Holds,
}

/// What a thread shows to others of its waits, apart from what wakers write to.
#[repr(align(128))]
pub(crate) struct Shown {
    pub(crate) cell: WaitCell,
}

// So that a look at another thread takes no more than one pair of cache lines.
const _: () = assert!(size_of::<Shown>() == 128);

impl core::ops::Deref for Record {
    type Target = Shown;

    fn deref(&self) -> &Shown {
        &self.shown
    }
}

impl Record {
    const fn new() -> Record {
        Record {
            parker: Parker::new(),
            waiting: AtomicPtr::new(core::ptr::null_mut()),
            slate: Slate::new(),
            next_free: AtomicU32::new(0),
            os_id: AtomicU32::new(0),
            holding: AtomicBool::new(false),
            moved_at: AtomicU64::new(0),
            moved_past: AtomicU32::new(0),
            asked: AtomicU32::new(0),
            reported: AtomicU32::new(0),
            shown: Shown { cell: WaitCell::new() },
            holds: Holds::new(),
        }
    }

    /// Makes the record that of the calling thread.
    fn take_over(&self) {
        // Who had the number before may have left with locks held.
        self.holds.clear();
        self.holding.store(false, Ordering::Relaxed);
        self.os_id.store(own_os_id(), Ordering::Relaxed);
    }

    /// The system's number of the thread; zero where that is not known.
    pub(crate) fn os_id(&self) -> u32 {
        self.os_id.load(Ordering::Relaxed)
    }

    /// When the thread, which waits for a condition, was queued for its mutex.
    pub(crate) fn moved_at(&self) -> u64 {
        // Acquire: with whom the notifier saw.
        self.moved_at.load(Ordering::Acquire)
    }

    /// Whom the notifier that did so saw hold the mutex.
    pub(crate) fn moved_past(&self) -> u32 {
        self.moved_past.load(Ordering::Relaxed)
    }

    /// Sets what [`moved_at`](Record::moved_at) and [`moved_past`](Record::moved_past)
    /// say.
    pub(crate) fn set_moved(&self, at: u64, past: u32) {
        self.moved_past.store(past, Ordering::Relaxed);
        // Release: see `moved_at`.
        self.moved_at.store(at, Ordering::Release);
    }

    /// What the thread is asked; zero for nothing.
    #[inline]
    pub(crate) fn asked(&self) -> u32 {
        // Acquire: the place to answer in is ready.
        self.asked.load(Ordering::Acquire)
    }

    /// Sets what [`asked`](Record::asked) says.
    pub(crate) fn set_asked(&self, asked: u32) {
        self.asked.store(asked, Ordering::Release);
    }

    /// The turn of the thread's wait that was reported.
    pub(crate) fn reported(&self) -> u32 {
        self.reported.load(Ordering::Relaxed)
    }

    /// Sets what [`reported`](Record::reported) says. By who has the room.
    pub(crate) fn set_reported(&self, turn: u32) {
        self.reported.store(turn, Ordering::Relaxed);
    }

    /// Whether the thread noted a lock that it holds; for itself to ask.
    #[inline]
    pub(crate) fn is_holding(&self) -> bool {
        self.holding.load(Ordering::Relaxed)
    }

    /// Sets what [`is_holding`](Record::is_holding) says.
    pub(crate) fn set_holding(&self, holding: bool) {
        self.holding.store(holding, Ordering::Relaxed);
    }

    /// Runs `wait`, which sleeps on the parker until it has `what`.
    #[inline]
    pub(crate) fn wait<R>(&'static self, what: &dyn Awaited, wait: impl FnOnce() -> R) -> R {
        let this = Wait::new(what);
        let _waiting = self.begin(&this);
        wait()
    }

    /// Begins a wait: to be called by the thread itself, before it pushes a node.
    /// If a signal handler waits inside another wait of its thread, it may take a
    /// token that was meant for that one: so it leaves one when it ends.
    #[inline]
    pub(crate) fn begin<'a>(&'static self, wait: &'a Wait<'a>) -> Waiting<'a> {
        #[cfg(unix)]
        crate::fork::watch();
        // Relaxed: only this thread and its signal handlers look.
        wait.outer.set(self.waiting.load(Ordering::Relaxed));
        let pointer = core::ptr::from_ref(wait).cast::<Wait<'static>>().cast_mut();
        // Release: in the child of a fork a node is never found without this.
        self.waiting.store(pointer, Ordering::Release);
        Waiting { record: self, wait }
    }

    /// What the thread waits for, innermost wait first.
    ///
    /// # Safety
    /// The waits do not end while the result is used.
    #[cfg(unix)]
    unsafe fn waits(&self) -> impl Iterator<Item = &dyn Awaited> {
        let mut at: *const Wait<'_> = self.waiting.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            // SAFETY: `waiting` and `outer` point to waits that have not
            // ended, or nowhere; what a wait names outlives it.
            let wait = unsafe { at.as_ref() }?;
            at = wait.outer.get();
            Some(wait.what)
        })
    }
}

impl Drop for Waiting<'_> {
    #[inline]
    fn drop(&mut self) {
        let outer = self.wait.outer.get();
        // Release: nor is the wait found gone without the node's removal.
        self.record.waiting.store(outer, Ordering::Release);
        if !outer.is_null() {
            self.record.parker.unpark();
        }
    }
}

/// In the child of a fork: lets go of the waits of all other threads, which do
/// not exist here, and gives their numbers to those that start.
///
/// # Safety
/// The caller is the only thread of the process, which was just forked.
#[cfg(unix)]
pub(crate) unsafe fn forget_others() {
    let own = SIGNATURE.get() & NUMBER;
    // A signal handler forked that interrupted a wait: that one's node is on a
    // list, too. All stays as it was; the locks' documentation warns of it.
    let waits = |record: &Record| !record.waiting.load(Ordering::Relaxed).is_null();
    if lookup(own).is_some_and(waits) {
        return;
    }
    FREE.store(0, Ordering::Relaxed);
    crate::live::deadlock::forget_others();
    #[cfg(target_os = "linux")]
    crate::live::stack_now::reset();
    for number in (1..=GIVEN.load(Ordering::Relaxed)).rev() {
        let Some(record) = lookup(number) else { continue };
        // SAFETY: the thread does not exist, its stack is as it was.
        for what in unsafe { record.waits() } {
            // SAFETY: the caller's promise, and it does not wait.
            unsafe { what.forget_waiters() }
        }
        record.waiting.store(core::ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: nobody uses it.
        unsafe { record.parker.reset() }
        record.cell.reset();
        record.set_asked(0);
        if number == own {
            record.os_id.store(own_os_id(), Ordering::Relaxed);
        } else {
            record.holds.clear();
            record.os_id.store(0, Ordering::Relaxed);
            give_back(number);
        }
    }
}

/// The records of segment 0 are static, segment `k` has twice as many as
/// segment `k - 1`.
const FIRST_SEGMENT: usize = 64;
const SEGMENTS: usize = 14;
static STATIC_RECORDS: [Record; FIRST_SEGMENT] = [const { Record::new() }; FIRST_SEGMENT];
static SEGMENT: [AtomicPtr<Record>; SEGMENTS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; SEGMENTS];

/// Numbers given so far, free ones included.
static GIVEN: AtomicU32 = AtomicU32::new(0);
/// The stack of free numbers: a tag that changes with each change, then the
/// number on top. The tag keeps a delayed CAS from taking a number whose
/// successor is no longer what it read.
static FREE: AtomicU64 = AtomicU64::new(0);

/// Bits of a signature that are the thread's number; the rest is a count.
const NUMBER_BITS: u32 = 20;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;
// All records have a number in these bits.
const _: () = assert!(FIRST_SEGMENT * ((1 << SEGMENTS) - 1) <= NUMBER as usize);

thread_local! {
    /// This thread's last signature. Its number is zero before the first lock.
    static SIGNATURE: Cell<u32> = const { Cell::new(0) };
    /// This thread's record, while it has a number and there is one.
    static OWN: Cell<Option<&'static Record>> = const { Cell::new(None) };
}

/// This thread's number, never zero unless there is no memory for a record.
#[inline]
pub(crate) fn number() -> u32 {
    let number = SIGNATURE.get() & NUMBER;
    if number == 0 { first_number() } else { number }
}

/// Signs a critical section: this thread's number, and a count that makes the
/// signature differ from that of the section before. Repeats after 4,096.
#[inline]
pub(crate) fn sign() -> u32 {
    let mut signature = SIGNATURE.get().wrapping_add(1 << NUMBER_BITS);
    if signature & NUMBER == 0 {
        signature |= first_number();
    }
    SIGNATURE.set(signature);
    signature
}

/// The signature of this thread's last critical section.
#[inline]
pub(crate) fn signature() -> u32 {
    SIGNATURE.get()
}

/// How many critical sections this thread has begun since it had this signature. Starts
/// again after 4,096.
#[inline]
pub(crate) fn sections_since(signature: u32) -> u32 {
    SIGNATURE.get().wrapping_sub(signature) >> NUMBER_BITS
}

/// The number of the thread that made this signature.
#[inline]
pub(crate) fn signed_by(signature: u32) -> u32 {
    signature & NUMBER
}

/// This thread's record; none where there is no memory for one.
#[inline]
pub(crate) fn record() -> Option<&'static Record> {
    lookup(number())
}

/// This thread's record, if it has one already. One load.
#[inline]
pub(crate) fn own() -> Option<&'static Record> {
    OWN.get()
}

/// How long the thread of this number has waited for locks in all, at the instant `at`:
/// the start of a wait for one that it holds.
#[inline]
pub(crate) fn seen(number: u32, at: u64) -> Seen {
    let waited = lookup(number).and_then(|record| record.cell.waited_by(at));
    waited.map_or(Seen::default(), |waited| Seen { holder: number, waited })
}

/// How long the calling thread, which does not wait, has waited for locks in all.
#[inline]
pub(crate) fn own_waited() -> u64 {
    OWN.get().map_or(0, |record| record.cell.waited())
}

/// Calls `visit` with each number that was given and its record.
pub(crate) fn for_each(mut visit: impl FnMut(NonZeroU32, &'static Record)) {
    // Acquire: see `lookup`; a number whose record is not there yet is left out.
    for number in 1..=GIVEN.load(Ordering::Acquire) {
        if let (Some(thread), Some(record)) = (NonZeroU32::new(number), lookup(number)) {
            visit(thread, record);
        }
    }
}

/// The system's number of the calling thread; zero where that is not known.
fn own_os_id() -> u32 {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        // SAFETY: a system call without arguments that cannot fail.
        unsafe { libc::syscall(libc::SYS_gettid) as u32 }
    }
    #[cfg(target_vendor = "apple")]
    {
        let mut id = 0_u64;
        // SAFETY: `id` is valid for writes; zero means the calling thread.
        unsafe { libc::pthread_threadid_np(0, &mut id) };
        id as u32
    }
    #[cfg(not(any(all(target_os = "linux", not(miri)), target_vendor = "apple")))]
    {
        0
    }
}

/// The slate of the thread with this number; none of zero.
pub(crate) fn slate_of(number: u32) -> Option<&'static Slate> {
    lookup(number).map(|record| &record.slate)
}

/// Calls `visit` with the slate of each thread that is or was.
pub(crate) fn for_each_slate(visit: impl FnMut(&Slate)) {
    (1..=GIVEN.load(Ordering::Relaxed)).filter_map(slate_of).for_each(visit);
}

/// Some thread's record, for a node whose owner has none and is never woken.
pub(crate) fn any_record() -> &'static Record {
    &STATIC_RECORDS[0]
}

/// The record of a number that was given.
pub(crate) fn lookup(number: u32) -> Option<&'static Record> {
    let index = (number as usize).checked_sub(1)?;
    let (segment, offset) = place(index);
    if segment == 0 {
        return STATIC_RECORDS.get(offset);
    }
    let first = SEGMENT.get(segment)?.load(Ordering::Acquire);
    if first.is_null() {
        return None;
    }
    // SAFETY: segment `k` holds FIRST_SEGMENT << k records and is never freed;
    // `place` gives an offset below that.
    Some(unsafe { &*first.add(offset) })
}

/// Segment and offset of the record with this index.
fn place(index: usize) -> (usize, usize) {
    let shifted = index + FIRST_SEGMENT;
    let segment = (shifted.ilog2() - FIRST_SEGMENT.ilog2()) as usize;
    (segment, shifted - (FIRST_SEGMENT << segment))
}

#[cold]
fn first_number() -> u32 {
    let number = take_free().unwrap_or_else(take_new);
    if number != 0 {
        let record = lookup(number);
        if let Some(record) = record {
            record.take_over();
            // Not when it was given back: those it held up may still ask for it.
            record.slate.forget_name();
        }
        OWN.set(record);
        SIGNATURE.set(number);
        exit::watch(number);
    }
    number
}

fn take_free() -> Option<u32> {
    let mut free = FREE.load(Ordering::Acquire);
    loop {
        let number = free as u32;
        // Zero: none is free.
        let next = lookup(number)?.next_free.load(Ordering::Relaxed);
        let changed = tagged(free, next);
        match FREE.compare_exchange_weak(free, changed, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => return Some(number),
            Err(seen) => free = seen,
        }
    }
}

fn give_back(number: u32) {
    let Some(record) = lookup(number) else { return };
    let mut free = FREE.load(Ordering::Relaxed);
    loop {
        record.next_free.store(free as u32, Ordering::Relaxed);
        // Release: who takes the number sees its `next_free`.
        match FREE.compare_exchange_weak(
            free,
            tagged(free, number),
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            Ok(_) => return,
            Err(seen) => free = seen,
        }
    }
}

fn tagged(before: u64, number: u32) -> u64 {
    ((before >> 32).wrapping_add(1) << 32) | u64::from(number)
}

fn take_new() -> u32 {
    let mut given = GIVEN.load(Ordering::Relaxed);
    loop {
        let (segment, _) = place(given as usize);
        if segment >= SEGMENTS || (segment > 0 && !provide(segment)) {
            return 0;
        }
        match GIVEN.compare_exchange_weak(given, given + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return given + 1,
            Err(seen) => given = seen,
        }
    }
}

/// Makes sure that a segment exists.
fn provide(segment: usize) -> bool {
    if !SEGMENT[segment].load(Ordering::Acquire).is_null() {
        return true;
    }
    let count = FIRST_SEGMENT << segment;
    let size = count * size_of::<Record>();
    let Some(memory) = crate::memory::map(size) else { return false };
    let first: *mut Record = memory.cast().as_ptr();
    for offset in 0..count {
        // SAFETY: `memory` is fresh, page-aligned, and holds `count` records.
        unsafe { first.add(offset).write(Record::new()) };
    }
    // Release: who sees the segment sees its records.
    if SEGMENT[segment]
        .compare_exchange(core::ptr::null_mut(), first, Ordering::AcqRel, Ordering::Acquire)
        .is_err()
    {
        // SAFETY: mapped above with this size, and nobody else has seen it.
        unsafe { crate::memory::unmap(memory, size) };
    }
    true
}

/// Learns of a thread's end, to give its number to the next one.
#[cfg(unix)]
mod exit {
    use super::{OWN, SIGNATURE, give_back};
    use core::ffi::c_void;
    use core::sync::atomic::{AtomicU64, Ordering};

    /// The key of the thread-exit hook, plus one; zero until it is made.
    static KEY: AtomicU64 = AtomicU64::new(0);

    /// A key of the C library rather than a Rust thread-local with a
    /// destructor: its hook runs after those, which may still take locks, and
    /// again if a thread takes a lock even later.
    pub(super) fn watch(number: u32) {
        if let Some(key) = key() {
            let value = core::ptr::without_provenance::<c_void>(number as usize);
            // SAFETY: the key was made by pthread_key_create and never deleted.
            unsafe { libc::pthread_setspecific(key, value) };
        }
    }

    fn key() -> Option<libc::pthread_key_t> {
        let known = KEY.load(Ordering::Acquire);
        if known != 0 {
            return Some((known - 1) as libc::pthread_key_t);
        }
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: `key` is valid for writes, the hook has the right type.
        if unsafe { libc::pthread_key_create(&mut key, Some(ended)) } != 0 {
            return None;
        }
        match KEY.compare_exchange(0, key as u64 + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(key),
            Err(first) => {
                // SAFETY: made above, used by nobody.
                unsafe { libc::pthread_key_delete(key) };
                Some((first - 1) as libc::pthread_key_t)
            }
        }
    }

    extern "C" fn ended(value: *mut c_void) {
        let number = value.addr() as u32;
        if let Some(slate) = super::slate_of(number) {
            slate.settle();
        }
        SIGNATURE.set(0);
        OWN.set(None);
        give_back(number);
    }
}

/// Learns of a thread's end, to give its number to the next one.
#[cfg(not(unix))]
mod exit {
    use super::{OWN, SIGNATURE, give_back};

    struct Watch(u32);

    impl Drop for Watch {
        fn drop(&mut self) {
            if let Some(slate) = super::slate_of(self.0) {
                slate.settle();
            }
            SIGNATURE.set(0);
            OWN.set(None);
            give_back(self.0);
        }
    }

    thread_local! {
        static WATCH: core::cell::RefCell<Option<Watch>> = const { core::cell::RefCell::new(None) };
    }

    /// A thread that takes its first lock while its locals are destroyed keeps
    /// its number for good.
    pub(super) fn watch(number: u32) {
        let _ = WATCH.try_with(|watch| *watch.borrow_mut() = Some(Watch(number)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(place(index), expected, "index {index}");
            expected.1 += 1;
            if expected.1 == FIRST_SEGMENT << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn numbers_are_given_again_after_a_thread_ended() {
        // Other tests' threads come and go, so bound it loosely: without
        // giving back, 2,000 threads would need 2,000 numbers.
        for _ in 0..2_000 {
            std::thread::spawn(number).join().unwrap();
        }
        assert!(GIVEN.load(Ordering::Relaxed) < 1_000);
    }

    #[test]
    fn threads_that_live_together_have_different_numbers() {
        let barrier = std::sync::Barrier::new(200);
        let numbers = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..200 {
                scope.spawn(|| {
                    let number = number();
                    assert!(record().is_some());
                    numbers.lock().unwrap().push(number);
                    barrier.wait();
                });
            }
        });
        let mut numbers = numbers.into_inner().unwrap();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 200);
    }
}
