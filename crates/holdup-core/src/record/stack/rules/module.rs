//! The program or library that an address belongs to, and its unwind sections.
//!
//! The dynamic linker's own list may not be walked here (`dl_iterate_phdr` takes
//! its lock). glibc 2.35 has a lock-free look-up for this very purpose,
//! `_dl_find_object`; elsewhere the main program is known from the auxiliary
//! vector, and the rest is read from the kernel ([`maps`]). All three give the
//! address where a module's file is mapped; its program headers tell the rest.
//! (glibc 2.36 gives the start of the code instead where a linker left a hole
//! between a module's segments; the difference of its addresses is right.)

use super::super::bounds::readable;
use super::maps;
use core::{mem, ptr, slice};

/// The unwind sections of a module.
#[derive(Debug)]
pub(super) struct Module {
    /// `.eh_frame_hdr` and, following it to the end of its segment, more.
    pub(super) header: Section,
    /// The module's program headers and the distance from the addresses in them
    /// to those in memory.
    segments: &'static [libc::Elf64_Phdr],
    bias: usize,
}

/// Part of a module in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    pub(super) address: usize,
    pub(super) bytes: &'static [u8],
}

impl Module {
    /// The module's memory from `address` to the end of the segment it is in.
    pub(super) fn section_at(&self, address: usize) -> Option<Section> {
        let virtual_address = address.wrapping_sub(self.bias) as u64;
        let segment = segment_with(self.segments, virtual_address, libc::PF_R)?;
        let length = segment.p_filesz - (virtual_address - segment.p_vaddr);
        // SAFETY: the bytes lie in a segment that the dynamic linker (or the
        // kernel) mapped for reading. The module is on the stack of the running
        // thread, so it stays mapped; the lifetime is a white lie that no caller
        // extends beyond the capture.
        let bytes = unsafe {
            slice::from_raw_parts(ptr::with_exposed_provenance(address), length as usize)
        };
        Some(Section { address, bytes })
    }
}

/// The module that `address` is code of.
pub(super) fn containing(address: usize) -> Option<Module> {
    let elsewhere = || main_program(address).or_else(|| at(maps::base(address)?, address));
    match look_up() {
        Some(look_up) => {
            let found = look_up.find(address)?;
            at(found.map_start, address).or_else(|| at(found.bias()?, address)).or_else(elsewhere)
        }
        None => elsewhere(),
    }
}

/// The main program, if `address` is code of it.
fn main_program(address: usize) -> Option<Module> {
    // SAFETY: reads the auxiliary vector, which never changes, with no lock.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
    // Linkers put the program headers right after the file header; if not, what
    // is there does not look like one.
    at(headers.checked_sub(size_of::<libc::Elf64_Ehdr>())?, address)
}

/// The module whose file header is at `base`, if it has unwind sections and
/// `address` is code of it.
fn at(base: usize, address: usize) -> Option<Module> {
    let header: &libc::Elf64_Ehdr = aligned(base, 1)?.first()?;
    let is_elf64 = header.e_ident[..5] == [0x7f, b'E', b'L', b'F', 2];
    if !is_elf64 || usize::from(header.e_phentsize) != size_of::<libc::Elf64_Phdr>() {
        return None;
    }
    let segments: &[libc::Elf64_Phdr] =
        aligned(base.checked_add(header.e_phoff as usize)?, header.e_phnum.into())?;
    // The segment that the file header is mapped by tells where the file's
    // addresses are in memory.
    let first = segments
        .iter()
        .find(|segment| segment.p_type == libc::PT_LOAD && segment.p_offset < PAGE as u64)?;
    let bias = base.wrapping_sub(first.p_vaddr.wrapping_sub(first.p_offset) as usize);
    segment_with(segments, address.wrapping_sub(bias) as u64, libc::PF_X)?;
    let table = segments.iter().find(|segment| segment.p_type == libc::PT_GNU_EH_FRAME)?;
    let empty = Section { address: 0, bytes: &[] };
    let module = Module { header: empty, segments, bias };
    let header = module.section_at(bias.wrapping_add(table.p_vaddr as usize))?;
    Some(Module { header, ..module })
}

/// The segment in memory that holds `virtual_address` and may be used as `flag`
/// says.
fn segment_with(
    segments: &[libc::Elf64_Phdr],
    virtual_address: u64,
    flag: u32,
) -> Option<&libc::Elf64_Phdr> {
    segments.iter().find(|segment| {
        segment.p_type == libc::PT_LOAD
            && segment.p_flags & flag != 0
            && virtual_address
                .checked_sub(segment.p_vaddr)
                .is_some_and(|offset| offset < segment.p_filesz)
    })
}

