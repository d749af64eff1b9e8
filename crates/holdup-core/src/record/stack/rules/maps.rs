//! The modules as the kernel lists them, for C libraries without a lock-free
//! list of their own (glibc before 2.35, musl).
//!
//! `/proc/self/maps` is read anew for each address, in pieces, without a
//! buffer that outlives the call: some 20 us for each address in the code whose
//! rule is not cached yet, which happens once, and nothing to keep consistent.

use super::super::arch::syscall;

/// Where the module that holds `address` is mapped: the start of the mapping
/// with the beginning of its file. None if `address` is in no readable mapping of
/// a file.
pub(super) fn base(address: usize) -> Option<usize> {
    let file = File::open()?;
    let mut search = Search::new(address);
    let mut buffer = [0_u8; 1024];
    loop {
        let piece = file.read(&mut buffer)?;
        for byte in piece {
            if let Some(answer) = search.feed(*byte) {
                return answer;
            }
        }
    }
}

/// `/proc/self/maps`, open.
struct File(usize);

impl File {
    fn open() -> Option<File> {
        let path = c"/proc/self/maps";
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        // SAFETY: the path is a string that ends in zero.
        let opened = unsafe {
            let at = libc::AT_FDCWD as isize as usize;
            syscall(libc::SYS_openat, [at, path.as_ptr().addr(), flags as usize, 0])
        };
        usize::try_from(opened).ok().map(File)
    }

    /// The next piece of the file; none at its end.
    fn read<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        loop {
            // SAFETY: the buffer is writable for its length.
            let read = unsafe {
                let into = buffer.as_mut_ptr().expose_provenance();
                syscall(libc::SYS_read, [self.0, into, buffer.len(), 0])
            };
            if read == -(libc::EINTR as isize) {
                continue;
            }
            return match usize::try_from(read) {
                Ok(length @ 1..) => buffer.get(..length),
                _ => None,
            };
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor was opened here and is used no more.
        unsafe { syscall(libc::SYS_close, [self.0, 0, 0, 0]) };
    }
}

/// A parser of lines such as
///
/// ```text
/// 7f2c3a000000-7f2c3a1d5000 r-xp 00026000 fe:01 131087     /usr/lib/libc.so.6
/// start        end          perm offset   dev   inode      path, not read
/// ```
///
/// one byte at a time: all but the path is numbers between separators.
struct Search {
    address: u64,
    field: usize,
    number: u64,
    readable: bool,
    /// start, end, (permissions), offset, device major, minor, inode.
    line: [u64; FIELDS],
    /// The device and inode of the last mapping of the beginning of a file, and
    /// its start.
    file: [u64; 3],
    base: Option<u64>,
}

const START: usize = 0;
const END: usize = 1;
const PERMISSIONS: usize = 2;
const OFFSET: usize = 3;
const MAJOR: usize = 4;
const MINOR: usize = 5;
const INODE: usize = 6;
const FIELDS: usize = 7;

impl Search {
    fn new(address: usize) -> Search {
        Search {
            address: address as u64,
            field: START,
            number: 0,
            readable: false,
            line: [0; FIELDS],
            file: [0; 3],
            base: None,
        }
    }

    /// Takes one byte; the answer, when it is known.
    fn feed(&mut self, byte: u8) -> Option<Option<usize>> {
        if byte == b'\n' {
            self.end_field();
            let answer = self.end_line();
            (self.field, self.number, self.line) = (START, 0, [0; FIELDS]);
            return answer;
        }
        if self.field == FIELDS {
            return None;
        }
        let separator = match self.field {
            START => b'-',
            MAJOR => b':',
            _ => b' ',
        };
        if byte == separator {
            self.end_field();
        } else if self.field == PERMISSIONS {
            // The first of "rwxp".
            if self.number == 0 {
                self.readable = byte == b'r';
            }
            self.number += 1;
        } else {
            let (radix, digit) = match (self.field, byte) {
                (INODE, b'0'..=b'9') => (10, byte - b'0'),
                (_, b'0'..=b'9') => (16, byte - b'0'),
                (_, b'a'..=b'f') => (16, byte - b'a' + 10),
                _ => return Some(None),
            };
            self.number = self.number.wrapping_mul(radix).wrapping_add(digit.into());
        }
        None
    }

