//! From a module's `.eh_frame` to the rule for one address.
//!
//! `gimli` parses; what its instructions mean is evaluated here, because only
//! three registers matter (the general evaluation keeps tables of all of them,
//! several kilobytes of stack, which a signal handler may not have). The tests
//! compare the two over every row of the program and of libc.

use super::module::{Module, Section};
use super::rule::{Kind, Rule};
use crate::record::stack::bounds::readable;
use core::ptr;
use gimli::{
    BaseAddresses, CallFrameInstruction, CallFrameInstructionIter, CommonInformationEntry, EhFrame,
    EhFrameHdr, EndianSlice, FrameDescriptionEntry, NativeEndian, Register, UnwindExpression,
    UnwindSection, X86_64,
};

type Bytes = EndianSlice<'static, NativeEndian>;
type Frames = EhFrame<Bytes>;

mod expression;
#[cfg(test)]
mod tests;

/// `DW_CFA_remember_state` within each other. Compilers use one.
const REMEMBERED: usize = 4;

/// The rule for `address` in `module`, or none if it describes no such code.
pub(super) fn rule(module: &Module, address: usize) -> Option<Rule> {
    let (section, bases, offset) = search(module, address)?;
    let frames = Frames::new(section.bytes, NativeEndian);
    let fde = frames.fde_from_offset(&bases, offset, Frames::cie_from_offset).ok()?;
    if !fde.contains(address as u64) {
        return None;
    }
    // Described, but in a way that is not understood.
    Some(Evaluation::run(&frames, &bases, &fde, address).unwrap_or(Rule::STOP))
}

/// The module's `.eh_frame`, and where in it the description of `address` is, if
/// there is one.
fn search(
    module: &Module,
    address: usize,
) -> Option<(Section, BaseAddresses, gimli::EhFrameOffset)> {
    /// Version 1, the number of entries in 4 bytes, a sorted table of pairs of
    /// 4 bytes relative to its own beginning: what every linker writes.
    const VERSION: u8 = 1;
    const COUNT: u8 = gimli::DW_EH_PE_udata4.0;
    const TABLE: u8 = gimli::DW_EH_PE_datarel.0 | gimli::DW_EH_PE_sdata4.0;
    let header = module.header;
    if !matches!(header.bytes, [VERSION, _, COUNT, TABLE, ..]) {
        return None;
    }
    let bases = BaseAddresses::default().set_eh_frame_hdr(header.address as u64);
    let header = EhFrameHdr::new(header.bytes, NativeEndian).parse(&bases, 8).ok()?;
    let start = header.eh_frame_ptr().direct().ok()?;
    let bases = bases.set_eh_frame(start);
    let entry = header.table()?.lookup(address as u64, &bases).ok()?.direct().ok()?;
    let section = module.section_at(start as usize)?;
    let offset = usize::try_from(entry.checked_sub(start)?).ok()?;
    (offset < section.bytes.len()).then_some((section, bases, gimli::EhFrameOffset(offset)))
}

/// Evaluates each description in `bytes`, taken for an `.eh_frame` at address 0, for
/// some addresses of its own; how many were understood.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) -> usize {
    // SAFETY: nothing of it is kept when this returns.
    let bytes = unsafe { core::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
    let frames = Frames::new(bytes, NativeEndian);
    let bases = BaseAddresses::default().set_eh_frame(0).set_text(0);
    let mut understood = 0;
    for offset in 0..bytes.len() {
        let offset = gimli::EhFrameOffset(offset);
        let Ok(fde) = frames.fde_from_offset(&bases, offset, Frames::cie_from_offset) else {
            continue;
        };
        let start = fde.initial_address();
        for step in [0, 1, 2, 7, fde.len().wrapping_sub(1)] {
            let address = start.wrapping_add(step) as usize;
            understood += usize::from(Evaluation::run(&frames, &bases, &fde, address).is_some());
        }
    }
    understood
}

/// Whether the code at `pc` is `mov rax, SYS_rt_sigreturn; syscall`, which is
/// what a signal handler returns to. musl does not describe it.
pub(super) fn is_signal_return(pc: usize) -> bool {
    const CODE: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];
    if !(readable(pc) && readable(pc + 1)) {
        return false;
    }
    // SAFETY: the nine bytes at `pc` were readable just now. This is code that
    // the running thread will return to, so it stays.
    unsafe { ptr::with_exposed_provenance::<[u8; 9]>(pc).read_unaligned() == CODE }
}

