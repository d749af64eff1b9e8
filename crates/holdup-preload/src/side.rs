//! The side table: a ledger for each lock that somebody waits for, found by the
//! lock's address.
//!
//! Fixed in size, in `.bss`: [`BUCKETS`] buckets of [`ENTRIES`] entries each, chosen
//! by a hash of the address, and for each bucket one *word* that says whether any of
//! its entries is in use. Whoever takes or releases a lock looks at the word alone;
//! all words together are 16 KiB, and change only when a lock begins or ends to be
//! waited for.
//!
//! | event | in the bucket, under its lock |
//! |---|---|
//! | [`join`]: a try failed, a wait begins | the entry is made if there is none, the word set; the ledger joins |
//! | [`acquire`]: somebody got the lock, who waited or who barged in | claim: *handoff*; who waited leaves |
//! | [`give_up`]: a wait ended in vain | leave; what no claim has taken stays owed to the next one |
//! | [`release`]: about to be unlocked | claim: *blame*; an entry nobody waits at is removed |
//! | [`leave_readers`], [`left_readers`]: a reader before and after its unlock | claim into the pot, of which the reader takes its share |
//!
//! # Why nothing is lost or counted twice
//!
//! All sums of a wait are made in one [`Ledger`], under the bucket's lock, by a clock
//! that is read under it: [`Ledger`]'s conservation law holds whatever the order in
//! which the real locks' events are noted here. An entry is removed only when nobody
//! waits at it, nothing is owed and no pot is left, and its sums are booked as it goes.
//!
//! # What the look at the word may miss
//!
//! A waiter joins *before* it calls the real lock; the holder looks *before* it really
//! unlocks. If the waiter joins after the look and before the unlock, that unlock claims
//! nothing, and what the waiter waited until then, some nanoseconds, is claimed at
//! the next acquisition: as handoff instead of blame. The same for a look that reads an
//! old value (it is Relaxed): it costs exactness of that kind, never a wake-up, since
//! the real lock knows its own waiters, and never conservation.
//!
//! # After the unlock
//!
//! The lock's memory may be gone as soon as the real unlock has happened. Nothing here
//! touches it: its address is a key. A new lock at the same address cannot be taken for
//! the old one while somebody waits for that, because then it is there.
//!
//! # The bucket's lock
//!
//! Held for some 20 ns, never across a call of the real lock or anything that may wait.
//! Who finds it taken spins, yields, then sleeps for 50 us at a time (yielding alone
//! could keep a thread of lower real-time priority from ever leaving). A signal handler
//! that interrupted its own thread in there is turned away ([`local::once_inside`]). A
//! thread that never leaves (a handler that jumped out of it) would stop the program:
//! so a bucket whose lock is not free for [`PATIENCE`] naps is given up for good, and
//! its locks are no longer accounted for.

use crate::local;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use holdup_core::class::ClassId;
use holdup_core::clock;
use holdup_core::ledger::{Ledger, Ticket};
use holdup_core::record::Sums;

const BUCKET_BITS: u32 = 12;
/// Buckets; a power of two.
const BUCKETS: usize = 1 << BUCKET_BITS;
/// Locks that are waited for at the same time, and share a bucket.
const ENTRIES: usize = 3;

/// How long sums may travel with an entry before they are booked, in ticks.
const BOOK_EVERY: u64 = 20_000;

/// Naps of 50 us before a bucket is given up: five seconds.
const PATIENCE: u32 = 100_000;

/// A lock somebody waits for.
#[derive(Clone, Copy)]
struct Entry {
    /// Zero: free.
    address: usize,
    class: ClassId,
    /// Readers that took their share, and have not really left yet.
    leaving: u32,
    /// Blame of the readers that have the lock, not yet shared out.
    pot: u64,
    ledger: Ledger,
    sums: Sums,
    booked_at: u64,
    /// Since when somebody waited for whoever has the lock now.
    contended_since: u64,
}

impl Entry {
    const FREE: Entry = Entry {
        address: 0,
        class: ClassId::UNNAMED,
        leaving: 0,
        pot: 0,
        ledger: Ledger::owing(0),
        sums: Sums {
            contentions: 0,
            waits: 0,
            waited: 0,
            blamed: 0,
            handoff: 0,
            handoffs: 0,
            spins: 0,
            spun: 0,
        },
        booked_at: 0,
        contended_since: 0,
    };

