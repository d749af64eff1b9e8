//! Deadlocks are found, whatever the locks; and nothing else is.
//!
//! Threads that are in a deadlock stay there until the program ends.

mod common;

use common::{alone, random, wait_until};
use holdup::live::{Deadlock, DeadlockAction};
use holdup::{
    FairMutex, Mutex, ReentrantMutex, RwLock, named_fair_mutex, named_mutex, named_reentrant_mutex,
    named_rwlock,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex as StdMutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// What the hook was told, and when.
fn reports() -> &'static StdMutex<Vec<(Deadlock, Instant)>> {
    static REPORTS: OnceLock<StdMutex<Vec<(Deadlock, Instant)>>> = OnceLock::new();
    REPORTS.get_or_init(|| {
        holdup::set_deadlock_action(DeadlockAction::Report);
        holdup::on_deadlock(|deadlock| {
            let now = Instant::now();
            REPORTS.get().unwrap().lock().unwrap().push((deadlock.clone(), now));
        });
        StdMutex::default()
    })
}

/// The reports in which a thread whose name begins with `prefix` is a member.
fn reports_of(prefix: &str) -> Vec<(Deadlock, Instant)> {
    let is_of = |name: &Option<String>| name.as_ref().is_some_and(|name| name.starts_with(prefix));
    let all = reports().lock().unwrap();
    let its = all.iter().filter(|one| one.0.members.iter().any(|one| is_of(&one.thread.name)));
    its.cloned().collect()
}

