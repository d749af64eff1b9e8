//! The condition variable under load: nothing is lost, nothing is made up, and
//! the books of its mutexes balance to the tick.

mod condvar_support;

use condvar_support::{Guarded, random, sums, until};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A queue of two places between some threads that fill it and as many that
/// empty it. Hangs if a notification is lost.
fn pass_through_a_queue(name: &str, pairs: u64, items: u64, notify_inside: bool) {
    struct Queue {
        items: VecDeque<u64>,
        sum: u64,
    }
    let class = ClassId::of(name);
    let queue = Guarded::named(class, Queue { items: VecDeque::new(), sum: 0 });
    let (not_full, not_empty) = (RawCondvar::INIT, RawCondvar::INIT);
    std::thread::scope(|scope| {
        for _ in 0..pairs {
            scope.spawn(|| {
                for item in 1..=items {
                    queue.with(|queue, lock| {
                        while queue.get().items.len() == 2 {
                            // SAFETY: `with` holds the lock.
                            unsafe { not_full.wait(lock) };
                        }
                        queue.get().items.push_back(item);
                        if notify_inside {
                            not_empty.notify_one();
                        }
                    });
                    if !notify_inside {
                        not_empty.notify_one();
                    }
                }
            });
            scope.spawn(|| {
                for _ in 0..items {
                    queue.with(|queue, lock| {
                        while queue.get().items.is_empty() {
                            // SAFETY: `with` holds the lock.
                            unsafe { not_empty.wait(lock) };
                        }
                        let item = queue.get().items.pop_front().unwrap();
                        queue.get().sum += item;
                        if notify_inside {
                            not_full.notify_one();
                        }
                    });
                    if !notify_inside {
                        not_full.notify_one();
                    }
                }
            });
        }
    });
    assert_eq!((not_full.notify_all(), not_empty.notify_all()), (0, 0));
    assert_eq!(queue.lock.waiters(), 0);
    assert_eq!(queue.into_inner().sum, pairs * items * (items + 1) / 2);
    let sums = sums(class);
    assert_eq!(sums.blamed + sums.handoff, sums.waited, "{name}: {sums:?}");
    // Notified while the mutex is held: all of them wait for it.
    assert!(!notify_inside || sums.waits > 0, "nobody was moved: {sums:?}");
}

#[test]
fn no_notification_is_lost_with_the_mutex_held() {
    for pairs in [1, 2, 8] {
        pass_through_a_queue(&format!("queue {pairs}, inside"), pairs, 12_000 / pairs, true);
    }
}

#[test]
fn no_notification_is_lost_without_the_mutex() {
    for pairs in [1, 2, 8] {
        pass_through_a_queue(&format!("queue {pairs}, outside"), pairs, 12_000 / pairs, false);
    }
}

/// On one processor a thread fills a long queue as far as it goes, then the other
/// empties it. They would take turns for each item if the unlock after a
/// notification left the processor to who was notified.
#[test]
#[cfg(target_os = "linux")]
fn who_notifies_goes_on_filling_the_queue() {
    const ITEMS: usize = 20_000;
    const PLACES: usize = 64;
    // SAFETY: all zero is an empty set, and the set is valid for the call. The
    // threads made below inherit it.
    unsafe {
        let mut one: libc::cpu_set_t = core::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu() as usize, &mut one);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&one), &one), 0);
    }
    let queue = Guarded::new(0);
    let (not_full, not_empty, waits) = (RawCondvar::INIT, RawCondvar::INIT, AtomicUsize::new(0));
    // Waits while there are `bad` items, changes their number, and notifies.
    let work = |bad: usize, change: fn(&mut usize), mine: &RawCondvar, other: &RawCondvar| {
        for _ in 0..ITEMS {
            queue.with(|items, lock| {
                while *items.get() == bad {
                    waits.fetch_add(1, Ordering::Relaxed);
                    // SAFETY: `with` holds the lock.
                    unsafe { mine.wait(lock) };
                }
                change(items.get());
                other.notify_one();
            });
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work(PLACES, |items| *items += 1, &not_full, &not_empty));
        scope.spawn(|| work(0, |items| *items -= 1, &not_empty, &not_full));
    });
    let waits = waits.into_inner();
    println!("{waits} waits for {ITEMS} items");
    assert!(waits < ITEMS / 2, "{waits} waits for {ITEMS} items");
}

/// One thing a thread does.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Waits for a notification.
    Wait,
    /// The same, for so many microseconds at most.
    WaitFor(u64),
    /// Holds the mutex for so many turns of a loop.
    Hold(u32),
    /// Tries to get the mutex for so many microseconds.
    TryFor(u64),
    NotifyOne {
        inside: bool,
    },
    NotifyAll {
        inside: bool,
    },
}

