//! One unwind rule, packed into a word.
//!
//! A rule says how to get from one frame to its caller: where the canonical
//! frame address (CFA: the stack pointer just before the call) is, and where
//! the caller's frame pointer was saved. The return address is always the word
//! below the CFA. All distances are multiples of eight, so the bits of a rule are
//!
//! | bits | meaning |
//! |---|---|
//! | 0..3 | [`Kind`] |
//! | 3..18 | the offset of the CFA in bytes, without its three zero bits |
//! | 18..28 | how far below the CFA the frame pointer was saved, in words; 0: it was not |
//! | 28.. | zero, or the part of a large CFA offset that does not fit above |
//!
//! and the offset, on which the next read of the stack waits, comes out with one
//! mask. A rule that fits in [`PACKED_BITS`] bits can be cached; frames of 256 KiB
//! and more do not fit, and are looked up each time.

/// Bits of a rule that the cache can hold.
pub(super) const PACKED_BITS: u32 = 28;

const KIND_MASK: u64 = 7;
const CFA_MASK: u64 = 0x7fff << 3;
const SAVED_SHIFT: u32 = 18;
const SAVED_MASK: u64 = 0x3ff;
/// How far up the high part of a large offset is moved.
const LARGE_SHIFT: u32 = PACKED_BITS - SAVED_SHIFT;

/// How the caller's frame is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    /// Not at all: the end of the stack, or a frame described in a way that is
    /// not supported.
    Stop = 0,
    /// CFA = stack pointer + offset.
    FromStackPointer = 1,
    /// CFA = frame pointer + offset.
    FromFramePointer = 2,
    /// CFA = the word at (frame pointer - offset), and the caller's frame pointer
    /// is the word at the frame pointer: how GCC describes functions that align
    /// their stack to more than 16 bytes.
    Realigned = 3,
    /// The kernel called a signal handler here; the stack pointer points to the
    /// interrupted registers (`ucontext_t`).
    SignalFrame = 4,
    /// The module does not describe this code.
    Absent = 5,
    /// The code is in no module that describes any: it may have been generated
    /// at run time.
    Outside = 6,
}

/// One unwind rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rule(u64);

impl Rule {
    /// The end of the walk.
    pub(super) const STOP: Rule = Rule(Kind::Stop as u64);
    /// A signal frame.
    pub(super) const SIGNAL_FRAME: Rule = Rule(Kind::SignalFrame as u64);
    /// No rule, in a module.
    pub(super) const ABSENT: Rule = Rule(Kind::Absent as u64);
    /// No rule and no module.
    pub(super) const OUTSIDE: Rule = Rule(Kind::Outside as u64);

    /// A rule of `kind` with these distances in bytes; none if they are not
    /// multiples of eight, or too far.
    pub(super) fn new(kind: Kind, cfa_offset: u64, saved_below_cfa: u64) -> Option<Rule> {
        let fits = cfa_offset.is_multiple_of(8)
            && saved_below_cfa.is_multiple_of(8)
            && cfa_offset <= u64::from(u32::MAX)
            && saved_below_cfa / 8 <= SAVED_MASK;
        let large = cfa_offset & !CFA_MASK;
        fits.then_some(Rule(
            kind as u64
                | cfa_offset & CFA_MASK
                | (saved_below_cfa / 8) << SAVED_SHIFT
                | large << LARGE_SHIFT,
        ))
    }

    /// The rule in the low [`PACKED_BITS`] of `bits`, which [`Rule::packed`] gave.
    #[inline(always)]
    pub(super) fn from_packed(bits: u64) -> Rule {
        Rule(bits & ((1 << PACKED_BITS) - 1))
    }

    /// The bits of the rule, if they are no more than [`PACKED_BITS`].
    pub(super) fn packed(self) -> Option<u64> {
        (self.0 >> PACKED_BITS == 0).then_some(self.0)
    }

    /// How the caller's frame is found.
    #[inline(always)]
    pub(super) fn kind(self) -> Kind {
        match self.0 & KIND_MASK {
            1 => Kind::FromStackPointer,
            2 => Kind::FromFramePointer,
            3 => Kind::Realigned,
            4 => Kind::SignalFrame,
            5 => Kind::Absent,
            6 => Kind::Outside,
            _ => Kind::Stop,
        }
    }

    /// The offset of the CFA in bytes, of a rule that can be cached.
    #[inline(always)]
    pub(super) fn packed_cfa_offset(self) -> usize {
        (self.0 & CFA_MASK) as usize
    }

    /// The offset of the CFA in bytes.
    #[inline(always)]
    pub(super) fn cfa_offset(self) -> usize {
        self.packed_cfa_offset() | ((self.0 >> PACKED_BITS) << SAVED_SHIFT) as usize
    }

    /// How far below the CFA the caller's frame pointer was saved, in bytes;
    /// zero if the frame did not change it.
    #[inline(always)]
    pub(super) fn saved_below_cfa(self) -> usize {
        ((self.0 >> SAVED_SHIFT & SAVED_MASK) * 8) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_gives_back_what_it_was_made_of() {
        for kind in [Kind::FromStackPointer, Kind::FromFramePointer, Kind::Realigned] {
            for cfa in [8, 16, 64, 4096, 262_136, 262_144, 262_152, 0x7654_3218, 1 << 31] {
                for saved in [0, 16, 56, 8184] {
                    let rule = Rule::new(kind, cfa, saved).expect("fits");
                    assert_eq!(rule.kind(), kind);
                    assert_eq!(rule.cfa_offset() as u64, cfa);
                    assert_eq!(rule.saved_below_cfa() as u64, saved);
                    assert_eq!(rule.packed().is_some(), cfa < 262_144, "{cfa}");
                    if let Some(bits) = rule.packed() {
                        assert_eq!(Rule::from_packed(bits), rule);
                    }
                }
            }
        }
        for rule in [Rule::STOP, Rule::SIGNAL_FRAME, Rule::ABSENT, Rule::OUTSIDE] {
            assert_eq!(rule.packed().map(Rule::from_packed), Some(rule));
        }
    }

    #[test]
    fn distances_that_do_not_fit_make_no_rule() {
        assert_eq!(Rule::new(Kind::FromStackPointer, 12, 0), None);
        assert_eq!(Rule::new(Kind::FromStackPointer, 16, 12), None);
        assert_eq!(Rule::new(Kind::FromStackPointer, 16, 8192), None);
        assert_eq!(Rule::new(Kind::FromStackPointer, 1 << 32, 0), None);
    }
}
