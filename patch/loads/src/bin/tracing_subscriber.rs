//! Spans and events from many threads through a filter that is exchanged
//! meanwhile: `reload` keeps it behind a lock, and so are the data of spans.

use patch_loads::held_up;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tracing::{info, info_span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, reload};

const THREADS: u64 = 4;
const EVENTS: u64 = 500;

/// Counts the lines that the subscriber writes.
struct Lines(&'static AtomicU64);

impl io::Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(
            text.iter().filter(|&&byte| byte == b'\n').count() as u64,
            Ordering::Relaxed,
        );
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static LINES: AtomicU64 = AtomicU64::new(0);

fn main() {
    let (filter, handle) = reload::Layer::new(LevelFilter::INFO);
    let output = fmt::layer().with_writer(|| Lines(&LINES)).with_ansi(false);
    tracing_subscriber::registry().with(output.with_filter(filter)).init();

    let mut rounds = 0;
    held_up("tracing_subscriber::", || {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let reloader = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // A change that takes a while: meanwhile who logs must wait.
                    let change = |level: &mut LevelFilter| {
                        thread::sleep(Duration::from_millis(1));
                        *level = LevelFilter::DEBUG;
                    };
                    handle.modify(change).expect("the subscriber is there");
                    thread::sleep(Duration::from_micros(200));
                }
            });
            let loggers: Vec<_> =
                (0..THREADS).map(|thread| scope.spawn(move || log(thread))).collect();
            for logger in loggers {
                logger.join().expect("logged");
            }
            done.store(true, Ordering::Relaxed);
            reloader.join().expect("reloaded");
        });
        rounds += 1;
        assert_eq!(LINES.load(Ordering::Relaxed), rounds * THREADS * EVENTS, "no line is lost");
    });
}

fn log(thread: u64) {
    for event in 0..EVENTS {
        let span = info_span!("request", thread, event);
        let _entered = span.enter();
        info!(bytes = event * 10, "served");
    }
}
