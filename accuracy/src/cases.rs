//! The cases. The programs of the peers in `accuracy/peers/` do the same.

use crate::notes::{ASKED, asked_for, now};
use crate::rows::{self, Notes};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Long enough for a thread that is about to queue to do so.
const LITTLE: Duration = Duration::from_millis(20);

const fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

/// What all threads do in a case, run to its end: all that they noted.
fn together(threads: Vec<std::thread::JoinHandle<Notes>>) -> Notes {
    threads.into_iter().flat_map(|thread| thread.join().expect("a thread panicked")).collect()
}

/// A thread that notes what it does.
fn thread(work: impl FnOnce(&mut Notes) + Send + 'static) -> std::thread::JoinHandle<Notes> {
    spawn(|| {
        let mut notes = Notes::new();
        work(&mut notes);
        notes
    })
}

/// Computes, and keeps its core.
fn compute(length: Duration) {
    let end = now() + length.as_nanos() as u64;
    while now() < end {
        std::hint::spin_loop();
    }
}

/// Five stand in line and hold the lock for 100, 200, ... 500 ms.
pub fn ladder() -> Notes {
    let mut threads = Vec::new();
    for rung in 0..5 {
        threads.push(thread(move |notes| match rung {
            // The first one's time begins when all others stand in line.
            0 => rows::holds_100_ms(notes, || {
                asked_for(5, LITTLE);
                sleep(ms(100));
            }),
            1 => rows::holds_200_ms(notes, || sleep(ms(200))),
            2 => rows::holds_300_ms(notes, || sleep(ms(300))),
            3 => rows::holds_400_ms(notes, || sleep(ms(400))),
            _ => rows::holds_500_ms(notes, || sleep(ms(500))),
        }));
        asked_for(rung + 1, LITTLE);
    }
    together(threads)
}

/// One slow holder, and 16 that have nothing to do once they get the lock.
pub fn innocent() -> Notes {
    let mut threads = vec![thread(|notes| {
        rows::slow(notes, || {
            asked_for(17, LITTLE);
            sleep(ms(200));
        });
    })];
    asked_for(1, LITTLE);
    threads.extend((0..16).map(|_| thread(|notes| rows::innocent(notes, || ()))));
    together(threads)
}

/// A hog holds the lock for 4 ms, 25 times; each time all victims queue.
pub fn hog(victims: usize) -> Notes {
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    static SERVED: AtomicUsize = AtomicUsize::new(0);
    const ROUNDS: usize = 25;
    fn reaches(counter: &AtomicUsize, goal: usize) {
        while counter.load(Ordering::Relaxed) < goal {
            sleep(Duration::from_micros(100));
        }
    }
    ROUND.store(0, Ordering::Relaxed);
    SERVED.store(0, Ordering::Relaxed);
    let mut threads: Vec<_> = (0..victims)
        .map(|_| {
            thread(|notes| {
                for mine in 1..=ROUNDS {
                    reaches(&ROUND, mine);
                    rows::victim(notes, || compute(Duration::from_micros(2)));
                    SERVED.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    threads.push(thread(move |notes| {
        for mine in 1..=ROUNDS {
            rows::hog(notes, || {
                ROUND.store(mine, Ordering::Relaxed);
                asked_for(mine * (victims + 1), Duration::ZERO);
                compute(ms(4));
            });
            reaches(&SERVED, mine * victims);
        }
    }));
    together(threads)
}

/// Eight threads use the lock for a second: two for 20 to 60 us each time, six
/// for 2 to 8.
pub fn load(length: Duration) -> Notes {
    static STOP: AtomicBool = AtomicBool::new(false);
    STOP.store(false, Ordering::Relaxed);
    let threads = (1..=8_u64).map(|number| {
        thread(move |notes| {
            let mut dice = number << 32 | 0x5eed;
            let mut us = |least: u64, most: u64| {
                // xorshift64 (Marsaglia 2003).
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                Duration::from_nanos(1_000 * least + dice % (1_000 * (most - least)))
            };
            while !STOP.load(Ordering::Relaxed) {
                if number <= 2 {
                    rows::long(notes, || compute(us(20, 60)));
                } else {
                    rows::short(notes, || compute(us(2, 8)));
                }
            }
        })
    });
    let threads = threads.collect();
    sleep(length);
    STOP.store(true, Ordering::Relaxed);
    together(threads)
}

/// A slow reader holds up a writer that has nothing to do, and five readers
/// stand behind that writer.
pub fn pending_writer() -> Notes {
    let mut threads = vec![thread(|notes| {
        rows::slow_reader(notes, || {
            asked_for(7, LITTLE);
            sleep(ms(200));
        });
    })];
    asked_for(1, LITTLE);
    threads.push(thread(|notes| rows::writer(notes, || ())));
    asked_for(2, LITTLE);
    threads.extend((0..5).map(|_| thread(|notes| rows::reader_behind(notes, || ()))));
    together(threads)
}

/// Three readers hold up one writer, for 50, 100 and 200 ms.
pub fn overlapping_readers() -> Notes {
    let begins = |length: u64| {
        move || {
            asked_for(4, LITTLE);
            sleep(ms(length));
        }
    };
    let mut threads = vec![
        thread(move |notes| rows::reads_50_ms(notes, begins(50))),
        thread(move |notes| rows::reads_100_ms(notes, begins(100))),
        thread(move |notes| rows::reads_200_ms(notes, begins(200))),
    ];
    // All three are inside before the writer asks: who comes later would queue.
    asked_for(3, LITTLE);
    threads.push(thread(|notes| rows::writer(notes, || ())));
    together(threads)
}

/// 16 threads wait for a second. Also what that took of the processors.
pub fn sleepless() -> (Notes, Duration) {
    let (send, receive) = std::sync::mpsc::channel();
    let mut threads = vec![thread(move |notes| {
        rows::slow(notes, || {
            asked_for(17, LITTLE);
            let before = processor_time();
            sleep(ms(1000));
            send.send(processor_time() - before).expect("the receiver waits");
        });
    })];
    asked_for(1, LITTLE);
    threads.extend((0..16).map(|_| thread(|notes| rows::innocent(notes, || ()))));
    let time = receive.recv().expect("the holder panicked");
    (together(threads), time)
}

/// Before each case.
pub fn begin() {
    ASKED.store(0, Ordering::Relaxed);
}

/// Processor time of this process, in user and kernel mode.
fn processor_time() -> Duration {
    // SAFETY: all-zero is a valid rusage, and it is valid for writes.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    [usage.ru_utime, usage.ru_stime]
        .map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000))
        .iter()
        .sum()
}
