//! What the protocol does in states that only a test can hold still.

use super::*;
use crate::class::ClassId;
use crate::clock;
use crate::live::Waiting;
use crate::raw::spin::Watch;
use crate::record::{self, Sums};
use crate::wait_list::{CALLED, Node, Wanted};
use crate::word::WOKEN;

#[cfg(unix)]
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
#[cfg(unix)]
fn a_woken_waiter_leaves_the_processor_to_who_has_the_list() {
    let lock = RawMutex::INIT;
    lock.lock();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            lock.lock();
            // SAFETY: locked above.
            unsafe { lock.unlock() };
            processor_time()
        });
        while lock.waiters() == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(20));
        // An unlock that is preempted, after it called the waiter.
        lock.take_list();
        let word = lock.word.fetch_or(WOKEN, Ordering::Relaxed) | WOKEN;
        // SAFETY: we have LIST, and `newest` is from a word read since.
        unsafe {
            wait_list::link(word::newest(word));
            let oldest = &*wait_list::oldest(word::newest(word));
            oldest.state.store(CALLED, Ordering::Release);
            oldest.record.parker.unpark();
        }
        std::thread::sleep(Duration::from_millis(300));
        lock.word.fetch_and(!(LIST | LOCKED), Ordering::Release);
        let spent = waiter.join().unwrap();
        assert!(spent < Duration::from_millis(60), "{spent:?}");
    });
}

#[test]
fn counting_waiters_does_not_take_the_list_of_a_free_lock() {
    let lock = RawMutex::INIT;
    let node = Node::new(thread::record().unwrap(), Wanted::Exclusive, clock::now());
    node.prepare(core::ptr::null_mut(), 0);
    // Free, and its only waiter was woken and has not run yet.
    let free = word::with_newest(WOKEN, core::ptr::from_ref(&node).cast_mut());
    lock.word.store(free, Ordering::Release);
    std::thread::scope(|scope| {
        let count = scope.spawn(|| lock.waiters());
        std::thread::sleep(Duration::from_millis(20));
        assert!(!count.is_finished());
        assert_eq!(lock.word.load(Ordering::Relaxed), free);
        lock.word.fetch_or(LOCKED, Ordering::Relaxed);
        assert_eq!(count.join().unwrap(), 1);
    });
}

const SECOND: u64 = 1_000_000_000;

/// What a test of one class came to. Whoever waits for a lock of it waits far less
/// than a second.
fn assert_spun_for_a_second(sums: Sums) {
    assert!((SECOND..2 * SECOND).contains(&sums.spun), "{sums:?}");
    assert!(sums.waited < SECOND, "{sums:?}");
    assert_eq!(sums.blamed + sums.handoff, sums.waited, "{sums:?}");
}

#[test]
fn who_lost_its_processor_before_it_queued_waits_for_the_section_it_finds_from_then_on() {
    let class = ClassId::of("found another section");
    let lock = RawMutex::with_class(class);
    lock.lock();
    let earlier = lock.owner.load(Ordering::Relaxed);
    // SAFETY: locked above.
    unsafe { lock.unlock() };
    // Since a second it waits for a section that has ended meanwhile.
    let watch = Watch::new(earlier, clock::now() - SECOND);
    lock.lock();
    assert_ne!(lock.owner.load(Ordering::Relaxed), earlier);
    let node = Node::new(thread::record().unwrap(), Wanted::Exclusive, watch.start());
    assert!(!lock.queue(&node, watch, Some(Instant::now())));
    // SAFETY: as above.
    unsafe { lock.unlock() };
    let sums = record::sums_of(class);
    assert_eq!((sums.waits, sums.spins), (1, 0));
    assert_spun_for_a_second(sums);
}

#[test]
fn who_lost_its_processor_as_it_queued_does_not_wait_for_what_was_claimed_before() {
    let class = ClassId::of("queued late");
    let lock = RawMutex::with_class(class);
    let record = thread::record().unwrap();
    let early = Node::new(record, Wanted::Exclusive, clock::now());
    let late = Node::new(record, Wanted::Exclusive, clock::now() - SECOND);
    lock.lock();
    // SAFETY: both nodes live until they are off the list; the lock is held.
    unsafe {
        assert!(lock.push_at(&early, || {}));
        lock.unlock();
        // Claims the handoff: by now all that was waited is somebody's.
        assert!(lock.try_lock());
        assert!(lock.push_at(&late, || {}));
        lock.unlock();
        for node in [&early, &late] {
            let waiting = Waiting::begin(node.record, lock.shown(), 0, false);
            assert!(lock.wait_queued(node, &waiting, None));
            lock.unlock();
        }
    }
    let sums = record::sums_of(class);
    assert_eq!(sums.waits, 2);
    assert_spun_for_a_second(sums);
}
