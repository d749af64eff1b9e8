//! The contestants: each lock behind one trait, so that every benchmark is
//! compiled once for each lock and the lock is inlined as in a user's program.

use std::cell::UnsafeCell;
use std::ops::DerefMut;
use std::sync::OnceLock;
use std::time::Duration;

/// A mutex around a `u64`.
pub trait Lock: Send + Sync {
    /// What `lock` returns; dropping it unlocks.
    type Guard<'a>: DerefMut<Target = u64>
    where
        Self: 'a;

    /// An unlocked mutex around zero.
    fn new() -> Self;

    /// Acquires the lock.
    fn lock(&self) -> Self::Guard<'_>;
}

/// A benchmark, to be run with any lock.
pub trait Bench {
    /// What one run of it yields.
    type Outcome;

    /// One run.
    fn run<L: Lock>(&self) -> Self::Outcome;
}

/// A lock as it takes part: a type and a sampling period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contestant {
    /// holdup with its default period.
    Holdup,
    /// holdup that keeps no samples.
    HoldupOff,
    /// holdup that keeps every contended section with its stack.
    HoldupAll,
    /// `std::sync::Mutex`.
    Std,
    /// `parking_lot::Mutex`.
    ParkingLot,
    /// The C library's `pthread_mutex_t`, default attributes.
    Pthread,
}

impl Contestant {
    /// All of them, in the order of the tables.
    pub const ALL: [Contestant; 6] = [
        Contestant::Holdup,
        Contestant::HoldupOff,
        Contestant::HoldupAll,
        Contestant::Std,
        Contestant::ParkingLot,
        Contestant::Pthread,
    ];

    /// The name on the command line and in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Contestant::Holdup => "holdup",
            Contestant::HoldupOff => "holdup-off",
            Contestant::HoldupAll => "holdup-1ns",
            Contestant::Std => "std",
            Contestant::ParkingLot => "parking_lot",
            Contestant::Pthread => "pthread",
        }
    }

    /// Runs `bench` once with this lock.
    pub fn run<B: Bench>(self, bench: &B) -> B::Outcome {
        match self {
            Contestant::Holdup => holdup(default_period(), bench),
            Contestant::HoldupOff => holdup(Duration::ZERO, bench),
            Contestant::HoldupAll => holdup(Duration::from_nanos(1), bench),
            Contestant::Std => bench.run::<std::sync::Mutex<u64>>(),
            Contestant::ParkingLot => bench.run::<parking_lot::Mutex<u64>>(),
            Contestant::Pthread => bench.run::<Pthread>(),
        }
    }
}

/// The period that was set when this was first asked for.
pub fn default_period() -> Duration {
    static PERIOD: OnceLock<Duration> = OnceLock::new();
    *PERIOD.get_or_init(holdup::profile::period)
}

/// Runs `bench` with holdup's mutex at a sampling period of `period`.
fn holdup<B: Bench>(period: Duration, bench: &B) -> B::Outcome {
    // Before it is changed for the first time.
    default_period();
    holdup::profile::set_period(period);
    bench.run::<holdup::Mutex<u64>>()
}

impl Lock for std::sync::Mutex<u64> {
    type Guard<'a> = std::sync::MutexGuard<'a, u64>;

    fn new() -> Self {
        std::sync::Mutex::new(0)
    }

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        // What users of std write.
        self.lock().unwrap()
    }
}

impl Lock for parking_lot::Mutex<u64> {
    type Guard<'a> = parking_lot::MutexGuard<'a, u64>;

    fn new() -> Self {
        parking_lot::Mutex::new(0)
    }

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        self.lock()
    }
}

impl Lock for holdup::Mutex<u64> {
    type Guard<'a> = holdup::MutexGuard<'a, u64>;

    fn new() -> Self {
        holdup::Mutex::new(0)
    }

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        self.lock()
    }
}

/// A `pthread_mutex_t` and its data. Boxed by the benchmarks, never moved
/// after its first use.
pub struct Pthread {
    raw: UnsafeCell<libc::pthread_mutex_t>,
    value: UnsafeCell<u64>,
}

// SAFETY: a pthread mutex is made to be shared, and `value` is reached only
// through a guard.
unsafe impl Sync for Pthread {}
// SAFETY: an unlocked pthread mutex with default attributes belongs to no
// thread.
unsafe impl Send for Pthread {}

pub struct PthreadGuard<'a>(&'a Pthread);

impl Lock for Pthread {
    type Guard<'a> = PthreadGuard<'a>;

    fn new() -> Self {
        Pthread { raw: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), value: UnsafeCell::new(0) }
    }

    #[inline]
    fn lock(&self) -> PthreadGuard<'_> {
        // SAFETY: the mutex was initialized and has not moved since.
        unsafe { libc::pthread_mutex_lock(self.raw.get()) };
        PthreadGuard(self)
    }
}

impl std::ops::Deref for PthreadGuard<'_> {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        // SAFETY: a guard exists only while its thread holds the lock.
        unsafe { &*self.0.value.get() }
    }
}

impl DerefMut for PthreadGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut u64 {
        // SAFETY: as for `deref`.
        unsafe { &mut *self.0.value.get() }
    }
}

impl Drop for PthreadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this thread locked it when it made the guard.
        unsafe { libc::pthread_mutex_unlock(self.0.raw.get()) };
    }
}
