//! What is mapped where: the program and its libraries.

use addr2line::gimli::{BaseAddresses, CieOrFde, EhFrame, RunTimeEndian, UnwindSection};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, ReadCache};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A part of an executable file that is mapped into memory, in the terms of
/// pprof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    /// One past the last address.
    pub(super) limit: u64,
    /// Where `start` is in the file.
    pub(super) offset: u64,
    pub(super) file: String,
    /// In hexadecimal; empty when there is none.
    pub(super) build_id: String,
    pub(super) has: Has,
}

/// What a profile knows about the code in a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Has {
    pub(super) functions: bool,
    pub(super) filenames: bool,
    pub(super) lines: bool,
    pub(super) inlined: bool,
}

impl Mapping {
    pub(super) fn contains(&self, address: u64) -> bool {
        (self.start..self.limit).contains(&address)
    }
}

/// The executable mappings of this process, that of the program first, the
/// others by address.
pub(super) fn mappings() -> Vec<Mapping> {
    match std::fs::read("/proc/self/maps") {
        Ok(maps) => {
            let maps = String::from_utf8_lossy(&maps);
            let mut mappings: Vec<_> = maps.lines().filter_map(executable).collect();
            mappings.sort_by_cached_key(|mapping| (!is_program(&mapping.file), mapping.start));
            mappings
        }
        Err(_) => the_program().into_iter().collect(),
    }
}

/// The mapping in a line of /proc/self/maps, if it is of code.
pub(super) fn executable(line: &str) -> Option<Mapping> {
    parse_line(line).filter(|(_, executable)| *executable).map(|(mapping, _)| mapping)
}

/// Reads a line of /proc/self/maps:
/// `start-limit perms offset device inode   path`. Whether it is of code comes with it.
pub(super) fn parse_line(line: &str) -> Option<(Mapping, bool)> {
    let mut fields = line.splitn(6, ' ');
    let (start, limit) = fields.next()?.split_once('-')?;
    let (permissions, offset) = (fields.next()?, fields.next()?);
    // Device and inode come before the path, which may have spaces.
    let path = fields.nth(2)?.trim_start();
    if path.is_empty() {
        return None;
    }
    let number = |text| u64::from_str_radix(text, 16).ok();
    let mapping = Mapping {
        start: number(start)?,
        limit: number(limit)?,
        offset: number(offset)?,
        file: path.to_owned(),
        ..Mapping::default()
    };
    Some((mapping, permissions.contains('x')))
}

fn is_program(file: &str) -> bool {
    // Of an executable that was deleted or replaced, both say " (deleted)".
    std::fs::read_link("/proc/self/exe").is_ok_and(|program| program == Path::new(file))
}

/// Where a mapped file can be opened.
pub(super) fn path_of(file: &str) -> PathBuf {
    // The link in /proc leads to the program that runs, even if another one
    // has taken its name.
    if is_program(file) { "/proc/self/exe".into() } else { file.into() }
}

/// The program alone, for systems without /proc. How far it was moved in
/// memory shows in a function whose address and name are known.
fn the_program() -> Option<Mapping> {
    let path = std::env::current_exe().ok()?;
    let code = Code::open(&path)?;
    let bias = (anchor as fn() as usize as u64).wrapping_sub(code.address_of(ANCHOR)?);
    let (low, high) = code.extent()?;
    Some(Mapping {
        start: low.wrapping_add(bias),
        limit: high.wrapping_add(bias),
        // Translated by segment, so that offset and address advance together.
        offset: code.offset_of(low)?,
        file: path.to_string_lossy().into_owned(),
        ..Mapping::default()
    })
}

const ANCHOR: &str = concat!(module_path!(), "::anchor");

#[inline(never)]
fn anchor() {
    // Not the same code as any other function, lest the linker folds them.
    std::hint::black_box(ANCHOR);
}

/// The parts of an object file that say what its addresses mean.
pub(super) struct Code {
    /// Address, file offset, size.
    segments: Vec<(u64, u64, u64)>,
    /// The lowest address, and one past the highest: with what is not in the file, but
    /// zeroed memory.
    limits: (u64, u64),
    /// By address: size and name, as far as the dynamic linker needs them.
    exported: BTreeMap<u64, (u64, String)>,
    symbols: Vec<(u64, String)>,
    /// Where functions begin, and how long they are. Read if somebody asks.
    functions: OnceCell<BTreeMap<u64, u64>>,
    pub(super) build_id: String,
    pub(super) has_debug_info: bool,
}

