//! Tables of stacks: (stack, class) -> (count, delay), and the stacks of victims,
//! which have no class and no sums here.
//!
//! Fixed in size, mapped once, at the first stack; pages are touched as they
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

use super::lazy::{Lazy, Zeroed};
use crate::class::ClassId;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

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

// SAFETY: made of atomic numbers; all-zero rows are free, the arena unused.
unsafe impl Zeroed for Table {}

/// The stacks that ended critical sections.
pub(super) static CULPRITS: Lazy<Table> = Lazy::new();
/// The stacks that waited.
pub(super) static VICTIMS: Lazy<Table> = Lazy::new();

/// The number of a row: its place plus one, so that zero is none.
pub type RowId = u32;

/// Calls `visit` with stack, class, count and delay of each row of `table` that has
/// sums. Whatever is in its memory: it may be that of another program.
pub(super) fn for_each(table: &Table, mut visit: impl FnMut(&[usize], ClassId, u64, u64)) {
    let mut stack = [0; super::DEPTH];
    for (place, row) in table.rows.iter().enumerate() {
        let Some((stack, class)) = table.read(place as RowId + 1, &mut stack) else { continue };
        let count = row.count.load(Ordering::Relaxed);
        let delay = row.delay.load(Ordering::Relaxed);
        if count != 0 {
            visit(stack, class, count, delay);
        }
    }
}

impl Table {
    /// The row of a stack and a class, made if it is new. None if it found no room.
    pub(super) fn enter(&self, stack: &[usize], class: ClassId) -> Option<RowId> {
        self.find(stack, class).map(|place| place as RowId + 1)
    }

    /// Adds to the sums of a row.
    pub(super) fn add(&self, row: RowId, count: u64, delay: u64) {
        if let Some(row) = self.row(row) {
            row.count.fetch_add(count, Ordering::Relaxed);
            row.delay.fetch_add(delay, Ordering::Relaxed);
        }
    }

    /// The stack of a row, copied to `buffer`, and its class. None if there is no
    /// such row.
    pub(super) fn read<'a>(
        &self,
        row: RowId,
        buffer: &'a mut [usize; super::DEPTH],
    ) -> Option<(&'a [usize], ClassId)> {
        let row = self.row(row)?;
        // Acquire: the key of a ready row is complete.
        if row.state.load(Ordering::Acquire) & READY == 0 {
            return None;
        }
        let stored = self.stack(row);
        for (to, from) in buffer.iter_mut().zip(stored) {
            *to = from.load(Ordering::Relaxed);
        }
        Some((&buffer[..stored.len()], ClassId(row.class.load(Ordering::Relaxed))))
    }

    fn row(&self, row: RowId) -> Option<&Row> {
        self.rows.get((row as usize).wrapping_sub(1))
    }

    fn stack(&self, row: &Row) -> &[AtomicUsize] {
        let start = row.start.load(Ordering::Relaxed);
        let length = (row.length.load(Ordering::Relaxed) as usize).min(super::DEPTH);
        self.arena.get(start..).and_then(|rest| rest.get(..length)).unwrap_or(&[])
    }

    /// The place of a key, made if it is new.
    fn find(&self, stack: &[usize], class: ClassId) -> Option<usize> {
        let hash = hash(stack, class);
        for probe in 0..PROBES {
            let place = (hash as usize >> 1).wrapping_add(probe) % ROWS;
            let row = &self.rows[place];
            // Acquire: the key of a ready row is complete.
            let mut state = row.state.load(Ordering::Acquire);
            if state == 0 {
                if self.used.load(Ordering::Relaxed) + stack.len() > ARENA {
                    return None;
                }
                match row.state.compare_exchange(0, hash, Ordering::Acquire, Ordering::Acquire) {
                    Ok(_) => return self.fill(row, hash, stack, class).then_some(place),
                    Err(other) => state = other,
                }
            }
            if state == hash | READY && self.has_key(row, stack, class) {
                return Some(place);
            }
        }
        None
    }

    fn has_key(&self, row: &Row, stack: &[usize], class: ClassId) -> bool {
        row.class.load(Ordering::Relaxed) == class.0
            && row.length.load(Ordering::Relaxed) as usize == stack.len()
            && self.stack(row).iter().zip(stack).all(|(a, b)| a.load(Ordering::Relaxed) == *b)
    }

    /// Writes the key of a row that the caller has claimed. False if there is no
    /// room for it.
    fn fill(&self, row: &Row, hash: u64, stack: &[usize], class: ClassId) -> bool {
        // Taken only if it fits, so that the sum never runs on. A row without
        // a stack stays claimed: it is passed over, as any claimed one.
        let Ok(start) = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            (used + stack.len() <= ARENA).then_some(used + stack.len())
        }) else {
            return false;
        };
        for (to, from) in self.arena[start..].iter().zip(stack) {
            to.store(*from, Ordering::Relaxed);
        }
        row.start.store(start, Ordering::Relaxed);
        row.length.store(stack.len() as u32, Ordering::Relaxed);
        row.class.store(class.0, Ordering::Relaxed);
        // Release: publishes the key.
        row.state.store(hash | READY, Ordering::Release);
        true
    }
}

/// A hash of the key with bit 0 clear (it is the READY bit), never zero.
/// Multiplication and rotation for each word, in two chains that do not wait for
/// each other, finished by splitmix64's finalizer (Steele, Lea, Flood 2014).
fn hash(stack: &[usize], class: ClassId) -> u64 {
    let step = |hash: u64, word: usize| {
        (hash ^ word as u64).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(31)
    };
    let (mut hash, mut other) = (0x9e37_79b9_7f4a_7c15 ^ u64::from(class.0), 0);
    let (pairs, last) = stack.as_chunks::<2>();
    for &[one, two] in pairs {
        (hash, other) = (step(hash, one), step(other, two));
    }
    hash = last.iter().fold(step(hash, other as usize), |hash, &word| step(hash, word));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let hash = (hash ^ (hash >> 31)) & !READY;
    if hash == 0 { 2 } else { hash }
}