    fn now(&self) -> u64 {
        self.ledger.not_before(clock::now())
    }

    /// Whether anybody waits, or somebody gave up on whoever has the lock.
    fn is_contended(&self) -> bool {
        self.ledger.waiters() > 0 || self.ledger.owed() > 0
    }

    fn is_done(&self) -> bool {
        !self.is_contended() && self.pot == 0 && self.leaving == 0
    }

    /// What is to be booked now, if it is time.
    fn sums_due(&mut self, now: u64) -> Option<Sums> {
        if self.is_done() || now.wrapping_sub(self.booked_at) > BOOK_EVERY {
            self.booked_at = now;
            Some(core::mem::take(&mut self.sums))
        } else {
            None
        }
    }
}

#[repr(align(64))]
struct Bucket {
    /// 0: free, 1: taken, 2: given up.
    lock: AtomicU32,
    entries: UnsafeCell<[Entry; ENTRIES]>,
}

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const GIVEN_UP: u32 = 2;

// SAFETY: `entries` is touched only by the thread that has taken `lock`, or in a
// process that has no other thread.
unsafe impl Sync for Bucket {}

/// Whether an entry of the bucket is in use.
static WORDS: [AtomicU32; BUCKETS] = [const { AtomicU32::new(0) }; BUCKETS];

static TABLE: [Bucket; BUCKETS] = [const {
    Bucket { lock: AtomicU32::new(FREE), entries: UnsafeCell::new([Entry::FREE; ENTRIES]) }
}; BUCKETS];

/// Whether anybody ever joined since the process began: while not, nothing is to be
/// removed.
static USED: AtomicBool = AtomicBool::new(false);

/// Buckets that were given up.
static GIVEN_UP_COUNT: AtomicU32 = AtomicU32::new(0);

/// The bucket of a lock. Fibonacci hashing (Knuth, TAOCP 3, 6.4): the upper bits of
/// the product with 2^64 divided by the golden ratio.
#[inline(always)]
fn index(address: usize) -> usize {
    ((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BUCKET_BITS)) as usize
}

/// Whether somebody may wait for the lock at `address`: one multiplication, one load.
#[inline(always)]
pub(crate) fn is_watched(address: usize) -> bool {
    // Relaxed: see "What the look at the word may miss".
    WORDS[index(address)].load(Ordering::Relaxed) != 0
}

/// What came of a claim: to be booked and sampled once the lock is released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) class: ClassId,
    /// The blame of the section that ends, if anybody waited for it.
    pub(crate) blame: Option<u64>,
    /// For how long somebody waited for it.
    pub(crate) hold: u64,
    pub(crate) sums: Option<Sums>,
}

/// How a lock was acquired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// By one that nobody shares it with.
    Alone,
    /// By a reader, with as many readers as there are now.
    AmongReaders(u32),
}

/// A wait for the lock at `address` begins, and began at `start`. None if there is no
/// room, or no way in from here.
pub(crate) fn join(address: usize, class: ClassId, start: u64) -> Option<Ticket> {
    USED.store(true, Ordering::Relaxed);
    let mut evicted = None;
    let ticket = with(address, |entries| {
        let at = place(entries, address)?;
        let entry = &mut entries[at];
        if entry.address != address {
            if entry.address != 0 {
                evicted = Some((entry.class, entry.sums));
            }
            *entry = Entry { address, class, booked_at: start, ..Entry::FREE };
        }
        if !entry.is_contended() {
            entry.contended_since = start;
        }
        Some(entry.ledger.join(start))
    });
    if let Some((class, sums)) = evicted {
        holdup_core::record::book(class, &sums);
    }
    ticket.flatten()
}

/// The entry of `address`, or one it may have.
fn place(entries: &[Entry; ENTRIES], address: usize) -> Option<usize> {
    let find = |wanted: &dyn Fn(&Entry) -> bool| entries.iter().position(wanted);
    find(&|entry| entry.address == address)
        .or_else(|| find(&|entry| entry.address == 0))
        // Of a lock that was never unlocked after its waiters had gone.
        .or_else(|| find(&Entry::is_done))
}

