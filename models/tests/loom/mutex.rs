//! The mutex: all schedules of few threads.

use crate::common::{Model, join_all};
use crate::explore;
use holdup_core::model::Clock;

const CLOCKS: [Clock; 4] = [Clock::Slow, Clock::Fast, Clock::Mixed, Clock::Disordered];

#[test]
fn two_threads_are_never_inside_together_and_both_get_in() {
    for clock in CLOCKS {
        explore(3, move || {
            let model = Model::begin("two", clock);
            let other = model.spawn(|model| {
                model.section();
                model.section();
            });
            model.section();
            other.join();
            model.finish();
        });
    }
}

#[test]
fn no_wake_up_is_lost_among_three_threads_and_each_moment_is_charged_to_whom_it_must() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(2, move || {
            let model = Model::begin("three", clock);
            let others = [model.spawn(Model::section), model.spawn(Model::section)];
            model.section();
            join_all(others);
            let sums = model.finish();
            // Between an unlock and the acquisition of who waited nobody holds
            // the lock, and the clock moves on.
            assert!(sums.handoffs >= sums.waits, "charged to a holder: {sums:?}");
            // It moves on while somebody holds the lock, too.
            assert!(sums.blamed >= sums.contentions, "charged to nobody: {sums:?}");
        });
    }
}

#[test]
fn a_waiter_that_times_out_takes_no_wake_up_with_it() {
    for clock in CLOCKS {
        explore(2, move || {
            let model = Model::begin("time out", clock);
            let others = [
                model.spawn(|model| {
                    model.timed_section();
                }),
                model.spawn(Model::section),
            ];
            model.section();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn who_waits_after_a_debt_was_left_is_accounted_for() {
    for clock in CLOCKS {
        explore(3, move || {
            let model = Model::begin("debt", clock);
            let other = model.spawn(|model| {
                model.timed_section();
                model.timed_section();
            });
            model.section();
            model.section();
            other.join();
            model.finish();
        });
    }
}

#[test]
fn a_fair_unlock_gives_the_lock_to_who_waits() {
    explore(2, || {
        let model = Model::begin("fair", Clock::Slow);
        let others =
            [model.spawn(Model::fair_section), model.spawn(|model| _ = model.timed_section())];
        model.fair_section();
        join_all(others);
        model.finish();
    });
}

#[test]
fn a_bumped_holder_gets_the_lock_back() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(2, move || {
            let model = Model::begin("bump", clock);
            let other = model.spawn(Model::bumped_section);
            model.bumped_section();
            other.join();
            model.finish();
        });
    }
}

#[test]
fn who_only_tries_takes_nothing_from_who_waits() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(2, move || {
            let model = Model::begin("try", clock);
            let others = [
                model.spawn(|model| {
                    model.tried_section();
                    model.tried_section();
                }),
                model.spawn(Model::section),
            ];
            model.section();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn a_lock_may_be_gone_when_the_unlock_that_gave_it_away_returns() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(3, move || {
            let model = Model::begin("gone", clock);
            let other = model.spawn(Model::section);
            model.section();
            // Who sees both sections done may free the lock, though the other
            // thread may still be on its way out of the unlock.
            model.lock.lock();
            let both = model.guarded.get() == 2;
            model.unlock();
            if both {
                model.lock.leave();
            }
            other.join();
            if !both {
                model.finish();
            }
        });
    }
}

#[test]
fn counting_the_waiters_disturbs_nobody() {
    explore(2, || {
        let model = Model::begin("count", Clock::Slow);
        let others =
            [model.spawn(|model| assert!(model.lock.waiters() <= 2)), model.spawn(Model::section)];
        model.section();
        join_all(others);
        model.finish();
    });
}
