//! Cuts the frames that belong to the lock, not to its user, from the top of
//! a stack: the first frame that is left is the function that ended the
//! critical section.

use super::Frame;

/// What comes between a user's function and the end of a critical section,
/// by the path a name starts with.
const OURS: &[&str] = &[
    "holdup_core::",
    // Not `holdup::`: a program may have that name, too. These modules of the
    // crate are all that runs when a lock is released.
    "holdup::raw_mutex::",
    "holdup::raw_rwlock::",
    "holdup::rwlock::",
    "holdup::reentrant_mutex::",
    "holdup::condvar::",
    "holdup::fair_mutex::",
    "holdup::once::",
    "holdup::sync::",
    // The typed face, both versions, and the stand-ins for parking_lot.
    "lock_api::",
    "parking_lot::",
    // How a guard ends: dropped by hand, or by the compiler's glue. That the
    // glue may be of a type around the guard makes no difference.
    "core::mem::drop",
    "core::mem::manually_drop::",
    "core::ptr::drop_in_place",
    "core::ptr::drop_glue",
    // How C++ comes to pthread's locks, in programs that `holdup run` ran.
    "__gthread_",
    "std::mutex::",
    "std::timed_mutex::",
    "std::recursive_mutex::",
    "std::recursive_timed_mutex::",
    "std::shared_mutex::",
    "std::shared_timed_mutex::",
    "std::lock_guard",
    "std::unique_lock",
    "std::scoped_lock",
    "std::shared_lock",
    "std::condition_variable",
    "std::__timed_mutex_impl",
    "std::__shared_mutex_pthread::",
];

/// Builds with `debug = "line-tables-only"` have no paths for functions that
/// were inlined, only bare names and files. These are ours, by the package
/// (the name of its directory, maybe with a version) and what the path in it
/// begins with.
const OUR_FILES: &[(&str, &str)] = &[
    ("holdup-core", ""),
    ("holdup", "raw_mutex.rs"),
    ("holdup", "raw_rwlock"),
    ("holdup", "rwlock"),
    ("holdup", "reentrant_mutex"),
    ("holdup", "condvar.rs"),
    ("holdup", "fair_mutex.rs"),
    ("holdup", "once.rs"),
    ("holdup", "sync/"),
    ("lock_api", ""),
    ("parking_lot", ""),
];

/// The same for what the standard library has: file and name.
const STD_FUNCTIONS: &[(&str, &str)] = &[
    ("core/src/mem/mod.rs", "drop"),
    ("core/src/mem/manually_drop.rs", "drop"),
    ("core/src/ptr/mod.rs", "drop_in_place"),
    ("core/src/ptr/mod.rs", "drop_glue"),
];

/// Whether a function is one of those between a user's and a lock.
pub(super) fn is_between(frame: &Frame) -> bool {
    is_ours(frame)
}

/// The frames from the first one on that is the user's; all of them if none
/// is.
pub(super) fn cut(mut stack: Vec<Frame>) -> Vec<Frame> {
    let ours = stack.iter().take_while(|frame| is_ours(frame)).count();
    if ours < stack.len() {
        stack.drain(..ours);
    }
    stack
}

fn is_ours(frame: &Frame) -> bool {
    // `<lock_api::mutex::MutexGuard<R, T> as core::ops::drop::Drop>::drop`
    // is where its type is.
    let path = frame.function.trim_start_matches(['<', '&', '*']);
    if OURS.iter().any(|prefix| path.starts_with(prefix)) {
        return true;
    }
    let bare = path.split('<').next().unwrap_or(path);
    match &frame.file {
        Some(file) if !bare.contains("::") => is_our_file(&file.replace('\\', "/"), bare),
        _ => false,
    }
}

fn is_our_file(file: &str, function: &str) -> bool {
    if STD_FUNCTIONS.contains(&(tail(file, 4), function)) {
        return true;
    }
    OUR_FILES.iter().any(|(package, inside)| {
        file.match_indices("/src/").any(|(at, source)| {
            let directory = file[..at].rsplit('/').next().unwrap_or("");
            let version = directory.strip_prefix(package);
            let is_package = version.is_some_and(|version| {
                version.is_empty()
                    || version.strip_prefix('-').is_some_and(|version| {
                        version.starts_with(|digit: char| digit.is_ascii_digit())
                    })
            });
            let rest = &file[at + source.len()..];
            is_package && rest.starts_with(inside)
        })
    })
}