const PAGE: usize = 4096;

/// `count` structures at `address`, if they are aligned, readable and less than
/// a page.
fn aligned<T>(address: usize, count: usize) -> Option<&'static [T]> {
    let bytes = count * size_of::<T>();
    let last = address.checked_add(bytes)?.checked_sub(8)?;
    let usable = address.is_multiple_of(align_of::<T>())
        && (1..=PAGE).contains(&bytes)
        && readable(address)
        && readable(last);
    // SAFETY: aligned, and readable from its first page to its last, which are
    // the same or neighbours. Only plain C structures are asked for, of which
    // all bytes are valid. They are part of a module on the running stack.
    usable.then(|| unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), count) })
}

/// `struct dl_find_object` of `<dlfcn.h>`.
#[repr(C)]
struct FoundObject {
    flags: u64,
    map_start: usize,
    map_end: usize,
    link_map: usize,
    eh_frame: usize,
    reserved: [u64; 7],
}

/// `_dl_find_object`. Lock-free and async-signal-safe by its specification.
struct LookUp(FindObject);

type FindObject = unsafe extern "C" fn(usize, *mut FoundObject) -> libc::c_int;

impl LookUp {
    /// What the C library knows of the module with `address`.
    fn find(&self, address: usize) -> Option<FoundObject> {
        let mut found = mem::MaybeUninit::<FoundObject>::zeroed();
        // SAFETY: the function fills the structure when it returns zero, which
        // is plain numbers and was zeroed.
        unsafe { ((self.0)(address, found.as_mut_ptr()) == 0).then(|| found.assume_init()) }
    }
}

impl FoundObject {
    /// The distance from the addresses in the module's file to those in memory,
    /// which is where the file header is if it begins at zero, as it does in
    /// all but programs with fixed addresses.
    fn bias(&self) -> Option<usize> {
        let word = self.link_map;
        // SAFETY: `l_addr`, the first word of the public `struct link_map`, which
        // is aligned, readable and lives as long as the module, whose code the
        // running thread will return to.
        (word.is_multiple_of(align_of::<usize>()) && readable(word))
            .then(|| unsafe { ptr::with_exposed_provenance::<usize>(word).read() })
    }
}

/// The C library's look-up function, if it has one.
///
/// A weak symbol: where it does not exist, its address is zero.
fn look_up() -> Option<LookUp> {
    let address: usize;
    // SAFETY: loads the symbol's entry in the global offset table, which the
    // dynamic linker has filled (with zero if there is none).
    unsafe {
        core::arch::asm!(
            ".weak _dl_find_object",
            "mov {}, qword ptr [rip + _dl_find_object@GOTPCREL]",
            out(reg) address,
            options(nostack, preserves_flags, pure, readonly),
        );
    }
    // SAFETY: a function of this name has this signature.
    (address != 0).then(|| LookUp(unsafe { mem::transmute::<usize, FindObject>(address) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses in the code of this program and of libc.
    fn code() -> [usize; 2] {
        [code as *const () as usize, libc::qsort as *const () as usize]
    }

    #[test]
    fn all_ways_to_find_a_module_agree() {
        let [here, libc] = code();
        let usual = containing(here).expect("this program");
        assert!(usual.header.bytes.len() > 100);
        let main = main_program(here).expect("this program");
        assert_eq!(main.header.address, usual.header.address);
        for address in [here, libc] {
            let listed = at(maps::base(address).expect("listed"), address).expect("a module");
            let usual = containing(address).expect("a module");
            assert_eq!(listed.header.address, usual.header.address);
        }
    }

    #[test]
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    fn a_shared_library_is_no_part_of_the_main_program() {
        let [here, libc] = code();
        assert!(main_program(libc).is_none());
        assert_ne!(maps::base(libc), maps::base(here));
    }

    #[test]
    fn memory_that_is_no_code_belongs_to_no_module() {
        static DATA: [u64; 64] = [0x464c_457f; 64];
        let local = 0_u64;
        let heap = Box::new(0_u64);
        for address in [
            (&raw const local).addr(),
            (&raw const *heap).addr(),
            DATA.as_ptr().addr(),
            4096,
            (1 << 47) - 1,
        ] {
            assert!(containing(address).is_none(), "{address:#x}");
            assert!(at(address & !7, address).is_none(), "{address:#x}");
        }
    }
}