impl Code {
    pub(super) fn open(path: &Path) -> Option<Code> {
        let file = ReadCache::new(File::open(path).ok()?);
        let object = object::File::parse(&file).ok()?;
        let segments = object.segments().map(|segment| {
            let (offset, size) = segment.file_range();
            (segment.address(), offset, size)
        });
        let starts = object.segments().map(|segment| segment.address());
        let ends =
            object.segments().map(|segment| segment.address().saturating_add(segment.size()));
        let limits = (starts.min().unwrap_or(0), ends.max().unwrap_or(0));
        let named = |symbol: object::Symbol<'_, '_, &ReadCache<File>>| {
            let name = symbol.name().ok()?.to_owned();
            let code = symbol.kind() == object::SymbolKind::Text && symbol.is_definition();
            (code && !name.is_empty()).then(|| (symbol.address(), symbol.size(), name))
        };
        let exported = object.dynamic_symbols().filter_map(named);
        let exported = exported.map(|(address, size, name)| (address, (size, name))).collect();
        // Only needed where there is no /proc.
        let symbols = if cfg!(any(test, not(target_os = "linux"))) {
            object.symbols().filter_map(named).map(|(address, _, name)| (address, name)).collect()
        } else {
            Vec::new()
        };
        let id = match (object.build_id(), object.mach_uuid()) {
            (Ok(Some(id)), _) => id.to_vec(),
            (_, Ok(Some(uuid))) => uuid.to_vec(),
            _ => Vec::new(),
        };
        Some(Code {
            segments: segments.collect(),
            limits,
            exported,
            symbols,
            functions: OnceCell::new(),
            build_id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
            has_debug_info: object.section_by_name(".debug_info").is_some(),
        })
    }

    /// The address the linker gave to what is at `offset` in the file.
    pub(super) fn address_at(&self, offset: u64) -> Option<u64> {
        let holds =
            |(_, start, size): &&(u64, u64, u64)| offset >= *start && offset - start < *size;
        let (address, start, _) = self.segments.iter().find(holds)?;
        address.checked_add(offset - start)
    }

    /// How far the file's addresses are moved in memory, as `mapping` has it.
    pub(super) fn bias(&self, mapping: &Mapping) -> Option<u64> {
        const PAGE: u64 = 4096;
        // What is mapped begins at the beginning of a segment's first page.
        let (address, offset, _) = self.segments.iter().find(|(_, offset, size)| {
            *size > 0 && offset - offset % PAGE <= mapping.offset && mapping.offset < offset + size
        })?;
        let address = address.wrapping_sub(*offset).wrapping_add(mapping.offset);
        Some(mapping.start.wrapping_sub(address))
    }

    /// Whether the module has that address, in code or data.
    pub(super) fn holds(&self, address: u64) -> bool {
        (self.limits.0..self.limits.1).contains(&address)
    }

    /// The variable that `address` is in, by the symbols of the file or of the one with
    /// its debug information, and how far into it.
    pub(super) fn variable_at(
        &self,
        address: u64,
        path: &Path,
        debug: Option<&Path>,
    ) -> Option<(String, u64)> {
        [Some(path), debug].into_iter().flatten().find_map(|path| {
            let file = ReadCache::new(File::open(path).ok()?);
            let object = object::File::parse(&file).ok()?;
            let symbols = object.symbols().chain(object.dynamic_symbols());
            let found = symbols
                .filter(|symbol| {
                    symbol.kind() == object::SymbolKind::Data && symbol.is_definition()
                })
                .filter(|symbol| {
                    address.checked_sub(symbol.address()).is_some_and(|into| into < symbol.size())
                })
                // Of several the smallest, the innermost.
                .min_by_key(|symbol| symbol.size())?;
            Some((found.name().ok()?.to_owned(), address - found.address()))
        })
    }

    /// Where the function begins that `address` is in, by what describes its frames: all
    /// that is known of a program without symbols.
    pub(super) fn function_start(&self, address: u64, path: &Path) -> Option<u64> {
        let functions = self.functions.get_or_init(|| functions(path).unwrap_or_default());
        let (start, length) = functions.range(..=address).next_back()?;
        (address - start < *length).then_some(*start)
    }

