//! Threads that wait for conditions, and tell each other.

use crate::locks::Contestant;
use crate::metrics::{CONDVAR, CONDVAR_CPU, CONDVAR_SWITCHES, Values};
use crate::usage::Usage;
use std::time::Instant;

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
monitor!(ParkingLot13, parking_lot_0_13);
monitor!(Usync, usync);

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
#[derive(Clone, Copy, Debug)]
pub enum Exchange {
    /// Nobody waits.
    NotifyNobody,
    /// Two threads, each waits for the other's turn to end; notified with the mutex
    /// held, or after.
    PingPong {
        /// Whether the mutex is held.
        held: bool,
    },
    /// So many threads fill a bounded queue, and as many empty it; notified with the
    /// mutex held, or after.
    Queue {
        /// How many fill it.
        pairs: u64,
        /// How much it holds.
        places: u64,
        /// Whether the mutex is held.
        held: bool,
    },
    /// So many threads are told of each turn at once, and all answer.
    Broadcast {
        /// How many.
        threads: u64,
    },
}

impl Exchange {
    /// Those that are measured, with their names.
    pub fn all() -> Vec<(String, Exchange)> {
        let mut all = vec![("notify nobody".to_string(), Exchange::NotifyNobody)];
        for (held, when) in [(false, ""), (true, ", notified inside")] {
            all.push((format!("ping-pong{when}"), Exchange::PingPong { held }));
            for (pairs, places) in [(1, 1), (1, 64), (4, 4), (16, 64)] {
                let name = format!("queue of {places}, {pairs}+{pairs} threads{when}");
                all.push((name, Exchange::Queue { pairs, places, held }));
            }
        }
        for threads in [2, 16, 100] {
            all.push((format!("broadcast to {threads}"), Exchange::Broadcast { threads }));
        }
        all
    }

    /// Runs it once; nothing if the lock has no condition variable here.
    pub fn run(self, lock: Contestant) -> Values {
        let operate = match lock {
            Contestant::Holdup
            | Contestant::HoldupOff
            | Contestant::HoldupAll
            | Contestant::HoldupSemaphore => Exchange::operate::<Holdup>,
            Contestant::Std => Exchange::operate::<Std>,
            Contestant::ParkingLot => Exchange::operate::<ParkingLot>,
            Contestant::ParkingLot13 => Exchange::operate::<ParkingLot13>,
            Contestant::Usync => Exchange::operate::<Usync>,
            Contestant::Pthread | Contestant::Go | Contestant::Abseil => return Values::new(),
        };
        let (begin, before) = (Instant::now(), Usage::now());
        let operations = operate(self) as f64;
        let (time, usage) = (begin.elapsed(), Usage::now().since(before));
        vec![
            (CONDVAR, time.as_nanos() as f64 / operations),
            (CONDVAR_CPU, usage.cpu as f64 / operations),
            (CONDVAR_SWITCHES, usage.voluntary as f64 / operations),
        ]
    }

    /// Does it; returns for how many operations.
    fn operate<M: Monitor>(self) -> u64 {
        let monitor = &M::new();
        match self {
            Exchange::NotifyNobody => {
                for _ in 0..1_000_000 {
                    std::hint::black_box(monitor).notify_one(0);
                }
                1_000_000
            }
            Exchange::PingPong { held } => {
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
            Exchange::Queue { pairs, places, held } => {
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
            Exchange::Broadcast { threads } => {
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
