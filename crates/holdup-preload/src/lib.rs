//! Lock contention profiles of programs that nobody changes: for `LD_PRELOAD`.
//!
//! This library stands between a program and glibc's locks. `holdup run` loads it into
//! the program and reads what it records; it is no use on its own.
//!
//! # The walk
//!
//! ```text
//! pthread_mutex_lock            glibc's own try. It succeeds, and nobody is known to
//!   |                           wait for this address: done. (mutex, rwlock, spin)
//!   | it failed
//!   v
//! waiting::begin                the clock; the class of the lock (names)
//! side::join                    a ledger for this address in the side table
//!   | glibc's own lock, whatever it does, as long as it takes
//!   v
//! side::acquire                 claim: handoff; leave
//!
//! pthread_mutex_unlock          nobody is known to wait: glibc's own unlock, done
//!   | somebody may
//!   v
//! side::release                 claim: blame of the section that ends
//!   | glibc's own unlock
//!   v
//! waiting::book                 holdup_core::record: sums, sampler, stack, table, in
//!                               memory that the command shares (region)
//! ```
//!
//! The ledger, the sampler, the stacks, the table and the sums are `holdup-core`'s, the
//! same code as in the locks of the library.
//!
//! # What a lock that nobody waits for costs
//!
//! One call more, one multiplication and one load for each of lock and unlock: `side`'s
//! word for the address. No thread-local, no clock, no write.
//!
//! # What it must not do
//!
//! - *Change a lock's meaning.* Every lock is taken and released by glibc. See `mutex` for
//!   the kinds.
//! - *Allocate*, or take a foreign lock, anywhere: `malloc` may be what waits. `binding`
//!   says how the real functions are found without, `local` how thread-locals are.
//! - *Touch a lock after its unlock*, when its memory may be gone: see `side`.
//! - *Change `errno`*, be a cancellation point, or leave a descriptor open.
//!
//! # What it cannot see
//!
//! - Locks that are not pthread's: Rust's std, Go, and whatever calls the kernel's futex
//!   itself; locks inside of glibc; locks of programs that are linked statically.
//! - Waiters of other processes for a process-shared lock.
//! - The wait for the mutex inside of a wait for a condition: see `condvar`.
//! - Semaphores and barriers: nobody holds them.

#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#![cfg_attr(test, allow(dead_code, reason = "what the functions use that tests leave out"))]

mod binding;
mod glibc;
mod local;
mod names;
mod region;
mod side;
mod waiting;

// Not in this crate's own tests, whose program would have these functions for its own.
#[cfg(not(test))]
mod condvar;
#[cfg(not(test))]
mod mutex;
#[cfg(not(test))]
mod rwlock;
#[cfg(not(test))]
mod spin;
#[cfg(not(test))]
mod unload;
