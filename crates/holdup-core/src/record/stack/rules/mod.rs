//! The walk along unwind rules.
//!
//! The compiler describes each function's frames in `.eh_frame`, for exceptions
//! and panics. Of that the walk needs little: where the caller's frame begins and
//! where its frame pointer was saved. So:
//!
//! 1. [`cache`]: the rule for an address in the code, one or two loads;
//! 2. on a miss, [`module`] finds the program or library with that address, and
//! 3. [`eh_frame`] evaluates its description to a [`rule`].
//!
//! Nothing here is trusted: reads of the stack are checked against [`Bounds`],
//! each frame must be farther up the stack than the last one, and there are at
//! most `pcs.len()` of them. Only a signal frame may lead to another stack
//! (`sigaltstack`), whose bounds are then found anew.
//!
//! Code without a rule (generated at run time, or assembly without annotations)
//! is crossed by its frame pointer, if that is one.

use super::arch::{Registers, is_code_address};
use super::bounds::Bounds;
use rule::{Kind, Rule};

mod cache;
mod eh_frame;
mod maps;
mod module;
mod rule;

const WORD: usize = size_of::<usize>();

/// Signal frames that one walk crosses. Handlers that interrupt each other are
/// rarely more than two, and each may lead to a stack whose pages are tried.
const SIGNAL_FRAMES: u32 = 8;

/// Where the interrupted registers are in the `ucontext_t` of a signal frame:
/// `offsetof(ucontext_t, uc_mcontext.gregs[REG_...])` in Linux's ABI for x86-64.
mod context {
    pub(super) const FRAME_POINTER: usize = 120;
    pub(super) const STACK_POINTER: usize = 160;
    pub(super) const PC: usize = 168;
}

/// Fills `pcs` with return addresses, innermost first, from the frame that
/// `registers` describe; returns how many. About 5 ns for each whose rule is
/// cached, 1 us where it is not.
#[inline]
pub(super) fn walk(registers: Registers, pcs: &mut [usize]) -> usize {
    let mut walker = Walker {
        bounds: Bounds::around_running(registers.sp),
        // The address is that after a call, so the call is before it.
        inside: registers.pc.wrapping_sub(1),
        sp: registers.sp,
        fp: registers.fp,
        signal_frames: 0,
    };
    if !is_code_address(walker.inside) {
        return 0;
    }
    for (count, slot) in pcs.iter_mut().enumerate() {
        match walker.step() {
            Some(pc) => *slot = pc,
            None => return count,
        }
    }
    pcs.len()
}

/// One frame of a walk.
struct Walker {
    bounds: Bounds,
    /// An address inside the instruction that the frame is at.
    inside: usize,
    sp: usize,
    fp: usize,
    signal_frames: u32,
}

impl Walker {
    /// Goes on to the caller. Returns the return address into it, or none at the
    /// end of the walk.
    #[inline(always)]
    fn step(&mut self) -> Option<usize> {
        let rule = cache::rule_at(self.inside, find);
        let cfa = match rule.kind() {
            Kind::FromStackPointer => self.sp.wrapping_add(rule.cfa_offset()),
            Kind::FromFramePointer => self.fp.wrapping_add(rule.cfa_offset()),
            other => return self.step_rarely(other, rule),
        };
        let saved = rule.saved_below_cfa();
        let pc = self.return_to(cfa)?;
        if saved != 0 {
            self.fp = self.bounds.read(cfa.wrapping_sub(saved))?;
        }
        Some(pc)
    }

    /// The steps that are not like most.
    #[cold]
    #[inline(never)]
    fn step_rarely(&mut self, kind: Kind, rule: Rule) -> Option<usize> {
        match kind {
            Kind::Realigned => {
                let fp = self.fp;
                let cfa = self.bounds.read(fp.wrapping_sub(rule.cfa_offset()))?;
                let pc = self.return_to(cfa)?;
                self.fp = self.bounds.read(fp)?;
                Some(pc)
            }
            Kind::SignalFrame => self.step_out_of_handler(),
            Kind::Absent => {
                let fp = self.fp;
                // Below the stack pointer it cannot be a frame pointer.
                if fp < self.sp {
                    return None;
                }
                let caller_fp = self.bounds.read(fp)?;
                let pc = self.return_to(fp.wrapping_add(2 * WORD))?;
                self.fp = caller_fp;
                Some(pc)
            }
            Kind::Stop | Kind::FromStackPointer | Kind::FromFramePointer => None,
        }
    }

    /// Goes up to the frame that ends at `cfa`.
    #[inline(always)]
    fn return_to(&mut self, cfa: usize) -> Option<usize> {
        // Strictly rising, or it could go round in circles.
        if cfa <= self.sp {
            return None;
        }
        let pc = self.bounds.read(cfa.wrapping_sub(WORD))?;
        if !is_code_address(pc) {
            return None;
        }
        self.sp = cfa;
        self.inside = pc - 1;
        Some(pc)
    }

    /// Goes on to what a signal handler interrupted.
    fn step_out_of_handler(&mut self) -> Option<usize> {
        if self.signal_frames == SIGNAL_FRAMES {
            return None;
        }
        self.signal_frames += 1;
        let context = self.sp;
        let pc = self.bounds.read(context.wrapping_add(context::PC))?;
        let fp = self.bounds.read(context.wrapping_add(context::FRAME_POINTER))?;
        let sp = self.bounds.read(context.wrapping_add(context::STACK_POINTER))?;
        if !is_code_address(pc) {
            return None;
        }
        if !self.bounds.contain(sp) {
            self.bounds = Bounds::around(sp)?;
        }
        self.sp = sp;
        self.fp = fp;
        // Not a return address: the frame is at this very instruction.
        self.inside = pc;
        // Who reads a stack subtracts one from each address.
        Some(pc + 1)
    }
}

/// The rule for `address`, as the module it belongs to describes it.
#[cold]
#[inline(never)]
fn find(address: usize) -> Rule {
    match module::containing(address).and_then(|module| eh_frame::rule(&module, address)) {
        Some(rule) => rule,
        None if eh_frame::is_signal_return(address + 1) => Rule::SIGNAL_FRAME,
        None => Rule::ABSENT,
    }
}
