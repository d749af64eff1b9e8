//! A load whose contention is known: the threads note by their own clocks how
//! long they waited, and how much of it because of whom.

use holdup::{Mutex, MutexGuard, named_mutex};
use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many threads are held up.
const VICTIMS: usize = 4;
/// How long they are.
const HOLD: Duration = Duration::from_millis(20);

/// When the pruner released it last, in nanoseconds.
static INDEX: Mutex<u64> = named_mutex!("index", 0);

/// Time that threads waited while the pruner had the lock: the least that is to
/// be blamed on critical sections.
static HELD_UP: AtomicU64 = AtomicU64::new(0);
/// All the time that threads waited: the most.
static WAITED: AtomicU64 = AtomicU64::new(0);

fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

/// Starts the threads. They go on until the program ends.
pub fn start() -> io::Result<()> {
    now();
    thread::Builder::new().name("pruner".to_owned()).spawn(|| {
        loop {
            prune_the_index();
            thread::sleep(HOLD / 4);
        }
    })?;
    for number in 0..VICTIMS {
        thread::Builder::new().name(format!("reader-{number}")).spawn(|| {
            loop {
                look_something_up();
                thread::sleep(HOLD / 8);
            }
        })?;
    }
    Ok(())
}

/// Holds the lock for long: the culprit.
#[inline(never)]
fn prune_the_index() {
    let index = INDEX.lock();
    thread::sleep(HOLD);
    end_the_pruning(index);
}

#[inline(never)]
fn end_the_pruning(mut index: MutexGuard<'_, u64>) {
    *index = now();
    drop(index);
}

/// Holds the lock for a moment: a victim.
fn look_something_up() {
    let asked = now();
    let index = INDEX.lock();
    let (got, pruned) = (now(), *index);
    drop(index);
    HELD_UP.fetch_add(pruned.saturating_sub(asked), Ordering::Relaxed);
    WAITED.fetch_add(got - asked, Ordering::Relaxed);
}

/// What the threads noted, for Prometheus.
pub fn metrics() -> String {
    let mut text = String::new();
    for (name, help, nanoseconds) in [
        ("example_held_up_seconds_total", "Time waited while the index was pruned.", &HELD_UP),
        ("example_waited_seconds_total", "Time waited for the index.", &WAITED),
    ] {
        let seconds = nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        text += &format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {seconds}\n");
    }
    text
}
