//! What a thread has yet to book, and what others may want to know of it.
//!
//! A wait for a lock ends inside the critical section that it waited for. There only
//! a note is made, here, in memory of the thread's own; it is settled (booked in
//! the histogram, and kept if it is among the longest) where that holds up nobody:
//! after a contended section that the thread ends, or before its next wait.
//! Readers of the histograms count notes, too, so nothing is missing meanwhile.

use super::histogram::index;
use super::longest::{Ended, Kept, Wait};
use super::shapes::SHAPES;
use super::table::RowId;
use crate::class::ClassId;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

/// How many of its stacks a thread remembers: of sections longer than [`LONG`], and
/// of others.
const REMEMBERED: usize = 4;
const LONG: u64 = 1_000_000;
/// How many of its last waits.
const REMEMBERED_WAITS: usize = 8;

/// The name of a thread, cut to 16 bytes and filled up with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Name([u64; 2]);

impl Name {
    pub(super) fn load(from: &[AtomicU64; 2]) -> Name {
        Name([from[0].load(Ordering::Relaxed), from[1].load(Ordering::Relaxed)])
    }

    pub(super) fn store(self, to: &[AtomicU64; 2]) {
        to[0].store(self.0[0], Ordering::Relaxed);
        to[1].store(self.0[1], Ordering::Relaxed);
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0[0].to_ne_bytes());
        bytes[8..].copy_from_slice(&self.0[1].to_ne_bytes());
        bytes
    }

    /// That of the calling thread, as the system has it. A system call.
    #[cfg(all(target_os = "linux", not(miri)))]
    fn own() -> Name {
        let mut bytes = [0_u8; 16];
        // SAFETY: writes 16 bytes at most, the last of them zero.
        unsafe { libc::prctl(libc::PR_GET_NAME, bytes.as_mut_ptr()) };
        Name::of(&bytes)
    }

    #[cfg(target_vendor = "apple")]
    fn own() -> Name {
        let mut bytes = [0_u8; 64];
        // SAFETY: writes no more bytes than it is told.
        unsafe {
            libc::pthread_getname_np(libc::pthread_self(), bytes.as_mut_ptr().cast(), bytes.len())
        };
        Name::of(&bytes)
    }

    #[cfg(not(any(all(target_os = "linux", not(miri)), target_vendor = "apple")))]
    fn own() -> Name {
        Name::default()
    }

    #[cfg_attr(
        not(any(all(target_os = "linux", not(miri)), target_vendor = "apple")),
        allow(dead_code, reason = "threads have no names there")
    )]
    pub(super) fn of(text: &[u8]) -> Name {
        let text = text.split(|&byte| byte == 0).next().unwrap_or(&[]);
        let word = |start: usize| {
            let mut bytes = [0; 8];
            for (to, from) in bytes.iter_mut().zip(text.iter().skip(start)) {
                *to = *from;
            }
            u64::from_ne_bytes(bytes)
        };
        Name([word(0), word(8)])
    }
}

/// The slate of one thread. Written by the thread alone; read by anybody.
#[repr(align(64))]
pub(crate) struct Slate {
    /// A wait to be settled: its class in the high half, its bucket below, and a
    /// bit that tells it from none.
    wait: AtomicU64,
    /// What else is known of it.
    nanoseconds: AtomicU64,
    ended_at: AtomicU64,
    culprit_at: AtomicU64,
    culprit: AtomicU32,
    victim: AtomicU32,
    is_named: AtomicBool,
    name: [AtomicU64; 2],
    /// The last waits.
    waits: [LastWait; REMEMBERED_WAITS],
    /// How many there were.
    wait_count: AtomicU32,
    /// The stacks that ended contended sections, with the moments of that.
    rows: [Remembered; 2],
}

/// A wait that ended, for the thread itself.
struct LastWait {
    nanoseconds: AtomicU64,
    ended_at: AtomicU64,
    culprit_at: AtomicU64,
    culprit: AtomicU32,
    class: AtomicU32,
}

impl LastWait {
    const fn new() -> LastWait {
        LastWait {
            nanoseconds: AtomicU64::new(0),
            ended_at: AtomicU64::new(0),
            culprit_at: AtomicU64::new(0),
            culprit: AtomicU32::new(0),
            class: AtomicU32::new(0),
        }
    }
}

/// A ring of the last few.
struct Remembered {
    next: AtomicU32,
    at: [AtomicU64; REMEMBERED],
    row: [AtomicU32; REMEMBERED],
}

impl Remembered {
    const fn new() -> Remembered {
        Remembered {
            next: AtomicU32::new(0),
            at: [const { AtomicU64::new(0) }; REMEMBERED],
            row: [const { AtomicU32::new(0) }; REMEMBERED],
        }
    }
}

