//! Which way stacks are walked, where the platform's code keeps frame pointers
//! and there is no other way to compare them with: along frame pointers.

use super::Method;
use super::arch::Registers;
use super::frame_pointer;
use core::hint::black_box;

/// The only way there is.
pub(super) fn method() -> Method {
    Method::FramePointers
}

/// The stack of the caller.
#[inline(always)]
pub(super) fn capture(pcs: &mut [usize]) -> usize {
    let registers = Registers::of_caller();
    // The walk must not be the last thing the function does, or the compiler
    // may give up the frame that the walk starts from.
    black_box(frame_pointer::walk(registers, pcs))
}

/// The stack of the caller, if `method` is the way there is.
#[inline(always)]
pub(super) fn capture_by(method: Method, pcs: &mut [usize]) -> usize {
    if method == Method::FramePointers { capture(pcs) } else { 0 }
}
