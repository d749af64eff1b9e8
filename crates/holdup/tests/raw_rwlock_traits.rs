//! The raw reader-writer lock behind the traits of `lock_api`, both versions:
//! each method does what its trait says.

use holdup::{RawRwLock, RawRwLockRecursive, RwLock, named_raw_rwlock, named_rwlock};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Runs `act` on another thread and waits for what it says.
fn elsewhere<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(act).join().unwrap())
}

/// Waits until a thread is in the queue of the lock.
fn until_queued<const RECURSIVE: bool>(raw: &RawRwLock<RECURSIVE>) {
    while !raw.has_waiters() {
        thread::yield_now();
    }
}

const SHORT: Duration = Duration::from_millis(1);

/// The claims below, in the code of a crate that uses one version of `lock_api`.
macro_rules! claims {
    ($version:ident) => {
        use super::*;
        use ::$version::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};

        type Lock = RwLock<RawRwLock, u64>;

        #[test]
        fn readers_share_and_writers_are_alone() {
            let lock = Lock::new(1);
            let read = lock.read();
            assert_eq!(elsewhere(|| lock.try_read().map(|value| *value)), Some(1));
            assert_eq!(elsewhere(|| lock.try_read_for(SHORT).map(|value| *value)), Some(1));
            let soon = Instant::now() + SHORT;
            assert_eq!(elsewhere(|| lock.try_read_until(soon).map(|value| *value)), Some(1));
            assert!(elsewhere(|| lock.try_write().is_none()));
            assert!(elsewhere(|| lock.try_write_for(SHORT).is_none()));
            assert!(elsewhere(|| lock.try_write_until(Instant::now()).is_none()));
            assert!(lock.is_locked() && !lock.is_locked_exclusive());
            drop(read);
            let write = lock.write();
            assert!(lock.is_locked_exclusive());
            assert!(elsewhere(|| lock.try_read().is_none() && lock.try_write().is_none()));
            assert!(elsewhere(|| lock.try_read_for(SHORT).is_none()));
            assert!(elsewhere(|| lock.try_upgradable_read_for(SHORT).is_none()));
            drop(write);
            assert!(!lock.is_locked());
        }

        #[test]
        fn one_upgradable_reader_goes_with_readers_and_becomes_the_writer() {
            let lock = Lock::new(1);
            let upgradable = lock.upgradable_read();
            assert!(elsewhere(|| lock.try_read().is_some()));
            assert!(elsewhere(|| lock.try_upgradable_read().is_none()));
            assert!(elsewhere(|| lock.try_upgradable_read_until(Instant::now()).is_none()));
            let read = lock.try_read().unwrap();
            let upgradable = RwLockUpgradableReadGuard::try_upgrade(upgradable).err().unwrap();
            let upgradable =
                RwLockUpgradableReadGuard::try_upgrade_for(upgradable, SHORT).err().unwrap();
            let upgradable =
                RwLockUpgradableReadGuard::try_upgrade_until(upgradable, Instant::now())
                    .err()
                    .unwrap();
            drop(read);
            let mut write = RwLockUpgradableReadGuard::upgrade(upgradable);
            *write += 1;
            assert!(lock.is_locked_exclusive());
            let upgradable = RwLockWriteGuard::downgrade_to_upgradable(write);
            assert!(elsewhere(|| lock.try_read().is_some() && lock.try_write().is_none()));
            let read = RwLockUpgradableReadGuard::downgrade(upgradable);
            assert!(elsewhere(|| lock.try_upgradable_read().is_some()));
            drop(read);
            let upgradable = lock.upgradable_read();
            let write = RwLockUpgradableReadGuard::try_upgrade(upgradable).ok().unwrap();
            let read = RwLockWriteGuard::downgrade(write);
            assert!(elsewhere(|| lock.try_read().is_some() && lock.try_write().is_none()));
            assert_eq!(*read, 2);
        }

        #[test]
        fn bumps_and_fair_unlocks_keep_exclusion() {
            let lock = Lock::new(0);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for _ in 0..300 {
                            let mut write = lock.write();
                            *write += 1;
                            RwLockWriteGuard::bump(&mut write);
                            *write += 1;
                            RwLockWriteGuard::unlock_fair(write);
                            let mut read = lock.read();
                            RwLockReadGuard::bump(&mut read);
                            RwLockReadGuard::unlock_fair(read);
                            let mut upgradable = lock.upgradable_read();
                            RwLockUpgradableReadGuard::bump(&mut upgradable);
                            RwLockUpgradableReadGuard::unlock_fair(upgradable);
                        }
                    });
                }
            });
            assert_eq!(lock.into_inner(), 3 * 300 * 2);
        }

        #[test]
        fn readers_queue_behind_a_writer_that_waits() {
            let lock = Lock::new(0);
            let read = lock.read();
            thread::scope(|scope| {
                scope.spawn(|| *lock.write() += 1);
                // SAFETY: it is only looked at.
                until_queued(unsafe { lock.raw() });
                assert!(lock.try_read().is_none());
                drop(read);
            });
            assert_eq!(*lock.read(), 1);
        }

        #[test]
        fn reads_of_the_recursive_lock_pass_a_writer_that_waits() {
            let lock: RwLock<RawRwLockRecursive, u64> = RwLock::new(0);
            let first = lock.read();
            thread::scope(|scope| {
                scope.spawn(|| *lock.write() += 1);
                // SAFETY: it is only looked at.
                until_queued(unsafe { lock.raw() });
                let mut second = lock.read();
                assert!(lock.try_read_for(SHORT).is_some());
                assert!(lock.try_read_until(Instant::now() + SHORT).is_some());
                // Whoever bumps one of two reads must not queue for the writer
                // that waits for the other.
                RwLockReadGuard::bump(&mut second);
                assert_eq!((*first, *second), (0, 0));
                drop((first, second));
            });
            assert_eq!(*lock.read(), 1);
        }
    };
}

