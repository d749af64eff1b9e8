//! Real contention, with names: the first frame of a stack is the function of
//! the program that ended the critical section, however it ended it.
//!
//! Whether a thread is waiting by now cannot be seen from outside, so each
//! case is repeated until the profile has what it should have.

use holdup::profile::{self, Kind, Profile, Sample};
use holdup::{Mutex, MutexGuard, named_mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Holds `lock` while another thread comes for it, ends that by `end`, and does
/// so again until a sample of `class` satisfies `wanted`.
fn contend<'a>(
    lock: &'a Mutex<u64>,
    class: &str,
    end: impl Fn(MutexGuard<'a, u64>),
    wanted: impl Fn(&Sample) -> bool,
) -> (Profile, Sample) {
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    let start = Instant::now();
    loop {
        let coming = AtomicBool::new(false);
        let guard = lock.lock();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                coming.store(true, Ordering::Release);
                *lock.lock() += 1;
            });
            while !coming.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            for _ in 0..1000 {
                std::thread::yield_now();
            }
            end(guard);
        });
        let profile = profile::snapshot().since(&before);
        let found = profile.samples().iter().find(|one| one.lock == class && wanted(one)).cloned();
        if let Some(sample) = found {
            return (profile, sample);
        }
        assert!(start.elapsed() < Duration::from_secs(120), "{:#?}", profile.samples());
    }
}

/// The first function of a stack, without its path: of inlined functions a
/// build with nothing but line tables has no more.
fn culprit(sample: &Sample) -> &str {
    let function = sample.stack.first().map_or("", |frame| frame.function.as_str());
    function.rsplit("::").next().unwrap_or(function)
}

macro_rules! ends {
    ($($test:ident: $class:literal, $function:ident, |$guard:ident| $body:expr;)*) => {$(
        #[inline(never)]
        fn $function($guard: MutexGuard<'_, u64>) {
            std::hint::black_box(&$guard);
            $body;
            // No tail call: the frame of this function stays on the stack. And no
            // code that another one of these functions has, too: the compiler
            // makes one of two that are equal.
            std::hint::black_box($class);
        }

        #[test]
        fn $test() {
            static LOCK: Mutex<u64> = named_mutex!($class, 0);
            let name = stringify!($function);
            let (profile, sample) = contend(&LOCK, $class, $function, |sample| {
                culprit(sample) == name
            });
            assert_eq!(sample.kind, Kind::Blame);
            assert_eq!(sample.stack[0].function, format!("stacks::{name}"));
            assert!(sample.delay > Duration::ZERO && sample.count > 0);
            let file = sample.stack[0].file.as_deref();
            assert!(file.is_some_and(|file| file.ends_with("stacks.rs")), "{file:?}");
            assert!(sample.stack[0].line.is_some());
            assert!(!sample.stack[0].inlined);
            // Below it is who called it, and nothing of ours anywhere.
            let names: Vec<_> = sample.stack.iter().map(|frame| frame.function.as_str()).collect();
            assert!(names.iter().any(|name| name.contains("contend")), "{names:#?}");
            for ours in ["holdup_core::", "holdup::", "<lock_api::", "core::ptr::drop_in_place"] {
                assert!(!names.iter().any(|name| name.starts_with(ours)), "{names:#?}");
            }
            let totals = profile.totals_of($class).unwrap();
            assert!(totals.contentions >= 1 && totals.blamed >= sample.delay);
        }
    )*};
}

ends! {
    a_guard_that_is_dropped_by_hand: "stacks: drop", drops_by_hand, |guard| drop(guard);
    a_guard_that_goes_out_of_scope: "stacks: scope", lets_go_out_of_scope, |guard| { let _moved = guard; };
    a_fair_unlock: "stacks: fair", unlocks_fairly, |guard| MutexGuard::unlock_fair(guard);
    a_bump: "stacks: bump", bumps, |guard| { let mut guard = guard; MutexGuard::bump(&mut guard); };
    a_mapped_guard: "stacks: mapped", drops_a_part, |guard| drop(MutexGuard::map(guard, |all| all));
    a_guard_in_a_box: "stacks: boxed", drops_a_box, |guard| drop(Box::new(guard));
    a_guard_in_an_option: "stacks: option", drops_an_option, |guard| drop(Some(guard));
    a_guard_that_lets_others_in: "stacks: unlocked", unlocks_for_a_while, |guard| {
        let mut guard = guard;
        MutexGuard::unlocked(&mut guard, || ())
    };
}

#[inline(always)]
fn inlined_end(guard: MutexGuard<'_, u64>) {
    drop(guard);
}

#[inline(never)]
fn not_inlined_caller(guard: MutexGuard<'_, u64>) {
    inlined_end(guard);
    std::hint::black_box("no tail call");
}

#[test]
fn an_inlined_culprit_and_its_caller_are_frames_of_their_own() {
    static LOCK: Mutex<u64> = named_mutex!("stacks: inlined", 0);
    let wanted = |sample: &Sample| culprit(sample) == "inlined_end";
    let (_, sample) = contend(&LOCK, "stacks: inlined", not_inlined_caller, wanted);
    let [inlined, caller, ..] = &sample.stack[..] else { panic!("{:#?}", sample.stack) };
    assert!(inlined.inlined && !caller.inlined);
    assert_eq!(inlined.address, caller.address);
    assert_eq!(caller.function, "stacks::not_inlined_caller");
    if cfg!(debug_assertions) {
        assert_eq!(inlined.function, "stacks::inlined_end");
    }
    assert!(inlined.line < caller.line, "{inlined:?} {caller:?}");
}

#[test]
fn a_panic_in_a_critical_section_is_charged_to_the_function_it_left() {
    static LOCK: Mutex<u64> = named_mutex!("stacks: panic", 0);
    #[inline(never)]
    fn panics_inside(guard: MutexGuard<'static, u64>) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _guard = guard;
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(result.is_err());
    }
    let left =
        |sample: &Sample| sample.stack.iter().any(|frame| frame.function.contains("panics_inside"));
    let (_, sample) = contend(&LOCK, "stacks: panic", panics_inside, left);
    assert_eq!(sample.kind, Kind::Blame);
}

#[test]
fn a_lock_without_a_name_is_reported_as_unnamed() {
    static LOCK: Mutex<u64> = Mutex::new(0);
    let (profile, _) = contend(&LOCK, "(unnamed)", drop, |sample| !sample.delay.is_zero());
    assert!(profile.totals_of("(unnamed)").unwrap().contentions >= 1);
    assert!(profile.classes().any(|(name, _)| name == "(unnamed)"));
}

#[test]
fn a_difference_of_snapshots_has_only_what_came_between() {
    static LOCK: Mutex<u64> = named_mutex!("stacks: since", 0);
    let any = |sample: &Sample| sample.kind == Kind::Blame;
    let (first, _) = contend(&LOCK, "stacks: since", drop, any);
    let between = profile::snapshot();
    assert_eq!(profile::snapshot().since(&between).totals_of("stacks: since"), None);
    let (second, _) = contend(&LOCK, "stacks: since", drop, any);
    let all = profile::snapshot();
    let contentions = |profile: &Profile| profile.totals_of("stacks: since").unwrap().contentions;
    assert_eq!(contentions(&all), contentions(&first) + contentions(&second));
    assert_eq!(contentions(&all.since(&between)), contentions(&second));
    assert!(all.since(&between).duration() <= all.duration());
    // The wrong way round nothing is negative.
    assert_eq!(between.since(&all).totals_of("stacks: since"), None);
}
