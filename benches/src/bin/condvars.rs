//! holdup's condition variable against std's and parking_lot's.
//!
//! As in the benchmark of the mutexes no contestant is measured in one go: each
//! load runs with each in turn, many times over, and what is compared are
//! medians, and ratios of neighbouring runs.
//!
//! Usage: `holdup-bench-condvars [ROUNDS] [PART OF A LOAD'S NAME]`

#[path = "../stats.rs"]
#[allow(dead_code, reason = "the benchmark of the mutexes needs more of it")]
mod stats;
#[path = "../usage.rs"]
mod usage;

use std::time::Instant;
use usage::Usage;

/// A mutex around some numbers, and two condition variables.
trait Monitor: Sync {
    type Guard<'a>: std::ops::DerefMut<Target = State>
    where
        Self: 'a;

    fn new() -> Self;
    fn lock(&self) -> Self::Guard<'_>;
    fn wait<'a>(&'a self, which: usize, guard: Self::Guard<'a>) -> Self::Guard<'a>;
    fn notify_one(&self, which: usize);
    fn notify_all(&self, which: usize);
}

#[derive(Default)]
struct State {
    turn: u64,
    waiting: u64,
}

macro_rules! monitor {
    ($name:ident, $lib:ident) => {
        #[derive(Default)]
        struct $name {
            state: $lib::Mutex<State>,
            conditions: [$lib::Condvar; 2],
        }

        impl Monitor for $name {
            type Guard<'a> = $lib::MutexGuard<'a, State>;

            fn new() -> Self {
                Self::default()
            }

            #[inline]
            fn lock(&self) -> Self::Guard<'_> {
                self.state.lock()
            }

            #[inline]
            fn wait<'a>(&'a self, which: usize, mut guard: Self::Guard<'a>) -> Self::Guard<'a> {
                self.conditions[which].wait(&mut guard);
                guard
            }

            #[inline]
            fn notify_one(&self, which: usize) {
                self.conditions[which].notify_one();
            }

            #[inline]
            fn notify_all(&self, which: usize) {
                self.conditions[which].notify_all();
            }
        }
    };
}

monitor!(Holdup, holdup);
monitor!(ParkingLot, parking_lot);

#[derive(Default)]
struct Std {
    state: std::sync::Mutex<State>,
    conditions: [std::sync::Condvar; 2],
}

impl Monitor for Std {
    type Guard<'a> = std::sync::MutexGuard<'a, State>;

    fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        self.state.lock().unwrap()
    }

    #[inline]
    fn wait<'a>(&'a self, which: usize, guard: Self::Guard<'a>) -> Self::Guard<'a> {
        self.conditions[which].wait(guard).unwrap()
    }

    #[inline]
    fn notify_one(&self, which: usize) {
        self.conditions[which].notify_one();
    }

    #[inline]
    fn notify_all(&self, which: usize) {
        self.conditions[which].notify_all();
    }
}

/// What threads do with a monitor, a fixed number of times.
#[derive(Clone, Copy)]
enum Load {
    /// Nobody waits.
    NotifyNobody,
    /// Two threads, each waits for the other's turn to end; notified with the mutex
    /// held, or after.
    PingPong { held: bool },
    /// So many threads fill a bounded queue, and as many empty it; notified with the
    /// mutex held, or after.
    Queue { pairs: u64, places: u64, held: bool },
    /// So many threads are told of each turn at once, and all answer.
    Broadcast { threads: u64 },
}

