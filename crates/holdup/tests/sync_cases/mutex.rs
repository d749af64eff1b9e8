use super::sync::{Arc, Mutex, MutexGuard, TryLockError};
use crate::{AtEnd, panics};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn poisoned<T>(value: T) -> Mutex<T> {
    let mutex = Mutex::new(value);
    assert!(panics(|| {
        let _guard = mutex.lock();
        panic!("in the critical section");
    }));
    mutex
}

#[test]
fn what_is_put_in_can_be_changed_and_taken_out() {
    let mut mutex = Mutex::new(vec![1]);
    mutex.lock().unwrap().push(2);
    mutex.get_mut().unwrap().push(3);
    mutex.try_lock().unwrap().push(4);
    assert_eq!(mutex.into_inner().unwrap(), [1, 2, 3, 4]);
    assert_eq!(*Mutex::from("text").lock().unwrap(), "text");
    assert_eq!(*Mutex::<u32>::default().lock().unwrap(), 0);
}

#[test]
fn no_increment_of_many_threads_is_lost() {
    static SUM: Mutex<u64> = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| *SUM.lock().unwrap() += 1));
        }
    });
    assert_eq!(*SUM.lock().unwrap(), 4000);
}

#[test]
fn a_held_mutex_cannot_be_locked_until_its_guard_is_dropped() {
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(thread::scope(|scope| scope.spawn(|| mutex.try_lock().is_err()).join().unwrap()));
    drop(guard);
    assert!(mutex.try_lock().is_ok());
    std::mem::forget(mutex.lock());
    assert!(mutex.try_lock().is_err());
}

#[test]
fn a_panic_in_a_critical_section_poisons_until_that_is_cleared() {
    let mutex = poisoned(7);
    assert!(mutex.is_poisoned());
    let error = mutex.lock().unwrap_err();
    assert_eq!(**error.get_ref(), 7);
    *error.into_inner() += 1;
    assert!(mutex.is_poisoned(), "locking does not clear it");
    assert!(
        matches!(mutex.try_lock(), Err(TryLockError::Poisoned(error)) if **error.get_ref() == 8)
    );
    let guard = mutex.lock();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)), "held comes first");
    drop(guard);
    mutex.clear_poison();
    assert!(!mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap(), 8);
}

#[test]
fn a_poisoned_mutex_gives_its_data_in_an_error() {
    let mut mutex = poisoned(String::from("a"));
    mutex.get_mut().unwrap_err().into_inner().push('b');
    assert_eq!(mutex.into_inner().unwrap_err().into_inner(), "ab");
}

#[test]
fn a_panicking_thread_poisons_for_the_others() {
    let mutex = Arc::new(Mutex::new(0));
    let theirs = Arc::clone(&mutex);
    let thread = thread::spawn(move || {
        let mut guard = theirs.lock().unwrap();
        *guard = 1;
        panic!("with the lock held");
    });
    assert!(thread.join().is_err());
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
}

#[test]
fn a_panic_after_the_critical_section_does_not_poison() {
    let mutex = Mutex::new(0);
    assert!(panics(|| {
        *mutex.lock().unwrap() += 1;
        panic!("outside");
    }));
    assert!(!mutex.is_poisoned());
}

#[test]
fn a_lock_taken_by_a_destructor_while_unwinding_does_not_poison() {
    let (inner, outer) = (Mutex::new(0), Mutex::new(0));
    assert!(panics(|| {
        let _outer = outer.lock();
        let _end = AtEnd(|| *inner.lock().unwrap() += 1);
        panic!("with one lock held");
    }));
    assert_eq!(*inner.lock().unwrap(), 1);
    assert!(outer.is_poisoned() && !inner.is_poisoned());
}

#[test]
fn a_guard_dropped_in_a_destructor_while_unwinding_poisons() {
    let mutex = Mutex::new(0);
    assert!(panics(|| {
        let mut guard = Some(mutex.lock().unwrap());
        let _end = AtEnd(|| drop(guard.take()));
        panic!("the guard is from before");
    }));
    assert!(mutex.is_poisoned());
}

#[test]
fn the_data_may_be_unsized() {
    let words: &Mutex<[u8]> = &Mutex::new([1, 2, 3]);
    words.lock().unwrap()[1] = 9;
    assert_eq!(*words.lock().unwrap(), [1, 9, 3]);
    let shared: Arc<Mutex<dyn FnMut() -> u32 + Send>> = Arc::new(Mutex::new({
        let mut count = 0;
        move || {
            count += 1;
            count
        }
    }));
    let call = |mutex: &Mutex<dyn FnMut() -> u32 + Send>| (*mutex.lock().unwrap())();
    assert_eq!((call(&shared), call(&shared)), (1, 2));
}

#[test]
fn the_data_is_dropped_once() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    let end = || {
        AtEnd(|| {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        })
    };
    drop(Mutex::new(end()));
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    let end = Mutex::new(end()).into_inner();
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    drop(end);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 2);
}

#[test]
fn a_guard_outlives_the_borrow_that_made_it_not() {
    // The guard borrows the mutex, not the reference to it.
    fn lock<'a>(mutex: &&'a Mutex<u8>) -> MutexGuard<'a, u8> {
        mutex.lock().unwrap()
    }
    let mutex = Mutex::new(1);
    assert_eq!(*lock(&&mutex), 1);
}