/// A lock of some kind that a thread takes and keeps for good.
#[derive(Clone, Copy)]
enum AnyLock {
    Mutex(&'static Mutex<()>),
    Fair(&'static FairMutex<()>),
    Reentrant(&'static ReentrantMutex<()>),
    /// Held by a writer, wanted by a writer, a reader, an upgradable reader.
    Written(&'static RwLock<()>, u8),
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

impl AnyLock {
    /// The kinds in turn.
    fn new(number: usize) -> AnyLock {
        match number % 6 {
            0 => AnyLock::Mutex(leak(named_mutex!("ring: mutex", ()))),
            1 => AnyLock::Written(leak(named_rwlock!("ring: written", ())), 0),
            2 => AnyLock::Reentrant(leak(named_reentrant_mutex!("ring: reentrant", ()))),
            3 => AnyLock::Written(leak(named_rwlock!("ring: read", ())), 1),
            4 => AnyLock::Fair(leak(named_fair_mutex!("ring: fair", ()))),
            _ => AnyLock::Written(leak(named_rwlock!("ring: upgradable", ())), 2),
        }
    }

    fn hold(self) {
        match self {
            AnyLock::Mutex(lock) => std::mem::forget(lock.lock()),
            AnyLock::Fair(lock) => std::mem::forget(lock.lock()),
            AnyLock::Reentrant(lock) => {
                std::mem::forget(lock.lock());
                // Once more: no wait.
                std::mem::forget(lock.lock());
            }
            AnyLock::Written(lock, _) => std::mem::forget(lock.write()),
        }
    }

    fn want(self) {
        match self {
            AnyLock::Mutex(lock) => drop(lock.lock()),
            AnyLock::Fair(lock) => drop(lock.lock()),
            AnyLock::Reentrant(lock) => drop(lock.lock()),
            AnyLock::Written(lock, 0) => drop(lock.write()),
            AnyLock::Written(lock, 1) => drop(lock.read()),
            AnyLock::Written(lock, _) => drop(lock.upgradable_read()),
        }
        unreachable!("its holder waits for good");
    }
}

/// A ring of `count` threads, each of which holds a lock and then wants the next one's.
/// How long the last one had waited when it was known.
fn ring(prefix: &'static str, count: usize, first_kind: usize) -> Duration {
    let _ = reports();
    let locks: Vec<AnyLock> = (0..count).map(|index| AnyLock::new(first_kind + index)).collect();
    let all_hold = Arc::new(Barrier::new(count));
    let asked = Arc::new(StdMutex::new(Instant::now()));
    for index in 0..count {
        let (own, next) = (locks[index], locks[(index + 1) % count]);
        let (all_hold, asked) = (Arc::clone(&all_hold), Arc::clone(&asked));
        let body = move || {
            own.hold();
            all_hold.wait();
            *asked.lock().unwrap() = Instant::now();
            next.want();
        };
        thread::Builder::new().name(format!("{prefix}{index}")).spawn(body).unwrap();
    }
    wait_until(|| !reports_of(prefix).is_empty());
    let found = reports_of(prefix);
    let (deadlock, at) = &found[0];
    let known = deadlock.members.iter().map(|member| member.waited).min().unwrap();
    let after = at.saturating_duration_since(*asked.lock().unwrap());
    // All members, each before the one it waits for.
    let names: Vec<_> =
        deadlock.members.iter().map(|one| one.thread.name.clone().unwrap()).collect();
    assert_eq!(names.len(), count);
    let first: usize = names[0].strip_prefix(prefix).unwrap().parse().unwrap();
    for (place, name) in names.iter().enumerate() {
        assert_eq!(*name, format!("{prefix}{}", (first + place) % count));
    }
    assert!(deadlock.members.iter().all(|member| member.lock.starts_with("ring: ")));
    // To look up the names takes a while.
    if count == 10 && cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        for stack in deadlock.stacks() {
            let in_want = stack.iter().any(|frame| frame.function.contains("want"));
            assert!(in_want, "the stack of the lock call: {stack:?}");
        }
        println!("{deadlock}");
    }
    println!("{count} threads: known {known:?}, reported {after:?} after the last one asked");
    known
}

#[test]
fn rings_of_threads_over_all_kinds_of_locks_are_reported_once_with_all_members() {
    let _alone = alone();
    let mut slowest = Duration::ZERO;
    for (prefix, count, first_kind) in [
        ("two-a-", 2, 0),
        ("two-b-", 2, 2),
        ("two-c-", 2, 4),
        ("three-a-", 3, 0),
        ("three-b-", 3, 3),
        ("ten-", 10, 0),
    ] {
        slowest = slowest.max(ring(prefix, count, first_kind));
    }
    println!("the slowest to be known took {slowest:?}");
    // What is meant is 100 ms; on a busy machine threads come late to everything.
    assert!(slowest < Duration::from_secs(10));
    // All of them had the time to report it again.
    thread::sleep(Duration::from_millis(100));
    for prefix in ["two-a-", "two-b-", "two-c-", "three-a-", "three-b-", "ten-"] {
        assert_eq!(reports_of(prefix).len(), 1, "{prefix}");
    }
}

#[test]
fn a_thread_that_locks_what_it_holds_is_reported_at_once() {
    let _alone = alone();
    let _ = reports();
    static OWN: Mutex<()> = named_mutex!("ring: own", ());
    static WRITTEN: RwLock<()> = named_rwlock!("ring: own, written", ());
    thread::Builder::new()
        .name("self-mutex".to_owned())
        .spawn(|| {
            let _guard = OWN.lock();
            drop(OWN.lock());
        })
        .unwrap();
    thread::Builder::new()
        .name("self-reader".to_owned())
        .spawn(|| {
            let _guard = WRITTEN.write();
            drop(WRITTEN.read());
        })
        .unwrap();
    for name in ["self-mutex", "self-reader"] {
        wait_until(|| !reports_of(name).is_empty());
        let found = reports_of(name);
        assert_eq!(found[0].0.members.len(), 1, "{}", found[0].0);
        assert!(found[0].0.to_string().contains("which it holds itself"));
    }
}

#[test]
fn a_circle_that_closes_long_after_its_locks_were_passed_on_is_found() {
    let _alone = alone();
    let _ = reports();
    let first: &'static Mutex<()> = leak(named_mutex!("ring: first", ()));
    let second: &'static Mutex<()> = leak(named_mutex!("ring: second", ()));
    let guard = second.lock();
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).spawn(body).unwrap();
    };
    static GO: AtomicBool = AtomicBool::new(false);
    // Gets the second lock by queueing, while another one goes on waiting, whose last
    // look was at the holder before.
    spawn(
        "passed-b",
        Box::new(|| {
            std::mem::forget(second.lock());
            wait_until(|| GO.load(Ordering::Relaxed));
            drop(first.lock());
        }),
    );
    wait_until(|| common::waiters(second) == 1);
    spawn(
        "passed-a",
        Box::new(|| {
            std::mem::forget(first.lock());
            drop(second.lock());
        }),
    );
    wait_until(|| common::waiters(second) == 2);
    thread::sleep(Duration::from_millis(40));
    // To the oldest.
    holdup::MutexGuard::unlock_fair(guard);
    wait_until(|| common::waiters(second) == 1);
    thread::sleep(Duration::from_millis(40));
    assert_eq!(reports_of("passed-").len(), 0);
    GO.store(true, Ordering::Relaxed);
    wait_until(|| !reports_of("passed-").is_empty());
    assert_eq!(reports_of("passed-")[0].0.members.len(), 2);
}

/// Waits until `count` threads are shown to wait for the lock of this name.
fn waiting(name: &str, count: usize) {
    let is_it = |lock: &holdup::live::Lock| lock.name == name && lock.waiters.len() == count;
    wait_until(|| holdup::live().locks.iter().any(is_it));
}

#[test]
fn a_circle_through_a_reader_that_had_to_queue_is_found() {
    let _alone = alone();
    let _ = reports();
    let table: &'static RwLock<()> = leak(named_rwlock!("ring: table", ()));
    let mutex: &'static Mutex<()> = leak(named_mutex!("ring: behind the table", ()));
    let writing = table.write();
    thread::Builder::new()
        .name("queued-reader".to_owned())
        .spawn(|| {
            let _reading = table.read();
            wait_until(|| mutex.is_locked());
            drop(mutex.lock());
        })
        .unwrap();
    waiting("ring: table", 1);
    thread::Builder::new()
        .name("queued-writer".to_owned())
        .spawn(|| {
            let _guard = mutex.lock();
            drop(table.write());
        })
        .unwrap();
    waiting("ring: table", 2);
    // To the reader, though the writer may not have gone to sleep yet.
    holdup::RwLockWriteGuard::unlock_fair(writing);
    wait_until(|| !reports_of("queued-").is_empty());
    assert_eq!(reports_of("queued-")[0].0.members.len(), 2);
}

#[test]
fn a_wait_beside_readers_is_no_wait_for_them() {
    let _alone = alone();
    let _ = reports();
    let table: &'static RwLock<()> = leak(named_rwlock!("beside: table", ()));
    let mutex: &'static Mutex<()> = leak(named_mutex!("beside: mutex", ()));
    static GO: AtomicBool = AtomicBool::new(false);
    static DONE: AtomicBool = AtomicBool::new(false);
    thread::scope(|scope| {
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, body).unwrap();
        };
        let writing = table.write();
        // In this order: one that may upgrade, one that reads, one that wants to upgrade
        // later and has what the reader wants next.
        spawn(
            "beside-first",
            Box::new(|| {
                let _reading = table.upgradable_read();
                wait_until(|| DONE.load(Ordering::Relaxed));
            }),
        );
        waiting("beside: table", 1);
        spawn(
            "beside-reader",
            Box::new(|| {
                let _reading = table.read();
                wait_until(|| GO.load(Ordering::Relaxed));
                drop(mutex.lock());
            }),
        );
        waiting("beside: table", 2);
        spawn(
            "beside-last",
            Box::new(|| {
                let _guard = mutex.lock();
                drop(table.upgradable_read());
            }),
        );
        waiting("beside: table", 3);
        holdup::RwLockWriteGuard::unlock_fair(writing);
        waiting("beside: table", 1);
        GO.store(true, Ordering::Relaxed);
        waiting("beside: mutex", 1);
        // Ten times as long as it takes to look and to confirm.
        thread::sleep(Duration::from_millis(300));
        DONE.store(true, Ordering::Relaxed);
    });
    assert_eq!(reports_of("beside-").len(), 0);
}

