//! Which traits each type has.

use super::sync::{
    Barrier, BarrierWaitResult, Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, OnceState,
    RwLock, RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult,
};
use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// `module::Probe<T>::IS` says whether `T` has the trait: the inherent constant
/// exists only then, and goes before the one of the trait.
macro_rules! probes {
    ($($module:ident: $trait:path;)*) => {$(
        mod $module {
            #[allow(unused_imports, reason = "some are in the prelude")]
            use super::*;

            pub struct Probe<T: ?Sized>(std::marker::PhantomData<T>);

            pub trait Otherwise {
                const IS: bool = false;
            }

            impl<T: ?Sized> Otherwise for Probe<T> {}

            #[allow(dead_code, reason = "of traits that no type here has")]
            impl<T: ?Sized + $trait> Probe<T> {
                pub const IS: bool = true;
            }
        }
    )*

        /// What `T` has, for each type written between the parentheses.
        macro_rules! rows {
            ($table:ident: $type:ty) => {$({
                #[allow(unused_imports, reason = "of traits that this type has")]
                use $module::Otherwise as _;
                let row = concat!(stringify!($type), ":", stringify!($trait)).replace(' ', "");
                $table.push((row, $module::Probe::<$type>::IS));
            })*};
        }
    };
}

probes! {
    send: Send;
    sync: Sync;
    unpin: Unpin;
    unwind_safe: UnwindSafe;
    ref_unwind_safe: RefUnwindSafe;
    debug: Debug;
    display: Display;
    default: Default;
    clone: Clone;
    copy: Copy;
    eq: Eq;
    from_u8: From<u8>;
}

macro_rules! rows_of_data {
    ($table:ident: $($data:ty),* $(,)?) => {$(
        rows!($table: Mutex<$data>);
        rows!($table: MutexGuard<'static, $data>);
        rows!($table: RwLock<$data>);
        rows!($table: RwLockReadGuard<'static, $data>);
        rows!($table: RwLockWriteGuard<'static, $data>);
        rows!($table: OnceLock<$data>);
        rows!($table: LazyLock<$data>);
        rows!($table: LazyLock<u8, $data>);
    )*};
}

pub fn table() -> Vec<(String, bool)> {
    let mut table = Vec::new();
    rows_of_data! { table:
        u8,
        Cell<u8>,
        Rc<u8>,
        *mut u8,
        &'static mut u8,
        &'static Cell<u8>,
        PhantomPinned,
        std::sync::MutexGuard<'static, u8>,
        Box<dyn Send>,
        Box<dyn Sync>,
    }
    rows!(table: Mutex<[u8]>);
    rows!(table: Mutex<dyn Send>);
    rows!(table: RwLock<dyn Send>);
    rows!(table: RwLock<dyn Sync>);
    rows!(table: RwLockReadGuard<'static, dyn Sync>);
    rows!(table: Barrier);
    rows!(table: BarrierWaitResult);
    rows!(table: Condvar);
    rows!(table: Once);
    rows!(table: OnceState);
    rows!(table: WaitTimeoutResult);
    table
}