impl Load {
    /// Runs it; returns for how many operations.
    fn run<M: Monitor>(self) -> u64 {
        let monitor = &M::new();
        match self {
            Load::NotifyNobody => {
                for _ in 0..1_000_000 {
                    std::hint::black_box(monitor).notify_one(0);
                }
                1_000_000
            }
            Load::PingPong { held } => {
                const TURNS: u64 = 10_000;
                let play = |me: u64| {
                    let mut state = monitor.lock();
                    while state.turn < TURNS {
                        if state.turn % 2 != me {
                            state = monitor.wait(me as usize, state);
                            continue;
                        }
                        state.turn += 1;
                        if held {
                            monitor.notify_one(1 - me as usize);
                        } else {
                            drop(state);
                            monitor.notify_one(1 - me as usize);
                            state = monitor.lock();
                        }
                    }
                    monitor.notify_one(1 - me as usize);
                };
                std::thread::scope(|scope| {
                    scope.spawn(|| play(1));
                    play(0);
                });
                TURNS
            }
            Load::Queue { pairs, places, held } => {
                const ITEMS: u64 = 20_000;
                std::thread::scope(|scope| {
                    for _ in 0..pairs {
                        scope.spawn(|| {
                            for _ in 0..ITEMS / pairs {
                                let mut state = monitor.lock();
                                while state.waiting == places {
                                    state = monitor.wait(0, state);
                                }
                                state.waiting += 1;
                                let held = held.then_some(state);
                                monitor.notify_one(1);
                                drop(held);
                            }
                        });
                        scope.spawn(|| {
                            for _ in 0..ITEMS / pairs {
                                let mut state = monitor.lock();
                                while state.waiting == 0 {
                                    state = monitor.wait(1, state);
                                }
                                state.waiting -= 1;
                                let held = held.then_some(state);
                                monitor.notify_one(0);
                                drop(held);
                            }
                        });
                    }
                });
                ITEMS
            }
            Load::Broadcast { threads } => {
                let turns = 4_000 / threads;
                std::thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| {
                            let mut state = monitor.lock();
                            for turn in 1..=turns {
                                while state.turn < turn {
                                    state = monitor.wait(0, state);
                                }
                                state.waiting += 1;
                                if state.waiting == threads {
                                    monitor.notify_one(1);
                                }
                            }
                        });
                    }
                    let mut state = monitor.lock();
                    for turn in 1..=turns {
                        state.turn = turn;
                        monitor.notify_all(0);
                        while state.waiting < threads {
                            state = monitor.wait(1, state);
                        }
                        state.waiting = 0;
                    }
                });
                turns * threads
            }
        }
    }
}

/// Runs a load with one kind of monitor; returns for how many operations.
type Run = fn(Load) -> u64;

/// One run, for each operation: nanoseconds, those of processors, and sleeps.
fn measure(run: Run, load: Load) -> [f64; 3] {
    let (begin, before) = (Instant::now(), Usage::now());
    let operations = run(load) as f64;
    let (time, usage) = (begin.elapsed(), Usage::now().since(before));
    [time.as_nanos() as f64, usage.cpu as f64, usage.voluntary as f64].map(|all| all / operations)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(15, |rounds| rounds.parse().expect("a number of rounds"));
    let wanted = arguments.next().unwrap_or_default();
    let loads = [
        ("notify nobody", Load::NotifyNobody),
        ("ping-pong, notified inside", Load::PingPong { held: true }),
        ("ping-pong, notified outside", Load::PingPong { held: false }),
        ("queue of 1, 1 + 1 threads", Load::Queue { pairs: 1, places: 1, held: false }),
        ("queue of 64, 1 + 1 threads", Load::Queue { pairs: 1, places: 64, held: false }),
        ("queue of 4, 4 + 4 threads", Load::Queue { pairs: 4, places: 4, held: false }),
        ("queue of 64, 16 + 16 threads", Load::Queue { pairs: 16, places: 64, held: false }),
        (
            "queue of 1, 1 + 1 threads, notified inside",
            Load::Queue { pairs: 1, places: 1, held: true },
        ),
        (
            "queue of 64, 1 + 1 threads, notified inside",
            Load::Queue { pairs: 1, places: 64, held: true },
        ),
        (
            "queue of 4, 4 + 4 threads, notified inside",
            Load::Queue { pairs: 4, places: 4, held: true },
        ),
        (
            "queue of 64, 16 + 16 threads, notified inside",
            Load::Queue { pairs: 16, places: 64, held: true },
        ),
        ("broadcast to 2", Load::Broadcast { threads: 2 }),
        ("broadcast to 16", Load::Broadcast { threads: 16 }),
        ("broadcast to 100", Load::Broadcast { threads: 100 }),
    ];
    let contestants: [(&str, Run); 3] = [
        ("holdup", Load::run::<Holdup>),
        ("std", Load::run::<Std>),
        ("parking_lot", Load::run::<ParkingLot>),
    ];
    println!("medians of {rounds} rounds; ratio: holdup's time to that of the neighbouring run");
    for (name, load) in loads.iter().filter(|(name, _)| name.contains(&wanted)) {
        let mut measured = [const { Vec::<[f64; 3]>::new() }; 3];
        for round in 0..rounds {
            for turn in 0..3 {
                let which = (round + turn) % 3;
                measured[which].push(measure(contestants[which].1, *load));
            }
        }
        println!("{name}");
        for (which, (contestant, _)) in contestants.iter().enumerate() {
            let [time, cpu, sleeps] = [0, 1, 2].map(|metric| {
                stats::median(&measured[which].iter().map(|one| one[metric]).collect::<Vec<_>>())
            });
            let ratios: Vec<f64> = measured[0]
                .iter()
                .zip(&measured[which])
                .map(|(own, other)| own[0] / other[0])
                .collect();
            println!(
                "  {contestant:12} {time:9.1} ns  {cpu:9.1} ns of processors  {sleeps:6.3} sleeps  ratio {:.2}",
                stats::median(&ratios)
            );
        }
    }
}
