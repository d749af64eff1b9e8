//! `live()` against the threads' own notes.

mod common;

use common::{alone, wait_until, waiters};
use holdup::live::{Access, Holder, Lock};
use holdup::{Condvar, Mutex, RwLock, live, named_mutex, named_rwlock};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn found(name: &str) -> Option<Lock> {
    live().locks.into_iter().find(|lock| lock.name == name)
}

/// The lock when `condition` holds for what is shown of it.
fn shown(name: &str, condition: impl Fn(&Lock) -> bool) -> Lock {
    let mut last = None;
    wait_until(|| {
        last = found(name).filter(&condition);
        last.is_some()
    });
    last.expect("it was shown")
}

fn names(lock: &Lock) -> Vec<&str> {
    lock.waiters.iter().map(|waiter| waiter.thread.name.as_deref().unwrap_or("?")).collect()
}

fn holder_name(lock: &Lock) -> Option<&str> {
    match &lock.holder {
        Holder::Thread(held) => held.thread.name.as_deref(),
        _ => None,
    }
}

/// The system keeps the first 15 bytes of a name.
fn is_held_by_this_thread(lock: &Lock) -> bool {
    let name = thread::current().name().unwrap_or_default().to_owned();
    holder_name(lock).is_some_and(|holder| holder.len() == 15 && name.starts_with(holder))
}

/// Spawns a thread with a name in a scope.
macro_rules! spawn {
    ($scope:expr, $name:expr, $body:expr) => {
        thread::Builder::new().name($name.to_owned()).spawn_scoped($scope, $body).unwrap()
    };
}

#[test]
fn a_stuck_lock_is_shown_with_its_holder_and_its_waiters_in_order() {
    let _alone = alone();
    static STUCK: Mutex<()> = named_mutex!("live: stuck", ());
    static RELEASE: AtomicBool = AtomicBool::new(false);
    const WAITERS: usize = 3;
    // When each waiter asked, and when it was seen to be queued.
    let asked = [const { AtomicU64::new(0) }; WAITERS];
    let mut queued = [0; WAITERS];
    let begin = Instant::now();
    let now = || begin.elapsed().as_nanos() as u64;
    thread::scope(|scope| {
        spawn!(scope, "stuck-holder", || {
            let _guard = STUCK.lock();
            wait_until(|| RELEASE.load(Ordering::Relaxed));
        });
        wait_until(|| STUCK.is_locked());
        for (index, asked) in asked.iter().enumerate() {
            spawn!(scope, format!("stuck-{index}"), move || {
                asked.store(now(), Ordering::Relaxed);
                drop(STUCK.lock());
            });
            wait_until(|| waiters(&STUCK) == index + 1);
            queued[index] = now();
        }
        // Who is queued shows that a moment later.
        shown("live: stuck", |lock| lock.waiters.len() == WAITERS);
        // A while, so that the times shown are not all small.
        thread::sleep(Duration::from_millis(100));
        let mut widest = 0;
        for _ in 0..20 {
            let before = now();
            let lock = found("live: stuck").expect("somebody waits");
            let after = now();
            assert_eq!(names(&lock), ["stuck-0", "stuck-1", "stuck-2"]);
            assert_eq!(holder_name(&lock), Some("stuck-holder"));
            for (index, waiter) in lock.waiters.iter().enumerate() {
                let waited = waiter.waited.as_nanos() as u64;
                let most = after - asked[index].load(Ordering::Relaxed);
                // The clocks may differ by 1 in 10^4.
                let least = before - queued[index];
                let slack = 20_000 + most / 10_000;
                assert!(waited <= most + slack, "{waited} of at most {most}");
                assert!(waited + slack >= least, "{waited} of at least {least}");
                widest = widest.max(most - least);
                assert_eq!((waiter.access, waiter.timed), (Access::Mutex, false));
                assert_ne!(waiter.thread.os_id, 0);
            }
            thread::sleep(Duration::from_millis(2));
        }
        if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            let stack = found("live: stuck").expect("somebody waits").waiters[0].stack();
            let here = |name: &str| name.contains("a_stuck_lock_is_shown");
            assert!(stack.iter().any(|frame| here(&frame.function)), "{stack:?}");
        }
        println!("each time shown is right within {:?}", Duration::from_nanos(widest));
        RELEASE.store(true, Ordering::Relaxed);
    });
    assert!(found("live: stuck").is_none(), "nobody waits any more");
}

