use super::sync::LazyLock;
use crate::{AtEnd, panics};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[test]
fn the_value_is_made_at_the_first_access() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static LAZY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        RUNS.fetch_add(1, Ordering::Relaxed);
        vec![1, 2]
    });
    assert_eq!(LazyLock::get(&LAZY), None);
    assert_eq!(RUNS.load(Ordering::Relaxed), 0);
    assert_eq!(LAZY.len(), 2);
    assert_eq!(LazyLock::force(&LAZY), &[1, 2]);
    assert_eq!(LazyLock::get(&LAZY), Some(&vec![1, 2]));
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn the_initializer_may_own_what_it_needs() {
    let text = String::from("shout");
    let lazy = LazyLock::new(move || text.to_uppercase());
    assert_eq!(*lazy, "SHOUT");
    assert_eq!(*LazyLock::<u32>::default(), 0);
}

#[test]
fn who_owns_it_can_change_the_value() {
    let mut lazy = LazyLock::new(|| 1);
    assert_eq!(LazyLock::get_mut(&mut lazy), None);
    *LazyLock::force_mut(&mut lazy) += 1;
    *lazy += 1;
    *LazyLock::get_mut(&mut lazy).unwrap() += 1;
    assert_eq!(*lazy, 4);
    let mut lazy = LazyLock::new(|| 10);
    *lazy += 1;
    assert_eq!(LazyLock::force(&lazy), &11);
}

#[test]
fn of_many_threads_one_makes_the_value_for_all() {
    let made = AtomicUsize::new(0);
    let lazy = LazyLock::new(|| {
        thread::yield_now();
        made.fetch_add(1, Ordering::Relaxed)
    });
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(*lazy, 0));
        }
    });
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn a_panic_of_the_initializer_poisons_for_good() {
    let runs = Cell::new(0);
    let mut lazy: LazyLock<u8, _> = LazyLock::new(|| {
        runs.set(runs.get() + 1);
        panic!("no value")
    });
    for _ in 0..3 {
        assert!(panics(|| *lazy));
        assert!(panics(|| *LazyLock::force_mut(&mut lazy)));
        assert_eq!(LazyLock::get(&lazy), None);
        assert_eq!(LazyLock::get_mut(&mut lazy), None);
    }
    assert_eq!(runs.get(), 1);
}

#[test]
fn a_panic_in_force_mut_poisons_for_good() {
    let runs = Cell::new(0);
    let mut lazy: LazyLock<u8, _> = LazyLock::new(|| {
        runs.set(runs.get() + 1);
        panic!("no value")
    });
    for _ in 0..3 {
        assert!(panics(|| *LazyLock::force_mut(&mut lazy)));
        assert!(panics(|| *lazy));
    }
    assert_eq!(runs.get(), 1);
}

#[test]
fn value_and_initializer_are_dropped_once_each() {
    let (values, initializers) = (Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);
    let new = || {
        let initializer = AtEnd(|| count(&initializers));
        LazyLock::new(|| {
            let _all = initializer;
            AtEnd(|| count(&values))
        })
    };
    drop(new());
    assert_eq!((values.get(), initializers.get()), (0, 1));
    let lazy = new();
    LazyLock::force(&lazy);
    assert_eq!((values.get(), initializers.get()), (0, 2));
    drop(lazy);
    assert_eq!((values.get(), initializers.get()), (1, 2));
}
