//! What `Debug`, `Display` and panics say.

use super::sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock};
use crate::{panic_of, panics};
use std::fmt::Debug;
use std::time::Duration;

fn message<T>(section: impl FnOnce() -> T) -> String {
    let panic = panic_of(section).expect("panics");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("a text")).into(),
    }
}

fn both(value: &dyn Debug) -> String {
    format!("{value:?} {value:#?}")
}

pub fn all() -> Vec<String> {
    let mut texts = Vec::new();
    let mut note = |value: &dyn Debug| texts.push(both(value));

    let mutex = Mutex::new("data");
    note(&mutex);
    let guard = mutex.lock().unwrap();
    note(&mutex);
    note(&guard);
    note(&guard.to_string());
    note(&format!("{guard:>9}"));
    note(&mutex.try_lock().unwrap_err());
    note(&mutex.try_lock().unwrap_err().to_string());
    drop(guard);
    assert!(panics(|| {
        let _guard = mutex.lock();
        panic!("poison");
    }));
    note(&mutex);
    note(&mutex.try_lock().unwrap_err().to_string());
    let guard = mutex.lock();
    note(&guard);
    note(&mutex);
    drop(guard);
    note(&(&mutex as &Mutex<dyn Debug>));

    let lock = RwLock::new(vec![1]);
    note(&lock);
    let reader = lock.read().unwrap();
    note(&reader);
    note(&lock);
    drop(reader);
    let writer = lock.write().unwrap();
    note(&writer);
    note(&lock);
    note(&lock.try_read().unwrap_err());
    drop(writer);
    assert!(panics(|| {
        let _guard = lock.write();
        panic!("poison");
    }));
    note(&lock);
    note(&lock.write());
    let writer = lock.write();
    note(&lock);
    drop(writer);
    let text = RwLock::new("text");
    note(&text.read().unwrap().to_string());
    note(&text.write().unwrap().to_string());

    let once = Once::new();
    note(&once);
    once.call_once_force(|state| note(state));
    note(&once);
    let once = Once::new();
    note(&message(|| once.call_once(|| panic!("own words"))));
    note(&message(|| once.call_once(|| ())));
    note(&message(|| once.wait()));
    once.call_once_force(|state| note(state));

    let cell = OnceLock::new();
    note(&cell);
    cell.set(vec![1]).unwrap();
    note(&cell);

    let lazy = LazyLock::new(|| Some(1));
    note(&lazy);
    LazyLock::force(&lazy);
    note(&lazy);
    let mut lazy: LazyLock<u8> = LazyLock::new(|| panic!("own words"));
    note(&message(|| *lazy));
    note(&message(|| *lazy));
    note(&message(|| *LazyLock::force_mut(&mut lazy)));
    note(&lazy);

    let barrier = Barrier::new(1);
    note(&barrier);
    note(&barrier.wait());

    let (condvar, mutex) = (Condvar::new(), Mutex::new(()));
    note(&condvar);
    let waited = condvar.wait_timeout_while(mutex.lock().unwrap(), Duration::ZERO, |()| true);
    note(&waited.unwrap().1);
    texts
}