    fn offset_of(&self, address: u64) -> Option<u64> {
        let holds =
            |(start, _, size): &&(u64, u64, u64)| address >= *start && address - start < *size;
        let (start, offset, _) = self.segments.iter().find(holds)?;
        offset.checked_add(address - start)
    }

    /// The segment that holds the anchor, from first to past the last address.
    fn extent(&self) -> Option<(u64, u64)> {
        let anchor = self.address_of(ANCHOR)?;
        let holds =
            |(start, _, size): &&(u64, u64, u64)| anchor >= *start && anchor - start < *size;
        let (start, _, size) = self.segments.iter().find(holds)?;
        Some((*start, start.checked_add(*size)?))
    }

    /// Where the Rust function of that full path is.
    fn address_of(&self, function: &str) -> Option<u64> {
        let plain = |name: &str| {
            // Mach-O puts an underscore before each name.
            let name = rustc_demangle::try_demangle(name)
                .or_else(|_| rustc_demangle::try_demangle(name.strip_prefix('_').unwrap_or(name)));
            name.is_ok_and(|name| format!("{name:#}") == function)
        };
        Some(self.symbols.iter().find(|(_, name)| plain(name))?.0)
    }

    /// The exported function that `address` is in.
    pub(super) fn exported_at(&self, address: u64) -> Option<&str> {
        let (start, (size, name)) = self.exported.range(..=address).next_back()?;
        // Assembler functions often have no size.
        (address - start < (*size).max(1)).then_some(name)
    }
}

/// The functions in a file's `.eh_frame`: their addresses and lengths.
fn functions(path: &Path) -> Option<BTreeMap<u64, u64>> {
    let file = ReadCache::new(File::open(path).ok()?);
    let object = object::File::parse(&file).ok()?;
    let section = object.section_by_name(".eh_frame")?;
    let mut frames = EhFrame::new(section.data().ok()?, RunTimeEndian::default());
    frames.set_address_size(if object.is_64() { 8 } else { 4 });
    let bases = BaseAddresses::default().set_eh_frame(section.address());
    let mut entries = frames.entries(&bases);
    let mut found = BTreeMap::new();
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(fde) = partial.parse(EhFrame::cie_from_offset)
        {
            found.insert(fde.initial_address(), fde.len());
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_is_read_whole_and_data_is_left_out() {
        let line = "7f00a000-7f00b000 r-xp 00012000 fe:01 4242                 /opt/my app/lib.so";
        let mapping = executable(line).unwrap();
        assert_eq!((mapping.start, mapping.limit), (0x7f00_a000, 0x7f00_b000));
        assert_eq!((mapping.offset, mapping.file.as_str()), (0x12000, "/opt/my app/lib.so"));
        assert_eq!(executable(&line.replace("r-xp", "rw-p")), None);
        assert_eq!(executable("7f00a000-7f00b000 r-xp 00000000 00:00 0 "), None);
        assert_eq!(executable("rubbish"), None);
        assert_eq!(executable(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_proc_the_program_is_found_where_proc_says_it_is() {
        let address = anchor as fn() as usize as u64;
        let truth = mappings();
        assert!(truth[0].contains(address), "the program's mapping comes first: {truth:?}");
        let found = the_program().expect("the program has a symbol table");
        assert!(found.contains(address), "{found:x?} has not {address:#x}");
        // The two name the same byte of the file.
        let offset = |mapping: &Mapping| address - mapping.start + mapping.offset;
        assert_eq!(offset(&found), offset(&truth[0]));
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn a_function_without_a_name_begins_where_its_frames_do() {
        let path = Path::new("/proc/self/exe");
        let code = Code::open(path).unwrap();
        let start = code.address_of(ANCHOR).unwrap();
        for inside in [0, 1, 4] {
            assert_eq!(code.function_start(start + inside, path), Some(start));
        }
        assert_eq!(code.function_start(1, path), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_build_id_is_the_one_the_linker_wrote() {
        let code = Code::open(Path::new("/proc/self/exe")).unwrap();
        // Present or not as the linker was told; if so, in hexadecimal.
        assert!(code.build_id.chars().all(|digit| digit.is_ascii_hexdigit()));
        assert!(code.build_id.is_empty() || code.build_id.len() >= 16, "{}", code.build_id);
        assert!(code.has_debug_info);
    }
}
