//! Which way stacks are walked.
//!
//! Frame pointers are faster but wrong wherever code keeps none: a function
//! without them hides its caller, silently. A compiler can be told to keep them
//! (`-C force-frame-pointers=yes`), std is compiled so, the C library may not be;
//! nothing in a program says. So it is found out:
//!
//! 1. At first use, a **self-test** captures a chain of functions of this crate
//!    both ways. If frame pointers do not find exactly the chain, they are out: the
//!    user's crates are compiled like this one or with fewer. If unwind rules do not
//!    (a program linked without them), they are out.
//! 2. Otherwise the first [`TRIAL`] real captures are made both ways and compared
//!    in full, over the user's code. The stack by frame pointers may lack the last
//!    [`START_UP`] frames at the outer end, libc's code that starts programs and
//!    threads, nothing else. One that does not agree, and frame pointers are out
//!    for good; until then, and whenever they disagree, the unwind rules are right.
//! 3. If all agreed, frame pointers it is. Still each thread's first capture and
//!    every [`INTERVAL`]th after that is compared. So however rare the stacks are
//!    that frame pointers get wrong, on average no more than `INTERVAL` of
//!    them get by in the life of a program before one is caught and the rules are
//!    used from then on.

use super::Method;
use super::arch::Registers;
use super::{frame_pointer, rules};
use core::cell::Cell;
use core::hint::black_box;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Captures that are compared before frame pointers are used alone.
const TRIAL: u32 = 32;

/// Each thread compares one capture in so many, if frame pointers are used.
const INTERVAL: u32 = 16;

/// Outer frames that frame pointers may lack: `__libc_start_main` and `_start`,
/// or `clone3`. The C library sets the chain's end where it has no frame pointers.
const START_UP: usize = 2;

/// Frames that are compared; agreement so far inward is agreement.
const COMPARED: usize = 64;

/// The state of the choice. Only ever goes down this list, from the first two.
const UNDECIDED: u8 = 0;
const TRYING: u8 = 1;
const FRAME_POINTERS: u8 = 2;
const FRAME_POINTERS_ONLY: u8 = 3;
const UNWIND_RULES: u8 = 4;

// Relaxed throughout: the state says what to try, and any answer is sound.
static STATE: AtomicU8 = AtomicU8::new(UNDECIDED);
static AGREED: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Captures of this thread by frame pointers. Without a destructor.
    static CAPTURES: Cell<u32> = const { Cell::new(0) };
}

/// The way that is used now; decides what can be decided without a real stack.
pub(super) fn method() -> Method {
    match state() {
        FRAME_POINTERS | FRAME_POINTERS_ONLY => Method::FramePointers,
        _ => Method::UnwindRules,
    }
}

/// The stack of the caller, in the way that was chosen.
#[inline(always)]
pub(super) fn capture(pcs: &mut [usize]) -> usize {
    from_here(walk, pcs)
}

/// The stack of the caller, in the way that `method` says.
#[inline(always)]
pub(super) fn capture_by(method: Method, pcs: &mut [usize]) -> usize {
    match method {
        Method::FramePointers => from_here(frame_pointer::walk, pcs),
        Method::UnwindRules => from_here(rules::walk, pcs),
        Method::None => 0,
    }
}

/// A walk from the frame of the function that this is inlined into.
#[inline(always)]
fn from_here(walk: impl FnOnce(Registers, &mut [usize]) -> usize, pcs: &mut [usize]) -> usize {
    let registers = Registers::of_caller();
    // The walk must not be the last thing the function does, or the compiler
    // may give up the frame that the walk starts from.
    black_box(walk(registers, pcs))
}

/// Walks the stack from `registers` in the way that was chosen.
#[inline]
fn walk(registers: Registers, pcs: &mut [usize]) -> usize {
    match STATE.load(Ordering::Relaxed) {
        UNWIND_RULES => rules::walk(registers, pcs),
        FRAME_POINTERS if !is_turn_to_compare() => frame_pointer::walk(registers, pcs),
        _ => walk_with_care(registers, pcs),
    }
}

/// Whether this thread's next capture is to be compared.
fn is_turn_to_compare() -> bool {
    CAPTURES.with(|captures| {
        let count = captures.get();
        captures.set(count.wrapping_add(1));
        count % INTERVAL == 0
    })
}