/// Where the CFA is.
#[derive(Clone, Copy)]
enum Cfa {
    At(Register, i64),
    Expression(UnwindExpression<usize>),
    Unknown,
}

/// Where the caller's value of a register is.
#[derive(Clone, Copy)]
enum Saved {
    /// Still in the register (or nothing was said about it).
    Same,
    /// Nowhere. For the return address: there is no caller.
    Undefined,
    /// In memory at CFA + offset.
    At(i64),
    /// In memory where an expression says.
    AtExpression(UnwindExpression<usize>),
    /// Somewhere else.
    Elsewhere,
}

/// What is known at one address.
#[derive(Clone, Copy)]
struct Row {
    cfa: Cfa,
    stack_pointer: Saved,
    frame_pointer: Saved,
    return_address: Saved,
}

impl Row {
    const INITIAL: Row = Row {
        cfa: Cfa::Unknown,
        stack_pointer: Saved::Same,
        frame_pointer: Saved::Same,
        return_address: Saved::Same,
    };

    /// What is known of `register`, if it matters.
    fn register_mut(&mut self, register: Register) -> Option<&mut Saved> {
        match register {
            X86_64::RSP => Some(&mut self.stack_pointer),
            X86_64::RBP => Some(&mut self.frame_pointer),
            X86_64::RA => Some(&mut self.return_address),
            _ => None,
        }
    }

    /// The row as a rule, if it is one of those there are.
    fn rule(&self, frames: &Frames, is_signal_trampoline: bool, address: u64) -> Option<Rule> {
        let bytes = |expression: UnwindExpression<usize>| -> Option<&'static [u8]> {
            Some(expression.get(frames).ok()?.0.slice())
        };
        if is_signal_trampoline {
            return match self.cfa {
                Cfa::Expression(cfa) if bytes(cfa)? == expression::INTERRUPTED_STACK_POINTER => {
                    Some(Rule::SIGNAL_FRAME)
                }
                _ => None,
            };
        }
        match self.return_address {
            Saved::At(-8) => {}
            Saved::Undefined => return Some(Rule::STOP),
            _ => return None,
        }
        if !matches!(self.stack_pointer, Saved::Same) {
            return None;
        }
        match (self.cfa, self.frame_pointer) {
            (Cfa::At(register, offset), frame_pointer) => {
                let kind = match register {
                    X86_64::RSP => Kind::FromStackPointer,
                    X86_64::RBP => Kind::FromFramePointer,
                    _ => return None,
                };
                let below = saved_below_cfa(frame_pointer)?;
                Rule::new(kind, u64::try_from(offset).ok()?, below)
            }
            (Cfa::Expression(cfa), Saved::AtExpression(saved)) => {
                let offset = expression::word_below_frame_pointer(bytes(cfa)?)?;
                let at_frame_pointer = bytes(saved)? == expression::FRAME_POINTER;
                at_frame_pointer.then(|| Rule::new(Kind::Realigned, offset, 0))?
            }
            (Cfa::Expression(cfa), frame_pointer) => {
                let offset = expression::linkage_table_offset(bytes(cfa)?, address)?;
                let below = saved_below_cfa(frame_pointer)?;
                Rule::new(Kind::FromStackPointer, offset, below)
            }
            (Cfa::Unknown, _) => None,
        }
    }
}

/// How far below the CFA the frame pointer was saved; zero if it was not.
fn saved_below_cfa(frame_pointer: Saved) -> Option<u64> {
    match frame_pointer {
        // A caller that is told "undefined" does not use it.
        Saved::Same | Saved::Undefined => Some(0),
        Saved::At(offset) => u64::try_from(offset.checked_neg()?).ok().filter(|below| *below > 0),
        Saved::AtExpression(_) | Saved::Elsewhere => None,
    }
}

/// The evaluation of one description up to one address.
struct Evaluation {
    row: Row,
    /// The row that the CIE's instructions make, for `DW_CFA_restore`.
    initial: Row,
    remembered: [Row; REMEMBERED],
    depth: usize,
    /// Where `row` begins.
    location: u64,
    code_factor: u64,
    data_factor: i64,
}

