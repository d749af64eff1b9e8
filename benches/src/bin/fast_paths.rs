//! The fast paths alone, for a simulator that counts instructions:
//! `holdup-fast-paths WHAT TIMES`. `benches/instructions` runs it twice and
//! takes the difference, so that only the paths themselves are counted.

use std::hint::black_box;
use std::process::ExitCode;

/// Runs `$section` so often; never inlined, so that each is compiled as it
/// would be alone.
macro_rules! repeat {
    ($times:expr, $lock:ident = $new:expr, $section:expr) => {{
        let $lock = Box::new($new);
        for _ in 0..$times {
            let $lock = black_box(&*$lock);
            $section;
        }
    }};
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, times] = arguments.as_slice() else {
        eprintln!("usage: holdup-fast-paths WHAT TIMES");
        return ExitCode::from(2);
    };
    let Ok(times) = times.parse::<u64>() else { return ExitCode::from(2) };
    match what.as_str() {
        "nothing" => repeat!(times, lock = 0_u64, black_box(lock)),
        "holdup mutex" => repeat!(times, lock = holdup::Mutex::new(0_u64), *lock.lock() += 1),
        "holdup read" => repeat!(times, lock = holdup::RwLock::new(0_u64), black_box(*lock.read())),
        "holdup write" => repeat!(times, lock = holdup::RwLock::new(0_u64), *lock.write() += 1),
        "std mutex" => {
            repeat!(times, lock = std::sync::Mutex::new(0_u64), *lock.lock().unwrap() += 1);
        }
        "std read" => {
            repeat!(times, lock = std::sync::RwLock::new(0_u64), black_box(*lock.read().unwrap()))
        }
        "std write" => {
            repeat!(times, lock = std::sync::RwLock::new(0_u64), *lock.write().unwrap() += 1);
        }
        "parking_lot mutex" => {
            repeat!(times, lock = parking_lot::Mutex::new(0_u64), *lock.lock() += 1);
        }
        "parking_lot read" => {
            repeat!(times, lock = parking_lot::RwLock::new(0_u64), black_box(*lock.read()))
        }
        "parking_lot write" => {
            repeat!(times, lock = parking_lot::RwLock::new(0_u64), *lock.write() += 1);
        }
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