impl Slate {
    pub(crate) const fn new() -> Slate {
        Slate {
            wait: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
            ended_at: AtomicU64::new(0),
            culprit_at: AtomicU64::new(0),
            culprit: AtomicU32::new(0),
            victim: AtomicU32::new(0),
            is_named: AtomicBool::new(false),
            name: [const { AtomicU64::new(0) }; 2],
            waits: [const { LastWait::new() }; REMEMBERED_WAITS],
            wait_count: AtomicU32::new(0),
            rows: [const { Remembered::new() }; 2],
        }
    }

    /// Notes a wait of the thread that was `nanoseconds` long and ended at `now`.
    /// Some stores to a line of the thread's own.
    #[inline]
    pub(crate) fn note_wait(
        &self,
        class: ClassId,
        nanoseconds: u64,
        now: u64,
        culprit: Ended,
        victim: RowId,
    ) {
        // A model's waits are counted in the sums alone.
        if crate::sync::MODELLED {
            return;
        }
        self.remember_wait(class, nanoseconds, now, culprit);
        let wait = (u64::from(class.0) << 32) | ((index(nanoseconds) as u64) << 1) | 1;
        loop {
            self.nanoseconds.store(nanoseconds, Ordering::Relaxed);
            self.ended_at.store(now, Ordering::Relaxed);
            self.culprit_at.store(culprit.at, Ordering::Relaxed);
            self.culprit.store(culprit.thread, Ordering::Relaxed);
            self.victim.store(victim, Ordering::Relaxed);
            // Fails where a wait was not settled: that of an outer lock, or of a
            // signal handler. (One that comes right here, and settles its own, leaves
            // its numbers beside this wait; the bucket is right.)
            // Release: the numbers come with it, in a child of a fork.
            match self.wait.compare_exchange(0, wait, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(_) => self.settle(),
            }
        }
    }

    /// The line of stores that a wait costs to be remembered. Relaxed: the thread's own.
    #[inline]
    fn remember_wait(&self, class: ClassId, nanoseconds: u64, now: u64, culprit: Ended) {
        let count = self.wait_count.load(Ordering::Relaxed);
        self.wait_count.store(count.wrapping_add(1), Ordering::Relaxed);
        let last = &self.waits[count as usize % REMEMBERED_WAITS];
        last.nanoseconds.store(nanoseconds, Ordering::Relaxed);
        last.ended_at.store(now, Ordering::Relaxed);
        last.culprit_at.store(culprit.at, Ordering::Relaxed);
        last.culprit.store(culprit.thread, Ordering::Relaxed);
        last.class.store(class.0, Ordering::Relaxed);
    }

    /// The longest of the thread's last waits that ended after `began`: the class of the
    /// lock, and who ended the section that held it up. To be called by the thread itself.
    pub(super) fn longest_wait_since(&self, began: u64) -> Option<(ClassId, Ended)> {
        let relaxed = Ordering::Relaxed;
        let since = self.waits.iter().filter(|wait| wait.ended_at.load(relaxed) > began);
        let longest = since.max_by_key(|wait| wait.nanoseconds.load(relaxed))?;
        let (thread, at) = (longest.culprit.load(relaxed), longest.culprit_at.load(relaxed));
        Some((ClassId(longest.class.load(relaxed)), Ended { thread, at }))
    }

    /// Books what was noted, if anything. To be called by the thread itself, where
    /// it holds up nobody.
    #[inline]
    pub(crate) fn settle(&self) {
        let wait = self.wait.load(Ordering::Relaxed);
        if wait != 0 {
            self.book(wait);
        }
    }

    fn book(&self, wait: u64) {
        let Some(shapes) = SHAPES.get() else {
            self.wait.store(0, Ordering::Relaxed);
            return;
        };
        let noted = self.noted();
        // Fails if a signal handler settled it.
        let relaxed = Ordering::Relaxed;
        if self.wait.compare_exchange(wait, 0, relaxed, relaxed).is_err() {
            return;
        }
        let (class, index) = pending(wait);
        let shape = shapes.of(class);
        shape.add_wait(index);
        if shape.longest.wants(noted.nanoseconds) {
            let victim_name = self.own_name();
            let culprit = crate::thread::slate_of(noted.culprit.thread);
            shape.longest.keep(&Wait { victim_name, ..noted }, culprit);
        }
    }

    /// What is known of the wait that is noted.
    fn noted(&self) -> Wait {
        let relaxed = Ordering::Relaxed;
        let thread = self.culprit.load(relaxed);
        let other = crate::thread::slate_of(thread);
        Wait {
            nanoseconds: self.nanoseconds.load(relaxed),
            ended_at: self.ended_at.load(relaxed),
            culprit: Ended { thread, at: self.culprit_at.load(relaxed) },
            victim: self.victim.load(relaxed),
            victim_name: self.name(),
            culprit_name: other.map_or_else(Name::default, Slate::name),
        }
    }

