//! The watchdog reports waits while they last.

mod common;

use common::{alone, wait_until};
use holdup::live::{Holder, Overdue};
use holdup::{Mutex, named_mutex};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::thread;
use std::time::Duration;

const THRESHOLD: Duration = Duration::from_millis(50);

/// A watchdog, and what it said of the lock `name`.
fn watch(name: &'static str) -> (holdup::live::Watchdog, Arc<StdMutex<Vec<Overdue>>>) {
    let said = Arc::new(StdMutex::new(Vec::new()));
    let watchdog = {
        let said = Arc::clone(&said);
        holdup::watchdog(THRESHOLD, move |overdue| {
            if overdue.lock.name == name {
                said.lock().unwrap().push(overdue.clone());
            }
        })
    };
    (watchdog.unwrap(), said)
}

/// Holds the lock until it is told, in a function with a name.
#[inline(never)]
fn keep_for_a_while(lock: &Mutex<()>, until: &AtomicBool) {
    let _guard = lock.lock();
    while !until.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_wait_is_reported_once_while_it_lasts_with_holder_and_waiters() {
    let _alone = alone();
    static LOCK: Mutex<()> = named_mutex!("watchdog: lock", ());
    static RELEASE: AtomicBool = AtomicBool::new(false);
    static GOT: AtomicUsize = AtomicUsize::new(0);
    let (watchdog, said) = watch("watchdog: lock");
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("watched-holder".to_owned());
        builder.spawn_scoped(scope, || keep_for_a_while(&LOCK, &RELEASE)).unwrap();
        wait_until(|| LOCK.is_locked());
        let wait = || {
            drop(LOCK.lock());
            GOT.fetch_add(1, Ordering::Relaxed);
        };
        scope.spawn(wait);
        wait_until(|| said.lock().unwrap().len() == 1);
        assert_eq!(GOT.load(Ordering::Relaxed), 0, "while it lasts");
        scope.spawn(wait);
        wait_until(|| said.lock().unwrap().len() == 2);
        thread::sleep(2 * THRESHOLD);
        RELEASE.store(true, Ordering::Relaxed);
    });
    drop(watchdog);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "once for each wait");
    for (index, overdue) in said.iter().enumerate() {
        let Holder::Thread(holder) = &overdue.lock.holder else { panic!("{overdue:?}") };
        assert_eq!(holder.thread.name.as_deref(), Some("watched-holder"));
        assert_eq!(overdue.waiters().len(), index + 1);
        assert!(overdue.waiters().iter().all(|waiter| waiter.waited > THRESHOLD));
    }
}

#[test]
fn short_waits_are_not_reported_and_a_dropped_watchdog_says_nothing() {
    let _alone = alone();
    static LOCK: Mutex<()> = named_mutex!("watchdog: short", ());
    let said = Arc::new(AtomicUsize::new(0));
    let watchdog = {
        let said = Arc::clone(&said);
        holdup::watchdog(Duration::from_secs(3_600), move |_| {
            said.fetch_add(1, Ordering::Relaxed);
            panic!("and a panic of a hook ends nothing");
        })
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let _guard = LOCK.lock();
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    drop(watchdog);
    assert_eq!(said.load(Ordering::Relaxed), 0);
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_holder_tells_where_it_is_when_a_signal_was_given_away_for_that() {
    let _alone = alone();
    static LOCK: Mutex<()> = named_mutex!("watchdog: where", ());
    static RELEASE: AtomicBool = AtomicBool::new(false);
    let (watchdog, said) = watch("watchdog: where");
    thread::scope(|scope| {
        scope.spawn(|| keep_for_a_while(&LOCK, &RELEASE));
        wait_until(|| LOCK.is_locked());
        scope.spawn(|| drop(LOCK.lock()));
        wait_until(|| said.lock().unwrap().len() == 1);
        let overdue = said.lock().unwrap()[0].clone();
        let Holder::Thread(holder) = &overdue.lock.holder else { panic!("{overdue:?}") };
        assert!(holder.thread.stack_now().is_none(), "nobody is interrupted unasked");
        assert!(holdup::live::use_signal_for_stacks(libc::SIGUSR1).is_err());
        let signal = libc::SIGRTMIN() + 5;
        holdup::live::use_signal_for_stacks(signal).unwrap();
        assert!(holdup::live::use_signal_for_stacks(signal + 1).is_err());
        // A busy machine may not let it answer in time.
        let mut stack = None;
        wait_until(|| {
            stack = holder.thread.stack_now();
            stack.is_some()
        });
        let stack = stack.unwrap();
        let names: Vec<_> = stack.iter().map(|frame| frame.function.to_string()).collect();
        assert!(names.iter().any(|name| name.contains("keep_for_a_while")), "{names:?}");
        assert!(!names[0].contains("holdup"), "{names:?}");
        // Who has ended does not answer, and nobody waits for it for ever.
        let mut ended = holder.thread.clone();
        ended.os_id = u32::MAX >> 1;
        assert!(ended.stack_now().is_none());
        RELEASE.store(true, Ordering::Relaxed);
    });
    drop(watchdog);
}