#[test]
fn the_holder_that_came_last_is_shown_however_it_got_the_lock() {
    let _alone = alone();
    const WAITERS: usize = 4;
    static PASSED: Mutex<()> = named_mutex!("live: passed on", ());
    // How many have had the lock, and the one of them that came last.
    static HAD: AtomicUsize = AtomicUsize::new(0);
    static LAST: AtomicUsize = AtomicUsize::new(0);
    static TURN: AtomicUsize = AtomicUsize::new(0);
    thread::scope(|scope| {
        let first = PASSED.lock();
        for index in 0..WAITERS {
            spawn!(scope, format!("passed-{index}"), move || {
                let guard = PASSED.lock();
                LAST.store(index, Ordering::Relaxed);
                let had = HAD.fetch_add(1, Ordering::Release) + 1;
                wait_until(|| TURN.load(Ordering::Relaxed) >= had);
                // Handed over, and left to whoever comes first, in turn.
                match had % 2 {
                    0 => drop(guard),
                    _ => holdup::MutexGuard::unlock_fair(guard),
                }
            });
            wait_until(|| waiters(&PASSED) == index + 1);
        }
        drop(first);
        for had in 1..WAITERS {
            wait_until(|| HAD.load(Ordering::Acquire) == had);
            let name = format!("passed-{}", LAST.load(Ordering::Relaxed));
            let lock = shown("live: passed on", |lock| {
                holder_name(lock) == Some(&name) && lock.waiters.len() == WAITERS - had
            });
            let Holder::Thread(held) = &lock.holder else { panic!("{lock:?}") };
            assert!(held.held.is_some(), "it queued, and others wait: {lock:?}");
            TURN.store(had, Ordering::Relaxed);
        }
        TURN.store(WAITERS, Ordering::Relaxed);
    });
}

#[test]
fn readers_and_writers_are_shown_as_what_they_are() {
    let _alone = alone();
    static TABLE: RwLock<()> = named_rwlock!("live: table", ());
    static DONE: AtomicBool = AtomicBool::new(false);
    thread::scope(|scope| {
        let reading = TABLE.read();
        spawn!(scope, "live-writer", || {
            let _writing = TABLE.write();
            wait_until(|| DONE.load(Ordering::Relaxed));
        });
        let lock = shown("live: table", |lock| lock.holder == Holder::Readers(Vec::new()));
        assert_eq!(names(&lock), ["live-writer"]);
        assert_eq!(lock.waiters[0].access, Access::Write);
        spawn!(scope, "live-reader", || drop(TABLE.read()));
        shown("live: table", |lock| names(lock) == ["live-writer", "live-reader"]);
        spawn!(scope, "live-timed", || {
            assert!(TABLE.try_upgradable_read_for(Duration::from_secs(600)).is_some());
        });
        let lock = shown("live: table", |lock| lock.waiters.len() == 3);
        assert_eq!((lock.waiters[1].access, lock.waiters[1].timed), (Access::Read, false));
        assert_eq!((lock.waiters[2].access, lock.waiters[2].timed), (Access::Upgradable, true));
        // To the oldest: another that has not gone to sleep yet could be faster.
        holdup::RwLockReadGuard::unlock_fair(reading);
        let lock = shown("live: table", |lock| holder_name(lock) == Some("live-writer"));
        assert_eq!(names(&lock), ["live-reader", "live-timed"]);
        DONE.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_reader_that_became_the_writer_at_once_is_shown() {
    let _alone = alone();
    static PAGES: RwLock<()> = named_rwlock!("live: pages", ());
    thread::scope(|scope| {
        for tries in [false, true] {
            let reading = PAGES.upgradable_read();
            let writer = spawn!(scope, "live-other", || drop(PAGES.write()));
            shown("live: pages", |lock| lock.holder == Holder::Readers(Vec::new()));
            let writing = match tries {
                false => holdup::RwLockUpgradableReadGuard::upgrade(reading),
                true => holdup::RwLockUpgradableReadGuard::try_upgrade(reading).unwrap(),
            };
            let lock = found("live: pages").expect("one waits");
            assert!(is_held_by_this_thread(&lock), "{lock:?}");
            drop(writing);
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_wait_for_a_condition_is_shown_when_it_became_one_for_the_mutex() {
    let _alone = alone();
    static MAIL: Mutex<bool> = named_mutex!("live: mail", false);
    static ARRIVED: Condvar = Condvar::new();
    thread::scope(|scope| {
        spawn!(scope, "live-condition", || {
            let mut mail = MAIL.lock();
            while !*mail {
                ARRIVED.wait(&mut mail);
            }
        });
        wait_until(|| {
            let mut mail = MAIL.lock();
            *mail = ARRIVED.notify_one();
            if *mail {
                // It sleeps on: nobody wakes it before the mutex is free.
                let lock = shown("live: mail", |lock| names(lock) == ["live-condition"]);
                assert!(!lock.waiters[0].timed);
                assert!(is_held_by_this_thread(&lock), "{lock:?}");
            }
            *mail
        });
    });
}

#[test]
fn many_looks_at_locks_that_come_and_go_show_nothing_that_is_not() {
    let _alone = alone();
    static STOP: AtomicBool = AtomicBool::new(false);
    let shown = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // Each lock lives for one fight.
                while !STOP.load(Ordering::Relaxed) {
                    let lock = Box::new(Mutex::new(0));
                    thread::scope(|scope| {
                        for _ in 0..2 {
                            scope.spawn(|| {
                                let _guard = lock.lock();
                                thread::sleep(Duration::from_micros(200));
                            });
                        }
                    });
                }
            });
        }
        let end = Instant::now() + Duration::from_millis(500);
        let mut shown = 0;
        while Instant::now() < end || shown == 0 {
            for lock in live().locks {
                shown += 1;
                assert!(!lock.waiters.is_empty());
                for waiter in &lock.waiters {
                    assert!(waiter.waited < Duration::from_secs(60), "{lock:?}");
                }
            }
        }
        STOP.store(true, Ordering::Relaxed);
        shown
    });
    println!("{shown} locks shown");
}
