//! The contestants: each lock behind one trait, so that every benchmark is
//! compiled once for each lock and the lock is inlined as in a user's program.

pub mod contestant;
pub mod peers;

pub use contestant::Contestant;

use crate::load::Edge;
use crate::metrics::Values;
use std::cell::UnsafeCell;
use std::ops::DerefMut;

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

    /// The size of the lock, without data.
    const BYTES: usize;
}

/// A benchmark, to be run with any lock.
pub trait Bench {
    /// One run. `edge` is called when the time that is measured begins and
    /// when it ends, if the benchmark has such a time.
    fn run<L: Lock>(&self, edge: &mut dyn FnMut(Edge)) -> Values;
}

/// Runs `bench` once with `lock`; nothing where that is no lock of this process.
pub fn run<B: Bench>(lock: Contestant, bench: &B, edge: &mut dyn FnMut(Edge)) -> Values {
    match lock {
        Contestant::Holdup
        | Contestant::HoldupOff
        | Contestant::HoldupAll
        | Contestant::HoldupSemaphore => bench.run::<holdup::Mutex<u64>>(edge),
        Contestant::Std => bench.run::<std::sync::Mutex<u64>>(edge),
        Contestant::ParkingLot => bench.run::<parking_lot::Mutex<u64>>(edge),
        Contestant::ParkingLot13 => bench.run::<parking_lot_0_13::Mutex<u64>>(edge),
        Contestant::Usync => bench.run::<usync::Mutex<u64>>(edge),
        Contestant::Pthread => bench.run::<Pthread>(edge),
        Contestant::Go | Contestant::Abseil => Values::new(),
    }
}

impl Lock for std::sync::Mutex<u64> {
    type Guard<'a> = std::sync::MutexGuard<'a, u64>;

    fn new() -> Self {
        std::sync::Mutex::new(0)
    }

    const BYTES: usize = size_of::<std::sync::Mutex<()>>();

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        // What users of std write.
        self.lock().unwrap()
    }
}

macro_rules! lock {
    ($library:ident) => {
        impl Lock for $library::Mutex<u64> {
            type Guard<'a> = $library::MutexGuard<'a, u64>;

            fn new() -> Self {
                $library::Mutex::new(0)
            }

            const BYTES: usize = size_of::<$library::Mutex<()>>();

            #[inline]
            fn lock(&self) -> Self::Guard<'_> {
                self.lock()
            }
        }
    };
}

lock!(holdup);
lock!(parking_lot);
lock!(parking_lot_0_13);
lock!(usync);

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

    const BYTES: usize = size_of::<libc::pthread_mutex_t>();

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
