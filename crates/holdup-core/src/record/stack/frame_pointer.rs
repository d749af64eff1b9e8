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
        let Some([caller_frame, pc]) = bounds.read_pair(frame) else { return count };
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use core::hint::black_box;

    /// What the innermost frame of a known chain does with its frame pointer.
    type Visit = extern "sysv64" fn(fp: usize, data: *mut Captured);

    #[derive(Default)]
    struct Captured {
        limit: usize,
        pcs: Vec<usize>,
    }

    /// Calls itself `depth` times, with frame pointers in any build, then `visit`
    /// with the last of them.
    #[unsafe(naked)]
    extern "sysv64" fn descend(depth: usize, visit: Visit, data: *mut Captured) {
        core::arch::naked_asm!(
            "push rbp",
            "mov rbp, rsp",
            "test rdi, rdi",
            "jz 2f",
            "dec rdi",
            "call {this}",
            "pop rbp",
            "ret",
            "2:",
            "mov rdi, rbp",
            "mov rax, rsi",
            "mov rsi, rdx",
            "call rax",
            "pop rbp",
            "ret",
            this = sym descend,
        )
    }

    extern "sysv64" fn visit(fp: usize, data: *mut Captured) {
        // SAFETY: the test passes its own data.
        let data = unsafe { &mut *data };
        let mut pcs = vec![0; data.limit];
        let count = walk(Registers { pc: 0, sp: fp, fp }, &mut pcs);
        data.pcs.extend(&pcs[..count]);
    }

    fn capture(depth: usize, limit: usize) -> Vec<usize> {
        let mut captured = Captured { limit, ..Captured::default() };
        descend(black_box(depth), visit, &raw mut captured);
        captured.pcs
    }

    #[test]
    fn a_chain_of_frame_pointers_is_walked_exactly() {
        for depth in [1, 2, 22, 300] {
            let pcs = capture(depth, depth + 1);
            assert_eq!(pcs.len(), depth + 1);
            let descends = |pc: &usize| pc.wrapping_sub(descend as *const () as usize) < 64;
            assert!(pcs[..depth].iter().all(|pc| *pc == pcs[0] && descends(pc)), "{pcs:x?}");
            assert!(!descends(&pcs[depth]));
        }
    }

    #[test]
    fn a_chain_that_is_longer_than_the_room_keeps_its_innermost_part() {
        let whole = capture(30, 31);
        assert_eq!(capture(30, 7), whole[..7]);
        assert_eq!(capture(30, 0), []);
    }

    /// Walks from frame pointer `fp` on this very stack.
    fn from(fp: usize) -> Vec<usize> {
        let local = 0_usize;
        let mut pcs = [0; 128];
        let count = walk(Registers { pc: 0, sp: (&raw const local).addr(), fp }, &mut pcs);
        pcs[..count].to_vec()
    }

    #[test]
    fn no_frame_pointer_whatever_makes_the_walk_fault_or_go_on_for_ever() {
        let here = 0_usize;
        let here = (&raw const here).addr();
        for fp in [0, 8, 4096, here - 4096, here + 1, 1 << 47, 1 << 63, usize::MAX, usize::MAX - 7]
        {
            assert_eq!(from(fp), [], "{fp:#x}");
        }
        // Any word of this stack and far above it.
        for fp in (here..here + (64 << 20)).step_by(4096 - 8) {
            from(fp);
        }
        // All orders of magnitude, up and down.
        for bit in 0..64 {
            for low in [0_usize, 8, 0xfff8] {
                from((1 << bit) + low);
                from(here ^ (1 << bit));
                from(here.wrapping_add(1 << bit).wrapping_sub(low));
            }
        }
    }

    #[test]
    fn frame_pointers_in_a_circle_are_walked_once() {
        // Fake frames on this stack: to itself, and to each other.
        let code = from as *const () as usize;
        let mut frames = [[0, code], [0, code], [0, code]];
        let at = frames.each_ref().map(|frame| frame.as_ptr().addr());
        frames[0][0] = at[0];
        black_box(&mut frames);
        assert_eq!(from(at[0]), [code]);
        frames[0][0] = at[1];
        frames[1][0] = at[0];
        black_box(&mut frames);
        assert_eq!(from(at[0]), [code; 2]);
        frames[1][0] = at[2];
        frames[2][0] = at[1];
        black_box(&mut frames);
        assert_eq!(from(at[0]), [code; 3]);
    }
}
