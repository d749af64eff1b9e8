//! What a thread shows of its waits, to one that looks.

use crate::explore;
use holdup_core::class::ClassId;
use holdup_core::live::{Access, Holder, Wait};
use holdup_core::model::{Clock, Run, WaitCell};
use loom::thread;
use std::sync::Arc;

/// The wait whose fields all say `number`.
fn wait(number: u32) -> Wait {
    Wait {
        lock: number as usize * 16,
        class: ClassId(number),
        access: if number % 2 == 0 { Access::Mutex } else { Access::Read },
        timed: number % 2 == 0,
        start: number.into(),
        queued_at: number.into(),
        holder: Holder::Readers,
        looked_at: number.into(),
        stack: number,
    }
}

#[test]
fn who_looks_sees_one_wait_and_all_of_it() {
    explore(2, || {
        let _run = Run::begin(Clock::Slow);
        let cell = Arc::new(WaitCell::new());
        assert!(cell.begin(&wait(1), false));
        assert!(!cell.begin(&wait(9), false), "one at a time");
        let waiter = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                cell.end(5);
                assert!(cell.begin(&wait(2), false));
            })
        };
        if let Some(shown) = cell.read() {
            let number = shown.wait.class.0;
            assert_eq!(shown.wait, wait(number));
            // Begins and ends are counted.
            assert_eq!(shown.turn, 2 * number - 1);
        }
        waiter.join().unwrap();
        assert_eq!(cell.read().unwrap().wait, wait(2));
        cell.end(5);
        assert_eq!(cell.read(), None);
    });
}
