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
//! most `pcs.len()` of them. Only two things may lead to another stack: a signal
//! frame (`sigaltstack`), and a frame pointer that leads from some other stack back
//! to the thread's own. Its bounds are then found anew.
//!
//! Code without a rule (generated at run time, or assembly without annotations)
//! is crossed by its frame pointer, if that seems to be one.

use super::arch::{Registers, is_code_address};
use super::bounds::{Bounds, readable};
use rule::{Kind, Rule};

mod cache;
mod eh_frame;
mod maps;
mod module;
mod rule;

#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    pub use super::eh_frame::fuzz as eh_frame;
    pub use super::maps::fuzz as maps;
}

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
/// cached, 1 to 2 us where it is not.
#[inline]
pub(super) fn walk(registers: Registers, pcs: &mut [usize]) -> usize {
    let mut walker = Walker {
        bounds: Bounds::around_running(registers.sp),
        pc: registers.pc,
        sp: registers.sp,
        fp: registers.fp,
        signal_frames: 0,
    };
    if !is_code_address(walker.pc) {
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
    /// The return address into the frame: one more than an address inside the
    /// instruction that the frame is at.
    pc: usize,
    sp: usize,
    fp: usize,
    signal_frames: u32,
}

impl Walker {
    /// Goes on to the caller. Returns the return address into it, or none at the
    /// end of the walk.
    #[inline(always)]
    fn step(&mut self) -> Option<usize> {
        // Most steps: the rule is cached, and common.
        if let Some(rule) = cache::rule_in_place(self.pc) {
            let base = match rule.kind() {
                Kind::FromStackPointer => self.sp,
                Kind::FromFramePointer => self.fp,
                _ => return self.step_rarely(),
            };
            let cfa = base.wrapping_add(rule.packed_cfa_offset());
            if let Some(pc) = self.step_to(cfa, rule) {
                return Some(pc);
            }
        }
        self.step_rarely()
    }

    /// Goes up to the frame that ends at `cfa`, with the frame pointer as `rule`
    /// says; does nothing if it cannot.
    #[inline(always)]
    fn step_to(&mut self, cfa: usize, rule: Rule) -> Option<usize> {
        let saved = rule.saved_below_cfa();
        let fp = if saved == 0 { self.fp } else { self.bounds.read(cfa.wrapping_sub(saved))? };
        self.return_to(cfa, fp)
    }

    /// Any step.
    #[inline(never)]
    fn step_rarely(&mut self) -> Option<usize> {
        let rule = cache::rule_at(self.pc, find);
        match rule.kind() {
            Kind::FromStackPointer => self.step_to(self.sp.wrapping_add(rule.cfa_offset()), rule),
            Kind::FromFramePointer => {
                let cfa = self.fp.wrapping_add(rule.cfa_offset());
                self.switch_to_own_stack(cfa);
                self.step_to(cfa, rule)
            }
            Kind::Realigned => {
                let fp = self.fp;
                let cfa = self.bounds.read(fp.wrapping_sub(rule.cfa_offset()))?;
                let caller_fp = self.bounds.read(fp)?;
                self.return_to(cfa, caller_fp)
            }
            Kind::SignalFrame => self.step_out_of_handler(),
            Kind::Outside => self.step_along_frame_pointer(false),
            Kind::Absent => self.step_along_frame_pointer(true),
            Kind::Stop => None,
        }
    }

    /// Crosses code without a rule by its frame pointer, in the hope that it is
    /// one. Compiled code without a rule is rare and more often without a frame
    /// pointer too, so there the caller must be code with a rule (`described`).
    fn step_along_frame_pointer(&mut self, described: bool) -> Option<usize> {
        let fp = self.fp;
        // Below the stack pointer it cannot be a frame pointer.
        if fp < self.sp {
            return None;
        }
        let caller_fp = self.bounds.read(fp)?;
        let pc = self.return_to(fp.wrapping_add(2 * WORD), caller_fp)?;
        let known = || {
            let kind = cache::rule_at(pc, find).kind();
            !matches!(kind, Kind::Absent | Kind::Outside)
        };
        (!described || known()).then_some(pc)
    }

    /// Goes up to the frame that ends at `cfa`, with `fp` for its frame pointer;
    /// does nothing if it cannot.
    #[inline(always)]
    fn return_to(&mut self, cfa: usize, fp: usize) -> Option<usize> {
        // Strictly rising, or it could go round in circles.
        if cfa <= self.sp {
            return None;
        }
        let pc = self.bounds.read(cfa.wrapping_sub(WORD))?;
        if !is_code_address(pc) {
            return None;
        }
        (self.pc, self.sp, self.fp) = (pc, cfa, fp);
        Some(pc)
    }

    /// Goes back to the thread's own stack, if that is where `cfa` is and the
    /// walk is not there yet: the current function was called on a stack that was
    /// made for it, as deeply recursive programs do.
    fn switch_to_own_stack(&mut self, cfa: usize) {
        if !self.bounds.contain(cfa)
            && let Some(own) = Bounds::own(cfa)
            && !own.contain(self.sp)
        {
            self.bounds = own;
            // The frame's two words below `cfa` belong to this stack.
            self.sp = cfa.wrapping_sub(2 * WORD);
        }
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
        // Not a return address: the frame is at this very instruction. The same
        // subtraction, here and by who reads the stack, leads to it.
        self.pc = pc + 1;
        Some(self.pc)
    }
}

/// Forgets all rules that are cached.
pub(super) fn forget() {
    cache::forget();
}

/// The rule for the return address `pc`, as the module it belongs to describes
/// the code before it. None if there is no room to look it up.
#[cold]
#[inline(never)]
fn find(pc: usize) -> Option<Rule> {
    if !is_room_below() {
        return None;
    }
    let address = pc - 1;
    let module = module::containing(address);
    let rule = match module.as_ref().and_then(|module| eh_frame::rule(module, address)) {
        Some(rule) => rule,
        None if eh_frame::is_signal_return(pc) => Rule::SIGNAL_FRAME,
        None if module.is_some() => Rule::ABSENT,
        None => Rule::OUTSIDE,
    };
    Some(rule)
}

/// Whether there is stack enough to look up a rule: a signal handler may be near
/// the end of a small one.
fn is_room_below() -> bool {
    /// What a look-up was measured to take, and some more: 2 KiB, or 12 without
    /// optimization.
    const PAGES: usize = if cfg!(debug_assertions) { 4 } else { 1 };
    const PAGE: usize = 4096;
    let here = 0_u8;
    let here = (&raw const here).addr();
    (1..=PAGES).all(|page| readable(here.saturating_sub(page * PAGE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::hint::black_box;

    #[inline(never)]
    fn chain(depth: usize, last: &mut dyn FnMut()) {
        if black_box(depth) == 0 {
            last()
        } else {
            chain(depth - 1, last)
        }
        black_box(depth);
    }

    fn here() -> Vec<usize> {
        let mut pcs = [0; 64];
        let count = black_box(walk(Registers::of_caller(), &mut pcs));
        pcs[..count].to_vec()
    }

    /// The return address within `chain`, and a stack that has it.
    fn chained() -> (usize, Vec<usize>) {
        let mut pcs = Vec::new();
        chain(20, &mut || pcs = here());
        let run = pcs.chunk_by(|a, b| a == b).find(|run| run.len() == 20);
        (run.expect("the chain")[0], pcs)
    }

    #[test]
    fn rules_of_code_that_is_gone_give_an_odd_stack_but_never_fault() {
        // As after `dlclose`, when other code is loaded at the same addresses.
        let (pc, right) = chained();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut odd = 0;
        for round in 0..50_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let kinds = [
                Kind::FromStackPointer,
                Kind::FromFramePointer,
                Kind::Realigned,
                Kind::SignalFrame,
                Kind::Absent,
                Kind::Outside,
            ];
            let kind = kinds[round % kinds.len()];
            // Mostly within this stack, to go on from there.
            let reach = 1 << (4 + (random >> 60));
            let offset = (random >> 20) % reach * 8;
            let saved = (random >> 8) % 64 * 8;
            let rule = Rule::new(kind, offset, saved).expect("fits");
            if rule.packed().is_some() {
                cache::replace(pc, rule);
                let mut pcs = Vec::new();
                chain(20, &mut || pcs = here());
                odd += usize::from(pcs != right);
            }
        }
        assert!(odd > 25_000, "the wrong rules were used: {odd}");
    }

    #[test]
    fn no_registers_whatever_make_the_walk_fault() {
        let local = 0_usize;
        let here = (&raw const local).addr();
        let right = Registers::of_caller();
        let mut pcs = [0; 64];
        let mut any = 0;
        for bit in 0..64 {
            for low in [0, 8, 0xfff8, 0xffff_fff0] {
                let far = (1 << bit) + low;
                for odd in [far, here ^ far, here.wrapping_add(far), here.wrapping_sub(far)] {
                    any += walk(Registers { fp: odd, ..right }, &mut pcs);
                    any += walk(Registers { pc: odd, ..right }, &mut pcs);
                    any += walk(Registers { pc: right.pc ^ far, ..right }, &mut pcs);
                }
            }
        }
        assert!(any > 64, "most of them are walked all the same: {any}");
    }
}
