//! Each type of the stand-ins has the same auto traits as the published one,
//! and all the other traits that it has.

use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;

type Auto = [(&'static str, bool); 5];
type Others = [(&'static str, bool); 9];

/// What differs between the stand-in's and the published type.
fn differences(name: &str, ours: (Auto, Others), theirs: (Auto, Others)) -> Vec<String> {
    let auto = ours.0.iter().zip(&theirs.0).filter(|(ours, theirs)| ours != theirs);
    // To have more is no difference.
    let others = ours.1.iter().zip(&theirs.1).filter(|(ours, theirs)| !ours.1 && theirs.1);
    auto.chain(others)
        .map(|(ours, theirs)| format!("{name}: {}: {} instead of {}", ours.0, ours.1, theirs.1))
        .collect()
}

/// `Sync` without being `Send`.
#[allow(dead_code)]
struct SyncNotSend(PhantomData<std::sync::MutexGuard<'static, ()>>);

macro_rules! compare {
    ($ours:ident, $theirs:ident; $($type:ident $(<$life:lifetime, $data:ty>)? $((($data2:ty)))?),* $(,)?) => {{
        let mut found = Vec::new();
        $(
            found.extend(differences(
                stringify!($type $(<$data>)? $(<$data2>)?),
                patch_face::answers!($ours::$type $(<$life, $data>)? $(<$data2>)?),
                patch_face::answers!($theirs::$type $(<$life, $data>)? $(<$data2>)?),
            ));
        )*
        found
    }};
}

/// All types that are generic over their data, over one type of data.
macro_rules! compare_generic {
    ($ours:ident, $theirs:ident, $data:ty; $($more:ident),*) => {
        compare!($ours, $theirs;
            Mutex(($data)), MutexGuard<'static, $data>, MappedMutexGuard<'static, $data>,
            FairMutex(($data)), FairMutexGuard<'static, $data>,
            MappedFairMutexGuard<'static, $data>,
            ReentrantMutex(($data)), ReentrantMutexGuard<'static, $data>,
            MappedReentrantMutexGuard<'static, $data>,
            RwLock(($data)), RwLockReadGuard<'static, $data>, RwLockWriteGuard<'static, $data>,
            RwLockUpgradableReadGuard<'static, $data>,
            MappedRwLockReadGuard<'static, $data>, MappedRwLockWriteGuard<'static, $data>,
            $($more<'static, $data>),*
        )
    };
}

/// The guards that hold an `Arc` are generic over the raw lock, too.
macro_rules! compare_arc {
    ($ours:ident, $theirs:ident, $data:ty) => {{
        mod ours {
            use super::*;
            pub type Mutex = $ours::ArcMutexGuard<$ours::RawMutex, $data>;
            pub type Reentrant =
                $ours::ArcReentrantMutexGuard<$ours::RawMutex, $ours::RawThreadId, $data>;
            pub type Read = $ours::ArcRwLockReadGuard<$ours::RawRwLock, $data>;
            pub type Write = $ours::ArcRwLockWriteGuard<$ours::RawRwLock, $data>;
            pub type Upgradable = $ours::ArcRwLockUpgradableReadGuard<$ours::RawRwLock, $data>;
        }
        mod theirs {
            use super::*;
            pub type Mutex = $theirs::ArcMutexGuard<$theirs::RawMutex, $data>;
            pub type Reentrant =
                $theirs::ArcReentrantMutexGuard<$theirs::RawMutex, $theirs::RawThreadId, $data>;
            pub type Read = $theirs::ArcRwLockReadGuard<$theirs::RawRwLock, $data>;
            pub type Write = $theirs::ArcRwLockWriteGuard<$theirs::RawRwLock, $data>;
            pub type Upgradable = $theirs::ArcRwLockUpgradableReadGuard<$theirs::RawRwLock, $data>;
        }
        compare!(ours, theirs; Mutex, Reentrant, Read, Write, Upgradable)
    }};
}

fn assert_none(differences: Vec<Vec<String>>) {
    let all: Vec<String> = differences.concat();
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn parking_lot_0_12() {
    assert_none(vec![
        compare!(ours_12, theirs_12;
            Condvar, WaitTimeoutResult, Once, OnceState, RawMutex, RawFairMutex, RawRwLock,
            RawThreadId),
        compare_generic!(ours_12, theirs_12, u32;),
        compare_generic!(ours_12, theirs_12, Cell<u32>;),
        compare_generic!(ours_12, theirs_12, SyncNotSend;),
        compare_generic!(ours_12, theirs_12, Rc<u32>;),
        compare_arc!(ours_12, theirs_12, u32),
        compare_arc!(ours_12, theirs_12, Cell<u32>),
    ]);
}

#[test]
fn parking_lot_0_13() {
    macro_rules! generic {
        ($data:ty) => {
            compare_generic!(ours_13, theirs_13, $data;
                RecursiveRwLockReadGuard, RecursiveRwLockWriteGuard,
                RecursiveRwLockUpgradableReadGuard, MappedRecursiveRwLockReadGuard,
                MappedRecursiveRwLockWriteGuard)
        };
    }
    assert_none(vec![
        compare!(ours_13, theirs_13;
            Condvar, WaitTimeoutResult, Once, OnceState, RawMutex, RawFairMutex, RawRwLock,
            RawRwLockRecursive, RawThreadId, RawCondvar, RecursiveRwLock((u32)),
            RecursiveRwLock((Cell<u32>))),
        generic!(u32),
        generic!(Cell<u32>),
        generic!(SyncNotSend),
        generic!(Rc<u32>),
        compare_arc!(ours_13, theirs_13, u32),
        compare_arc!(ours_13, theirs_13, Cell<u32>),
    ]);
}

/// That a difference would be found.
#[test]
fn a_difference_is_a_difference() {
    mod ours {
        pub type Thing = std::rc::Rc<u32>;
    }
    mod theirs {
        pub type Thing = u32;
    }
    let found = compare!(ours, theirs; Thing);
    assert!(found.contains(&"Thing: Send: false instead of true".to_owned()), "{found:?}");
    assert!(found.contains(&"Thing: Copy: false instead of true".to_owned()), "{found:?}");
}

/// What is printed, locked and unlocked.
macro_rules! texts {
    ($lock:ident) => {{
        let mutex = $lock::Mutex::new(1);
        let free = format!("{mutex:?}");
        let guard = mutex.lock();
        let fair = $lock::FairMutex::new(2);
        let rwlock = $lock::RwLock::new(3);
        let read = rwlock.read();
        let reentrant = $lock::ReentrantMutex::new(4);
        let once = $lock::Once::new();
        let before = format!("{once:?}");
        once.call_once(|| ());
        [
            free,
            format!("{mutex:?} {guard:?} {guard}"),
            format!("{fair:?} {:?}", fair.lock()),
            format!("{rwlock:?} {read:?} {read}"),
            format!("{reentrant:?} {:?}", reentrant.lock()),
            format!("{before} {once:?} {:?}", once.state()),
            format!("{:?}", $lock::Condvar::new()),
            format!("{:?} {:?}", $lock::Mutex::<u8>::default(), $lock::RwLock::<u8>::default()),
        ]
    }};
}

#[test]
fn what_is_printed_is_the_same() {
    assert_eq!(texts!(ours_12), texts!(theirs_12));
    assert_eq!(texts!(ours_13), texts!(theirs_13));
}

/// Constructors that must work in statics.
#[test]
fn the_const_constructors_are_const() {
    static MUTEX: ours_12::Mutex<u32> = ours_12::const_mutex(1);
    static FAIR: ours_12::FairMutex<u32> = ours_12::const_fair_mutex(2);
    static RWLOCK: ours_12::RwLock<u32> = ours_12::const_rwlock(3);
    static REENTRANT: ours_12::ReentrantMutex<u32> = ours_12::const_reentrant_mutex(4);
    static CONDVAR: ours_12::Condvar = ours_12::Condvar::new();
    static ONCE: ours_13::Once = ours_13::Once::new_completed();
    static RECURSIVE: ours_13::RecursiveRwLock<u32> = ours_13::RecursiveRwLock::new(5);
    let sum = *MUTEX.lock() + *FAIR.lock() + *RWLOCK.read() + *REENTRANT.lock() + *RECURSIVE.read();
    assert_eq!(sum, 15);
    assert!(!CONDVAR.notify_one() && ONCE.is_completed());
}

/// As the table in ../README.md says.
#[test]
fn the_sizes_are_as_documented() {
    macro_rules! sizes {
        ($lock:ident) => {
            [
                size_of::<$lock::Mutex<()>>(),
                size_of::<$lock::FairMutex<()>>(),
                size_of::<$lock::RwLock<()>>(),
                size_of::<$lock::Condvar>(),
                size_of::<$lock::Once>(),
            ]
        };
    }
    assert_eq!(sizes!(theirs_12), [1, 1, 8, 8, 1]);
    assert_eq!(sizes!(theirs_13), [1, 1, 8, 8, 1]);
    assert_eq!(sizes!(ours_12), [16, 16, 24, 8, 24]);
    assert_eq!(sizes!(ours_13), [16, 16, 24, 8, 24]);
}
