//! What the models of both checkers have in common: locks whose data tells
//! when two threads are inside, and the balance of their books at the end.
//!
//! A model's threads share a `Model`; each step of theirs is a call. `finish`
//! is called when all have ended.

use holdup_core::class::ClassId;
use holdup_core::model::{Clock, Placed, Run, place};
use holdup_core::raw::RawMutex;
use holdup_core::record::{Sums, sums_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[cfg(loom)]
pub use loom::thread;
#[cfg(shuttle)]
pub use shuttle::thread;

/// Memory that only who holds a lock may touch. Loom knows when two threads
/// do whose accesses are not ordered; that two are inside at a time, its own
/// flag tells.
pub struct Guarded {
    #[cfg(loom)]
    value: loom::cell::UnsafeCell<u32>,
    #[cfg(shuttle)]
    value: std::cell::UnsafeCell<u32>,
    inside: std::sync::atomic::AtomicBool,
}

// SAFETY: touched only under a lock, which is what the models check.
unsafe impl Sync for Guarded {}
// SAFETY: as above.
unsafe impl Send for Guarded {}

impl Guarded {
    pub fn new() -> Guarded {
        Guarded {
            #[cfg(loom)]
            value: loom::cell::UnsafeCell::new(0),
            #[cfg(shuttle)]
            value: std::cell::UnsafeCell::new(0),
            inside: false.into(),
        }
    }

    /// One more, by a holder.
    pub fn add(&self) {
        assert!(!self.inside.swap(true, Ordering::Relaxed), "two hold the lock");
        #[cfg(loom)]
        // SAFETY: under the lock; the checker looks.
        self.value.with_mut(|value| unsafe { *value += 1 });
        #[cfg(shuttle)]
        {
            thread::yield_now();
            // SAFETY: under the lock.
            unsafe { *self.value.get() += 1 };
        }
        assert!(self.inside.swap(false, Ordering::Relaxed), "two hold the lock");
    }

    /// The value, read by a holder or when all have ended.
    pub fn get(&self) -> u32 {
        #[cfg(loom)]
        // SAFETY: under the lock; the checker looks.
        return self.value.with(|value| unsafe { *value });
        #[cfg(shuttle)]
        // SAFETY: under the lock.
        return unsafe { *self.value.get() };
    }
}

/// A mutex with what it guards, in one run of a model.
pub struct Model {
    _run: Run,
    pub lock: Placed<RawMutex>,
    pub guarded: Guarded,
    class: ClassId,
    before: Sums,
    /// How often the lock was got; the models' own count.
    got: AtomicU32,
}

impl Model {
    /// Begins a run. `name` is unique in the program: it names the lock's sums.
    pub fn begin(name: &str, clock: Clock) -> Arc<Model> {
        let run = Run::begin(clock);
        let class = ClassId::of(name);
        Arc::new(Model {
            _run: run,
            lock: place(RawMutex::with_class(class)),
            guarded: Guarded::new(),
            class,
            before: sums_of(class),
            got: AtomicU32::new(0),
        })
    }

    /// A thread of the model.
    pub fn spawn(self: &Arc<Model>, body: impl FnOnce(&Model) + Send + 'static) -> Joined {
        let model = self.clone();
        Joined(thread::spawn(move || body(&model)))
    }

    fn inside(&self) {
        self.guarded.add();
        self.got.fetch_add(1, Ordering::Relaxed);
    }

    /// One critical section.
    pub fn section(&self) {
        self.lock.lock();
        self.inside();
        self.unlock();
    }

    /// One critical section that ends with a fair unlock.
    pub fn fair_section(&self) {
        self.lock.lock();
        self.inside();
        // SAFETY: locked above.
        unsafe { self.lock.unlock_fair() };
    }

    /// One critical section that lets another in between.
    pub fn bumped_section(&self) {
        self.lock.lock();
        self.inside();
        // SAFETY: locked above.
        unsafe { self.lock.bump() };
        self.inside();
        self.unlock();
    }

    /// A critical section, unless the deadline passes. Whether it was entered.
    pub fn timed_section(&self) -> bool {
        let locked = self.lock.try_lock_for(Duration::from_micros(50));
        if locked {
            self.inside();
            self.unlock();
        }
        locked
    }

    /// A critical section, if the lock is free. Whether it was entered.
    pub fn tried_section(&self) -> bool {
        let locked = self.lock.try_lock();
        if locked {
            self.inside();
            self.unlock();
        }
        locked
    }

    pub fn unlock(&self) {
        // SAFETY: the models unlock what they locked.
        unsafe { self.lock.unlock() };
    }

    /// All threads have ended: nobody holds the lock or waits, what it guards
    /// is whole, and each nanosecond that was waited is accounted for.
    pub fn finish(&self) -> Sums {
        assert!(!self.lock.is_locked(), "held by nobody");
        assert_eq!(self.lock.waiters(), 0);
        assert!(self.lock.try_lock(), "free");
        assert_eq!(self.guarded.get(), self.got.load(Ordering::Relaxed), "what it guards");
        self.unlock();
        let (now, before) = (sums_of(self.class), self.before);
        let sums = Sums {
            contentions: now.contentions - before.contentions,
            waits: now.waits - before.waits,
            waited: now.waited - before.waited,
            blamed: now.blamed - before.blamed,
            handoff: now.handoff - before.handoff,
            handoffs: now.handoffs - before.handoffs,
            spins: now.spins - before.spins,
            spun: now.spun - before.spun,
        };
        assert_eq!(sums.waited, sums.blamed + sums.handoff, "the books balance: {sums:?}");
        sums
    }
}

/// A thread that must end.
pub struct Joined(thread::JoinHandle<()>);

impl Joined {
    pub fn join(self) {
        self.0.join().expect("a thread of the model failed");
    }
}

pub fn join_all(threads: impl IntoIterator<Item = Joined>) {
    for thread in threads {
        thread.join();
    }
}
