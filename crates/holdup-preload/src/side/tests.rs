use super::*;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// What was booked, added up.
#[derive(Default)]
struct Books {
    waits: AtomicU64,
    waited: AtomicU64,
    charged: AtomicU64,
    sampled: AtomicU64,
    blamed: AtomicU64,
}

impl Books {
    fn add(&self, sums: &Sums) {
        self.waits.fetch_add(sums.waits, Ordering::Relaxed);
        self.waited.fetch_add(sums.waited, Ordering::Relaxed);
        self.charged.fetch_add(sums.blamed + sums.handoff, Ordering::Relaxed);
        self.blamed.fetch_add(sums.blamed, Ordering::Relaxed);
    }

    fn claim(&self, claim: Option<Claim>) {
        if let Some(claim) = claim {
            self.sampled.fetch_add(claim.blame.unwrap_or(0), Ordering::Relaxed);
            if let Some(sums) = claim.sums {
                self.add(&sums);
            }
        }
    }

    /// Waits; and that the books balance.
    fn balanced(&self) -> u64 {
        let get = |from: &AtomicU64| from.load(Ordering::Relaxed);
        assert_eq!(get(&self.waited), get(&self.charged), "waited = blamed + handoff");
        assert_eq!(get(&self.sampled), get(&self.blamed), "all blame reaches the sampler");
        get(&self.waits)
    }
}

/// A lock accounted for as the hooks do it.
struct Accounted {
    lock: Mutex<()>,
    books: Books,
}

impl Accounted {
    fn address(&self) -> usize {
        (&raw const self.lock).addr()
    }

    fn take(&self) -> MutexGuard<'_, ()> {
        match self.lock.try_lock() {
            Ok(guard) => {
                if is_watched(self.address()) {
                    acquire(self.address(), None, How::Alone);
                }
                guard
            }
            Err(TryLockError::WouldBlock) => {
                let ticket = join(self.address(), ClassId(1), clock::now());
                let guard = self.lock.lock().expect("no thread panics");
                acquire(self.address(), ticket, How::Alone);
                guard
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits in vain.
    fn try_for(&self, time: Duration) {
        if let Ok(guard) = self.lock.try_lock() {
            if is_watched(self.address()) {
                acquire(self.address(), None, How::Alone);
            }
            return self.give(guard);
        }
        if let Some(ticket) = join(self.address(), ClassId(1), clock::now()) {
            std::thread::sleep(time);
            give_up(self.address(), ticket);
        }
    }

    fn give(&self, guard: MutexGuard<'_, ()>) {
        let claim = if is_watched(self.address()) { release(self.address()) } else { None };
        drop(guard);
        self.books.claim(claim);
    }
}

#[test]
fn the_books_balance_with_many_threads_barging_and_time_outs() {
    let accounted = Accounted { lock: Mutex::new(()), books: Books::default() };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let accounted = &accounted;
            scope.spawn(move || {
                for round in 0..2_000 {
                    if (round + thread) % 17 == 0 {
                        accounted.try_for(Duration::from_micros(20));
                    } else {
                        let guard = accounted.take();
                        if round % 5 == 0 {
                            std::thread::yield_now();
                        }
                        accounted.give(guard);
                    }
                }
            });
        }
    });
    // Whoever gave up last is owed to the next section.
    let guard = accounted.take();
    accounted.give(guard);
    assert!(accounted.books.balanced() > 100, "there was contention");
    assert!(!is_watched(accounted.address()), "nothing is left behind");
}

/// An address of no lock, of its own bucket as a rule.
fn address() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    0x5555_0000_0000 + 64 * NEXT.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn a_wait_in_vain_is_charged_to_the_section_it_gave_up_on() {
    let (lock, books) = (address(), Books::default());
    let ticket = join(lock, ClassId(2), clock::now()).expect("room");
    std::thread::sleep(Duration::from_millis(2));
    give_up(lock, ticket);
    assert!(is_watched(lock), "the debt is still to be paid");
    let claim = release(lock).expect("known");
    assert!(claim.blame.is_some_and(|blame| blame >= 2_000_000), "{claim:?}");
    books.claim(Some(claim));
    assert_eq!(books.balanced(), 1);
    assert!(!is_watched(lock));
}

