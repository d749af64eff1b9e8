//! The accesses of one run, in order: printed when a model fails and
//! `HOLDUP_TRACE` is set.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::panic::Location;
use std::sync::Once;

struct Step {
    thread: String,
    what: &'static str,
    at: usize,
    result: String,
    place: &'static Location<'static>,
}

thread_local! {
    static STEPS: RefCell<Option<Vec<Step>>> = const { RefCell::new(None) };
    static PRINTED: Cell<bool> = const { Cell::new(false) };
}

/// A run begins.
pub(super) fn begin() {
    static HOOK: Once = Once::new();
    if std::env::var_os("HOLDUP_TRACE").is_none() {
        return;
    }
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // The checkers end coroutines by panics without a message.
            if info.payload_as_str().is_some() {
                print();
            }
            before(info);
        }));
    });
    STEPS.set(Some(Vec::new()));
}

fn print() {
    if PRINTED.replace(true) {
        return;
    }
    STEPS.with_borrow(|steps| {
        for step in steps.iter().flatten() {
            let file = step.place.file().rsplit("src/").next().unwrap_or_default();
            let (line, end) = (step.place.line(), step.at & 0xfff_ffff);
            eprintln!("{:3} {:8} {end:7x} {} {file}:{line}", step.thread, step.what, step.result);
        }
    });
}

/// Notes an access, if a trace is wanted.
#[track_caller]
pub(super) fn step<T, R: Debug>(what: &'static str, of: &T, result: &R) {
    let place = Location::caller();
    STEPS.with(|steps| {
        let Ok(mut steps) = steps.try_borrow_mut() else { return };
        if let Some(steps) = steps.as_mut() {
            let thread = thread();
            let at = core::ptr::from_ref(of).addr();
            steps.push(Step { thread, what, at, result: format!("{result:x?}"), place });
        }
    });
}

fn thread() -> String {
    #[cfg(loom)]
    let id = format!("{:?}", loom::thread::current().id());
    #[cfg(shuttle)]
    let id = format!("{:?}", shuttle::thread::current().id());
    id.chars().filter(char::is_ascii_digit).collect()
}
