use super::sync::{Arc, OnceLock};
use crate::{AtEnd, panics};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[test]
fn the_first_value_stays() {
    static CELL: OnceLock<String> = OnceLock::new();
    assert_eq!(CELL.get(), None);
    assert_eq!(CELL.set("first".into()), Ok(()));
    assert_eq!(CELL.set("second".into()), Err("second".into()));
    assert_eq!(CELL.get_or_init(|| unreachable!()), "first");
    assert_eq!(CELL.wait(), "first");
    assert!(std::ptr::eq(CELL.get().unwrap(), CELL.wait()));
}

#[test]
fn who_owns_the_cell_can_change_and_take_the_value() {
    let mut cell = OnceLock::new();
    assert_eq!(cell.get_mut(), None);
    assert_eq!(cell.take(), None);
    assert_eq!(cell.get_or_init(|| 1), &1);
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.take(), Some(2));
    assert_eq!(cell.get(), None);
    assert_eq!(cell.set(3), Ok(()));
    assert_eq!(cell.into_inner(), Some(3));
    assert_eq!(OnceLock::<u8>::default().into_inner(), None);
}

#[test]
fn cells_are_equal_by_what_is_in_them() {
    let (empty, one) = (OnceLock::new(), OnceLock::from(1));
    assert_eq!(one.get(), Some(&1));
    assert!(one == OnceLock::from(1) && one != OnceLock::from(2) && one != empty);
    assert!(empty == OnceLock::new());
    assert_eq!(one.clone(), one);
    assert_eq!(empty.clone(), empty);
    assert!(one.set(5).is_err());
    one.clone().into_inner().unwrap();
}

#[test]
fn a_panic_of_the_initializer_leaves_the_cell_empty_not_poisoned() {
    let cell = OnceLock::new();
    assert!(panics(|| cell.get_or_init(|| panic!("no value"))));
    assert_eq!(cell.get(), None);
    assert_eq!(cell.get_or_init(|| 4), &4);
    assert_eq!(cell.wait(), &4);
    let mut cell = OnceLock::new();
    assert!(panics(|| cell.get_or_init(|| panic!("no value"))));
    assert_eq!(cell.take(), None);
    assert_eq!(cell.set(6), Ok(()));
}

#[test]
fn of_many_threads_one_makes_the_value_for_all() {
    let (cell, made) = (OnceLock::new(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..8 {
            let (cell, made) = (&cell, &made);
            scope.spawn(move || {
                let value = cell.get_or_init(|| {
                    made.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                    vec![number; 100]
                });
                assert!(value.iter().all(|one| *one == value[0]) && value.len() == 100);
                assert!(std::ptr::eq(cell.get().unwrap(), value));
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn waiting_ends_with_the_value_that_somebody_sets() {
    let cell = Arc::new(OnceLock::new());
    let thread = thread::spawn({
        let cell = Arc::clone(&cell);
        move || *cell.wait()
    });
    assert!(panics(|| cell.get_or_init(|| panic!("no value"))));
    thread::sleep(std::time::Duration::from_millis(10));
    assert!(!thread.is_finished());
    cell.set(8).unwrap();
    assert_eq!(thread.join().unwrap(), 8);
}

#[test]
fn the_value_is_dropped_once() {
    let dropped = Cell::new(0);
    let end = || AtEnd(|| dropped.set(dropped.get() + 1));
    let cell = OnceLock::new();
    assert!(cell.set(end()).is_ok());
    assert_eq!(dropped.get(), 0);
    drop(cell.set(end()));
    assert_eq!(dropped.get(), 1);
    drop(cell);
    assert_eq!(dropped.get(), 2);
    drop(OnceLock::from(end()).into_inner());
    assert_eq!(dropped.get(), 3);
    drop(OnceLock::<AtEnd<fn()>>::new());
}

#[test]
fn the_value_may_borrow_what_is_dropped_before_the_cell() {
    let cell = OnceLock::new();
    let text = String::from("text");
    cell.set(text.as_str()).unwrap();
    assert_eq!(cell.get(), Some(&"text"));
}
