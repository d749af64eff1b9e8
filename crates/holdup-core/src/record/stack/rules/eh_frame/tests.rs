//! The evaluation here against `gimli`'s own, over whole modules.

use super::super::module;
use super::*;
use gimli::{CfaRule, RegisterRule, UnwindContext, UnwindContextStorage, UnwindTableRow};

/// Storage for `gimli`'s evaluation, large enough for all registers.
struct Storage;

impl UnwindContextStorage<usize> for Storage {
    type Rules = [(Register, RegisterRule<usize>); 192];
    type Stack = [UnwindTableRow<usize, Self>; 8];
}

/// What the rule for a row must be, by `gimli`'s evaluation of it.
fn expected(row: &UnwindTableRow<usize, Storage>) -> Option<Rule> {
    let CfaRule::RegisterAndOffset { register, offset } = row.cfa() else { return None };
    match row.register(X86_64::RA) {
        Some(RegisterRule::Offset(-8)) => {}
        Some(RegisterRule::Undefined) => return Some(Rule::STOP),
        _ => return None,
    }
    if row.register(X86_64::RSP).is_some() {
        return None;
    }
    let saved = match row.register(X86_64::RBP) {
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => 0,
        Some(RegisterRule::Offset(offset)) => u64::try_from(-offset).ok()?,
        _ => return None,
    };
    let kind = match *register {
        X86_64::RSP => Kind::FromStackPointer,
        X86_64::RBP => Kind::FromFramePointer,
        _ => return None,
    };
    Rule::new(kind, u64::try_from(*offset).ok()?, saved)
}

/// Compares every row of the module that holds `address`; how many there were,
/// and how many of them are rules that a walk can follow.
fn compare(address: usize) -> (usize, usize) {
    let module = module::containing(address).expect("a module");
    let (section, bases, _) = search(&module, address).expect("a description");
    let frames = Frames::new(section.bytes, NativeEndian);
    let header =
        EhFrameHdr::new(module.header.bytes, NativeEndian).parse(&bases, 8).expect("parse");
    let table = header.table().expect("a table");
    let mut context = Box::new(UnwindContext::<usize, Storage>::new_in());
    let (mut rows, mut followed) = (0, 0);
    for entry in table.iter(&bases) {
        let (_, entry) = entry.expect("an entry");
        let offset = table.pointer_to_offset(entry).expect("offset");
        let fde = frames.fde_from_offset(&bases, offset, Frames::cie_from_offset).expect("FDE");
        let mut table = fde.rows(&frames, &bases, &mut context).expect("rows");
        while let Some(row) = table.next_row().expect("a row") {
            if row.start_address() == row.end_address() {
                continue;
            }
            for address in [row.start_address(), row.end_address() - 1] {
                let found = rule(&module, address as usize);
                match expected(row) {
                    Some(rule) => assert_eq!(found, Some(rule), "{address:#x}: {row:?}"),
                    // Expressions and odd registers: recognized or refused.
                    None => assert!(found.is_some(), "{address:#x}: {row:?}"),
                }
                rows += 1;
                followed += usize::from(found != Some(Rule::STOP));
            }
        }
    }
    (rows, followed)
}

#[test]
fn every_rule_of_this_program_is_as_gimli_evaluates_it() {
    let (rows, followed) = compare(compare as *const () as usize);
    assert!(rows > 1000, "{rows}");
    assert!(followed * 100 >= rows * 99, "{followed} of {rows} rows can be followed");
}

#[test]
fn every_rule_of_libc_is_as_gimli_evaluates_it() {
    let (rows, followed) = compare(libc::qsort as *const () as usize);
    assert!(rows > 1000, "{rows}");
    assert!(followed * 100 >= rows * 99, "{followed} of {rows} rows can be followed");
}

#[test]
fn the_signal_return_of_libc_is_recognized_by_its_description_and_by_its_code() {
    // SAFETY: all zeros is a signal action.
    let mut action: KernelAction = unsafe { core::mem::zeroed() };
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: installs a handler that does nothing for a signal that nobody
    // sends, so that the kernel knows libc's way back from handlers.
    unsafe { libc::signal(libc::SIGWINCH, nothing as *const () as libc::sighandler_t) };
    // SAFETY: the kernel's structure, of its size, to be filled.
    let result = unsafe {
        libc::syscall(libc::SYS_rt_sigaction, libc::SIGWINCH, 0_usize, &raw mut action, 8_usize)
    };
    assert_eq!(result, 0);
    assert_ne!(action.restorer, 0);
    assert!(is_signal_return(action.restorer));
    assert!(!is_signal_return(compare as *const () as usize));
    assert!(!is_signal_return(0));
    // musl does not describe it.
    if cfg!(target_env = "musl") {
        return;
    }
    let module = module::containing(action.restorer).expect("libc");
    assert_eq!(rule(&module, action.restorer), Some(Rule::SIGNAL_FRAME));
    // Found also where a return address leads: before the instruction.
    assert_eq!(rule(&module, action.restorer - 1), Some(Rule::SIGNAL_FRAME));
}

/// `struct kernel_sigaction` of Linux on x86-64.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

#[test]
fn damaged_descriptions_give_no_rule_or_some_rule_but_never_panic() {
    let address = compare as *const () as usize;
    let module = module::containing(address).expect("this program");
    let (section, bases, offset) = search(&module, address).expect("a description");
    let fde_bytes = &section.bytes[offset.0..];
    let length = u32::from_ne_bytes(fde_bytes[..4].try_into().expect("four")) as usize + 4;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut rules = 0;
    for _ in 0..20_000 {
        // A copy up to the end of the description, one to four bytes changed.
        let mut copy = section.bytes[..offset.0 + length].to_vec();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for change in 0..=(random >> 62) {
            let roll = random.rotate_left(16 * change as u32);
            let at = offset.0 + (roll >> 8) as usize % length;
            copy[at] = roll as u8;
        }
        if random & 1 == 0 {
            let keep = offset.0 + (random >> 16) as usize % length;
            copy.truncate(keep);
        }
        let bytes: &[u8] = &copy;
        // SAFETY: only the lifetime is stretched; `copy` outlives all uses.
        let bytes: &'static [u8] = unsafe { core::mem::transmute(bytes) };
        let frames = Frames::new(bytes, NativeEndian);
        if let Ok(fde) = frames.fde_from_offset(&bases, offset, Frames::cie_from_offset) {
            rules += usize::from(Evaluation::run(&frames, &bases, &fde, address).is_some());
        }
    }
    assert!(rules > 0, "not one of the damaged descriptions reached the evaluation");
}
