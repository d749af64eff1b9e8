//! What a profile of ten thousand stacks costs, with the names of all of them: time,
//! memory, and whether that comes back.
#![cfg(all(feature = "http", target_os = "linux"))]

mod common;

use common::{random, wait_until, waiters};
use holdup::http::Handler;
use holdup::profile::{self, Kind, Profile};
use holdup::{Mutex, MutexGuard, named_mutex};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

static MANY: Mutex<u64> = named_mutex!("many stacks", 0);

const STACKS: usize = 10_000;
/// Calls below the thread's own.
const CALLS: usize = 24;
/// Functions to choose from, each with four places that it calls from.
const FUNCTIONS: usize = 512;

type Guard = MutexGuard<'static, u64>;
type Step = fn(&[u16], Guard);

/// One of many functions that are not one another: each calls the next one of the
/// path from one of four places, and the last ends the critical section.
#[inline(never)]
fn step<const NUMBER: usize>(path: &[u16], guard: Guard) {
    let Some((&next, rest)) = path.split_first() else {
        drop(guard);
        black_box(NUMBER);
        return;
    };
    let function = steps()[usize::from(next) / 4 % FUNCTIONS];
    match next % 4 {
        0 => function(black_box(rest), guard),
        1 => function(black_box(&rest[0..]), guard),
        2 => function(black_box(rest.get(0..).unwrap_or(rest)), guard),
        _ => function(black_box(rest.split_at(0).1), guard),
    }
    // The call above is not the last thing this does: its frame is there.
    black_box(NUMBER);
}

macro_rules! eight {
    ($from:expr) => {
        [
            step::<{ $from }> as Step,
            step::<{ $from + 1 }>,
            step::<{ $from + 2 }>,
            step::<{ $from + 3 }>,
            step::<{ $from + 4 }>,
            step::<{ $from + 5 }>,
            step::<{ $from + 6 }>,
            step::<{ $from + 7 }>,
        ]
    };
}

macro_rules! sixty_four {
    ($from:expr) => {
        [
            eight!($from),
            eight!($from + 8),
            eight!($from + 16),
            eight!($from + 24),
            eight!($from + 32),
            eight!($from + 40),
            eight!($from + 48),
            eight!($from + 56),
        ]
    };
}

fn steps() -> &'static [Step] {
    static STEPS: [[[Step; 8]; 8]; 8] = [
        sixty_four!(0),
        sixty_four!(64),
        sixty_four!(128),
        sixty_four!(192),
        sixty_four!(256),
        sixty_four!(320),
        sixty_four!(384),
        sixty_four!(448),
    ];
    STEPS.as_flattened().as_flattened()
}

/// A contention that ends at the end of a path of its own.
fn hold_up_somebody(path: &[u16]) {
    let guard = MANY.lock();
    wait_until(|| waiters(&MANY) != 0);
    steps()[usize::from(path[0]) / 4 % FUNCTIONS](&path[1..], guard);
}

/// A number of kilobytes from /proc/self/status, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kilobytes: String = line.chars().filter(char::is_ascii_digit).collect();
    kilobytes.parse::<u64>().unwrap() * 1024
}

fn processor_time() -> Duration {
    // SAFETY: all zero is a valid `rusage`, which the call fills in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

const MIB: u64 = 1 << 20;

#[test]
fn ten_thousand_stacks_cost_less_than_100_mib_and_give_them_back() {
    profile::set_period(Duration::from_nanos(1));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                *MANY.lock() += 1;
            }
        });
        let mut state = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..STACKS {
            let path: Vec<u16> = (0..CALLS).map(|_| random(&mut state) as u16).collect();
            hold_up_somebody(&path);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let handler = Handler::new();
    let mut pprof = Vec::new();
    for path in ["/debug/pprof/mutex", "/debug/holdup/profile.json", "/debug/pprof/mutex?debug=1"] {
        let request = http::Request::get(path).body(()).unwrap().into_parts().0;
        // From here on the peak counts anew.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS:");
        let begin = Instant::now();
        // On a thread of its own, whose time is the processor time that it took.
        let (answer, processor) = std::thread::scope(|scope| {
            let respond = || (handler.respond(&request), processor_time());
            scope.spawn(respond).join().unwrap()
        });
        let elapsed = begin.elapsed();
        let peak = memory("VmHWM:").saturating_sub(before);
        assert_eq!(answer.status(), 200);
        let size = answer.body().len() as u64;
        let after = memory("VmRSS:").saturating_sub(before);
        println!(
            "{path}: {elapsed:?}, {processor:?} of a processor; {} KiB; at the peak {} MiB more, {} MiB after",
            size / 1024,
            peak / MIB,
            after / MIB,
        );
        // What is not optimized has more calls, and more to say about each.
        let limit = if cfg!(debug_assertions) { 200 * MIB } else { 100 * MIB };
        assert!(peak < limit, "{path}: {} MiB on top", peak / MIB);
        assert!(after < size + 16 * MIB, "{path}: {} MiB are not given back", after / MIB);
        // Not the time that passed: others may have had the processor.
        let limit = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 });
        assert!(processor < limit, "{path}: {processor:?}");
        if path == "/debug/pprof/mutex" {
            pprof = answer.into_body();
        }
    }
    // Last, because to read it takes memory, too.
    check(&pprof);
}

/// It is what it should be: all stacks, all with names.
fn check(body: &[u8]) {
    let profile = Profile::read_pprof(body).unwrap();
    let stacks: BTreeSet<_> = profile
        .samples()
        .iter()
        .filter(|sample| sample.lock == "many stacks" && sample.kind == Kind::Blame)
        .map(|sample| &sample.stack)
        .collect();
    let places: BTreeSet<_> = stacks.iter().flat_map(|stack| stack.iter()).collect();
    println!("{} stacks of {} places", stacks.len(), places.len());
    assert!(stacks.len() >= STACKS, "{}", stacks.len());
    for stack in stacks {
        let steps = stack.iter().filter(|frame| frame.function.contains("step")).count();
        assert!(steps == CALLS || steps == 0, "{stack:?}");
    }
}
