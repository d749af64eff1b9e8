//! Lock classes: the names under which reports group locks.
//!
//! A lock carries only a 32-bit class number, so a name costs an unnamed lock
//! nothing. The number is a hash of the name, computed by the compiler; that
//! lets a `static` lock be named in const context. The name itself is entered
//! in the registry here by a constructor that the naming macro places in the
//! program (`holdup::named_mutex!`), or at run time by [`register`].
//!
//! The registry is a lock-free list of statics: entering a name allocates
//! nothing and works before `main`.

use core::sync::atomic::{AtomicPtr, Ordering};

/// The number of a lock class. Zero is the class of all unnamed locks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ClassId(pub u32);

impl ClassId {
    /// The class of locks without a name.
    pub const UNNAMED: ClassId = ClassId(0);

    /// The class named `name`: the 32-bit FNV-1a hash of the name, never zero.
    ///
    /// Formula: G. Fowler, L. C. Noll, P. Vo, "FNV hash" (offset basis
    /// 2166136261, prime 16777619). Two names that share a hash share a class
    /// and are reported together, both names joined by `|`.
    #[must_use]
    pub const fn of(name: &str) -> ClassId {
        let bytes = name.as_bytes();
        let mut hash: u32 = 2_166_136_261;
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u32).wrapping_mul(16_777_619);
            i += 1;
        }
        ClassId(if hash == 0 { 1 } else { hash })
    }
}

/// One name in the registry. Lives for the whole program.
#[derive(Debug)]
pub struct Registration {
    name: &'static str,
    class: ClassId,
    next: AtomicPtr<Registration>,
}

impl Registration {
    /// A registration of `name`, not yet entered.
    #[must_use]
    pub const fn new(name: &'static str) -> Registration {
        Registration { name, class: ClassId::of(name), next: AtomicPtr::new(core::ptr::null_mut()) }
    }
}

/// The newest registration; each points to the one before.
static NEWEST: AtomicPtr<Registration> = AtomicPtr::new(core::ptr::null_mut());

/// Enters `registration`. Entering one twice is harmless. Allocates nothing;
/// one CAS.
pub fn register(registration: &'static Registration) {
    // A registration is entered at most once: `next` of an entered one is
    // never null, because the oldest points to itself.
    let this: *const Registration = registration;
    let mut newest = NEWEST.load(Ordering::Acquire);
    loop {
        let next = if newest.is_null() { this.cast_mut() } else { newest };
        if registration
            .next
            .compare_exchange(core::ptr::null_mut(), next, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return;
        }
        // Release: who reads the list sees `next` of each registration on it.
        match NEWEST.compare_exchange(newest, this.cast_mut(), Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => return,
            Err(seen) => {
                newest = seen;
                registration.next.store(core::ptr::null_mut(), Ordering::Relaxed);
            }
        }
    }
}

/// Calls `visit` with each registered name, newest first; a name that was
/// registered in several places comes as often.
pub fn for_each(mut visit: impl FnMut(ClassId, &'static str)) {
    let mut at: *const Registration = NEWEST.load(Ordering::Acquire);
    while !at.is_null() {
        // SAFETY: only `&'static Registration`s are ever entered.
        let registration = unsafe { &*at };
        visit(registration.class, registration.name);
        let next: *const Registration = registration.next.load(Ordering::Relaxed);
        if next == at {
            return;
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_fnv_hash_of_its_name() {
        // The published test vectors of FNV-1a, 32 bits.
        assert_eq!(ClassId::of("").0, 0x811c_9dc5);
        assert_eq!(ClassId::of("a").0, 0xe40c_292c);
        assert_eq!(ClassId::of("foobar").0, 0xbf9c_f968);
    }

    #[test]
    fn registering_twice_enters_once() {
        static ONE: Registration = Registration::new("class test: one");
        static TWO: Registration = Registration::new("class test: two");
        for _ in 0..3 {
            register(&ONE);
            register(&TWO);
        }
        let mut seen = Vec::new();
        for_each(|class, name| {
            if name.starts_with("class test") {
                assert_eq!(class, ClassId::of(name));
                seen.push(name);
            }
        });
        seen.sort_unstable();
        assert_eq!(seen, ["class test: one", "class test: two"]);
    }
}
