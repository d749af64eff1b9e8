//! What model checkers supply, in one shape for both of them: loom, which
//! looks at all schedules of a few threads, and shuttle, which looks at
//! thousands of random ones.
//!
//! - Atomics and cells are the checkers', and each access asks whether what it
//!   touches is still alive ([`place`]).
//! - The clock is a counter that only readings move on, by steps that the test
//!   chooses ([`Clock`]): so thresholds are crossed or not without any waiting.
//! - A deadline that is waited for has passed whenever the schedule lets the
//!   waiter run without a token: the checker explores when that is.
//!
//! All threads of one run of a model are coroutines of one thread of the
//! system: the state of a run ([`Run`]) is a thread-local there.

use core::cell::RefCell;
use core::ops::Deref;
use core::ptr::NonNull;
use std::alloc::Layout;
use std::collections::BTreeMap;

pub(crate) mod atomic;
mod cell;
mod clock;
mod futex;
mod trace;

pub(crate) use cell::Cell;
pub use clock::{Clock, Instant, now};

pub use futex::{FutexParker, SemaphoreParker};
pub(crate) use futex::{futex_wait, futex_wake};

#[cfg(loom)]
pub(crate) use loom::{
    sync::{Condvar, Mutex},
    thread::yield_now,
};
#[cfg(shuttle)]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex},
    thread::yield_now,
};

/// A pause lets the others run; one is as good as many.
pub(crate) fn pause(turns: u32) {
    if turns > 0 {
        yield_now();
    }
}

/// A nap lets the others run.
pub(crate) fn nap() {
    yield_now();
}

/// True in a random part of all cases, one in `of`; never under loom, which
/// must find all it does again.
pub(crate) fn by_chance(of: u32) -> bool {
    #[cfg(loom)]
    {
        let _ = of;
        false
    }
    #[cfg(shuttle)]
    {
        use shuttle::rand::Rng;
        shuttle::rand::thread_rng().gen_ratio(1, of)
    }
}

/// What belongs to one run of a model.
#[derive(Default)]
struct State {
    clock: clock::State,
    /// All places, by their starts.
    places: BTreeMap<usize, Place>,
    /// All memory given out, freed when the next run begins.
    memory: Vec<(NonNull<u8>, Layout)>,
    /// Thread numbers given.
    threads: u32,
    /// Who sleeps in the kernel, and where.
    sleepers: Vec<futex::Sleeper>,
}

/// Where something lives until its owner leaves it.
struct Place {
    end: usize,
    left: bool,
    /// To loom each access reads this, and leaving writes it: so it notices an
    /// access that is not ordered before the leaving, also in a schedule where
    /// it comes before.
    #[cfg(loom)]
    owner: loom::cell::UnsafeCell<()>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// One run of a model: what the test sets, and what it may ask at the end.
#[derive(Debug)]
pub struct Run(());

impl Run {
    /// Begins a run: first thing in a model's closure. What runs before left
    /// is forgotten.
    #[must_use]
    pub fn begin(clock: Clock) -> Run {
        let old = STATE.with(|state| {
            let mut state = state.borrow_mut();
            let old = core::mem::take(&mut *state);
            state.clock.begin(clock);
            trace::begin();
            old
        });
        for (memory, layout) in old.memory {
            // SAFETY: allocated in `keep` with this layout; its run is over.
            unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
        }
        Run(())
    }

    /// How many places were left by their owners so far.
    #[must_use]
    pub fn places_left(&self) -> usize {
        STATE.with(|state| state.borrow().places.values().filter(|place| place.left).count())
    }
}

/// A number for a thread that has none yet.
pub(crate) fn next_thread() -> u32 {
    STATE.with(|state| {
        let threads = &mut state.borrow_mut().threads;
        *threads += 1;
        *threads
    })
}

/// Keeps `value` in memory of its own until the next run begins. It is never
/// dropped: what the checkers' types hold dies with their run.
pub(crate) fn keep<T>(value: T) -> NonNull<T> {
    let layout = Layout::new::<T>();
    assert!(layout.size() > 0);
    // SAFETY: the size is not zero.
    let memory = NonNull::new(unsafe { std::alloc::alloc(layout) }).expect("memory");
    // SAFETY: fresh, and of the layout of T.
    unsafe { memory.cast::<T>().write(value) };
    STATE.with(|state| state.borrow_mut().memory.push((memory, layout)));
    memory.cast()
}

/// Fails the model if `what` lies in a place that its owner has left. Asked
/// before each access.
#[track_caller]
pub(crate) fn must_live<T>(what: &T) {
    look(what, true);
}

/// The same, asked after an access before which other threads could run. It is
/// no access itself: the one before may have been the last that is allowed.
#[track_caller]
pub(crate) fn must_have_lived<T>(what: &T) {
    look(what, false);
}

#[track_caller]
#[cfg_attr(shuttle, expect(unused_variables))]
fn look<T>(what: &T, access: bool) {
    // An unwinding thread may touch what the failure left behind.
    if std::thread::panicking() {
        return;
    }
    let at = core::ptr::from_ref(what).addr();
    STATE.with(|state| {
        let state = state.borrow();
        let Some((_, place)) = state.places.range(..=at).next_back() else { return };
        if at < place.end {
            assert!(!place.left, "touched after its owner left");
            #[cfg(loom)]
            if access {
                place.owner.with(|_| ());
            }
        }
    });
}

/// Something in a place of its own, that must not be touched any more after
/// this was dropped.
#[derive(Debug)]
pub struct Placed<T>(NonNull<T>);

/// Puts `value` in a place of its own.
pub fn place<T>(value: T) -> Placed<T> {
    let at = keep(value);
    let start = at.addr().get();
    let place = Place {
        end: start + size_of::<T>(),
        left: false,
        #[cfg(loom)]
        owner: loom::cell::UnsafeCell::new(()),
    };
    STATE.with(|state| state.borrow_mut().places.insert(start, place));
    Placed(at)
}

impl<T> Placed<T> {
    /// Says that nobody may touch it any more, while references still exist.
    pub fn leave(&self) {
        if std::thread::panicking() {
            return;
        }
        STATE.with(|state| {
            let mut state = state.borrow_mut();
            // None: a run that is over.
            let Some(place) = state.places.get_mut(&self.0.addr().get()) else { return };
            #[cfg(loom)]
            if !place.left {
                place.owner.with_mut(|_| ());
            }
            place.left = true;
        });
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the memory is freed when the next run begins, and `Placed`s
        // do not outlive theirs.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Placed<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

// SAFETY: a `Placed<T>` gives what a `&T` and the address give; only `T` itself
// decides about threads.
unsafe impl<T: Sync> Sync for Placed<T> {}
// SAFETY: as above; a `T` is never dropped or moved out.
unsafe impl<T: Sync> Send for Placed<T> {}
