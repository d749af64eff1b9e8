//! Every name that is stable in `std::sync` of the oldest Rust we build with.
#![allow(unused_imports, deprecated, reason = "that they are found is the test")]

use super::sync::{
    Arc, Barrier, BarrierWaitResult, Condvar, LazyLock, LockResult, Mutex, MutexGuard, ONCE_INIT,
    Once, OnceLock, OnceState, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    TryLockError, TryLockResult, WaitTimeoutResult, Weak,
    atomic::{self, AtomicBool, AtomicU64, Ordering, fence},
    mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
};