/// Lets each script be run by a thread of its own, all on two mutexes of one
/// name and one condvar, and checks all that can be counted.
fn run(name: &str, scripts: &[Vec<Step>]) {
    let class = ClassId::of(name);
    let locks =
        [const { AtomicUsize::new(0) }; 2].map(|inside| (RawMutex::with_class(class), inside));
    let condvar = RawCondvar::INIT;
    let before = sums(class);
    let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (timed_out, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for (number, script) in scripts.iter().enumerate() {
            let ((lock, inside), condvar) = (&locks[number % 2], &condvar);
            let (sent, received, timed_out, done) = (&sent, &received, &timed_out, &done);
            scope.spawn(move || {
                let enter = || assert_eq!(inside.swap(1, Ordering::Relaxed), 0, "two inside");
                let leave = || inside.store(0, Ordering::Relaxed);
                let under = |held: bool, act: &dyn Fn()| {
                    if held {
                        lock.lock();
                        enter();
                    }
                    act();
                    if held {
                        leave();
                        // SAFETY: locked above.
                        unsafe { lock.unlock() };
                    }
                };
                let count = |of: &AtomicUsize, by: usize| {
                    of.fetch_add(by, Ordering::Relaxed);
                };
                for &step in script {
                    match step {
                        Step::Wait | Step::WaitFor(_) => under(true, &|| {
                            leave();
                            // SAFETY: `under` holds the lock.
                            let notified = unsafe {
                                if let Step::WaitFor(time) = step {
                                    condvar.wait_for(lock, Duration::from_micros(time))
                                } else {
                                    condvar.wait(lock);
                                    true
                                }
                            };
                            enter();
                            count(if notified { received } else { timed_out }, 1);
                        }),
                        Step::Hold(turns) => under(true, &|| {
                            for _ in 0..turns {
                                std::hint::spin_loop();
                            }
                        }),
                        Step::TryFor(time) => {
                            if lock.try_lock_for(Duration::from_micros(time)) {
                                enter();
                                leave();
                                // SAFETY: locked above.
                                unsafe { lock.unlock_fair() };
                            }
                        }
                        Step::NotifyOne { inside } => under(inside, &|| {
                            count(sent, usize::from(condvar.notify_one()));
                        }),
                        Step::NotifyAll { inside } => under(inside, &|| {
                            count(sent, condvar.notify_all());
                        }),
                    }
                }
                count(done, 1);
            });
        }
        // Those who wait without a time limit.
        until(|| {
            sent.fetch_add(condvar.notify_all(), Ordering::Relaxed);
            done.load(Ordering::Relaxed) == scripts.len()
        });
    });
    assert_eq!((condvar.waiters(), condvar.notify_all()), (0, 0));
    assert_eq!(sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed), "notifications");
    let waits = scripts
        .iter()
        .flatten()
        .filter(|step| matches!(step, Step::Wait | Step::WaitFor(_)))
        .count();
    assert_eq!(received.into_inner() + timed_out.into_inner(), waits);
    for (lock, _) in &locks {
        assert!(!lock.is_locked() && lock.waiters() == 0);
    }
    let now = sums(class);
    assert_eq!(
        now.blamed + now.handoff - before.blamed - before.handoff,
        now.waited - before.waited,
        "{name}: {now:?}"
    );
}

#[test]
fn each_notification_that_was_sent_ends_one_wait_and_the_books_balance() {
    for threads in [2, 3, 8, 32] {
        let scripts: Vec<_> = (0..threads)
            .map(|thread| {
                let mut state = 0x9e37_79b9 ^ ((thread + 1) << 32);
                let step = |dice: u64| match dice % 10 {
                    0 => Step::Wait,
                    // Short enough that time-outs and notifications race.
                    1..4 => Step::WaitFor((dice >> 8) % 200),
                    4 => Step::Hold((dice >> 8) as u32 % 2_000),
                    5 => Step::TryFor((dice >> 8) % 50),
                    6..9 => Step::NotifyOne { inside: dice >> 8 & 1 == 0 },
                    _ => Step::NotifyAll { inside: dice >> 8 & 1 == 0 },
                };
                (0..16_000 / threads).map(|_| step(random(&mut state))).collect()
            })
            .collect();
        run(&format!("condvar mix {threads}"), &scripts);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Wait),
        4 => (0_u64..300).prop_map(Step::WaitFor),
        1 => (0_u32..3_000).prop_map(Step::Hold),
        1 => (0_u64..100).prop_map(Step::TryFor),
        3 => any::<bool>().prop_map(|inside| Step::NotifyOne { inside }),
        2 => any::<bool>().prop_map(|inside| Step::NotifyAll { inside }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_mix_of_waits_and_notifications_balances(
        scripts in prop::collection::vec(prop::collection::vec(step(), 0..60), 1..6)
    ) {
        run("condvar, any mix", &scripts);
    }
}

/// A condvar may go away as soon as its last wait has returned, though the call
/// that notified it has not.
#[test]
fn a_condvar_on_the_waiters_stack_may_end_with_the_wait() {
    struct Call {
        lock: RawMutex,
        answered: RawCondvar,
        answer: AtomicBool,
    }
    // SAFETY of the pointers below: the caller waits for the answer, which is
    // given under the lock, before `Call` ends.
    let (sender, receiver) = std::sync::mpsc::channel::<usize>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for call in receiver {
                // SAFETY: alive until answered.
                let call = unsafe { &*core::ptr::with_exposed_provenance::<Call>(call) };
                call.lock.lock();
                call.answer.store(true, Ordering::Relaxed);
                call.answered.notify_one();
                // SAFETY: locked above.
                unsafe { call.lock.unlock() };
            }
        });
        for _ in 0..5_000 {
            let call = Box::new(Call {
                lock: RawMutex::INIT,
                answered: RawCondvar::INIT,
                answer: AtomicBool::new(false),
            });
            call.lock.lock();
            sender.send(core::ptr::from_ref(&*call).expose_provenance()).unwrap();
            while !call.answer.load(Ordering::Relaxed) {
                // SAFETY: locked above.
                unsafe { call.answered.wait(&call.lock) };
            }
            // SAFETY: locked again.
            unsafe { call.lock.unlock() };
        }
        drop(sender);
    });
}
