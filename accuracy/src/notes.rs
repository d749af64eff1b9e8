//! What the threads note of themselves, by their own clock: the truth.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Nanoseconds since some moment, by the system's clock.
pub fn now() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// One lock call and the critical section that followed.
pub struct Turn {
    /// The function that ended the section.
    pub row: &'static str,
    /// When the lock was asked for, was there, began to be released, and when
    /// the release was over.
    pub times: [u64; 4],
    /// Whether others may have been inside at the same time.
    pub shared: bool,
}

/// How many lock calls have begun; what [`asked_for`] waits for.
pub static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Notes that a lock call begins.
pub fn asks() -> u64 {
    // Nothing is published by it: it only gives the load its shape.
    ASKED.fetch_add(1, Ordering::Relaxed);
    now()
}

/// Returns a little after `count` lock calls have begun in this case, when
/// most likely all are in the queue. The truth does not depend on it: who was
/// not yet there has noted when it came.
pub fn asked_for(count: usize, little: Duration) {
    while ASKED.load(Ordering::Relaxed) < count {
        std::thread::sleep(Duration::from_micros(100));
    }
    std::thread::sleep(little);
}

/// Prints the turns, a line for each.
pub fn print(case: &str, turns: &[Turn]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for Turn { row, times: [asked, got, released, over], shared } in turns {
        let shared = u8::from(*shared);
        writeln!(
            out,
            r#"{{"case":"{case}","turn":["{row}",{asked},{got},{released},{over},{shared}]}}"#
        )?;
    }
    out.flush()
}