/// The lock was acquired: by one that waited, with its ticket, or by one that barged
/// in. Returns how long the former waited.
pub(crate) fn acquire(address: usize, ticket: Option<Ticket>, how: How) -> Option<u64> {
    with(address, |entries| {
        let entry = entries.iter_mut().find(|entry| entry.address == address)?;
        let now = entry.now();
        // Other readers had the lock all along: what was waited for them is theirs. (Those
        // that are about to leave count no more.)
        let shared = matches!(how, How::AmongReaders(readers) if readers > entry.leaving + 1);
        if !shared {
            let handoff = entry.ledger.claim(now);
            entry.sums.add_handoff(handoff);
            entry.contended_since = now;
        }
        let ticket = ticket?;
        let (waited, unclaimed) = entry.ledger.leave_settled(ticket, now);
        if unclaimed > 0 {
            // Let in by a writer that left, or by readers: on its way since then.
            entry.sums.add_handoff(unclaimed);
        }
        entry.sums.add_wait(waited);
        Some(waited)
    })
    .flatten()
}

/// A wait ended without the lock. Returns how long it was.
pub(crate) fn give_up(address: usize, ticket: Ticket) -> Option<u64> {
    with(address, |entries| {
        let entry = entries.iter_mut().find(|entry| entry.address == address)?;
        let now = entry.now();
        let waited = entry.ledger.leave(ticket, now);
        entry.sums.add_wait(waited);
        Some(waited)
    })
    .flatten()
}

/// A lock that one thread has is about to be released.
pub(crate) fn release(address: usize) -> Option<Claim> {
    with(address, |entries| {
        let entry = entries.iter_mut().find(|entry| entry.address == address)?;
        let now = entry.now();
        let contended = entry.is_contended() || entry.pot > 0;
        // What is left in the pot was waited for readers that could not be told
        // from others that were about to leave.
        let amount = entry.ledger.claim(now).wrapping_add(core::mem::take(&mut entry.pot));
        if contended {
            entry.sums.add_blame(amount, true);
        }
        let claim = Claim {
            class: entry.class,
            blame: contended.then_some(amount),
            hold: now.saturating_sub(entry.contended_since),
            sums: entry.sums_due(now),
        };
        if entry.is_done() {
            *entry = Entry::FREE;
        }
        Some(claim)
    })
    .flatten()
}

/// One of the readers that have a lock is about to release it; `readers` tells how many
/// there are. If this returns something, [`left_readers`] must follow the unlock.
pub(crate) fn leave_readers(address: usize, readers: impl FnOnce() -> u32) -> Option<Claim> {
    with(address, |entries| {
        let entry = entries.iter_mut().find(|entry| entry.address == address)?;
        let now = entry.now();
        let contended = entry.is_contended() || entry.pot > 0;
        entry.pot = entry.pot.wrapping_add(entry.ledger.claim(now));
        let staying = readers().saturating_sub(entry.leaving).max(1);
        let share = entry.pot / u64::from(staying);
        entry.pot -= share;
        entry.leaving += 1;
        if contended {
            entry.sums.add_blame(share, true);
        }
        let hold = now.saturating_sub(entry.contended_since);
        let sums = entry.sums_due(now);
        Some(Claim { class: entry.class, blame: contended.then_some(share), hold, sums })
    })
    .flatten()
}

/// The reader has really left.
pub(crate) fn left_readers(address: usize) -> Option<(ClassId, Sums)> {
    with(address, |entries| {
        let entry = entries.iter_mut().find(|entry| entry.address == address)?;
        entry.leaving = entry.leaving.saturating_sub(1);
        if !entry.is_done() {
            return None;
        }
        let rest = (entry.class, entry.sums);
        *entry = Entry::FREE;
        Some(rest)
    })
    .flatten()
}

/// The lock is gone, or its sums are wanted: takes what an entry holds that nobody
/// waits at any more.
pub(crate) fn remove(address: usize) -> Option<(ClassId, Sums)> {
    with(address, |entries| {
        let entry = entries.iter_mut().find(|entry| entry.address == address)?;
        if entry.ledger.waiters() > 0 || entry.leaving > 0 {
            return None;
        }
        let rest = entry.ledger.owed().wrapping_add(entry.pot);
        entry.sums.add_blame(rest, rest > 0);
        let taken = (entry.class, entry.sums);
        *entry = Entry::FREE;
        Some(taken)
    })
    .flatten()
}

