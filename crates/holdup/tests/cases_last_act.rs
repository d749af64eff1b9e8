//! The function that ended the critical section is the innermost frame also
//! where the unlock is the last thing it does: a call in that place may be
//! compiled to a jump, which leaves no trace of the function on the stack.

mod common;

use common::reading::{
    assert_between, assert_blamed_only, assert_conserved, blame_of, list, totals,
};
use common::truth::{Log, now};
use common::{alone, stay, wait_until, waiters};
use holdup::{MappedMutexGuard, Mutex, MutexGuard, named_mutex, profile};
use lock_api::RawMutex as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

static LAST: Mutex<(u64, u64)> = named_mutex!("last act", (0, 0));

const LENGTH: Duration = Duration::from_millis(20);

/// Stays until the one waiter has waited for a while.
fn hold() {
    wait_until(|| waiters(&LAST) == 1);
    stay(LENGTH);
}

#[inline(never)]
fn guard_goes_out_of_scope() {
    let mut guard = LAST.lock();
    hold();
    guard.0 += 1;
}

#[inline(never)]
fn guard_is_dropped() {
    let mut guard = LAST.lock();
    hold();
    guard.0 += 2;
    drop(guard);
}

#[inline(never)]
fn guard_is_an_argument(mut guard: MutexGuard<'_, (u64, u64)>) {
    guard.0 += 3;
}

#[inline(never)]
fn mapped_guard_goes_out_of_scope() {
    let mut guard: MappedMutexGuard<'_, u64> = MutexGuard::map(LAST.lock(), |pair| &mut pair.1);
    hold();
    *guard += 4;
}

#[inline(never)]
fn unlocks_fairly() {
    let mut guard = LAST.lock();
    hold();
    guard.0 += 5;
    MutexGuard::unlock_fair(guard);
}

#[inline(never)]
fn unlocks_the_raw_mutex() {
    // SAFETY: what is locked here is unlocked here.
    let raw = unsafe { LAST.raw() };
    let state = raw.lock();
    hold();
    // SAFETY: locked above by this thread.
    unsafe { raw.unlock(state) }
}

#[inline(never)]
fn unwinds() {
    let _guard = LAST.lock();
    hold();
    resume_unwind(Box::new(6));
}

/// Who waits while `act` has the lock.
fn waiter(log: &mut Log) {
    let asked = now();
    let guard = LAST.lock();
    let got = now();
    drop(guard);
    log.add("waiter", asked, got, got, got);
}

/// Runs `act`, which must be charged for the wait of one thread under the
/// name `function`.
fn assert_charged(function: &str, act: impl FnOnce()) {
    let before = profile::snapshot();
    let mut log = Log::default();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            wait_until(|| LAST.is_locked());
            waiter(&mut log);
        });
        act();
        thread.join().unwrap();
    });
    let profile = profile::snapshot().since(&before);
    let blamed = blame_of(&profile, "last act", function);
    let list = list(&profile, "last act");
    println!("{:?}", totals(&profile, "last act"));
    assert!(blamed >= LENGTH, "{function} is charged with {blamed:?}:\n{list}");
    assert_eq!(blamed, totals(&profile, "last act").blamed);
    let waited = log.truth().waited();
    assert!(blamed <= waited, "{blamed:?} {waited:?}");
    let handoff = totals(&profile, "last act").handoff;
    assert_between(function, blamed + handoff, LENGTH, waited);
    assert_blamed_only(&profile, "last act", &[function]);
    assert_conserved(&profile, "last act");
}

#[test]
fn whose_last_act_is_the_unlock_is_charged() {
    let _alone = alone();
    assert_charged("guard_goes_out_of_scope", guard_goes_out_of_scope);
    assert_charged("guard_is_dropped", guard_is_dropped);
    assert_charged("guard_is_an_argument", || {
        let guard = LAST.lock();
        hold();
        guard_is_an_argument(guard);
    });
    assert_charged("mapped_guard_goes_out_of_scope", mapped_guard_goes_out_of_scope);
    assert_charged("unlocks_fairly", unlocks_fairly);
    assert_charged("unlocks_the_raw_mutex", unlocks_the_raw_mutex);
}

#[test]
fn who_unwinds_through_the_lock_is_charged() {
    let _alone = alone();
    assert_charged("unwinds", || {
        let panic = catch_unwind(AssertUnwindSafe(unwinds));
        assert_eq!(*panic.unwrap_err().downcast::<i32>().unwrap(), 6);
    });
}