#[test]
fn long_lines_of_waits_and_waits_with_a_limit_are_no_deadlocks() {
    let _alone = alone();
    let _ = reports();
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    const LINE: usize = 6;
    let locks: Vec<&'static Mutex<()>> = (0..=LINE).map(|_| leak(Mutex::new(()))).collect();
    thread::scope(|scope| {
        let end = locks[LINE].lock();
        for index in (0..LINE).rev() {
            let (own, next) = (locks[index], locks[index + 1]);
            thread::Builder::new()
                .name(format!("line-{index}"))
                .spawn_scoped(scope, move || {
                    let _own = own.lock();
                    let _next = next.lock();
                    ENDED.fetch_add(1, Ordering::Relaxed);
                })
                .unwrap();
            wait_until(|| common::waiters(next) == 1);
        }
        // Closes the circle, but gives up.
        let first = locks[0].try_lock_for(Duration::from_millis(200));
        assert!(first.is_none());
        drop(end);
    });
    assert_eq!(ENDED.load(Ordering::Relaxed), LINE);
    assert_eq!(reports_of("line-").len(), 0);
}

/// How long the stress lasts.
fn seconds() -> u64 {
    std::env::var("HOLDUP_STRESS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

#[test]
fn random_locking_in_order_with_time_outs_and_tries_is_never_reported() {
    let _alone = alone();
    let _ = reports();
    const LOCKS: usize = 5;
    let mutexes: [Mutex<()>; LOCKS] = std::array::from_fn(|_| Mutex::new(()));
    let tables: [RwLock<()>; LOCKS] = std::array::from_fn(|_| RwLock::new(()));
    let end = Instant::now() + Duration::from_secs(seconds());
    let nested = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (mutexes, tables, nested) = (&mutexes, &tables, &nested);
            thread::Builder::new()
                .name(format!("order-{thread}"))
                .spawn_scoped(scope, move || {
                    let mut seed = 0x9e37_79b9 + thread * 77;
                    while Instant::now() < end {
                        // In order where it waits for good; against it where it does not.
                        let low = random(&mut seed) as usize % (LOCKS - 1);
                        let high = low + 1 + random(&mut seed) as usize % (LOCKS - 1 - low);
                        // Some sections last long enough for somebody to look.
                        let nap = match random(&mut seed) % 64 {
                            0 => Duration::from_millis(random(&mut seed) % 60),
                            _ => Duration::from_micros(random(&mut seed) % 50),
                        };
                        let short = Duration::from_millis(random(&mut seed) % 30);
                        match random(&mut seed) % 6 {
                            0 => {
                                let _low = mutexes[low].lock();
                                let _high = mutexes[high].lock();
                                nested.fetch_add(1, Ordering::Relaxed);
                                thread::sleep(nap);
                            }
                            1 => {
                                let _high = mutexes[high].lock();
                                let _low = mutexes[low].try_lock_for(short);
                                thread::sleep(nap);
                            }
                            2 => {
                                let _low = tables[low].read();
                                let _high = tables[high].write();
                                thread::sleep(nap);
                            }
                            3 => {
                                let _low = tables[low].upgradable_read();
                                let _high = tables[high].try_write_for(short);
                                thread::sleep(nap);
                            }
                            4 => {
                                let _high = tables[high].write();
                                let _low = tables[low].try_read_for(short);
                                thread::sleep(nap);
                            }
                            _ => {
                                let low = tables[low].upgradable_read();
                                if let Ok(mut low) =
                                    holdup::RwLockUpgradableReadGuard::try_upgrade_for(low, short)
                                {
                                    holdup::RwLockWriteGuard::bump(&mut low);
                                    let _high = tables[high].read();
                                    thread::sleep(nap);
                                }
                            }
                        }
                    }
                })
                .unwrap();
        }
    });
    assert!(nested.load(Ordering::Relaxed) > 0);
    let found = reports_of("order-");
    assert!(found.is_empty(), "{}", found[0].0);
}