impl Evaluation {
    /// None if the description is not understood.
    fn run(
        frames: &Frames,
        bases: &BaseAddresses,
        fde: &FrameDescriptionEntry<Bytes>,
        address: usize,
    ) -> Option<Rule> {
        let cie: &CommonInformationEntry<Bytes> = fde.cie();
        if cie.return_address_register() != X86_64::RA {
            return None;
        }
        let mut evaluation = Evaluation {
            row: Row::INITIAL,
            initial: Row::INITIAL,
            remembered: [Row::INITIAL; REMEMBERED],
            depth: 0,
            location: fde.initial_address(),
            code_factor: cie.code_alignment_factor(),
            data_factor: cie.data_alignment_factor(),
        };
        let address = address as u64;
        // A CIE's instructions do not advance, so they are evaluated to the end.
        evaluation.until(u64::MAX, cie.instructions(frames, bases))?;
        evaluation.initial = evaluation.row;
        evaluation.location = fde.initial_address();
        evaluation.until(address, fde.instructions(frames, bases))?;
        evaluation.row.rule(frames, fde.is_signal_trampoline(), address)
    }

    /// Evaluates `instructions` until they reach beyond `address`.
    fn until(
        &mut self,
        address: u64,
        instructions: CallFrameInstructionIter<'_, Bytes>,
    ) -> Option<()> {
        use CallFrameInstruction as Do;
        for instruction in instructions {
            match instruction.ok()? {
                Do::AdvanceLoc { delta } => {
                    let delta = u64::from(delta).wrapping_mul(self.code_factor);
                    self.location = self.location.checked_add(delta)?;
                    if self.location > address {
                        return Some(());
                    }
                }
                Do::SetLoc { address: location } => {
                    if location > address {
                        return Some(());
                    }
                    self.location = location;
                }
                Do::DefCfa { register, offset } => self.row.cfa = Cfa::At(register, offset as i64),
                Do::DefCfaSf { register, factored_offset } => {
                    self.row.cfa = Cfa::At(register, self.scaled(factored_offset));
                }
                Do::DefCfaRegister { register } => match &mut self.row.cfa {
                    Cfa::At(current, _) => *current = register,
                    _ => return None,
                },
                Do::DefCfaOffset { offset } => match &mut self.row.cfa {
                    Cfa::At(_, current) => *current = offset as i64,
                    _ => return None,
                },
                Do::DefCfaOffsetSf { factored_offset } => {
                    let offset = self.scaled(factored_offset);
                    match &mut self.row.cfa {
                        Cfa::At(_, current) => *current = offset,
                        _ => return None,
                    }
                }
                Do::DefCfaExpression { expression } => self.row.cfa = Cfa::Expression(expression),
                Do::Undefined { register } => self.set(register, Saved::Undefined),
                Do::SameValue { register } => self.set(register, Saved::Same),
                Do::Offset { register, factored_offset } => {
                    self.set(register, Saved::At(self.scaled(factored_offset as i64)));
                }
                Do::OffsetExtendedSf { register, factored_offset } => {
                    self.set(register, Saved::At(self.scaled(factored_offset)));
                }
                Do::Expression { register, expression } => {
                    self.set(register, Saved::AtExpression(expression));
                }
                Do::ValOffset { register, .. }
                | Do::ValOffsetSf { register, .. }
                | Do::Register { dest_register: register, .. }
                | Do::ValExpression { register, .. } => self.set(register, Saved::Elsewhere),
                Do::Restore { register } => {
                    let mut initial = self.initial;
                    if let Some(saved) = initial.register_mut(register) {
                        self.set(register, *saved);
                    }
                }
                Do::RememberState => {
                    *self.remembered.get_mut(self.depth)? = self.row;
                    self.depth += 1;
                }
                Do::RestoreState => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.row = self.remembered[self.depth];
                }
                Do::ArgsSize { .. } | Do::Nop => {}
                // Not on this architecture.
                Do::NegateRaState => return None,
            }
        }
        Some(())
    }

    fn scaled(&self, factored: i64) -> i64 {
        factored.wrapping_mul(self.data_factor)
    }

    /// Other registers than the three do not matter.
    fn set(&mut self, register: Register, saved: Saved) {
        if let Some(place) = self.row.register_mut(register) {
            *place = saved;
        }
    }
}
