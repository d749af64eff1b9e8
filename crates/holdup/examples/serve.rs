//! A program whose threads hold each other up, and which shows that over HTTP:
//!
//! ```text
//! cargo run --release -p holdup --features serve --example serve -- 127.0.0.1:6060
//! go tool pprof -top 'http://127.0.0.1:6060/debug/pprof/mutex?seconds=2'
//! ```
//!
//! Port 0 means a free one; the address is printed. With `--stuck`, three threads wait for
//! a lock that a fourth holds for good, to look at with `holdup top` or
//! on the page, `/debug/holdup/`.

use holdup::{Mutex, MutexGuard, named_mutex};
use std::io::Write;
use std::time::Duration;

static ORDERS: Mutex<Vec<u64>> = named_mutex!("orders", Vec::new());

#[inline(never)]
fn archive_old_orders() {
    let orders = ORDERS.lock();
    std::thread::sleep(Duration::from_millis(10));
    end_the_archiving(orders);
}

#[inline(never)]
fn end_the_archiving(mut orders: MutexGuard<'_, Vec<u64>>) {
    orders.clear();
    drop(orders);
}

static JOURNAL: Mutex<()> = named_mutex!("journal", ());

/// A thread that never gives the lock back, and three that want it.
fn get_stuck() -> std::io::Result<()> {
    let (send, locked) = std::sync::mpsc::channel();
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    thread("flusher").spawn(move || {
        let _journal = JOURNAL.lock();
        // The other end waits for it.
        let _ = send.send(());
        loop {
            std::thread::park();
        }
    })?;
    // An error means that the thread is no more, and nobody gets stuck.
    let _ = locked.recv();
    for number in 1..=3 {
        thread(&format!("writer-{number}")).spawn(wait_for_the_journal)?;
        // One after another: they wait in this order.
        while holdup::live().locks.iter().map(|lock| lock.waiters.len()).sum::<usize>() < number {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

#[inline(never)]
fn wait_for_the_journal() {
    drop(JOURNAL.lock());
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6060".to_owned());
    let running = holdup::serve(address)?;
    println!("http://{}/debug/pprof/", running.address());
    std::io::stdout().flush()?;
    if std::env::args().any(|argument| argument == "--stuck") {
        get_stuck()?;
    }
    for number in 0..4 {
        std::thread::spawn(move || {
            loop {
                ORDERS.lock().push(number);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    loop {
        archive_old_orders();
        std::thread::sleep(Duration::from_millis(5));
    }
}
