//! What the protocol does in states that only a test can hold still.

use super::word::EXCLUSIVE;
use super::*;
use crate::clock;
use crate::raw::spin::Watch;
use crate::record;
use crate::wait_list::{Node, Wanted};

#[test]
fn who_cannot_upgrade_at_once_does_not_wait_for_who_works_on_the_lock() {
    let lock = RawRwLock::INIT;
    lock.lock_upgradable();
    lock.lock_shared();
    let session = lock.begin();
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::channel();
        let lock = &lock;
        // SAFETY: this test holds the lock upgradably.
        scope.spawn(move || send.send(unsafe { lock.try_upgrade() }).unwrap());
        let upgraded = receive.recv_timeout(Duration::from_secs(20));
        session.publish();
        assert_eq!(upgraded, Ok(false));
    });
    // SAFETY: held twice, see above.
    unsafe {
        lock.unlock_shared();
        assert!(lock.try_upgrade());
        lock.unlock_exclusive();
    }
}

#[test]
fn who_was_let_in_finds_no_writer_before_the_word_is_published() {
    let lock = RawRwLock::INIT;
    lock.lock_exclusive();
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::channel();
        let reader = scope.spawn({
            let lock = &lock;
            move || {
                send.send(thread::record().unwrap()).unwrap();
                lock.lock_shared();
                (lock.is_locked(), lock.is_locked_exclusive())
            }
        });
        let record = receive.recv().unwrap();
        while lock.waiters() == 0 {
            std::thread::yield_now();
        }
        // A downgrade that is preempted, after it told the reader.
        let mut session = lock.begin();
        session.take_blame(&crate::record::Draw::new());
        session.flags &= !EXCLUSIVE;
        session.readers = 1;
        session.admit();
        record.parker.unpark();
        assert_eq!(reader.join().unwrap(), (true, false));
        session.publish();
    });
    // SAFETY: held by two readers, this thread and the one that has ended.
    unsafe {
        lock.unlock_shared();
        lock.unlock_shared();
    }
    assert!(!lock.is_locked());
}

#[test]
fn who_lost_its_processor_before_it_queued_waits_for_the_writer_it_finds_from_then_on() {
    const SECOND: u64 = 1_000_000_000;
    for wanted in [Wanted::Exclusive, Wanted::Shared, Wanted::Upgradable] {
        let class = ClassId::of(&format!("found another writer: {wanted:?}"));
        let lock = RawRwLock::with_class(class);
        lock.lock_exclusive();
        let earlier = lock.owner.load(Ordering::Relaxed);
        // SAFETY: locked above.
        unsafe { lock.unlock_exclusive() };
        // Since a second it waits for a section that has ended meanwhile.
        let watch = Watch::new(earlier, clock::now() - SECOND);
        lock.lock_exclusive();
        let node = Node::new(thread::record().unwrap(), wanted, watch.start());
        assert!(!lock.queue(&node, watch, Some(Instant::now())));
        // SAFETY: as above.
        unsafe { lock.unlock_exclusive() };
        let sums = record::sums_of(class);
        assert_eq!((sums.waits, sums.spins), (1, 0), "{wanted:?}");
        assert!((SECOND..2 * SECOND).contains(&sums.spun), "{sums:?}");
        assert!(sums.waited < SECOND, "{sums:?}");
        assert_eq!(sums.blamed + sums.handoff, sums.waited, "{sums:?}");
    }
}

/// What is booked as handoff, and what goes to the pot, while a reader holds the lock
/// with a reader in front of the queue, and a writer behind it if so.
fn shares_beside_a_reader(with_writer: bool) -> (u64, u64) {
    let lock = RawRwLock::INIT;
    lock.lock_exclusive();
    std::thread::scope(|scope| {
        let queued = |waiters| {
            while lock.waiters() < waiters {
                std::thread::yield_now();
            }
        };
        scope.spawn(|| {
            lock.lock_shared();
            // SAFETY: locked above.
            unsafe { lock.unlock_shared() };
        });
        queued(1);
        if with_writer {
            scope.spawn(|| {
                lock.lock_exclusive();
                // SAFETY: locked above.
                unsafe { lock.unlock_exclusive() };
            });
            queued(2);
        }
        // A downgrade that takes long.
        let mut session = lock.begin();
        session.take_blame(&crate::record::Draw::new());
        session.flags &= !EXCLUSIVE;
        session.readers = 1;
        let before = crate::clock::now();
        while crate::clock::now() == before {
            std::hint::spin_loop();
        }
        session.claim_for_readers();
        let shares = (session.sums.handoff, session.pot);
        session.publish();
        // SAFETY: held by this thread, as a reader by now.
        unsafe { lock.unlock_shared() };
        shares
    })
}

#[test]
fn who_may_share_the_lock_that_others_read_under_blames_nobody() {
    let (handoff, pot) = shares_beside_a_reader(false);
    assert!(handoff > 0 && pot == 0, "{handoff} {pot}");
}

#[test]
fn a_writer_behind_a_reader_that_may_come_in_blames_those_who_read() {
    let (handoff, pot) = shares_beside_a_reader(true);
    // They waited equally long since the claim before.
    assert!(handoff > 0 && pot == handoff, "{handoff} {pot}");
}