    /// A wait that is noted here and in no histogram yet: its class and its bucket.
    pub(super) fn pending(&self) -> Option<(ClassId, usize)> {
        let wait = self.wait.load(Ordering::Relaxed);
        (wait != 0).then(|| pending(wait))
    }

    /// The same as it will be kept, if it is long enough.
    pub(super) fn pending_wait(&self) -> Option<(ClassId, Kept)> {
        // Acquire: what was noted with it. If it is still there afterwards, it was
        // this one (or one that is equal but for what it took).
        let wait = self.wait.load(Ordering::Acquire);
        let noted = self.noted();
        fence(Ordering::Acquire);
        if wait == 0 || self.wait.load(Ordering::Relaxed) != wait {
            return None;
        }
        let (class, _) = pending(wait);
        if !SHAPES.get()?.of(class).longest.wants(noted.nanoseconds) {
            return None;
        }
        let other = crate::thread::slate_of(noted.culprit.thread);
        let kept = Kept {
            nanoseconds: noted.nanoseconds,
            ended_at: noted.ended_at,
            culprit: other.and_then(|slate| slate.row_of(noted.culprit.at)).unwrap_or(0),
            victim: noted.victim,
            victim_name: noted.victim_name,
            culprit_name: noted.culprit_name,
        };
        Some((class, kept))
    }

    /// Has the thread's name at hand from now on, for others who ask. One load after
    /// the first time. To be called by the thread itself.
    #[inline]
    pub(crate) fn learn_name(&self) {
        if !crate::sync::MODELLED && !self.is_named.load(Ordering::Relaxed) {
            self.own_name();
        }
    }

    /// The thread's name, if it is known.
    pub(super) fn name(&self) -> Name {
        Name::load(&self.name)
    }

    /// The thread's name. A system call the first time. To be called by itself.
    pub(super) fn own_name(&self) -> Name {
        if !self.is_named.load(Ordering::Relaxed) {
            Name::own().store(&self.name);
            self.is_named.store(true, Ordering::Relaxed);
        }
        self.name()
    }

    /// Another thread takes the place of one that ended.
    #[cfg_attr(any(loom, shuttle), allow(dead_code, reason = "threads are not reused there"))]
    pub(crate) fn forget_name(&self) {
        self.is_named.store(false, Ordering::Relaxed);
        Name::default().store(&self.name);
    }

    /// Remembers that the section which the thread ended at `at`, after it had been
    /// waited for so long, ended with the stack `row`.
    pub(super) fn note_row(&self, at: u64, hold: u64, row: RowId) {
        let ring = &self.rows[usize::from(hold >= LONG)];
        let next = ring.next.load(Ordering::Relaxed);
        ring.next.store(next.wrapping_add(1), Ordering::Relaxed);
        let place = next as usize % REMEMBERED;
        // Not to be found while it is half one and half the other.
        ring.at[place].store(0, Ordering::Relaxed);
        ring.row[place].store(row, Ordering::Release);
        ring.at[place].store(at, Ordering::Release);
    }

    /// The stack that ended the thread's section at `at`, if it is remembered.
    pub(super) fn row_of(&self, at: u64) -> Option<RowId> {
        for ring in &self.rows {
            for (found, row) in ring.at.iter().zip(&ring.row) {
                // Acquire: the row was written before, and is still this one's if the
                // moment is.
                if at != 0 && found.load(Ordering::Acquire) == at {
                    let row = row.load(Ordering::Acquire);
                    if found.load(Ordering::Relaxed) == at {
                        return Some(row);
                    }
                }
            }
        }
        None
    }
}

fn pending(wait: u64) -> (ClassId, usize) {
    (ClassId((wait >> 32) as u32), (wait as u32 >> 1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_the_first_zero_or_at_sixteen_bytes() {
        for (text, name) in [
            (&b"worker-3\0rest of the buffer"[..], &b"worker-3"[..]),
            (b"", b""),
            (b"a thread with a long name", b"a thread with a "),
        ] {
            let bytes = Name::of(text).bytes();
            assert_eq!((&bytes[..name.len()], bytes[name.len()..].iter().max()), {
                (name, if name.len() == 16 { None } else { Some(&0) })
            });
        }
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn a_thread_has_the_name_it_was_given() {
        let thread = std::thread::Builder::new().name("reader of names".to_owned());
        let name = thread.spawn(|| Slate::new().own_name().bytes()).unwrap().join().unwrap();
        assert_eq!(&name, b"reader of names\0");
    }

    #[test]
    fn the_last_few_stacks_are_remembered_and_those_of_long_sections_apart() {
        let slate = Slate::new();
        slate.note_row(10, LONG, 1);
        for at in 11..=20 {
            slate.note_row(at, 5, at as RowId);
        }
        assert_eq!(slate.row_of(10), Some(1));
        assert_eq!((slate.row_of(16), slate.row_of(17)), (None, Some(17)));
        assert_eq!((slate.row_of(20), slate.row_of(0)), (Some(20), None));
    }
}
