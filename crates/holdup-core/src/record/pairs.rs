//! The table of pairs: (culprit, victim) -> (count, delay).
//!
//! Both are rows of the tables of stacks ([`super::table`]), so that a key is one
//! word, and a slot is claimed by one compare-exchange. Otherwise as there: fixed in
//! size, mapped at the first pair, nothing ever removed. What finds no room is added
//! to the culprit's own row: it is blame whose victim is unknown. So what a culprit
//! is charged with is the sum of its row and its pairs, and each sample is in one
//! of them.

use super::lazy::{Lazy, Zeroed};
use super::table::RowId;
use core::sync::atomic::{AtomicU64, Ordering};

/// Slots; a power of two.
const SLOTS: usize = 1 << 16;
/// How far a key is sought from its place before it is given up.
const PROBES: usize = 64;

#[repr(C, align(32))]
struct Slot {
    /// The culprit's row in the high half, the victim's in the low one; zero while
    /// the slot is free.
    key: AtomicU64,
    count: AtomicU64,
    delay: AtomicU64,
}

#[repr(C)]
pub(super) struct Pairs {
    slots: [Slot; SLOTS],
}

// SAFETY: made of atomic numbers; all-zero slots are free.
unsafe impl Zeroed for Pairs {}

pub(super) static PAIRS: Lazy<Pairs> = Lazy::new();
/// Of sections whose thread waited for another lock meanwhile: the row, and that of
/// who held that one.
pub(super) static NESTED: Lazy<Pairs> = Lazy::new();

impl Pairs {
    /// Adds to a pair. False if it found no room.
    pub(super) fn add(&self, culprit: RowId, victim: RowId, count: u64, delay: u64) -> bool {
        let key = (u64::from(culprit) << 32) | u64::from(victim);
        // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        for probe in 0..PROBES {
            let slot = &self.slots[(hash as usize).wrapping_add(probe) % SLOTS];
            // Relaxed: the key is all there is to see.
            let mut found = slot.key.load(Ordering::Relaxed);
            if found == 0 {
                let (relaxed, key) = (Ordering::Relaxed, key);
                found = match slot.key.compare_exchange(0, key, relaxed, relaxed) {
                    Ok(_) => key,
                    Err(other) => other,
                };
            }
            if found == key {
                slot.count.fetch_add(count, Ordering::Relaxed);
                slot.delay.fetch_add(delay, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// Calls `visit` with culprit, victim, count and delay of each pair.
    pub(super) fn for_each(&self, mut visit: impl FnMut(RowId, RowId, u64, u64)) {
        for slot in &self.slots {
            let key = slot.key.load(Ordering::Relaxed);
            let count = slot.count.load(Ordering::Relaxed);
            if count != 0 {
                visit(
                    (key >> 32) as RowId,
                    key as RowId,
                    count,
                    slot.delay.load(Ordering::Relaxed),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_kept_apart_and_a_full_table_says_so() {
        static TABLE: Lazy<Pairs> = Lazy::new();
        let pairs = TABLE.get().expect("memory");
        let mut kept = 0;
        for turn in 0..2 {
            let mut found = 0;
            for culprit in 1..=400 {
                for victim in 1..=200 {
                    found += u64::from(pairs.add(culprit, victim, 1, u64::from(culprit * victim)));
                }
            }
            // What had room once has it again; what had none has none.
            assert!(turn == 0 || found == kept, "{found} of {kept}");
            kept = found;
        }
        assert!(kept > SLOTS as u64 / 2 && kept <= SLOTS as u64, "{kept}");
        let mut rows = 0;
        pairs.for_each(|culprit, victim, count, delay| {
            assert_eq!((count, delay), (2, 2 * u64::from(culprit * victim)));
            rows += 1;
        });
        assert_eq!(rows, kept);
    }
}
