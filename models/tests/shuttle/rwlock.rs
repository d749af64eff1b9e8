//! The readers-writer lock: random schedules of several threads.

use crate::common::{RwModel, join_all};
use crate::explore;
use holdup_core::model::Clock;
use shuttle::rand::{Rng, thread_rng};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A random use of the lock.
fn anything(model: &RwModel) {
    match thread_rng().gen_range(0..20) {
        0..4 => model.read(),
        4..6 => model.write(),
        6 | 7 => {
            model.timed_read();
        }
        8 | 9 => {
            model.timed_write();
        }
        10 => model.upgrade(),
        11 => model.timed_upgrade(),
        12 => model.read_fair(),
        13 => model.write_fair(),
        14 => {
            model.tried_write();
        }
        15 | 16 => model.read_recursive(),
        17 => model.bumped_read(),
        18 => model.bumped_write(),
        _ => model.tried_upgrade(),
    }
}

fn load(name: &str, threads: usize, uses: usize, clock: Clock) {
    let model = RwModel::begin(name, clock);
    let others: Vec<_> = (1..threads)
        .map(|_| model.spawn(move |model| (0..uses).for_each(|_| anything(model))))
        .collect();
    (0..uses).for_each(|_| anything(&model));
    join_all(others);
    model.finish();
}

#[test]
fn whatever_four_threads_do_to_a_lock_all_get_it_and_the_books_balance() {
    explore(6_000, || load("rw mixed", 4, 3, Clock::Mixed));
    explore(1_500, || load("rw slow", 4, 3, Clock::Slow));
    explore(1_500, || load("rw fast", 4, 3, Clock::Fast));
}

#[test]
fn clocks_out_of_order_lose_nothing() {
    explore(3_000, || load("rw disordered", 3, 4, Clock::Disordered));
}

/// Twenty readers wait behind a writer, and none leaves before all are in.
fn all_readers_at_once(name: &str, clock: Clock) {
    let model = RwModel::begin(name, clock);
    model.lock.lock_exclusive();
    let inside = Arc::new(AtomicUsize::new(0));
    let others: Vec<_> = (0..20)
        .map(|_| {
            let inside = inside.clone();
            model.spawn(move |model| {
                model.lock.lock_shared();
                inside.fetch_add(1, Relaxed);
                while inside.load(Relaxed) < 20 {
                    shuttle::thread::yield_now();
                }
                // SAFETY: locked above.
                unsafe { model.lock.unlock_shared() };
            })
        })
        .collect();
    while model.lock.waiters() < 20 {
        shuttle::thread::yield_now();
    }
    // SAFETY: locked above.
    unsafe { model.lock.unlock_exclusive() };
    model.write();
    join_all(others);
    model.finish();
}

#[test]
fn more_readers_than_a_batch_are_let_in_together() {
    explore(100, || all_readers_at_once("rw batch", Clock::Mixed));
    explore(50, || all_readers_at_once("rw batch, fast", Clock::Fast));
}

#[test]
fn readers_that_are_woken_one_by_one_all_get_in_beside_those_that_stay() {
    explore(100, || all_readers_at_once("rw one by one", Clock::Slow));
}

#[test]
fn a_reader_just_let_in_reads_again_past_a_writer_that_waits() {
    explore(3_000, || {
        let model = RwModel::begin("rw let in", Clock::Slow);
        let others = [model.spawn(RwModel::read), model.spawn(RwModel::read_recursive)];
        model.write_fair();
        model.write();
        join_all(others);
        model.finish();
    });
}

#[test]
fn a_called_reader_gets_in_beside_a_writer_that_became_a_reader_meanwhile() {
    explore(3_000, || {
        let model = RwModel::begin("rw downgrade", Clock::Slow);
        let inside = Arc::new(AtomicUsize::new(0));
        let other = model.spawn({
            let inside = inside.clone();
            move |model| {
                model.lock.lock_shared();
                inside.store(1, Relaxed);
                // SAFETY: locked above.
                unsafe { model.lock.unlock_shared() };
            }
        });
        // Its unlock calls who waits, and then it has the lock again.
        model.write();
        model.lock.lock_exclusive();
        // SAFETY: locked above.
        unsafe { model.lock.downgrade() };
        while inside.load(Relaxed) == 0 {
            shuttle::thread::yield_now();
        }
        // SAFETY: a reader since.
        unsafe { model.lock.unlock_shared() };
        other.join();
        model.finish();
    });
}
