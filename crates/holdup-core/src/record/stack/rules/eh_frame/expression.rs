//! The DWARF expressions that describe x86-64 frames.
//!
//! An expression could compute anything, but only three shapes are in use where
//! a stack pointer or a frame pointer would not do, and they are recognized whole.

const BREG_FRAME_POINTER: u8 = gimli::DW_OP_breg6.0;
const BREG_STACK_POINTER: u8 = gimli::DW_OP_breg7.0;
const BREG_PC: u8 = gimli::DW_OP_breg16.0;
const DEREF: u8 = gimli::DW_OP_deref.0;

/// The CFA of a signal frame: the stack pointer in the `ucontext_t`, 160 bytes
/// above.
pub(super) const INTERRUPTED_STACK_POINTER: [u8; 4] = [BREG_STACK_POINTER, 0xa0, 0x01, DEREF];

/// The frame pointer, of a realigned function.
pub(super) const FRAME_POINTER: [u8; 2] = [BREG_FRAME_POINTER, 0];

/// For "the word at (frame pointer - offset)", the CFA of a realigned function:
/// the offset.
pub(super) fn word_below_frame_pointer(expression: &[u8]) -> Option<u64> {
    match expression {
        // One byte of SLEB128, negative.
        [BREG_FRAME_POINTER, offset @ 0x40..=0x7f, DEREF] => Some(u64::from(0x80 - offset)),
        // Two bytes, negative.
        [BREG_FRAME_POINTER, low @ 0x80..=0xff, high @ 0x40..=0x7f, DEREF] => {
            Some(0x4000 - (u64::from(low & 0x7f) | u64::from(*high) << 7))
        }
        _ => None,
    }
}

/// The CFA in an entry of the procedure linkage table, as an offset to the stack
/// pointer. Such an entry is 16 bytes long and pushes a word after the first
/// few, and one expression describes them all:
/// `rsp + 8 + ((rip & 15) >= n) * 8`.
pub(super) fn linkage_table_offset(expression: &[u8], address: u64) -> Option<u64> {
    use gimli::{DW_OP_and, DW_OP_ge, DW_OP_lit0, DW_OP_lit3, DW_OP_lit15, DW_OP_plus, DW_OP_shl};
    const LIT0: u8 = DW_OP_lit0.0;
    const LIT15: u8 = DW_OP_lit15.0;
    const AND: u8 = DW_OP_and.0;
    const GE: u8 = DW_OP_ge.0;
    const LIT3: u8 = DW_OP_lit3.0;
    const SHL: u8 = DW_OP_shl.0;
    const PLUS: u8 = DW_OP_plus.0;
    match expression {
        [
            BREG_STACK_POINTER,
            8,
            BREG_PC,
            0,
            LIT15,
            AND,
            threshold @ LIT0..=LIT15,
            GE,
            LIT3,
            SHL,
            PLUS,
        ] => {
            let pushed = address % 16 >= u64::from(threshold - LIT0);
            Some(if pushed { 16 } else { 8 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_below_the_frame_pointer_is_recognized() {
        assert_eq!(word_below_frame_pointer(&[0x76, 0x78, 0x06]), Some(8));
        assert_eq!(word_below_frame_pointer(&[0x76, 0x70, 0x06]), Some(16));
        assert_eq!(word_below_frame_pointer(&[0x76, 0x40, 0x06]), Some(64));
        // -128 and -136.
        assert_eq!(word_below_frame_pointer(&[0x76, 0x80, 0x7f, 0x06]), Some(128));
        assert_eq!(word_below_frame_pointer(&[0x76, 0xf8, 0x7e, 0x06]), Some(136));
        // Above it, and another register.
        assert_eq!(word_below_frame_pointer(&[0x76, 0x08, 0x06]), None);
        assert_eq!(word_below_frame_pointer(&[0x77, 0x78, 0x06]), None);
    }

    #[test]
    fn a_linkage_table_entry_has_pushed_a_word_from_its_threshold_on() {
        let entry = [0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22];
        for (address, offset) in [(0x1000, 8), (0x100a, 8), (0x100b, 16), (0x100f, 16)] {
            assert_eq!(linkage_table_offset(&entry, address), Some(offset));
        }
        assert_eq!(linkage_table_offset(&entry[..10], 0x1000), None);
    }
}
