//! The table of stacks: (stack, class) -> (count, delay).
//!
//! Fixed in size, mapped once, at the first sample; pages are touched as they
//! fill. A row is found by the hash of its key with open addressing; its stack
//! lies in an arena that only grows. Nothing is ever removed or changed but
//! the two sums of a row, so readers need no lock and stall nobody.
//!
//! | row state    | meaning                                               |
//! |--------------|-------------------------------------------------------|
//! | 0            | free                                                  |
//! | hash         | claimed: who claimed it is writing the key            |
//! | hash, READY  | key complete; sums grow                               |
//!
//! A thread that meets a claimed row with its own hash does not wait for it:
//! it goes on to the next slot. So one stack may have two rows; readers add
//! them up. A row or stack that finds no room is counted as *lost*.

use crate::class::ClassId;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Rows; a power of two.
const ROWS: usize = 1 << 15;
/// Words of the arena of stacks: 32 for each row.
const ARENA: usize = ROWS * 32;
/// How far a key is sought from its place before it is given up as lost.
const PROBES: usize = 64;
/// Set in a row's state when its key can be read.
const READY: u64 = 1;

#[repr(C, align(64))]
struct Row {
    state: AtomicU64,
    count: AtomicU64,
    delay: AtomicU64,
    class: AtomicU32,
    length: AtomicU32,
    /// Index in the arena.
    start: AtomicUsize,
}

#[repr(C)]
pub(super) struct Table {
    rows: [Row; ROWS],
    used: AtomicUsize,
    arena: [AtomicUsize; ARENA],
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(core::ptr::null_mut());

/// The table, mapped at the first call; none where there is no memory.
fn table() -> Option<&'static Table> {
    let mut table = TABLE.load(Ordering::Acquire);
    if table.is_null() {
        let memory = crate::memory::map(size_of::<Table>())?;
        // All-zero memory is a valid, empty table.
        let fresh: *mut Table = memory.cast().as_ptr();
        table = match TABLE.compare_exchange(
            core::ptr::null_mut(),
            fresh,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => fresh,
            Err(first) => {
                // SAFETY: mapped above with this size, seen by nobody.
                unsafe { crate::memory::unmap(memory, size_of::<Table>()) };
                first
            }
        };
    }
    // SAFETY: only a mapped table is ever stored, and none is unmapped.
    Some(unsafe { &*table })
}

/// The table if there is one yet.
pub(super) fn current() -> Option<&'static Table> {
    // SAFETY: see `table`.
    unsafe { TABLE.load(Ordering::Acquire).as_ref() }
}

/// Keeps rows in `table` from now on.
pub(super) fn keep_in(table: &'static Table) {
    TABLE.store(core::ptr::from_ref(table).cast_mut(), Ordering::Release);
}

/// Adds to the row of `stack` and `class`. False if it found no room.
pub(super) fn add(stack: &[usize], class: ClassId, count: u64, delay: u64) -> bool {
    let Some(table) = table() else { return false };
    let Some(row) = table.find(stack, class) else { return false };
    row.count.fetch_add(count, Ordering::Relaxed);
    row.delay.fetch_add(delay, Ordering::Relaxed);
    true
}

/// Calls `visit` with stack, class, count and delay of each row of `table`.
/// Whatever is in its memory: it may be that of another program.
pub(super) fn for_each(table: &Table, mut visit: impl FnMut(&[usize], ClassId, u64, u64)) {
    let mut stack = [0; super::DEPTH];
    for row in &table.rows {
        // Acquire: the key of a ready row is complete.
        if row.state.load(Ordering::Acquire) & READY == 0 {
            continue;
        }
        let stored = table.stack(row);
        for (to, from) in stack.iter_mut().zip(stored) {
            *to = from.load(Ordering::Relaxed);
        }
        let class = ClassId(row.class.load(Ordering::Relaxed));
        let count = row.count.load(Ordering::Relaxed);
        let delay = row.delay.load(Ordering::Relaxed);
        if count != 0 {
            visit(&stack[..stored.len()], class, count, delay);
        }
    }
}

impl Table {
    fn stack(&self, row: &Row) -> &[AtomicUsize] {
        let start = row.start.load(Ordering::Relaxed);
        let length = (row.length.load(Ordering::Relaxed) as usize).min(super::DEPTH);
        self.arena.get(start..).and_then(|rest| rest.get(..length)).unwrap_or(&[])
    }

    /// The row of a key, made if it is new.
    fn find(&self, stack: &[usize], class: ClassId) -> Option<&Row> {
        let hash = hash(stack, class);
        for probe in 0..PROBES {
            let row = &self.rows[(hash as usize >> 1).wrapping_add(probe) % ROWS];
            // Acquire: the key of a ready row is complete.
            let mut state = row.state.load(Ordering::Acquire);
            if state == 0 {
                if self.used.load(Ordering::Relaxed) + stack.len() > ARENA {
                    return None;
                }
                match row.state.compare_exchange(0, hash, Ordering::Acquire, Ordering::Acquire) {
                    Ok(_) => return self.fill(row, hash, stack, class),
                    Err(other) => state = other,
                }
            }
            if state == hash | READY && self.has_key(row, stack, class) {
                return Some(row);
            }
        }
        None
    }

    fn has_key(&self, row: &Row, stack: &[usize], class: ClassId) -> bool {
        row.class.load(Ordering::Relaxed) == class.0
            && row.length.load(Ordering::Relaxed) as usize == stack.len()
            && self.stack(row).iter().zip(stack).all(|(a, b)| a.load(Ordering::Relaxed) == *b)
    }

    /// Writes the key of a row that the caller has claimed.
    fn fill<'a>(
        &self,
        row: &'a Row,
        hash: u64,
        stack: &[usize],
        class: ClassId,
    ) -> Option<&'a Row> {
        // Taken only if it fits, so that the sum never runs on. A row without
        // a stack stays claimed: it is passed over, as any claimed one.
        let start = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used + stack.len() <= ARENA).then_some(used + stack.len())
            })
            .ok()?;
        for (to, from) in self.arena[start..].iter().zip(stack) {
            to.store(*from, Ordering::Relaxed);
        }
        row.start.store(start, Ordering::Relaxed);
        row.length.store(stack.len() as u32, Ordering::Relaxed);
        row.class.store(class.0, Ordering::Relaxed);
        // Release: publishes the key.
        row.state.store(hash | READY, Ordering::Release);
        Some(row)
    }
}

/// A hash of the key with bit 0 clear (it is the READY bit), never zero.
/// Multiplication and rotation for each word, finished by splitmix64's
/// finalizer (Steele, Lea, Flood 2014).
fn hash(stack: &[usize], class: ClassId) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15 ^ u64::from(class.0);
    for &word in stack {
        hash = (hash ^ word as u64).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(31);
    }
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let hash = (hash ^ (hash >> 31)) & !READY;
    if hash == 0 { 2 } else { hash }
}