/// The last `count` components of a path.
fn tail(path: &str, count: usize) -> &str {
    path.rmatch_indices('/').nth(count - 1).map_or(path, |(at, _)| &path[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &[&str]) -> Vec<Frame> {
        let frame = |function: &&str| Frame {
            function: (*function).into(),
            file: None,
            line: None,
            address: 1,
            inlined: false,
        };
        functions.iter().map(frame).collect()
    }

    fn cut_names(functions: &[&str]) -> Vec<String> {
        cut(stack(functions)).into_iter().map(|frame| frame.function.into()).collect()
    }

    #[test]
    fn the_first_frame_left_is_the_users() {
        let user = ["app::Cache::evict", "app::main"];
        for ours in [
            "holdup_core::raw::mutex::RawMutex::unlock_slow",
            "<holdup::raw_mutex::RawMutex as lock_api::mutex::RawMutex>::unlock",
            "<holdup::raw_rwlock::RawRwLock as lock_api::rwlock::RawRwLock>::unlock_shared",
            "<holdup::sync::mutex::MutexGuard<T> as core::ops::drop::Drop>::drop",
            "holdup::sync::once_lock::OnceLock<T>::get_or_init",
            "<holdup::sync::lazy_lock::LazyLock<T, F> as core::ops::deref::Deref>::deref",
            "<lock_api::mutex::MutexGuard<R,T> as core::ops::drop::Drop>::drop",
            "<lock_api::mutex::MutexGuard<R, T>>::unlock_fair",
            "core::ptr::drop_in_place<lock_api::mutex::MutexGuard<holdup::raw_mutex::RawMutex,u32>>",
            "core::ptr::drop_in_place::<core::option::Option<app::Token>>",
            "core::mem::drop",
            "core::mem::drop::<lock_api::mutex::MutexGuard<holdup::raw_mutex::RawMutex, u32>>",
            "parking_lot::mutex::Mutex::force_unlock",
        ] {
            assert_eq!(cut_names(&[ours, ours, user[0], user[1]]), user, "{ours}");
        }
    }

    #[test]
    fn the_users_own_code_stays() {
        for function in [
            "holdup::demo::prune",
            "holdup_corelib::work",
            "<app::Guard as core::ops::drop::Drop>::drop",
            "app::with_lock<lock_api::mutex::MutexGuard<holdup::raw_mutex::RawMutex,u32>>",
            "core::ops::function::FnOnce::call_once",
            "alloc::sync::Arc<T,A>::drop_slow",
        ] {
            assert_eq!(cut_names(&[function, "core::mem::drop"])[0], function);
        }
    }

    #[test]
    fn bare_names_are_told_apart_by_their_files() {
        let bare = |function: &str, file: &str| {
            let file = Some(file.into());
            Frame { file, ..stack(&[function]).remove(0) }
        };
        for (function, file) in [
            ("unlock", "/w/crates/holdup-core/src/raw/mutex.rs"),
            ("unlock", "/r/registry/src/i/holdup-core-0.1.0/src/raw/mutex.rs"),
            ("unlock", "crates/holdup/src/raw_mutex.rs".trim_start_matches("crates")),
            ("unlock", "/r/registry/src/i/holdup-1.2.3/src/raw_mutex.rs"),
            ("run", "/w/crates/holdup/src/sync/once.rs"),
            ("drop<holdup::raw_mutex::RawMutex, u32>", "/r/src/i/lock_api-0.5.0/src/mutex.rs"),
            ("drop<app::Guard>", "/rustc/59807616e1fa/library/core/src/mem/mod.rs"),
            ("drop_in_place<app::Guard>", "/rustc/59807616e1fa/library/core/src/ptr/mod.rs"),
            ("unlock", r"C:\r\src\i\lock_api-0.5.0\src\mutex.rs"),
        ] {
            assert!(is_ours(&bare(function, file)), "{function} in {file}");
        }
        for (function, file) in [
            ("drop", "/home/me/app/src/main.rs"),
            ("drop<app::Guard>", "/home/me/mem/mod.rs"),
            ("swap<u8>", "/rustc/59807616e1fa/library/core/src/mem/mod.rs"),
            ("prune", "/w/crates/holdup/src/demo.rs"),
            ("prune", "/w/app/src/sync/once.rs"),
            ("prune", "/w/crates/holdup-cli/src/raw_mutex.rs"),
            ("prune", "/w/holdup-core-tools/src/main.rs"),
            ("app::unlock", "/r/src/i/lock_api-0.5.0/src/mutex.rs"),
            ("prune", ""),
        ] {
            assert!(!is_ours(&bare(function, file)), "{function} in {file}");
        }
    }

    #[test]
    fn a_stack_of_nothing_but_ours_stays_whole() {
        let all = ["holdup_core::raw::unlock", "core::mem::drop"];
        assert_eq!(cut_names(&all), all);
        assert!(cut_names(&[]).is_empty());
    }
}
