//! The mutex: random schedules of several threads.

use crate::common::{Model, join_all};
use crate::explore;
use holdup_core::model::Clock;
use shuttle::rand::{Rng, thread_rng};

/// A random use of the lock.
fn anything(model: &Model) {
    match thread_rng().gen_range(0..16) {
        0..6 => model.section(),
        6..10 => {
            model.timed_section();
        }
        10 | 11 => {
            model.tried_section();
        }
        12 | 13 => model.fair_section(),
        14 => model.bumped_section(),
        _ => assert!(model.lock.waiters() < 16),
    }
}

fn load(name: &str, threads: usize, uses: usize, clock: Clock) {
    let model = Model::begin(name, clock);
    let others: Vec<_> = (1..threads)
        .map(|_| model.spawn(move |model| (0..uses).for_each(|_| anything(model))))
        .collect();
    (0..uses).for_each(|_| anything(&model));
    join_all(others);
    model.finish();
}

#[test]
fn whatever_four_threads_do_to_a_lock_all_get_it_and_the_books_balance() {
    explore(6_000, || load("mixed", 4, 3, Clock::Mixed));
    explore(1_500, || load("slow", 4, 3, Clock::Slow));
    explore(1_500, || load("fast", 4, 3, Clock::Fast));
}

#[test]
fn clocks_out_of_order_lose_nothing() {
    explore(3_000, || load("disordered", 3, 4, Clock::Disordered));
}

#[test]
fn ten_threads_wait_in_one_list() {
    explore(600, || load("ten", 10, 2, Clock::Mixed));
}

#[test]
fn many_that_time_out_leave_the_list_whole() {
    explore(3_000, || {
        let model = Model::begin("shuttle time outs", Clock::Mixed);
        let others: Vec<_> = (0..5)
            .map(|_| {
                model.spawn(|model| {
                    for _ in 0..3 {
                        model.timed_section();
                    }
                })
            })
            .collect();
        for _ in 0..3 {
            model.section();
        }
        join_all(others);
        model.finish();
    });
}

#[test]
fn a_lock_may_be_gone_when_the_unlock_that_gave_it_away_returns() {
    explore(3_000, || {
        let model = Model::begin("shuttle gone", Clock::Mixed);
        let others: Vec<_> = (0..3).map(|_| model.spawn(Model::section)).collect();
        let mut done = 0;
        while done < 3 {
            model.lock.lock();
            done = model.guarded.get();
            model.unlock();
            shuttle::thread::yield_now();
        }
        // All three saw their section end, or will without the lock.
        model.lock.leave();
        join_all(others);
    });
}