#[test]
fn readers_share_what_a_writer_waits_and_the_last_takes_the_rest() {
    let (lock, books) = (address(), Books::default());
    let writer = join(lock, ClassId(3), clock::now());
    assert!(writer.is_some());
    std::thread::sleep(Duration::from_millis(4));
    let mut shares = Vec::new();
    for readers in (1..=4).rev() {
        let claim = leave_readers(lock, || readers).expect("known");
        shares.push(claim.blame.expect("somebody waits"));
        books.claim(Some(claim));
        assert!(left_readers(lock).is_none(), "the writer waits yet");
    }
    acquire(lock, writer, How::Alone);
    books.claim(release(lock));
    assert_eq!(books.balanced(), 1);
    // All were there from the beginning, and left almost at once.
    let (least, most) = (shares[0], shares[3]);
    assert!(least >= 1_000_000 && most >= least, "{shares:?}");
    assert!(shares[..2].iter().all(|share| *share <= most), "{shares:?}");
}

#[test]
fn a_reader_that_leaves_is_not_counted_among_those_that_stay() {
    let lock = address();
    let writer = join(lock, ClassId(3), clock::now());
    std::thread::sleep(Duration::from_millis(1));
    // Two readers; both say that there are two, since neither has really left.
    let first = leave_readers(lock, || 2).and_then(|claim| claim.blame).expect("blame");
    let second = leave_readers(lock, || 2).and_then(|claim| claim.blame).expect("blame");
    assert!(second >= first, "the last one takes all that is left: {first}, {second}");
    assert!(left_readers(lock).is_none() && left_readers(lock).is_none());
    acquire(lock, writer, How::Alone);
    let claim = release(lock).expect("known");
    assert!(claim.blame.is_none(), "nothing of the readers' is left to the writer: {claim:?}");
}

#[test]
fn a_reader_let_in_beside_others_leaves_their_blame_alone() {
    let (lock, books) = (address(), Books::default());
    let start = clock::now();
    let reader = join(lock, ClassId(3), start);
    let writer = join(lock, ClassId(3), start);
    books.claim(release(lock));
    std::thread::sleep(Duration::from_millis(1));
    acquire(lock, reader, How::AmongReaders(2));
    let claim = leave_readers(lock, || 1).expect("known");
    let blame = claim.blame.expect("the writer waits");
    assert!(blame >= 1_000_000, "what the writer waited for the readers: {blame}");
    books.claim(Some(claim));
    assert!(left_readers(lock).is_none());
    acquire(lock, writer, How::Alone);
    books.claim(release(lock));
    assert_eq!(books.balanced(), 2);
}

#[test]
fn what_finds_no_room_is_turned_away_and_room_comes_back() {
    // Addresses of one bucket.
    let first = address();
    let same = (0_usize..).map(|step| 0x6666_0000_0000 + 8 * step);
    let locks: Vec<_> = same.filter(|one| index(*one) == index(first)).take(ENTRIES + 1).collect();
    let tickets: Vec<_> = locks.iter().map(|one| join(*one, ClassId(4), clock::now())).collect();
    assert!(tickets[..ENTRIES].iter().all(Option::is_some));
    assert_eq!(tickets[ENTRIES], None);
    // One whose waiter has the lock, which is never unlocked, makes room.
    acquire(locks[0], tickets[0], How::Alone);
    assert!(join(locks[ENTRIES], ClassId(4), clock::now()).is_some());
    assert!(release(locks[0]).is_none(), "it had to go");
}

#[test]
fn a_handler_that_interrupts_its_own_thread_in_there_is_turned_away() {
    let lock = address();
    let outcome = with(lock, |_| join(lock, ClassId(5), clock::now()));
    assert_eq!(outcome, Some(None));
    assert!(join(lock, ClassId(5), clock::now()).is_some(), "and not for ever");
}

#[test]
fn a_destroyed_lock_leaves_what_was_owed_to_the_sums() {
    let (lock, books) = (address(), Books::default());
    let ticket = join(lock, ClassId(6), clock::now()).expect("room");
    assert!(remove(lock).is_none(), "not while somebody waits");
    give_up(lock, ticket);
    let (class, sums) = remove(lock).expect("nobody waits");
    assert_eq!(class, ClassId(6));
    books.add(&sums);
    assert_eq!(sums.waited, sums.blamed + sums.handoff);
    assert!(!is_watched(lock));
}

#[test]
fn a_forked_child_starts_afresh() {
    let lock = address();
    assert!(join(lock, ClassId(7), clock::now()).is_some());
    assert!(is_watched(lock));
    forget();
    assert!(!is_watched(lock));
    assert!(release(lock).is_none());
}
