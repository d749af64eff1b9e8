//! The readers-writer lock: all schedules of few threads.

use crate::common::{RwModel, join_all};
use crate::explore;
use holdup_core::model::Clock;

const CLOCKS: [Clock; 3] = [Clock::Slow, Clock::Fast, Clock::Mixed];

#[test]
fn a_writer_is_alone_and_everybody_gets_in() {
    for clock in CLOCKS {
        explore(1, move || {
            let model = RwModel::begin("rw three", clock);
            let others = [model.spawn(RwModel::read), model.spawn(RwModel::write)];
            model.write();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn readers_that_wait_are_let_in_together() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(1, move || {
            let model = RwModel::begin("rw readers", clock);
            let others = [model.spawn(RwModel::read), model.spawn(RwModel::read)];
            model.write();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn a_writer_that_times_out_lets_the_readers_behind_it_in() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(1, move || {
            let model = RwModel::begin("rw time out", clock);
            let others = [
                model.spawn(|model| {
                    model.timed_write();
                }),
                model.spawn(RwModel::read),
            ];
            model.read();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn a_reader_that_times_out_takes_no_wake_up_with_it() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(1, move || {
            let model = RwModel::begin("rw reader out", clock);
            let others = [
                model.spawn(|model| {
                    model.timed_read();
                }),
                model.spawn(RwModel::write),
            ];
            model.write();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn a_reader_reads_again_past_a_writer_that_waits() {
    explore(2, || {
        let model = RwModel::begin("rw recursive", Clock::Slow);
        let other = model.spawn(RwModel::write);
        model.read_recursive();
        other.join();
        model.finish();
    });
}

#[test]
fn no_writer_comes_between_reading_and_upgrading() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(1, move || {
            let model = RwModel::begin("rw upgrade", clock);
            let others = [model.spawn(RwModel::read), model.spawn(RwModel::write)];
            model.upgrade();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn two_that_upgrade_do_so_one_after_the_other() {
    explore(2, || {
        let model = RwModel::begin("rw two upgrades", Clock::Slow);
        let other = model.spawn(RwModel::upgrade);
        model.upgrade();
        other.join();
        model.finish();
    });
}

#[test]
fn an_upgrade_that_times_out_leaves_a_reader() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(1, move || {
            let model = RwModel::begin("rw timed upgrade", clock);
            let others = [model.spawn(RwModel::read), model.spawn(RwModel::write)];
            model.timed_upgrade();
            join_all(others);
            model.finish();
        });
    }
}

#[test]
fn fair_unlocks_give_the_lock_to_who_waits() {
    explore(1, || {
        let model = RwModel::begin("rw fair", Clock::Slow);
        let others = [model.spawn(RwModel::read_fair), model.spawn(RwModel::write_fair)];
        model.write_fair();
        join_all(others);
        model.finish();
    });
}

#[test]
fn a_lock_may_be_gone_when_the_unlock_that_gave_it_away_returns() {
    for clock in [Clock::Slow, Clock::Fast] {
        explore(2, move || {
            let model = RwModel::begin("rw gone", clock);
            let other = model.spawn(RwModel::write);
            model.lock.lock_exclusive();
            let done = model.guarded.get() == 1;
            // SAFETY: locked above.
            unsafe { model.lock.unlock_exclusive() };
            if done {
                model.lock.leave();
            }
            other.join();
            if !done {
                model.finish();
            }
        });
    }
}
