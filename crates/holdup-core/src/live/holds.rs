//! The locks that one thread holds and others waited for when it got them.
//!
//! Written by the thread itself, on paths that are slow anyway. A hold that ends on
//! the fast path, because nobody waits any more, stays here: whoever waits for the
//! lock later looks at its owner later, and the latest word counts (`live/mod.rs`).
//! So a note may be stale, but never wrong by more than that; and where a thread
//! holds more such locks than there is room for, the oldest note is lost.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// How many are noted.
const ROOM: usize = 4;

/// The bit of an address that says that the lock is shared. (Locks are aligned.)
const SHARED: usize = 1;

#[derive(Debug)]
struct Note {
    /// The lock's address, zero where there is none.
    lock: AtomicUsize,
    since: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Holds([Note; ROOM]);

impl Holds {
    pub(crate) const fn new() -> Holds {
        Holds([const { Note { lock: AtomicUsize::new(0), since: AtomicU64::new(0) } }; ROOM])
    }

    /// Notes that the thread got the lock at `lock`.
    pub(crate) fn push(&self, lock: usize, shared: bool, since: u64) {
        let oldest = |a: &&Note, b: &&Note| {
            // Relaxed, here and below: a note is a hint with a time.
            let age = |note: &Note| match note.lock.load(Ordering::Relaxed) {
                0 => 0,
                _ => note.since.load(Ordering::Relaxed),
            };
            age(a).cmp(&age(b))
        };
        if let Some(note) = self.0.iter().min_by(oldest) {
            note.lock.store(0, Ordering::Relaxed);
            // Release: who sees this time sees that the note before is gone.
            fence(Ordering::Release);
            note.since.store(since, Ordering::Relaxed);
            // Release: who sees the address sees the time.
            note.lock.store(lock | if shared { SHARED } else { 0 }, Ordering::Release);
        }
    }

    /// Forgets the newest note of the lock at `lock`.
    pub(crate) fn pop(&self, lock: usize) {
        let is_it = |note: &&Note| note.lock.load(Ordering::Relaxed) & !SHARED == lock;
        let newest = |note: &&Note| note.since.load(Ordering::Relaxed);
        if let Some(note) = self.0.iter().filter(is_it).max_by_key(newest) {
            note.lock.store(0, Ordering::Relaxed);
        }
    }

    /// Whether nothing is noted. To be asked by the thread itself.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|note| note.lock.load(Ordering::Relaxed) == 0)
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        for note in &self.0 {
            note.lock.store(0, Ordering::Relaxed);
        }
    }

    /// Calls `visit` with address, whether shared, and time of each note.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(usize, bool, u64)) {
        for note in &self.0 {
            // Acquire, both: the time is of this note, or a later one of the same lock.
            let lock = note.lock.load(Ordering::Acquire);
            let since = note.since.load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            if lock != 0 && note.lock.load(Ordering::Relaxed) == lock {
                visit(lock & !SHARED, lock & SHARED != 0, since);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(holds: &Holds) -> Vec<(usize, bool, u64)> {
        let mut found = Vec::new();
        holds.for_each(|lock, shared, since| found.push((lock, shared, since)));
        found.sort_unstable();
        found
    }

    #[test]
    fn what_is_noted_is_found_until_it_is_forgotten() {
        let holds = Holds::new();
        assert!(holds.is_empty());
        holds.push(0x10, false, 5);
        holds.push(0x20, true, 6);
        holds.push(0x10, false, 7);
        assert_eq!(all(&holds), [(0x10, false, 5), (0x10, false, 7), (0x20, true, 6)]);
        holds.pop(0x10);
        assert_eq!(all(&holds), [(0x10, false, 5), (0x20, true, 6)]);
        holds.pop(0x30);
        holds.clear();
        assert!(holds.is_empty());
    }

    #[test]
    fn where_there_is_no_room_the_oldest_note_is_lost() {
        let holds = Holds::new();
        for lock in 1..=6 {
            holds.push(lock * 16, false, lock as u64);
        }
        assert_eq!(all(&holds).iter().map(|note| note.2).collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
