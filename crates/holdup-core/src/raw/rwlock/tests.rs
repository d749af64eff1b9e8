//! What the protocol does in states that only a test can hold still.

use super::word::EXCLUSIVE;
use super::*;

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
        session.take_blame();
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
