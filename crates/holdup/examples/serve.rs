//! A program whose threads hold each other up, and which shows that over HTTP:
//!
//! ```text
//! cargo run --release -p holdup --features serve --example serve -- 127.0.0.1:6060
//! go tool pprof -top 'http://127.0.0.1:6060/debug/pprof/mutex?seconds=2'
//! ```
//!
//! Port 0 means a free one; the address is printed.

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

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6060".to_owned());
    let running = holdup::serve(address)?;
    println!("http://{}/debug/pprof/", running.address());
    std::io::stdout().flush()?;
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
