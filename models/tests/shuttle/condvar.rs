//! The condition variable: random schedules of several threads.

use crate::common::{Model, join_all};
use crate::explore;
use holdup_core::model::Clock;
use shuttle::rand::{Rng, thread_rng};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

#[test]
fn each_notification_ends_one_wait() {
    for clock in [Clock::Mixed, Clock::Disordered] {
        explore(3_000, move || {
            let model = Model::begin("shuttle cv", clock);
            let returned = Arc::new(AtomicUsize::new(0));
            let others: Vec<_> = (0..4)
                .map(|number| {
                    let returned = returned.clone();
                    model.spawn(move |model| {
                        for _ in 0..2 {
                            let notified = match number {
                                0 | 1 => model.timed_waiting_section(),
                                2 => {
                                    model.section();
                                    false
                                }
                                _ => {
                                    model.waiting_section();
                                    true
                                }
                            };
                            returned.fetch_add(usize::from(notified), Relaxed);
                        }
                    })
                })
                .collect();
            let mut notified = 0;
            // The one without a deadline needs two.
            let (mut turns, mut done) = (0, false);
            while !done {
                notified += match thread_rng().gen_range(0..3) {
                    0 => usize::from(model.changed.notify_one()),
                    1 => {
                        model.lock.lock();
                        let notified = model.changed.notify_all();
                        model.unlock();
                        notified
                    }
                    _ => model.changed.notify_all(),
                };
                turns += 1;
                done = turns > 4 && model.guarded.get() == 14;
                shuttle::thread::yield_now();
            }
            join_all(others);
            assert_eq!(notified, returned.load(Relaxed));
            assert_eq!(model.changed.waiters(), 0);
            model.finish();
        });
    }
}

/// A random use of the lock or the condvar. How many were notified, less those
/// who returned so.
fn anything(model: &Model) -> isize {
    match thread_rng().gen_range(0..16) {
        0..4 => model.section(),
        4 => {
            model.timed_section();
        }
        5 => model.fair_section(),
        6 => model.bumped_section(),
        7..11 => return -isize::from(model.timed_waiting_section()),
        11 | 12 => return isize::from(model.changed.notify_one()),
        13 => {
            model.lock.lock();
            let notified = model.changed.notify_one();
            model.unlock();
            return isize::from(notified);
        }
        14 => return model.changed.notify_all() as isize,
        _ => assert!(model.changed.waiters() < 8),
    }
    0
}

#[test]
fn whatever_four_threads_do_each_notification_is_one_return() {
    for clock in [Clock::Mixed, Clock::Slow] {
        explore(4_000, move || {
            let model = Model::begin("shuttle cv load", clock);
            let open = Arc::new(AtomicIsize::new(0));
            let others: Vec<_> = (0..3)
                .map(|_| {
                    let open = open.clone();
                    model.spawn(move |model| {
                        for _ in 0..4 {
                            open.fetch_add(anything(model), Relaxed);
                        }
                    })
                })
                .collect();
            for _ in 0..4 {
                open.fetch_add(anything(&model), Relaxed);
            }
            join_all(others);
            assert_eq!(open.load(Relaxed), 0);
            assert_eq!(model.changed.waiters(), 0);
            model.finish();
        });
    }
}

#[test]
fn a_condvar_may_be_gone_when_all_were_notified() {
    explore(3_000, || {
        let model = Model::begin("shuttle cv gone", Clock::Mixed);
        let others: Vec<_> = (0..2).map(|_| model.spawn(Model::waiting_section)).collect();
        // Each waiter enters once before it waits, and once after. The last one
        // to return is the last user of the condvar, whatever the notifier does.
        let notifier = model.spawn(|model| {
            let mut notified = 0;
            while notified < 2 {
                notified += model.changed.notify_all();
                shuttle::thread::yield_now();
            }
        });
        loop {
            model.lock.lock();
            let done = model.guarded.get() == 4;
            model.unlock();
            if done {
                break;
            }
            shuttle::thread::yield_now();
        }
        model.changed.leave();
        notifier.join();
        join_all(others);
        model.finish();
    });
}
