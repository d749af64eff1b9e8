//! What the models of both checkers have in common: locks whose data tells
//! when two threads are inside, and the balance of their books at the end.
//!
//! A model's threads share a `Model`; each step of theirs is a call. `finish`
//! is called when all have ended.

use holdup_core::class::ClassId;
use holdup_core::model::{Clock, Placed, Run, place};
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
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
    readers: AtomicU32,
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
            readers: 0.into(),
        }
    }

    /// One more, by a holder.
    pub fn add(&self) {
        assert!(!self.inside.swap(true, Ordering::Relaxed), "two hold the lock");
        assert_eq!(self.readers.load(Ordering::Relaxed), 0, "readers beside a writer");
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

    /// Reads, beside other readers.
    pub fn read(&self) -> u32 {
        self.readers.fetch_add(1, Ordering::Relaxed);
        assert!(!self.inside.load(Ordering::Relaxed), "a reader beside a writer");
        #[cfg(shuttle)]
        thread::yield_now();
        let value = self.get();
        self.readers.fetch_sub(1, Ordering::Relaxed);
        value
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

/// The sums of one lock class, in one run.
struct Books {
    class: ClassId,
    before: Sums,
}

impl Books {
    /// `name` is unique in the program: tests run at the same time.
    fn open(name: &str) -> Books {
        let class = ClassId::of(name);
        Books { class, before: sums_of(class) }
    }

    /// What was booked since; each nanosecond that was waited is accounted for.
    fn balance(&self) -> Sums {
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

/// A mutex with what it guards and a condition variable, in one run of a model.
pub struct Model {
    pub run: Run,
    pub lock: Placed<RawMutex>,
    pub guarded: Guarded,
    pub changed: Placed<RawCondvar>,
    books: Books,
    /// How often the lock was got; the models' own count.
    got: AtomicU32,
}

impl Model {
    /// Begins a run. `name` is unique in the program: it names the lock's sums.
    pub fn begin(name: &str, clock: Clock) -> Arc<Model> {
        let run = Run::begin(clock);
        let books = Books::open(name);
        Arc::new(Model {
            run,
            lock: place(RawMutex::with_class(books.class)),
            guarded: Guarded::new(),
            changed: place(RawCondvar::new()),
            books,
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

    /// A critical section that waits to be notified in its middle.
    pub fn waiting_section(&self) {
        self.lock.lock();
        self.inside();
        // SAFETY: locked above.
        unsafe { self.changed.wait(&self.lock) };
        self.inside();
        self.unlock();
    }

    /// The same, for a time. Whether it was notified.
    pub fn timed_waiting_section(&self) -> bool {
        self.lock.lock();
        self.inside();
        // SAFETY: locked above.
        let notified = unsafe { self.changed.wait_for(&self.lock, Duration::from_micros(50)) };
        self.inside();
        self.unlock();
        notified
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
        self.books.balance()
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

/// A readers-writer lock with what it guards, in one run of a model.
pub struct RwModel {
    _run: Run,
    pub lock: Placed<RawRwLock>,
    pub guarded: Guarded,
    books: Books,
    got: AtomicU32,
}

impl RwModel {
    pub fn begin(name: &str, clock: Clock) -> Arc<RwModel> {
        let run = Run::begin(clock);
        let books = Books::open(name);
        Arc::new(RwModel {
            _run: run,
            lock: place(RawRwLock::with_class(books.class)),
            guarded: Guarded::new(),
            books,
            got: AtomicU32::new(0),
        })
    }

    pub fn spawn(self: &Arc<RwModel>, body: impl FnOnce(&RwModel) + Send + 'static) -> Joined {
        let model = self.clone();
        Joined(thread::spawn(move || body(&model)))
    }

    fn write_inside(&self) {
        self.guarded.add();
        self.got.fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) {
        self.lock.lock_shared();
        self.guarded.read();
        // SAFETY: locked above, as everywhere below.
        unsafe { self.lock.unlock_shared() };
    }

    pub fn read_fair(&self) {
        self.lock.lock_shared();
        self.guarded.read();
        // SAFETY: as above.
        unsafe { self.lock.unlock_shared_fair() };
    }

    /// Reads twice at a time, the second time past waiting writers.
    pub fn read_recursive(&self) {
        self.lock.lock_shared();
        self.lock.lock_shared_recursive();
        self.guarded.read();
        // SAFETY: as above.
        unsafe { self.lock.unlock_shared() };
        self.guarded.read();
        // SAFETY: as above.
        unsafe { self.lock.unlock_shared() };
    }

    pub fn write(&self) {
        self.lock.lock_exclusive();
        self.write_inside();
        // SAFETY: as above.
        unsafe { self.lock.unlock_exclusive() };
    }

    pub fn write_fair(&self) {
        self.lock.lock_exclusive();
        self.write_inside();
        // SAFETY: as above.
        unsafe { self.lock.unlock_exclusive_fair() };
    }

    pub fn timed_read(&self) -> bool {
        let locked = self.lock.try_lock_shared_for(Duration::from_micros(50));
        if locked {
            self.guarded.read();
            // SAFETY: as above.
            unsafe { self.lock.unlock_shared() };
        }
        locked
    }

    pub fn timed_write(&self) -> bool {
        let locked = self.lock.try_lock_exclusive_for(Duration::from_micros(50));
        if locked {
            self.write_inside();
            // SAFETY: as above.
            unsafe { self.lock.unlock_exclusive() };
        }
        locked
    }

    #[cfg_attr(loom, expect(dead_code))]
    pub fn tried_write(&self) -> bool {
        let locked = self.lock.try_lock_exclusive();
        if locked {
            self.write_inside();
            // SAFETY: as above.
            unsafe { self.lock.unlock_exclusive() };
        }
        locked
    }

    /// A read that lets another in between.
    #[cfg_attr(loom, expect(dead_code))]
    pub fn bumped_read(&self) {
        self.lock.lock_shared();
        self.guarded.read();
        // SAFETY: as above.
        unsafe { self.lock.bump_shared() };
        self.guarded.read();
        // SAFETY: as above.
        unsafe { self.lock.unlock_shared() };
    }

    /// A write that lets another in between.
    #[cfg_attr(loom, expect(dead_code))]
    pub fn bumped_write(&self) {
        self.lock.lock_exclusive();
        self.write_inside();
        // SAFETY: as above.
        unsafe { self.lock.bump_exclusive() };
        self.write_inside();
        // SAFETY: as above.
        unsafe { self.lock.unlock_exclusive() };
    }

    /// An upgrade if there are no other readers; and a reader in the end.
    #[cfg_attr(loom, expect(dead_code))]
    pub fn tried_upgrade(&self) {
        self.lock.lock_upgradable();
        let seen = self.guarded.read();
        // SAFETY: as above.
        unsafe {
            if self.lock.try_upgrade() {
                assert_eq!(self.guarded.get(), seen, "a writer came between");
                self.write_inside();
                self.lock.downgrade_to_upgradable();
                assert_eq!(self.guarded.read(), seen + 1, "a writer came between");
            }
            self.lock.bump_upgradable();
            self.guarded.read();
            self.lock.downgrade_upgradable();
            self.guarded.read();
            self.lock.unlock_shared_fair();
        }
    }

    /// Reads, becomes a writer without another in between, and a reader again.
    pub fn upgrade(&self) {
        self.lock.lock_upgradable();
        let seen = self.guarded.read();
        // SAFETY: as above.
        unsafe { self.lock.upgrade() };
        assert_eq!(self.guarded.get(), seen, "a writer came between");
        self.write_inside();
        // SAFETY: as above.
        unsafe { self.lock.downgrade() };
        assert_eq!(self.guarded.read(), seen + 1, "a writer came between");
        // SAFETY: as above.
        unsafe { self.lock.unlock_shared() };
    }

    /// The same, unless the upgrade takes too long.
    pub fn timed_upgrade(&self) {
        self.lock.lock_upgradable();
        let seen = self.guarded.read();
        // SAFETY: as above.
        unsafe {
            if self.lock.try_upgrade_for(Duration::from_micros(50)) {
                assert_eq!(self.guarded.get(), seen, "a writer came between");
                self.write_inside();
                self.lock.downgrade_to_upgradable();
            }
            self.guarded.read();
            self.lock.unlock_upgradable();
        }
    }

    pub fn finish(&self) -> Sums {
        assert!(!self.lock.is_locked(), "held by nobody");
        assert_eq!(self.lock.waiters(), 0);
        assert!(self.lock.try_lock_exclusive(), "free");
        assert_eq!(self.guarded.get(), self.got.load(Ordering::Relaxed), "what it guards");
        // SAFETY: locked above.
        unsafe { self.lock.unlock_exclusive() };
        self.books.balance()
    }
}
