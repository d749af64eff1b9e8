//! How long waits and contended holds were: a histogram of each for each class
//! ([`super::histogram`]), and the longest waits ([`super::longest`]).
//!
//! Always on, like the totals, and by their places: a class has the same place
//! here as there. Mapped at the first wait; of each class only the pages with
//! buckets that were used cost memory.

use super::histogram::{BUCKETS, index};
use super::lazy::{Lazy, Zeroed};
use super::longest::Longest;
use super::totals;
use crate::class::ClassId;
use core::sync::atomic::{AtomicU64, Ordering};

/// Stripes of a histogram; a power of two.
const STRIPES: usize = 2;

#[repr(C, align(64))]
struct Stripe {
    waits: [AtomicU64; BUCKETS],
    holds: [AtomicU64; BUCKETS],
}

#[repr(C, align(64))]
pub(super) struct Shape {
    pub(super) longest: Longest,
    stripes: [Stripe; STRIPES],
}

#[repr(C)]
pub(super) struct Shapes {
    classes: [Shape; totals::PLACES],
}

// SAFETY: made of atomic numbers; all zero is nothing counted, nothing kept.
unsafe impl Zeroed for Shapes {}

pub(super) static SHAPES: Lazy<Shapes> = Lazy::new();

/// The times of one class.
#[derive(Clone, Debug)]
pub struct Times {
    /// How many waits there were in each bucket of [`super::histogram`].
    pub waits: [u64; BUCKETS],
    /// The same of contended critical sections.
    pub holds: [u64; BUCKETS],
    /// The longest wait, in nanoseconds.
    pub longest: u64,
}

impl Default for Times {
    fn default() -> Times {
        Times { waits: [0; BUCKETS], holds: [0; BUCKETS], longest: 0 }
    }
}

impl Shapes {
    /// That of a class.
    pub(super) fn of(&self, class: ClassId) -> &Shape {
        &self.classes[totals::place(class)]
    }

    /// Calls `visit` with the times of each class that has any, in the order of
    /// places.
    pub(super) fn for_each(&self, totals: &totals::Totals, mut visit: impl FnMut(ClassId, &Times)) {
        for (place, class) in totals::classes(totals) {
            let times = self.classes[place].times();
            if times.waits.iter().chain(&times.holds).any(|&count| count != 0) {
                visit(class, &times);
            }
        }
    }

    /// Calls `visit` with the longest waits of each class.
    pub(super) fn for_each_longest(
        &self,
        totals: &totals::Totals,
        mut visit: impl FnMut(ClassId, &Longest),
    ) {
        for (place, class) in totals::classes(totals) {
            visit(class, &self.classes[place].longest);
        }
    }
}

impl Shape {
    fn stripe(&self) -> &Stripe {
        &self.stripes[crate::thread::number() as usize % STRIPES]
    }

    /// Counts a wait in the bucket `index`.
    pub(super) fn add_wait(&self, index: usize) {
        // Release: who counts it here does not find it pending any more
        // (`Slate::settle`).
        self.stripe().waits[index].fetch_add(1, Ordering::Release);
    }

    fn times(&self) -> Times {
        let mut times = Times { longest: self.longest.longest(), ..Times::default() };
        for stripe in &self.stripes {
            for (sum, count) in times.waits.iter_mut().zip(&stripe.waits) {
                *sum = sum.wrapping_add(count.load(Ordering::Acquire));
            }
            for (sum, count) in times.holds.iter_mut().zip(&stripe.holds) {
                *sum = sum.wrapping_add(count.load(Ordering::Relaxed));
            }
        }
        times
    }
}

/// Counts a critical section that others waited for so many nanoseconds.
pub(super) fn add_hold(class: ClassId, nanoseconds: u64) {
    if let Some(shapes) = SHAPES.get() {
        shapes.of(class).stripe().holds[index(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }
}