    fn end_field(&mut self) {
        if let Some(field) = self.line.get_mut(self.field) {
            *field = self.number;
            self.field += 1;
        }
        self.number = 0;
    }

    fn end_line(&mut self) -> Option<Option<usize>> {
        if self.field < FIELDS {
            return Some(None);
        }
        let line = &self.line;
        let file = [line[MAJOR], line[MINOR], line[INODE]];
        // Mappings of no file all have inode 0 and are modules of their own, if
        // any (the vDSO).
        if file != self.file || line[INODE] == 0 {
            (self.file, self.base) = (file, None);
        }
        if line[OFFSET] == 0 && self.readable {
            self.base = Some(line[START]);
        }
        // The list is in the order of addresses.
        if self.address >= line[END] {
            return None;
        }
        Some(self.base.filter(|_| self.address >= line[START]).map(|base| base as usize))
    }
}

/// What a list that says `list` answers for `address`.
#[cfg(fuzzing)]
pub fn fuzz(list: &[u8], address: usize) -> Option<usize> {
    let mut search = Search::new(address);
    list.iter().find_map(|byte| search.feed(*byte)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
55d0c0000000-55d0c0002000 r--p 00000000 fe:01 131087                     /bin/a program
55d0c0002000-55d0c0007000 r-xp 00002000 fe:01 131087                     /bin/a program
55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000002000 r--p 00000000 fe:01 200                        /lib/one.so
7f0000002000-7f0000004000 ---p 00002000 fe:01 200                        /lib/one.so
7f0000004000-7f0000006000 r-xp 00002000 fe:01 200                        /lib/one.so
7f0000006000-7f0000008000 r-xp 00002000 fe:02 200                        /lib/other-disk.so
7ffff0000000-7ffff0002000 r-xp 00000000 00:00 0                          [vdso]
";

    fn find(list: &str, address: usize) -> Option<usize> {
        let mut search = Search::new(address);
        list.bytes().find_map(|byte| search.feed(byte)).flatten()
    }

    #[test]
    fn the_base_is_where_the_files_beginning_is_mapped() {
        assert_eq!(find(LIST, 0x55d0_c000_0000), Some(0x55d0_c000_0000));
        assert_eq!(find(LIST, 0x55d0_c000_6fff), Some(0x55d0_c000_0000));
        assert_eq!(find(LIST, 0x55d0_c000_7000), None, "just past it");
        assert_eq!(find(LIST, 0x7f00_0000_4abc), Some(0x7f00_0000_0000));
        assert_eq!(find(LIST, 0x7f00_0000_6000), None, "its beginning is not mapped");
        assert_eq!(find(LIST, 0x7fff_f000_0123), Some(0x7fff_f000_0000));
        assert_eq!(find(LIST, 0x1000), None);
        assert_eq!(find(LIST, 0x7fff_ffff_ffff), None);
    }

    #[test]
    fn a_list_that_makes_no_sense_gives_no_base() {
        for list in ["", "\n", "zz-yy r-xp", "7f00-8f00\n", "7f00-8f00 r-xp 0 x:1 2 \n", "----\n\n"]
        {
            assert_eq!(find(list, 0x7f10), None, "{list:?}");
        }
    }

    #[test]
    fn code_of_this_process_is_found() {
        let here = code_of_this_process_is_found as *const () as usize;
        let found = base(here).expect("this program");
        assert!(found < here);
        let local = 0_u8;
        let stack = base((&raw const local).addr());
        assert!(stack.is_none_or(|found| found != base(here).unwrap_or_default()));
    }
}
