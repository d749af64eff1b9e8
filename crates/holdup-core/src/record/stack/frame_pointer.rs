//! The walk along frame pointers.
//!
//! Where code keeps one, the frame pointer register holds the address of two
//! words on the stack: the caller's frame pointer and, above it, the return
//! address. So do x86-64 and AArch64 both. Where it keeps none the register may
//! hold anything; the walk then ends early or goes astray, and whether it can be
//! trusted is decided elsewhere ([`super::choice`]). It never faults (every read
//! is checked against [`Bounds`]) and always ends: each step must go up the
//! stack, and there are at most `pcs.len()` of them.

use super::arch::{Registers, is_code_address, strip_signature};
use super::bounds::Bounds;

const WORD: usize = size_of::<usize>();

/// Fills `pcs` with return addresses, innermost first, from the frame that
/// `registers` describe; returns how many. About 1 ns for each.
#[inline]
pub(super) fn walk(registers: Registers, pcs: &mut [usize]) -> usize {
    let mut bounds = Bounds::around_running(registers.sp);
    let mut floor = registers.sp;
    let mut frame = registers.fp;
    for (count, slot) in pcs.iter_mut().enumerate() {
        // Strictly rising, or it could go round in circles.
        if frame < floor {
            return count;
        }
        let Some(caller_frame) = bounds.read(frame) else { return count };
        let Some(pc) = bounds.read(frame.wrapping_add(WORD)) else { return count };
        let pc = strip_signature(pc);
        if !is_code_address(pc) {
            return count;
        }
        *slot = pc;
        floor = frame.wrapping_add(2 * WORD);
        frame = caller_frame;
    }
    pcs.len()
}
