//! What is true of wait lists themselves. The verifier checks every invariant
//! of them in all models; these are about joining and leaving alone.

use crate::common::{Model, join_all};
use crate::explore;
use holdup_core::model::{Clock, Run, place};
use holdup_core::raw::RawMutex;

#[test]
fn the_list_keeps_its_invariants_whoever_joins_and_leaves() {
    explore(1, || {
        let model = Model::begin("list", Clock::Slow);
        model.lock.lock();
        let others = [(); 2].map(|()| {
            model.spawn(|model| {
                model.timed_section();
            })
        });
        // Uses the list, and links what it finds.
        assert!(model.lock.waiters() <= 2);
        model.unlock();
        join_all(others);
        model.finish();
    });
}

#[test]
fn no_second_waiter_is_woken_before_the_first_had_its_try() {
    // Both queue; the unlocks in between find one on the way. That nobody but
    // the oldest was woken, and only where the word says so, is checked at
    // each unlock.
    explore(1, || {
        let model = Model::begin("one woken", Clock::Slow);
        let others = [model.spawn(Model::section), model.spawn(Model::section)];
        model.section();
        model.section();
        join_all(others);
        model.finish();
    });
}

#[test]
fn a_node_is_not_touched_after_its_owner_left() {
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let most = left.clone();
    explore(2, move || {
        let model = Model::begin("left", Clock::Mixed);
        let others = [
            model.spawn(|model| {
                model.timed_section();
            }),
            model.spawn(Model::section),
        ];
        model.section();
        join_all(others);
        model.finish();
        most.fetch_max(model.run.places_left(), std::sync::atomic::Ordering::Relaxed);
    });
    // Each access asks; there must have been nodes to ask about.
    assert!(left.load(std::sync::atomic::Ordering::Relaxed) >= 2, "nobody queued");
}

#[test]
#[should_panic = "touched after its owner left"]
fn touching_what_was_left_is_noticed() {
    explore(0, || {
        let _run = Run::begin(Clock::Slow);
        let lock = place(RawMutex::with_class(holdup_core::class::ClassId::UNNAMED));
        lock.leave();
        lock.lock();
    });
}
