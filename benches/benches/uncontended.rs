//! Locks that nobody else wants: one acquisition and its release.
//!
//! ```sh
//! cargo bench -p holdup-benches
//! ```

use divan::Bencher;
use std::hint::black_box;

fn main() {
    divan::main();
}

/// A benchmark for each way to acquire a lock: its name, the lock, the guard.
macro_rules! pairs {
    ($($name:ident: $lock:expr => |$binding:ident| $guard:expr;)*) => {$(
        #[divan::bench(sample_size = 4096)]
        fn $name(bencher: Bencher) {
            let lock = $lock;
            bencher.bench_local(|| {
                let $binding = black_box(&lock);
                drop(black_box($guard));
            });
        }
    )*};
}

mod mutex {
    use super::*;

    pairs! {
        holdup: holdup::Mutex::new(0_u64) => |lock| lock.lock();
        holdup_as_std: holdup::sync::Mutex::new(0_u64) => |lock| lock.lock().unwrap();
        std: std::sync::Mutex::new(0_u64) => |lock| lock.lock().unwrap();
        parking_lot: parking_lot::Mutex::new(0_u64) => |lock| lock.lock();
        usync: usync::Mutex::new(0_u64) => |lock| lock.lock();
    }
}

mod read {
    use super::*;

    pairs! {
        holdup: holdup::RwLock::new(0_u64) => |lock| lock.read();
        std: std::sync::RwLock::new(0_u64) => |lock| lock.read().unwrap();
        parking_lot: parking_lot::RwLock::new(0_u64) => |lock| lock.read();
        usync: usync::RwLock::new(0_u64) => |lock| lock.read();
    }
}

mod write {
    use super::*;

    pairs! {
        holdup: holdup::RwLock::new(0_u64) => |lock| lock.write();
        std: std::sync::RwLock::new(0_u64) => |lock| lock.write().unwrap();
        parking_lot: parking_lot::RwLock::new(0_u64) => |lock| lock.write();
        usync: usync::RwLock::new(0_u64) => |lock| lock.write();
    }
}
