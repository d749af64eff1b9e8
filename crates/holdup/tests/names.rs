//! What `named_mutex!` promises, in a crate that forbids unsafe code.
#![forbid(unsafe_code)]

use holdup::{Mutex, RawMutex, named_mutex};
use std::collections::BTreeSet;

static STATIC: Mutex<Vec<u8>> = named_mutex!("names: static", Vec::new());
const NAME: &str = "names: from a const";
static FROM_A_CONST: Mutex<()> = named_mutex!(NAME, ());
static ARRAY: [Mutex<u8>; 3] = [const { named_mutex!("names: const", 7) }; 3];

struct Fields {
    first: Mutex<i32>,
    second: Mutex<&'static str>,
}

const fn in_a_const_fn(value: i32) -> Fields {
    Fields {
        first: named_mutex!("names: first field", value),
        second: named_mutex!("names: second field", "text"),
    }
}

static FIELDS: Fields = in_a_const_fn(5);

fn in_a_generic_function<T: Default>(value: Option<T>) -> Mutex<T> {
    named_mutex!("names: generic", value.unwrap_or_default())
}

/// The names the registry holds now. `holdup` has no reason to publish the
/// registry itself; its hidden module is what the macro uses.
fn registered() -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    holdup_core::class::for_each(|_, name| {
        names.insert(name);
    });
    names
}

#[test]
fn names_are_registered_before_main_wherever_the_lock_is_made() {
    // Nothing in this function touches the locks, so constructors did it.
    let names = registered();
    for name in [
        "names: static",
        NAME,
        "names: first field",
        "names: second field",
        "names: generic",
        "names: const",
    ] {
        assert!(names.contains(name), "{name:?} is missing in {names:?}");
    }
}

#[test]
fn names_in_a_library_survive_the_linker() {
    assert_eq!(holdup_test_names_in_rlib::local(), 3);
    *holdup_test_names_in_rlib::USED.lock() += 1;
    let names = registered();
    for name in ["rlib: used static", "rlib: local", "rlib: unused static"] {
        assert!(names.contains(name), "{name:?} is missing in {names:?}");
    }
}

#[test]
fn a_named_mutex_is_a_mutex_like_any_other() {
    STATIC.lock().push(1);
    FIELDS.first.lock().clone_from(&6);
    assert_eq!((*FIELDS.first.lock(), *FIELDS.second.lock()), (6, "text"));
    assert_eq!(*in_a_generic_function::<u64>(None).lock(), 0);
    assert_eq!(*in_a_generic_function(Some("x")).lock(), "x");
    *ARRAY[1].lock() += 1;
    assert_eq!(ARRAY.each_ref().map(|one| *one.lock()), [7, 8, 7]);
    *FROM_A_CONST.lock() = ();
    // Not `Copy`, and moved into the lock: the value is evaluated once.
    let owned = String::from("owned");
    let local: Mutex<String> = named_mutex!("names: local", owned,);
    assert_eq!(local.into_inner(), "owned");
}

mod std_faced {
    use holdup::named;
    use holdup::sync::{self, Barrier, LazyLock, Mutex, Once, OnceLock, RwLock};

    pub static MUTEX: Mutex<Vec<u8>> = named!("names: sync mutex", Mutex::new(Vec::new()));
    pub static RWLOCK: RwLock<u8> = named!("names: sync rwlock", RwLock::new(1));
    pub static ONCE: Once = named!("names: sync once", sync::Once::new());
    pub static CELL: OnceLock<u8> = named!("names: sync once lock", holdup::sync::OnceLock::new());
    pub static LAZY: LazyLock<u8> = named!("names: sync lazy lock", LazyLock::new(|| 2));
    pub static BARRIER: Barrier = named!("names: sync barrier", Barrier::new(1));

    pub const fn in_a_const_fn<T>(value: T) -> Mutex<T> {
        named!("names: sync const fn", Mutex::new(value,),)
    }

    pub fn of_a_closure(value: u8) -> Mutex<Box<dyn Fn() -> u8>> {
        named!("names: sync closure", Mutex::new(Box::new(move || value)))
    }
}

#[test]
fn every_std_faced_lock_takes_a_name_where_it_is_made() {
    use std_faced::*;
    let names = registered();
    for kind in
        ["mutex", "rwlock", "once", "once lock", "lazy lock", "barrier", "const fn", "closure"]
    {
        assert!(names.contains(&*format!("names: sync {kind}")), "{kind} is missing in {names:?}");
    }
    MUTEX.lock().unwrap().push(3);
    ONCE.call_once(|| assert!(CELL.set(*LAZY).is_ok()));
    assert_eq!((*RWLOCK.read().unwrap(), CELL.get(), ONCE.is_completed()), (1, Some(&2), true));
    assert!(BARRIER.wait().is_leader());
    assert_eq!(of_a_closure(4).lock().unwrap()(), 4);
    assert_eq!(in_a_const_fn(String::from("owned")).into_inner().unwrap(), "owned");
}

#[test]
fn a_name_takes_no_room() {
    assert_eq!(size_of::<Mutex<()>>(), size_of::<RawMutex>());
    assert!(size_of::<RawMutex>() <= 16);
}