/// Takes the sums of all entries, at the end of the process.
pub(crate) fn drain(mut book: impl FnMut(ClassId, Sums)) {
    for (index, word) in WORDS.iter().enumerate() {
        if word.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let mut taken = [(ClassId::UNNAMED, Sums::default()); ENTRIES];
        with_bucket(index, |entries| {
            for (entry, taken) in entries.iter_mut().zip(&mut taken) {
                *taken = (entry.class, core::mem::take(&mut entry.sums));
            }
        });
        for (class, sums) in taken {
            book(class, sums);
        }
    }
}

/// In the child of a fork, which has one thread: nobody waits for anything.
pub(crate) fn forget() {
    if !USED.swap(false, Ordering::Relaxed) {
        return;
    }
    for (word, bucket) in WORDS.iter().zip(&TABLE) {
        let taken = bucket.lock.load(Ordering::Relaxed) != FREE;
        if word.load(Ordering::Relaxed) != 0 || taken {
            // SAFETY: this is the only thread.
            unsafe { *bucket.entries.get() = [Entry::FREE; ENTRIES] };
            word.store(0, Ordering::Relaxed);
            bucket.lock.store(FREE, Ordering::Relaxed);
        }
    }
}

/// How many buckets were given up.
pub(crate) fn given_up() -> u32 {
    GIVEN_UP_COUNT.load(Ordering::Relaxed)
}

fn with<R>(address: usize, work: impl FnOnce(&mut [Entry; ENTRIES]) -> R) -> Option<R> {
    with_bucket(index(address), work)
}

/// Runs `work` with the bucket locked; not if there is no way in.
fn with_bucket<R>(index: usize, work: impl FnOnce(&mut [Entry; ENTRIES]) -> R) -> Option<R> {
    let bucket = &TABLE[index];
    local::once_inside(|| {
        if !take(bucket) {
            return None;
        }
        // SAFETY: this thread has the bucket's lock.
        let entries = unsafe { &mut *bucket.entries.get() };
        let result = work(entries);
        let used = u32::from(entries.iter().any(|entry| entry.address != 0));
        let word = &WORDS[index];
        // A line that many threads read is not written for nothing.
        if word.load(Ordering::Relaxed) != used {
            word.store(used, Ordering::Relaxed);
        }
        // Release: the next one sees the entries. By exchange: a bucket that was given
        // up meanwhile stays so.
        let _ = bucket.lock.compare_exchange(TAKEN, FREE, Ordering::Release, Ordering::Relaxed);
        Some(result)
    })
    .flatten()
}

/// Takes the bucket's lock; false if it was given up.
#[inline]
fn take(bucket: &Bucket) -> bool {
    // Acquire: the entries are as who was here before left them.
    match bucket.lock.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed) {
        Ok(_) => true,
        Err(_) => take_contended(bucket),
    }
}

#[cold]
fn take_contended(bucket: &Bucket) -> bool {
    for turn in 0..PATIENCE {
        match bucket.lock.compare_exchange_weak(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(GIVEN_UP) => return false,
            Err(_) => {}
        }
        match turn {
            0..50 => (0..1 << turn.min(5)).for_each(|_| core::hint::spin_loop()),
            // SAFETY: no arguments, no effects but time.
            50..70 => unsafe { _ = libc::syscall(libc::SYS_sched_yield) },
            _ => nap(),
        }
    }
    if bucket.lock.swap(GIVEN_UP, Ordering::Relaxed) != GIVEN_UP {
        GIVEN_UP_COUNT.fetch_add(1, Ordering::Relaxed);
    }
    false
}

/// Sleeps for 50 us, by a plain system call: the C library's is a cancellation point.
pub(crate) fn nap() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 50_000 };
    let left = core::ptr::null_mut::<libc::timespec>();
    // SAFETY: a live timespec; what is left of the time is not asked for. A signal that
    // ends the sleep shows in errno, which is put back.
    unsafe {
        let errno = *libc::__errno_location();
        libc::syscall(libc::SYS_nanosleep, &raw const time, left);
        *libc::__errno_location() = errno;
    }
}

#[cfg(test)]
mod tests;
