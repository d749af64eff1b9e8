//! Which class a lock belongs to: what reports call it by.
//!
//! A lock that is a variable of the program or of a library is a class of its own, by
//! its address, and the command finds the variable's name. Any other is named by the
//! first stack that contended on it, and shares its class with the locks that were
//! first contended at the same innermost frames: all locks of one kind of object, as
//! a rule.
//!
//! A stack is captured at the first contention of a lock alone. Then the class is
//! remembered by the address, in a table of fixed size with one place for each hash:
//! a lock that was pushed out is named anew, by the stack that contends then. What is
//! destroyed is forgotten; what is freed without that (`std::mutex` has nothing to
//! destroy) may leave its name to a later lock at the same address.

use crate::binding::later;
use crate::region;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU64, Ordering};
use holdup_core::class::ClassId;
use holdup_core::record::{self, stack};
use holdup_shared::{Kind, LOCK_STACK, LOCKS, Process};

/// Places; a power of two.
const REMEMBERED: usize = 8192;

/// Frames that tell classes apart, from the first one outside of this library on.
const TELLING: usize = 4;

/// How far an entry is sought from its place.
const PROBES: usize = 64;

/// An address and the index of its class in the process's table of names, plus one:
/// bits 16.. and ..16. Locks are aligned to 4 bytes, and addresses have 47 bits.
static PLACES: [AtomicU64; REMEMBERED] = [const { AtomicU64::new(0) }; REMEMBERED];

/// The index of the class of locks that found no room.
const OTHERS: u64 = 0xffff;

const _: () = assert!(LOCKS < OTHERS as usize);

fn place(address: usize) -> &'static AtomicU64 {
    let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51;
    &PLACES[hash as usize % REMEMBERED]
}

fn key(address: usize) -> u64 {
    (address as u64 >> 2) << 16
}

/// The class of the lock at `address`. One load if it is remembered.
pub(crate) fn class_of(address: usize, kind: Kind, process: &Process) -> ClassId {
    // Relaxed: one word is all there is.
    let found = place(address).load(Ordering::Relaxed);
    let index = if found & !0xffff == key(address) && found & 0xffff != 0 {
        (found & 0xffff) - 1
    } else {
        name(address, kind, process)
    };
    match process.locks.get(index as usize) {
        Some(lock) => ClassId(lock.class.load(Ordering::Relaxed)),
        None => record::OTHERS,
    }
}

/// The lock at `address` is gone.
pub(crate) fn forget(address: usize) {
    let place = place(address);
    let found = place.load(Ordering::Relaxed);
    if found & !0xffff == key(address) {
        // If another took the place meanwhile, it keeps it.
        let _ = place.compare_exchange(found, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// In the child of a fork, whose table of names is empty.
pub(crate) fn forget_all() {
    for place in &PLACES {
        if place.load(Ordering::Relaxed) != 0 {
            place.store(0, Ordering::Relaxed);
        }
    }
}

#[cold]
#[inline(never)]
fn name(address: usize, kind: Kind, process: &Process) -> u64 {
    let mut pcs = [0; 4 + LOCK_STACK];
    let (class, address_of_variable, stack) = if is_variable(address) {
        (class_by(&[address], kind), address, &[][..])
    } else {
        let depth = stack::capture(&mut pcs);
        let own = pcs[..depth].iter().take_while(|pc| region::is_own_code(**pc)).count();
        let stack = &pcs[own..depth];
        (class_by(&stack[..stack.len().min(TELLING)], kind), 0, stack)
    };
    let index = enter(process, class, kind, address_of_variable, stack);
    place(address).store(key(address) | (index + 1).min(OTHERS), Ordering::Relaxed);
    index
}

/// The index of the class in the process's table of names, where it is entered if it is
/// new.
fn enter(process: &Process, class: u32, kind: Kind, address: usize, stack: &[usize]) -> u64 {
    for probe in 0..PROBES {
        let index = (class as usize).wrapping_add(probe) % LOCKS;
        let lock = &process.locks[index];
        // Relaxed: what is published is published by `kind`.
        match lock.class.compare_exchange(0, class, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                lock.address.store(address, Ordering::Relaxed);
                let depth = stack.len().min(LOCK_STACK);
                for (to, from) in lock.stack.iter().zip(stack) {
                    to.store(*from, Ordering::Relaxed);
                }
                lock.depth.store(depth, Ordering::Relaxed);
                // Release: the entry is complete.
                lock.kind.store(kind as u32 + 1, Ordering::Release);
                return index as u64;
            }
            Err(found) if found == class => return index as u64,
            Err(_) => {}
        }
    }
    OTHERS - 1
}

/// The number of a class: a hash of what tells it apart, FNV-1a by words, finished by
/// splitmix64's finalizer. Neither zero (no class) nor that of [`record::OTHERS`].
fn class_by(words: &[usize], kind: Kind) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ kind as u64;
    for word in words {
        hash = (hash ^ *word as u64).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash >> 32) as u32).clamp(1, u32::MAX - 1)
}

later! {
    FIND_OBJECT: unsafe extern "C" fn(*mut c_void, *mut FoundObject) -> c_int =
        c"_dl_find_object", [c"GLIBC_2.35"]
}

/// `struct dl_find_object` of `<dlfcn.h>`, of which only the size matters.
type FoundObject = [u64; 16];

/// Whether `address` is within the program or a library. Where the C library cannot
/// tell (before 2.35) no lock is a variable. Lock-free.
fn is_variable(address: usize) -> bool {
    let mut found: FoundObject = [0; 16];
    let pointer = core::ptr::without_provenance_mut(address);
    // SAFETY: the structure is smaller than `found`; the address is only compared.
    FIND_OBJECT.get().is_some_and(|find| unsafe { find(pointer, &raw mut found) == 0 })
}
