//! Exact sums for each class of locks, always on.
//!
//! A class has a slot, found by its number in one probe as a rule, and a slot
//! has some stripes, chosen by thread, so that threads do not fight for one
//! cache line. The table is static and fixed in size: classes that find no
//! slot are summed together in one of their own, so that nothing is lost.

use super::Sums;
use crate::class::ClassId;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Slots; a power of two. Slot 0 is that of the unnamed locks.
const SLOTS: usize = 1024;
/// Stripes of a slot; a power of two.
const STRIPES: usize = 8;
/// The class under which classes are summed that found no slot.
pub const OTHERS: ClassId = ClassId(u32::MAX);

#[repr(align(64))]
struct Stripe {
    contentions: AtomicU64,
    waits: AtomicU64,
    waited: AtomicU64,
    blamed: AtomicU64,
    handoff: AtomicU64,
    handoffs: AtomicU64,
    spins: AtomicU64,
    spun: AtomicU64,
}

struct Slot {
    /// Zero while the slot is free (and in slot 0, whose class is zero).
    class: AtomicU32,
    /// Blame that has no row in the table of stacks: count and nanoseconds.
    lost_count: AtomicU64,
    lost_delay: AtomicU64,
    stripes: [Stripe; STRIPES],
}

impl Slot {
    const fn new(class: u32) -> Slot {
        Slot {
            class: AtomicU32::new(class),
            lost_count: AtomicU64::new(0),
            lost_delay: AtomicU64::new(0),
            stripes: [const { Stripe::new() }; STRIPES],
        }
    }
}

impl Slot {
    fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for stripe in &self.stripes {
            let get = |from: &AtomicU64| from.load(Ordering::Relaxed);
            sums.contentions = sums.contentions.wrapping_add(get(&stripe.contentions));
            sums.waits = sums.waits.wrapping_add(get(&stripe.waits));
            sums.waited = sums.waited.wrapping_add(get(&stripe.waited));
            sums.blamed = sums.blamed.wrapping_add(get(&stripe.blamed));
            sums.handoff = sums.handoff.wrapping_add(get(&stripe.handoff));
            sums.handoffs = sums.handoffs.wrapping_add(get(&stripe.handoffs));
            sums.spins = sums.spins.wrapping_add(get(&stripe.spins));
            sums.spun = sums.spun.wrapping_add(get(&stripe.spun));
        }
        sums
    }
}

impl Stripe {
    const fn new() -> Stripe {
        Stripe {
            contentions: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            blamed: AtomicU64::new(0),
            handoff: AtomicU64::new(0),
            handoffs: AtomicU64::new(0),
            spins: AtomicU64::new(0),
            spun: AtomicU64::new(0),
        }
    }
}

/// All sums. All-zero memory is valid: nothing was summed yet.
#[repr(C)]
pub(super) struct Totals {
    slots: [Slot; SLOTS],
    overflow: Slot,
}

/// Those of this process.
static OWN: Totals = Totals { slots: [const { Slot::new(0) }; SLOTS], overflow: Slot::new(0) };

/// Where sums are kept instead, if somebody said so ([`super::Books`]).
static ELSEWHERE: AtomicPtr<Totals> = AtomicPtr::new(core::ptr::null_mut());

/// Where sums are kept now.
#[inline]
pub(super) fn current() -> &'static Totals {
    // Acquire: who sees the place sees that it is zeroed.
    let elsewhere = ELSEWHERE.load(Ordering::Acquire);
    // SAFETY: only `keep_in` stores here, what stays valid for good.
    unsafe { elsewhere.as_ref() }.unwrap_or(&OWN)
}

/// Keeps the sums there from now on.
pub(super) fn keep_in(totals: &'static Totals) {
    ELSEWHERE.store(core::ptr::from_ref(totals).cast_mut(), Ordering::Release);
}

/// How many places there are: slots, and one for all classes that found none.
pub(super) const PLACES: usize = SLOTS + 1;

/// The place of a class, which it keeps.
#[inline]
pub(super) fn place(class: ClassId) -> usize {
    if class == ClassId::UNNAMED {
        return 0;
    }
    let slots = &current().slots;
    let mut index = class.0 as usize;
    // A full table is probed some way, not through: this is on a lock's path.
    for _ in 0..64 {
        index &= SLOTS - 1;
        if index != 0 {
            let slot = &slots[index];
            // Relaxed: the class is all there is to see.
            let mut found = slot.class.load(Ordering::Relaxed);
            if found == 0 {
                found = match slot.class.compare_exchange(
                    0,
                    class.0,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => class.0,
                    Err(other) => other,
                };
            }
            if found == class.0 {
                return index;
            }
        }
        index += 1;
    }
    SLOTS
}

/// Under which class that at `place`, which is of `class`, is reported.
pub(super) fn class_at(place: usize, class: ClassId) -> ClassId {
    if place == SLOTS { OTHERS } else { class }
}

fn slot(class: ClassId) -> &'static Slot {
    let Totals { slots, overflow } = current();
    slots.get(place(class)).unwrap_or(overflow)
}

/// The place and the class of each slot that is taken.
pub(super) fn classes(totals: &Totals) -> impl Iterator<Item = (usize, ClassId)> {
    let slots = totals.slots.iter().enumerate();
    let taken = slots.filter_map(|(place, slot)| {
        let class = ClassId(slot.class.load(Ordering::Relaxed));
        (place == 0 || class != ClassId::UNNAMED).then_some((place, class))
    });
    taken.chain([(SLOTS, OTHERS)])
}

/// Adds to the sums of `class`. Some relaxed additions in a line of the
/// calling thread's stripe.
pub(crate) fn add(class: ClassId, sums: &Sums) {
    let stripe = &slot(class).stripes[crate::thread::number() as usize % STRIPES];
    let add = |to: &AtomicU64, amount: u64| {
        if amount != 0 {
            to.fetch_add(amount, Ordering::Relaxed);
        }
    };
    add(&stripe.contentions, sums.contentions);
    add(&stripe.waits, sums.waits);
    add(&stripe.waited, sums.waited);
    add(&stripe.blamed, sums.blamed);
    add(&stripe.handoff, sums.handoff);
    add(&stripe.handoffs, sums.handoffs);
    add(&stripe.spins, sums.spins);
    add(&stripe.spun, sums.spun);
}

/// Counts blame that has no row in the table of stacks.
pub(crate) fn add_lost(class: ClassId, count: u64, delay: u64) {
    let slot = slot(class);
    slot.lost_count.fetch_add(count, Ordering::Relaxed);
    slot.lost_delay.fetch_add(delay, Ordering::Relaxed);
}

/// What one class has: its sums, and count and nanoseconds of lost blame.
pub(crate) struct Class {
    pub(crate) class: ClassId,
    pub(crate) sums: Sums,
    pub(crate) lost: (u64, u64),
}

/// The sums of one class, for models: their runs are too short to visit all.
#[cfg(any(test, loom, shuttle))]
pub(crate) fn of(class: ClassId) -> Sums {
    slot(class).sums()
}

/// Calls `visit` with each class in `totals` that was ever contended.
pub(super) fn for_each(totals: &Totals, mut visit: impl FnMut(Class)) {
    for (place, class) in classes(totals) {
        let slot = totals.slots.get(place).unwrap_or(&totals.overflow);
        let sums = slot.sums();
        let lost =
            (slot.lost_count.load(Ordering::Relaxed), slot.lost_delay.load(Ordering::Relaxed));
        if sums != Sums::default() || lost != (0, 0) {
            visit(Class { class, sums, lost });
        }
    }
}
