//! Names for locks.
//!
//! A name is a lock *class*, shared by all locks made with it. A lock stores
//! the class's number, which the compiler computes from the name; the name
//! itself is entered in the core's registry by a constructor: a pointer in
//! the section of the executable that the loader calls through before `main`.
//! So naming works in const context, and costs nothing when the lock is made.

/// A named [`Mutex`](crate::Mutex): all locks made under one name share one
/// line in every report.
///
/// The expression is const, of type `holdup::Mutex<T>`, so it fits a `static`,
/// a field, a local or a `const fn`. The name is a constant `&str`. It may not
/// depend on generic parameters, because it is registered once for the
/// program, not when the expression is evaluated: making a named lock costs
/// what making an unnamed one costs, and it takes no more room.
///
/// ```
/// use holdup::{Mutex, named_mutex};
///
/// static ORDERS: Mutex<Vec<u64>> = named_mutex!("orders", Vec::new());
///
/// struct Account {
///     balance: Mutex<i64>,
/// }
///
/// impl Account {
///     const fn new() -> Account {
///         Account { balance: named_mutex!("account", 0) }
///     }
/// }
///
/// ORDERS.lock().push(7);
/// *Account::new().balance.lock() += 5;
/// ```
#[macro_export]
macro_rules! named_mutex {
    ($name:expr, $value:expr $(,)?) => {
        $crate::Mutex::from_raw($crate::named_raw_mutex!($name), $value)
    };
}

/// A named [`RawMutex`](crate::RawMutex), for the mutexes of other crates that
/// are generic over the raw lock.
///
/// ```
/// // The Mutex of another version of lock_api, with a name.
/// # use lock_api_04 as lock_api;
/// static JOBS: lock_api::Mutex<holdup::RawMutex, u32> =
///     lock_api::Mutex::const_new(holdup::named_raw_mutex!("jobs"), 0);
/// *JOBS.lock() += 1;
/// ```
#[macro_export]
macro_rules! named_raw_mutex {
    ($name:expr $(,)?) => {
        $crate::RawMutex::with_class($crate::__class!($name))
    };
}

/// A named [`RwLock`](crate::RwLock); see [`named_mutex!`](crate::named_mutex).
///
/// ```
/// static PRICES: holdup::RwLock<Vec<u64>> = holdup::named_rwlock!("prices", Vec::new());
/// PRICES.write().push(7);
/// assert_eq!(*PRICES.read(), [7]);
/// ```
#[macro_export]
macro_rules! named_rwlock {
    ($name:expr, $value:expr $(,)?) => {
        $crate::RwLock::from_raw($crate::named_raw_rwlock!($name), $value)
    };
}

/// A named [`RawRwLock`](crate::RawRwLock), for the locks of other crates that
/// are generic over the raw lock.
///
/// ```
/// // The RwLock of another version of lock_api, with a name.
/// # use lock_api_04 as lock_api;
/// static ROUTES: lock_api::RwLock<holdup::RawRwLock, u32> =
///     lock_api::RwLock::const_new(holdup::named_raw_rwlock!("routes"), 0);
/// *ROUTES.write() += 1;
/// ```
#[macro_export]
macro_rules! named_raw_rwlock {
    ($name:expr $(,)?) => {
        <$crate::RawRwLock>::with_class($crate::__class!($name))
    };
}

/// A named [`FairMutex`](crate::FairMutex); as [`named_mutex!`].
///
/// ```
/// use holdup::{FairMutex, named_fair_mutex};
/// static TICKETS: FairMutex<u32> = named_fair_mutex!("tickets", 0);
/// *TICKETS.lock() += 1;
/// ```
#[macro_export]
macro_rules! named_fair_mutex {
    ($name:expr, $value:expr $(,)?) => {
        $crate::FairMutex::from_raw(
            $crate::RawFairMutex::with_class($crate::__class!($name)),
            $value,
        )
    };
}

/// A named [`ReentrantMutex`](crate::ReentrantMutex); as [`named_mutex!`].
///
/// ```
/// use holdup::{ReentrantMutex, named_reentrant_mutex};
/// use std::cell::Cell;
/// static DEPTH: ReentrantMutex<Cell<u32>> = named_reentrant_mutex!("depth", Cell::new(0));
/// DEPTH.lock().set(1);
/// ```
#[macro_export]
macro_rules! named_reentrant_mutex {
    ($name:expr, $value:expr $(,)?) => {
        $crate::ReentrantMutex::from_raw(
            $crate::named_raw_mutex!($name),
            $crate::RawThreadId,
            $value,
        )
    };
}

/// A named [`Once`](crate::Once): who waits for its initializer shows up in
/// reports under this name.
///
/// ```
/// use holdup::{Once, named_once};
/// static TABLES: Once = named_once!("tables");
/// TABLES.call_once(|| ());
/// ```
#[macro_export]
macro_rules! named_once {
    ($name:expr $(,)?) => {
        $crate::Once::with_class($crate::__class!($name))
    };
}

/// Names a lock of [`holdup::sync`](crate::sync): write it around the
/// constructor, `Type::new(…)`. All locks made under one name share one line in
/// every report.
///
/// Works for `Mutex`, `RwLock`, `Once`, `OnceLock`, `LazyLock` and `Barrier`.
/// What [`named_mutex!`](crate::named_mutex) says about const contexts, names and
/// cost is true here.
///
/// ```
/// use holdup::named;
/// use holdup::sync::{self, LazyLock, Mutex};
///
/// static ORDERS: Mutex<Vec<u64>> = named!("orders", Mutex::new(Vec::new()));
/// static TABLE: LazyLock<Vec<u8>> = named!("table", LazyLock::new(|| vec![0; 64]));
/// static PRICES: sync::RwLock<u64> = named!("prices", sync::RwLock::new(3));
///
/// ORDERS.lock().unwrap().push(TABLE.len() as u64 * *PRICES.read().unwrap());
/// ```
// Not a method of the value: what the place expects, such as a `fn` instead of
// a closure, would not reach the constructor's argument.
#[macro_export]
macro_rules! named {
    ($name:expr, $lock:ident::new($($value:expr)? $(,)?) $(,)?) => {
        $lock::__named($crate::__class!($name) $(, $value)?)
    };
    ($name:expr, $a:ident::$lock:ident::new($($value:expr)? $(,)?) $(,)?) => {
        $a::$lock::__named($crate::__class!($name) $(, $value)?)
    };
    ($name:expr, $a:ident::$b:ident::$lock:ident::new($($value:expr)? $(,)?) $(,)?) => {
        $a::$b::$lock::__named($crate::__class!($name) $(, $value)?)
    };
}

/// The class of a name, registered before `main`. What the other macros are
/// made of, and no part of the interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __class {
    ($name:expr) => {{
        static REGISTRATION: $crate::__private::Registration =
            $crate::__private::Registration::new($name);
        // The loader calls through each pointer in this section before `main`.
        // `used` keeps it in the program although nothing refers to it.
        #[used]
        #[cfg_attr(
            any(target_vendor = "apple"),
            unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")
        )]
        #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
        #[cfg_attr(
            not(any(target_vendor = "apple", windows)),
            unsafe(link_section = ".init_array")
        )]
        static CONSTRUCTOR: extern "C" fn() = {
            extern "C" fn enter() {
                $crate::__private::register(&REGISTRATION);
            }
            enter
        };
        $crate::__private::ClassId::of($name)
    }};
}