mod version_0_5 {
    claims!(lock_api);
}

mod version_0_4 {
    claims!(lock_api_04);

    #[test]
    fn recursive_reads_pass_a_writer_that_waits() {
        let lock = Lock::new(0);
        let first = lock.read();
        thread::scope(|scope| {
            scope.spawn(|| *lock.write() += 1);
            // SAFETY: it is only looked at.
            until_queued(unsafe { lock.raw() });
            let reads = (
                lock.read_recursive(),
                lock.try_read_recursive().unwrap(),
                lock.try_read_recursive_for(SHORT).unwrap(),
                lock.try_read_recursive_until(Instant::now() + SHORT).unwrap(),
            );
            assert!(lock.try_read().is_none());
            drop((first, reads));
        });
        assert_eq!(*lock.read(), 1);
    }
}

#[test]
fn a_named_lock_is_reported_under_its_name_by_either_version() {
    static NAMED: RwLock<u64> = named_rwlock!("by name", 0);
    static RAW: ::lock_api_04::RwLock<RawRwLock, u64> =
        ::lock_api_04::RwLock::const_new(named_raw_rwlock!("by name"), 0);
    let waits = |hold: &(dyn Fn(&dyn Fn()) + Sync), wait: &(dyn Fn() + Sync), raw: &RawRwLock| {
        let before = holdup::profile::snapshot();
        thread::scope(|scope| {
            hold(&|| {
                let (send, receive) = mpsc::channel();
                scope.spawn(move || {
                    send.send(()).unwrap();
                    wait();
                });
                receive.recv().unwrap();
                until_queued(raw);
            });
        });
        let totals = holdup::profile::snapshot().since(&before).totals_of("by name").unwrap();
        assert_eq!(totals.waited, totals.blamed + totals.handoff);
        totals.waits
    };
    // SAFETY: they are only looked at.
    let (named, raw) = unsafe { (NAMED.raw(), RAW.raw()) };
    let by_reader = |act: &dyn Fn()| {
        let _read = NAMED.read();
        act();
    };
    assert_eq!(waits(&by_reader, &|| *NAMED.write() += 1, named), 1);
    let by_writer = |act: &dyn Fn()| {
        let _write = RAW.write();
        act();
    };
    assert_eq!(waits(&by_writer, &|| _ = RAW.read(), raw), 1);
}

#[test]
fn the_raw_lock_says_who_holds_it() {
    let raw = <RawRwLock as lock_api::RawRwLock>::INIT;
    assert_eq!(
        format!("{raw:?}"),
        "RawRwLock { locked: false, exclusive: false, holder: None, .. }"
    );
    let guard = lock_api::RawRwLock::lock_exclusive(&raw);
    assert!(raw.holder().is_some() && raw.holder() != elsewhere(|| RwLock::new(()).write_holder()));
    // SAFETY: locked above.
    unsafe { lock_api::RawRwLock::unlock_exclusive(&raw, guard) };
    assert_eq!(raw.holder(), None);
}

trait WriteHolder {
    fn write_holder(&self) -> Option<std::num::NonZeroU32>;
}

impl WriteHolder for RwLock<()> {
    fn write_holder(&self) -> Option<std::num::NonZeroU32> {
        let _write = self.write();
        // SAFETY: it is only looked at.
        unsafe { self.raw() }.holder()
    }
}
