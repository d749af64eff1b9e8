//! Cuts the frames that belong to the lock, not to its user, from the top of
//! a stack: the first frame that is left is the function that ended the
//! critical section.

use super::Frame;

/// What comes between a user's function and the end of a critical section,
/// by the path a name starts with.
const OURS: &[&str] = &[
    "holdup_core::",
    // Not `holdup::`: a program may have that name, too. This module of the
    // crate is all that runs when a lock is released.
    "holdup::raw_mutex::",
    // The typed face, both versions, and the stand-ins for parking_lot.
    "lock_api::",
    "parking_lot::",
    // How a guard ends: dropped by hand, or by the compiler's glue. That the
    // glue may be of a type around the guard makes no difference.
    "core::mem::drop",
    "core::mem::manually_drop::",
    "core::ptr::drop_in_place",
    "core::ptr::drop_glue",
];

/// The frames from the first one on that is the user's; all of them if none
/// is.
pub(super) fn cut(mut stack: Vec<Frame>) -> Vec<Frame> {
    let ours = stack.iter().take_while(|frame| is_ours(&frame.function)).count();
    if ours < stack.len() {
        stack.drain(..ours);
    }
    stack
}

fn is_ours(function: &str) -> bool {
    // `<lock_api::mutex::MutexGuard<R, T> as core::ops::drop::Drop>::drop`
    // is where its type is.
    let path = function.trim_start_matches(['<', '&', '*']);
    OURS.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &[&str]) -> Vec<Frame> {
        let frame = |function: &&str| Frame {
            function: (*function).to_owned(),
            file: None,
            line: None,
            address: 1,
            inlined: false,
        };
        functions.iter().map(frame).collect()
    }

    fn cut_names(functions: &[&str]) -> Vec<String> {
        cut(stack(functions)).into_iter().map(|frame| frame.function).collect()
    }

    #[test]
    fn the_first_frame_left_is_the_users() {
        let user = ["app::Cache::evict", "app::main"];
        for ours in [
            "holdup_core::raw::mutex::RawMutex::unlock_slow",
            "<holdup::raw_mutex::RawMutex as lock_api::mutex::RawMutex>::unlock",
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
    fn a_stack_of_nothing_but_ours_stays_whole() {
        let all = ["holdup_core::raw::unlock", "core::mem::drop"];
        assert_eq!(cut_names(&all), all);
        assert!(cut_names(&[]).is_empty());
    }
}
