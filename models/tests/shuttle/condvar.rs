//! The condition variable: random schedules of several threads.

use crate::common::{Model, join_all};
use crate::explore;
use holdup_core::model::Clock;
use shuttle::rand::{Rng, thread_rng};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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