/// [`walk`] while it is not settled, and when it is verified.
#[cold]
#[inline(never)]
fn walk_with_care(registers: Registers, pcs: &mut [usize]) -> usize {
    match state() {
        UNWIND_RULES => rules::walk(registers, pcs),
        FRAME_POINTERS_ONLY => frame_pointer::walk(registers, pcs),
        state => {
            let by_rules = rules::walk(registers, pcs);
            let mut compared = [0; COMPARED];
            let length = COMPARED.min(pcs.len());
            let by_frames = frame_pointer::walk(registers, &mut compared[..length]);
            if !agree(&compared[..by_frames], &pcs[..by_rules], length) {
                STATE.store(UNWIND_RULES, Ordering::Relaxed);
                return by_rules;
            }
            if state == TRYING && AGREED.fetch_add(1, Ordering::Relaxed) + 1 >= TRIAL {
                // Not over a disagreement that another thread has met.
                let _ = STATE.compare_exchange(
                    TRYING,
                    FRAME_POINTERS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
            }
            // The same stack always comes out the same, compared or not.
            frame_pointer::walk(registers, pcs)
        }
    }
}

/// Whether the stack `by_frames` (cut off at `limit`) is the one `by_rules`, but
/// for start-up code.
fn agree(by_frames: &[usize], by_rules: &[usize], limit: usize) -> bool {
    let common = by_frames.len();
    by_rules.get(..common) == Some(by_frames)
        && (common == limit || by_rules.len() - common <= START_UP)
}

/// The state, decided as far as the self-test can.
fn state() -> u8 {
    match STATE.load(Ordering::Relaxed) {
        UNDECIDED => {
            let found = self_test();
            // Another thread may have been faster, and further.
            match STATE.compare_exchange(UNDECIDED, found, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => found,
                Err(state) => state,
            }
        }
        state => state,
    }
}

/// Captures a known chain both ways.
#[cold]
fn self_test() -> u8 {
    let frames = finds_chain(frame_pointer::walk);
    let rules = finds_chain(rules::walk);
    match (frames, rules) {
        (true, true) => TRYING,
        (true, false) => FRAME_POINTERS_ONLY,
        // If neither does, the rules at least know where they end.
        (false, _) => UNWIND_RULES,
    }
}

type Walk = fn(Registers, &mut [usize]) -> usize;

/// Calls within each other in the self-test.
const CHAIN: usize = 6;

/// Whether `walk` finds a chain of calls, each to the next and no other.
#[inline(never)]
fn finds_chain(walk: Walk) -> bool {
    let mut pcs = [0; CHAIN + 4];
    let count = chain(CHAIN, walk, &mut pcs);
    // The innermost call of the chain is to `walk`'s caller, from another place
    // than the calls of the chain to itself, which are all from the same; and
    // that of this function is from yet another.
    let [_, calls @ .., outer, _, _] = &pcs;
    count >= CHAIN + 2
        && calls.iter().all(|pc| *pc == calls[0] && is_near(*pc, chain as *const () as usize))
        && *outer != calls[0]
        && is_near(*outer, finds_chain as *const () as usize)
}

/// A chain of `depth` calls of itself, then a walk. Its return address in its
/// own code is found `depth` times.
#[inline(never)]
fn chain(depth: usize, walk: Walk, pcs: &mut [usize]) -> usize {
    let count =
        if depth == 0 { walk_here(walk, pcs) } else { chain(black_box(depth - 1), walk, pcs) };
    // Neither call is the last thing this function does, so both have frames.
    black_box(count)
}

/// A walk that starts in this function's own frame.
#[inline(never)]
fn walk_here(walk: Walk, pcs: &mut [usize]) -> usize {
    from_here(walk, pcs)
}

/// Whether `pc` is in a small function that begins at `start`.
fn is_near(pc: usize, start: usize) -> bool {
    pc.wrapping_sub(start) < 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwind_rules_find_the_chain() {
        assert!(finds_chain(rules::walk));
    }

    #[test]
    fn a_walk_that_skips_or_adds_a_frame_fails_the_self_test() {
        fn skipping(registers: Registers, pcs: &mut [usize]) -> usize {
            let count = rules::walk(registers, pcs);
            pcs.copy_within(2.., 1);
            count - 1
        }
        fn doubling(registers: Registers, pcs: &mut [usize]) -> usize {
            let count = rules::walk(registers, pcs);
            let last = pcs.len() - 1;
            pcs.copy_within(2..last, 3);
            count
        }
        fn ending(registers: Registers, pcs: &mut [usize]) -> usize {
            rules::walk(registers, pcs).min(2)
        }
        for walk in [skipping, doubling, ending] as [Walk; 3] {
            assert!(!finds_chain(walk));
        }
    }

    #[test]
    fn stacks_agree_if_they_differ_in_start_up_code_alone() {
        let rules = [1, 2, 3, 4, 5, 6];
        assert!(agree(&rules, &rules, 64));
        assert!(agree(&rules[..4], &rules, 64));
        assert!(!agree(&rules[..3], &rules, 64), "too much is missing");
        assert!(agree(&rules[..3], &rules, 3), "cut off");
        assert!(!agree(&[1, 3, 4, 5, 6], &rules, 64), "a frame is missing");
        assert!(!agree(&[1, 2, 3, 4, 5, 6, 7], &rules, 64), "a frame too many");
    }

    #[test]
    fn the_choice_is_made_by_the_self_test() {
        let method = method();
        if !finds_chain(frame_pointer::walk) {
            assert_eq!(method, Method::UnwindRules);
        }
    }
}
