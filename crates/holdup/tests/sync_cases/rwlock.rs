use super::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, mpsc};
use crate::{AtEnd, panics};
use std::thread;

fn poisoned<T>(value: T) -> RwLock<T> {
    let lock = RwLock::new(value);
    assert!(panics(|| {
        let _guard = lock.write();
        panic!("in the critical section");
    }));
    lock
}

#[test]
fn what_is_put_in_can_be_changed_and_taken_out() {
    let mut lock = RwLock::new(vec![1]);
    lock.write().unwrap().push(2);
    lock.get_mut().unwrap().push(3);
    lock.try_write().unwrap().push(4);
    assert_eq!(*lock.read().unwrap(), [1, 2, 3, 4]);
    assert_eq!(lock.try_read().unwrap().len(), 4);
    assert_eq!(lock.into_inner().unwrap(), [1, 2, 3, 4]);
    assert_eq!(*RwLock::from("text").read().unwrap(), "text");
    assert_eq!(*RwLock::<u32>::default().read().unwrap(), 0);
}

#[test]
fn readers_share_and_writers_do_not() {
    let lock = RwLock::new(());
    let (first, second) = (lock.read().unwrap(), lock.read().unwrap());
    assert!(lock.try_read().is_ok());
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    drop(first);
    assert!(lock.try_write().is_err());
    drop(second);
    let writer = lock.write().unwrap();
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
    drop(writer);
    assert!(lock.try_read().is_ok() && lock.try_write().is_ok());
}

#[test]
fn readers_never_see_half_a_write() {
    static PAIR: RwLock<(u64, u64)> = RwLock::new((0, 0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let mut pair = PAIR.write().unwrap();
                    pair.0 += 1;
                    pair.1 += 1;
                }
            });
            scope.spawn(|| {
                for _ in 0..1000 {
                    let pair = PAIR.read().unwrap();
                    assert_eq!(pair.0, pair.1);
                }
            });
        }
    });
    assert_eq!(*PAIR.read().unwrap(), (2000, 2000));
}

#[test]
fn a_panic_of_a_writer_poisons_until_that_is_cleared() {
    let lock = poisoned(7);
    assert!(lock.is_poisoned());
    assert_eq!(**lock.read().unwrap_err().get_ref(), 7);
    *lock.write().unwrap_err().into_inner() += 1;
    assert!(
        matches!(lock.try_read(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 8)
    );
    assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
    let reader = lock.read();
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)), "held comes first");
    drop(reader);
    lock.clear_poison();
    assert!(!lock.is_poisoned());
    assert_eq!(*lock.read().unwrap(), 8);
}

#[test]
fn a_poisoned_lock_gives_its_data_in_an_error() {
    let mut lock = poisoned(String::from("a"));
    lock.get_mut().unwrap_err().into_inner().push('b');
    assert_eq!(lock.into_inner().unwrap_err().into_inner(), "ab");
}

#[test]
fn a_panic_of_a_reader_does_not_poison() {
    let lock = RwLock::new(0);
    assert!(panics(|| {
        let _guard = lock.read().unwrap();
        panic!("a reader changed nothing");
    }));
    assert!(!lock.is_poisoned());
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_write_by_a_destructor_while_unwinding_does_not_poison() {
    let lock = RwLock::new(0);
    assert!(panics(|| {
        let _end = AtEnd(|| *lock.write().unwrap() += 1);
        panic!("before the write");
    }));
    assert_eq!(*lock.read().unwrap(), 1);
}

#[test]
fn a_downgrade_lets_readers_in_and_keeps_writers_out() {
    let lock = RwLock::new(1);
    let mut writer = lock.write().unwrap();
    *writer = 2;
    let reader: RwLockReadGuard<'_, i32> = RwLockWriteGuard::downgrade(writer);
    assert_eq!((*reader, *lock.read().unwrap()), (2, 2));
    assert!(lock.try_write().is_err());
    drop(reader);
    assert!(lock.try_write().is_ok());
}

#[test]
fn no_write_comes_between_a_write_and_the_read_it_is_downgraded_to() {
    static COUNT: RwLock<u32> = RwLock::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut writer = COUNT.write().unwrap();
                    *writer += 1;
                    let mine = *writer;
                    let reader = RwLockWriteGuard::downgrade(writer);
                    thread::yield_now();
                    assert_eq!(*reader, mine);
                }
            });
        }
    });
    assert_eq!(*COUNT.read().unwrap(), 800);
}

#[test]
fn a_panic_after_a_downgrade_does_not_poison() {
    let lock = RwLock::new(0);
    assert!(panics(|| {
        let _reader = RwLockWriteGuard::downgrade(lock.write().unwrap());
        panic!("no writer any more");
    }));
    assert!(!lock.is_poisoned());
}

#[test]
fn a_downgrade_by_a_destructor_while_unwinding_does_not_poison() {
    let lock = RwLock::new(0);
    assert!(panics(|| {
        let mut guard = Some(lock.write().unwrap());
        let _end = AtEnd(|| drop(guard.take().map(RwLockWriteGuard::downgrade)));
        panic!("the guard is from before");
    }));
    assert!(!lock.is_poisoned() && lock.try_write().is_ok());
}

#[test]
fn a_waiting_writer_gets_its_turn_when_the_reader_goes() {
    let lock = Arc::new(RwLock::new(0));
    let reader = lock.read().unwrap();
    let (tell, coming) = mpsc::channel();
    let writer = thread::spawn({
        let lock = Arc::clone(&lock);
        move || {
            tell.send(()).unwrap();
            *lock.write().unwrap() = 1;
        }
    });
    coming.recv().unwrap();
    assert_eq!(*reader, 0);
    drop(reader);
    writer.join().unwrap();
    assert_eq!(*lock.read().unwrap(), 1);
}

#[test]
fn the_data_may_be_unsized() {
    let words: &RwLock<[u8]> = &RwLock::new([1, 2, 3]);
    words.write().unwrap()[1] = 9;
    assert_eq!(*words.read().unwrap(), [1, 9, 3]);
    let shared: Arc<RwLock<dyn Fn() -> u32 + Send + Sync>> = Arc::new(RwLock::new(|| 5));
    assert_eq!((*shared.read().unwrap())(), 5);
}

#[test]
fn a_read_guard_of_longer_borrows_is_one_of_shorter_borrows() {
    // `RwLockReadGuard` is covariant.
    fn shorten<'a>(guard: RwLockReadGuard<'a, &'static str>) -> RwLockReadGuard<'a, &'a str> {
        guard
    }
    let lock = RwLock::new("static");
    assert_eq!(*shorten(lock.read().unwrap()), "static");
}
