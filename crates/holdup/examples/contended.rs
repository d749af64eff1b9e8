//! A program whose threads hold each other up, to see what holdup says of it.
//! Its profile goes where `HOLDUP_PROFILE` says:
//!
//! ```text
//! HOLDUP_PROFILE=locks.txt cargo run --release --example contended
//! ```
//!
//! The first argument says how it ends: `return` (as without one), `exit`,
//! `panic`, `abort-by-panic`, `abort`, `elsewhere` (it returns from another folder), or
//! `signal`: SIGTERM or SIGINT end it in order. `killed` waits for one that does not.
//! Both say when they are ready for it.

use holdup::{Mutex, named_mutex, profile};
use std::time::Duration;

static ORDERS: Mutex<Vec<u64>> = named_mutex!("orders", Vec::new());

/// Holds the lock until somebody waits for it and for some time more.
#[inline(never)]
fn hold_up_the_others() {
    let mut orders = ORDERS.lock();
    orders.push(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                ORDERS.lock().push(1);
            });
        }
        std::thread::sleep(Duration::from_millis(20));
        // The scope waits for its threads, and they for the lock.
        end_the_critical_section(orders);
    });
}

#[inline(never)]
fn end_the_critical_section(orders: holdup::MutexGuard<'_, Vec<u64>>) {
    give_back(orders);
}

#[inline(always)]
fn give_back(orders: holdup::MutexGuard<'_, Vec<u64>>) {
    drop(orders);
}

/// A panic in a function that may not unwind aborts the program.
extern "C" fn panic_without_unwinding() {
    panic!("no way out");
}

/// Ends the program in order when it is told to stop, so that its profile is written.
#[cfg(unix)]
fn end_at_signals() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT]).unwrap();
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            std::process::exit(128 + signal);
        }
    });
}

#[cfg(not(unix))]
fn end_at_signals() {}

fn main() {
    hold_up_the_others();
    let how = std::env::args().nth(1);
    eprintln!("period {:?}", profile::period());
    match how.as_deref() {
        None | Some("return") => {}
        Some("exit") => std::process::exit(3),
        Some("panic") => panic!("at the end"),
        Some("abort-by-panic") => panic_without_unwinding(),
        Some("elsewhere") => std::env::set_current_dir(std::env::temp_dir()).unwrap(),
        Some("abort") => std::process::abort(),
        Some("signal") => {
            end_at_signals();
            println!("ready");
            loop {
                std::thread::park();
            }
        }
        Some("killed") => {
            println!("ready");
            loop {
                std::thread::park();
            }
        }
        Some(other) => panic!("no way to end is called {other:?}"),
    }
}
