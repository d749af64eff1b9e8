//! The condition variable: all schedules of few threads.

use crate::common::{Model, join_all};
use crate::explore;
use holdup_core::model::Clock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Waits until the first section has changed what the lock guards.
fn until_changed(model: &Model) {
    model.lock.lock();
    while model.guarded.get() == 0 {
        // SAFETY: locked above.
        unsafe { model.changed.wait(&model.lock) };
    }
    model.unlock();
}

#[test]
fn who_waits_for_a_change_made_under_the_mutex_is_notified() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(3, move || {
            let model = Model::begin("cv one", clock);
            let other = model.spawn(until_changed);
            model.section();
            model.changed.notify_one();
            other.join();
            model.finish();
        });
    }
}

#[test]
fn a_notify_all_ends_the_waits_of_all() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(2, move || {
            let model = Model::begin("cv all", clock);
            let others = [model.spawn(until_changed), model.spawn(until_changed)];
            model.section();
            assert!(model.changed.notify_all() <= 2);
            join_all(others);
            assert_eq!(model.changed.waiters(), 0);
            model.finish();
        });
    }
}

#[test]
fn a_wait_that_times_out_is_either_notified_or_not() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(3, move || {
            let model = Model::begin("cv time out", clock);
            let returned = std::sync::Arc::new(AtomicUsize::new(0));
            let count = returned.clone();
            let other = model.spawn(move |model| {
                count.fetch_add(usize::from(model.timed_waiting_section()), Relaxed);
            });
            let notified = usize::from(model.changed.notify_one());
            model.section();
            let notified = notified + model.changed.notify_all();
            other.join();
            assert_eq!(notified, returned.load(Relaxed));
            model.finish();
        });
    }
}

#[test]
fn a_notified_waiter_waits_in_the_line_of_the_mutex() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(2, move || {
            let model = Model::begin("cv line", clock);
            let others = [model.spawn(until_changed), model.spawn(Model::section)];
            model.section();
            model.changed.notify_one();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn waiting_for_a_condition_is_no_contention() {
    explore(3, || {
        let model = Model::begin("cv no contention", Clock::Fast);
        let other = model.spawn(Model::waiting_section);
        // Some time goes by before the notification: at 3 ms for a reading.
        let start = holdup_core::model::now();
        for _ in 0..1_000 {
            let _ = holdup_core::model::now();
        }
        let waited = holdup_core::model::now() - start;
        while !model.changed.notify_one() {
            loom::thread::yield_now();
        }
        other.join();
        assert!(model.finish().waited < waited);
    });
}

#[test]
fn a_condvar_may_be_gone_when_all_were_notified() {
    explore(2, || {
        let model = Model::begin("cv gone", Clock::Slow);
        let other = model.spawn(|model| {
            let mut waited = false;
            model.lock.lock();
            while model.guarded.get() == 0 {
                waited = true;
                // SAFETY: locked above.
                unsafe { model.changed.wait(&model.lock) };
            }
            model.unlock();
            // It was notified, so the notifier is done with the condvar.
            if waited {
                model.changed.leave();
            }
        });
        model.section();
        model.changed.notify_all();
        other.join();
        model.finish();
    });
}
