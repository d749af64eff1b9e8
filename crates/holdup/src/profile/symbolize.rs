//! From return addresses to functions, files and lines.
//!
//! Only an export comes here: it reads debug information, allocates, and takes
//! as long as it takes. Nothing of it is kept when the export is done.

use super::Frame;
use super::cut::cut;
use super::modules::{self, Code, Has, Mapping};
use addr2line::Loader;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Looks up addresses of this process.
pub(crate) struct Symbolizer {
    modules: Vec<Module>,
    /// Index into `modules` of the files already seen, so that a file with
    /// several executable mappings is read once.
    files: HashMap<String, usize>,
    mappings: Vec<Mapping>,
    /// By return address.
    frames: HashMap<usize, Vec<Frame>>,
    /// Index into `mappings` of those some frame was found in.
    used: Vec<bool>,
}

/// An object file, as far as it could be read.
struct Module {
    code: Option<Code>,
    file: String,
    /// Debug information and symbol table, from when somebody asks for them.
    loader: OnceCell<Option<Loader>>,
    /// What was found out about the functions in it.
    has: Has,
}

impl Symbolizer {
    pub(crate) fn new() -> Symbolizer {
        Symbolizer::of(modules::mappings())
    }

    /// For addresses of a process in which this is mapped.
    pub(super) fn of(mappings: Vec<Mapping>) -> Symbolizer {
        Symbolizer {
            modules: Vec::new(),
            files: HashMap::new(),
            used: vec![false; mappings.len()],
            mappings,
            frames: HashMap::new(),
        }
    }

    /// For addresses of another process from now on; what was read stays. Returns the
    /// mappings of the one before that frames were found in.
    pub(super) fn go_on_with(&mut self, mappings: Vec<Mapping>) -> Vec<Mapping> {
        let used = std::mem::replace(&mut self.used, vec![false; mappings.len()]);
        let before = std::mem::replace(&mut self.mappings, mappings);
        self.frames.clear();
        kept(before, used, &self.files, &self.modules)
    }

    /// The variable at `address`, which is in the data of one of `modules`: its name,
    /// and how far into it the address is. Or else the module and the offset in it.
    pub(super) fn variable(&mut self, address: u64, maps: &[Mapping]) -> Option<String> {
        // By the module whose segments, as they were moved, hold the address.
        for mapping in maps.iter().filter(|mapping| mapping.start <= address) {
            let module = self.module(&mapping.file);
            let Some(code) = &self.modules[module].code else { continue };
            let Some(bias) = code.bias(mapping) else { continue };
            let probe = address.wrapping_sub(bias);
            if !code.holds(probe) {
                continue;
            }
            let path = modules::path_of(&mapping.file);
            let name = code.variable_at(probe, &path, debug_file(code).as_deref());
            return Some(match name {
                Some((name, 0)) => demangled(&name).0,
                Some((name, offset)) => format!("{}+{offset:#x}", demangled(&name).0),
                None => format!("{}+{probe:#x}", file_name(&mapping.file)),
            });
        }
        None
    }

    /// The index of a file's module, which is read if it was not yet.
    fn module(&mut self, file: &str) -> usize {
        let modules = &mut self.modules;
        *self.files.entry(file.to_owned()).or_insert_with(|| {
            modules.push(Module::open(file));
            modules.len() - 1
        })
    }

    /// Looks up what is in these stacks, and closes the debug information. It takes
    /// about as much memory as thousands of stacks do: not both at once.
    pub(super) fn read_ahead<'a>(&mut self, stacks: impl Iterator<Item = &'a [usize]>) {
        stacks.for_each(|stack| self.read(stack));
        for module in &mut self.modules {
            module.loader = OnceCell::new();
        }
    }

    fn read(&mut self, return_addresses: &[usize]) {
        for &address in return_addresses {
            if !self.frames.contains_key(&address) {
                let frames = self.look_up(address);
                self.frames.insert(address, frames);
            }
        }
    }

    /// The calls of a stack of return addresses, innermost first, without the
    /// lock's own.
    pub(crate) fn stack(&mut self, return_addresses: &[usize]) -> Vec<Frame> {
        self.read(return_addresses);
        let mut stack = Vec::with_capacity(return_addresses.len());
        for address in return_addresses {
            stack.extend_from_slice(&self.frames[address]);
        }
        let mut stack = cut(stack);
        // There are thousands of them: no room for more than there is.
        stack.shrink_to_fit();
        stack
    }

    /// The mappings that frames were found in, and that of the program, which
    /// pprof wants to be the first.
    pub(super) fn into_mappings(self) -> Vec<Mapping> {
        kept(self.mappings, self.used, &self.files, &self.modules)
    }

    /// The call that returns to `return_address`, and those inlined into it.
    fn look_up(&mut self, return_address: usize) -> Vec<Frame> {
        // A call that is the last instruction of its function returns to the
        // first of another one. One less is inside the call.
        let address = (return_address as u64).saturating_sub(1);
        let Some(index) = self.mappings.iter().position(|mapping| mapping.contains(address)) else {
            return vec![unnamed(format!("{address:#x}"), address)];
        };
        self.used[index] = true;
        let file = self.mappings[index].file.clone();
        let module = self.module(&file);
        let mapping = &self.mappings[index];
        let offset = address - mapping.start + mapping.offset;
        let frames = self.modules[module].frames(offset, address);
        if frames.is_empty() {
            self.modules[module].has.functions = false;
            let offset = self.modules[module].function_offset(offset, &file).unwrap_or(offset);
            return vec![unnamed(format!("{}+{offset:#x}", file_name(&file)), address)];
        }
        frames
    }
}

/// The mappings that frames were found in, and the first.
fn kept(
    mappings: Vec<Mapping>,
    used: Vec<bool>,
    files: &HashMap<String, usize>,
    modules: &[Module],
) -> Vec<Mapping> {
    let kept = mappings.into_iter().zip(used).enumerate();
    let kept = kept.filter(|(index, (_, used))| *index == 0 || *used);
    kept.map(|(_, (mut mapping, _))| {
        if let Some(module) = files.get(&mapping.file).map(|&index| &modules[index]) {
            mapping.has = module.has;
            mapping.build_id =
                module.code.as_ref().map_or_else(String::new, |code| code.build_id.clone());
        }
        mapping
    })
    .collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn unnamed(function: String, address: u64) -> Frame {
    Frame { function: function.into(), file: None, line: None, address, inlined: false }
}

impl Module {
    fn open(file: &str) -> Module {
        let path = modules::path_of(file);
        let code = Code::open(&path);
        let has = Has { functions: true, ..Has::default() };
        Module { code, file: file.to_owned(), loader: OnceCell::new(), has }
    }

    fn loader(&self) -> Option<&Loader> {
        let open = || {
            // Debian and others keep the debug information of what they ship in
            // files of its own, named by build id.
            let code = self.code.as_ref().filter(|code| !code.has_debug_info);
            let beside = code.and_then(debug_file).and_then(|path| Loader::new(path).ok());
            beside.or_else(|| Loader::new(modules::path_of(&self.file)).ok())
        };
        self.loader.get_or_init(open).as_ref()
    }

    /// What is called at `offset` of the file, innermost first; nothing if
    /// nobody knows.
    fn frames(&mut self, offset: u64, address: u64) -> Vec<Frame> {
        let Some(code) = &self.code else { return Vec::new() };
        let Some(probe) = code.address_at(offset) else { return Vec::new() };
        let base = self.loader().map_or(0, Loader::relative_address_base);
        let symbol = self.loader().and_then(|loader| {
            let symbol = loader.find_symbol(probe.wrapping_sub(base))?;
            Some(demangled(symbol))
        });
        let symbol = symbol.or_else(|| code.exported_at(probe).map(demangled));
        let mut frames = self.debug_frames(probe.wrapping_sub(base), address);
        if let Some(outermost) = frames.last_mut() {
            outermost.inlined = false;
        }
        match (frames.last_mut(), symbol) {
            (Some(outermost), Some((name, is_full))) => {
                // Debug information may have the bare name alone, where the
                // symbol has the full path.
                if outermost.function.is_empty() || (is_full && !outermost.function.contains("::"))
                {
                    outermost.function = name.into();
                }
            }
            (None, Some((name, _))) => return vec![unnamed(name, address)],
            (_, None) => {}
        }
        frames.retain(|frame| !frame.function.is_empty());
        self.has.filenames |= frames.iter().any(|frame| frame.file.is_some());
        self.has.lines |= frames.iter().any(|frame| frame.line.is_some());
        // Debug information that names lines names inlined calls as well.
        self.has.inlined = self.has.lines;
        frames
    }

    /// Where the function begins that is at `offset` of the file, if that is known: so that
    /// all of its calls have one name.
    fn function_offset(&self, offset: u64, file: &str) -> Option<u64> {
        let code = self.code.as_ref()?;
        let probe = code.address_at(offset)?;
        let start = code.function_start(probe, &modules::path_of(file))?;
        offset.checked_sub(probe - start)
    }

    /// What the debug information says; a function it does not name is empty.
    fn debug_frames(&self, probe: u64, address: u64) -> Vec<Frame> {
        let mut found = Vec::new();
        let Some(loader) = self.loader() else { return found };
        let Ok(mut frames) = loader.find_frames(probe) else { return found };
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.as_ref().and_then(|name| name.raw_name().ok());
            let location = frame.location.as_ref();
            found.push(Frame {
                function: function.map_or_else(String::new, |name| demangled(&name).0).into(),
                file: location.and_then(|location| location.file).map(Into::into),
                line: location.and_then(|location| location.line).filter(|&line| line != 0),
                address,
                inlined: true,
            });
        }
        found
    }
}

/// The name with its full path and without its hash, and whether it was a
/// mangled name of Rust or C++.
fn demangled(name: &str) -> (String, bool) {
    if let Ok(name) = rustc_demangle::try_demangle(name) {
        return (format!("{name:#}"), true);
    }
    // What glibc's tools put after a name, as in `pthread_create@@GLIBC_2.34`.
    let plain = name.split('@').next().unwrap_or(name);
    match cpp_demangled(plain) {
        Some(name) => (name, true),
        None => (plain.to_owned(), false),
    }
}

/// A name that C++ compilers mangled, without its parameters: in tables of who held up
/// whom they are in the way. What a compiler made of a part of a function, or for some
/// of its arguments (`.cold`, `.constprop.0`), is that function.
fn cpp_demangled(name: &str) -> Option<String> {
    let mangled = name.split('.').next()?;
    if !mangled.starts_with("_Z") {
        return None;
    }
    let symbol = cpp_demangle::Symbol::new(mangled).ok()?;
    let options = cpp_demangle::DemangleOptions::new().no_params().no_return_type();
    symbol.demangle_with_options(&options).ok()
}

fn debug_file(code: &Code) -> Option<PathBuf> {
    let (directory, file) = code.build_id.split_at_checked(2)?;
    let path = Path::new("/usr/lib/debug/.build-id").join(directory).join(format!("{file}.debug"));
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The return addresses from here on, with the core's own on top.
    #[inline(never)]
    fn captured() -> Vec<usize> {
        let mut stack = [0; 64];
        let depth = holdup_core::record::stack::capture(&mut stack);
        stack[..depth].to_vec()
    }

    #[inline(always)]
    fn inlined_into_its_caller() -> Vec<usize> {
        std::hint::black_box(captured())
    }

    #[inline(never)]
    fn outer() -> Vec<usize> {
        std::hint::black_box(inlined_into_its_caller())
    }

    #[test]
    fn an_inlined_function_and_its_caller_both_show_with_full_path_file_and_line() {
        let mut symbolizer = Symbolizer::new();
        let stack = symbolizer.stack(&outer());
        assert_eq!(stack[0].function, concat!(module_path!(), "::captured"), "the core is cut");
        let frames = &stack[1..3];
        let names: Vec<_> = frames.iter().map(|frame| frame.function.as_str()).collect();
        let module = module_path!();
        // Where debug information is no more than tables of lines, the path of
        // an inlined function is written nowhere in the program.
        let path = if cfg!(debug_assertions) { format!("{module}::") } else { String::new() };
        assert!(names[0].ends_with(&format!("{path}inlined_into_its_caller")), "{names:?}");
        assert_eq!(names[1..], [format!("{module}::outer")]);
        assert_eq!(frames.iter().map(|frame| frame.inlined).collect::<Vec<_>>(), [true, false]);
        assert_eq!(frames[0].address, frames[1].address);
        for frame in frames {
            assert!(frame.file.as_ref().is_some_and(|file| file.ends_with("symbolize.rs")));
            assert!(frame.line.is_some());
        }
        assert!(frames[1].line > frames[0].line, "the caller is below: {frames:?}");
        let mappings = symbolizer.into_mappings();
        let all = Has { functions: true, filenames: true, lines: true, inlined: true };
        assert_eq!(mappings[0].has, all);
        assert!(mappings[0].contains(frames[0].address));
    }

    #[test]
    fn names_of_both_languages_are_demangled() {
        for (name, expected) in [
            ("_ZN4shop4sortEv", "shop::sort"),
            ("_ZNSt5mutex4lockEv", "std::mutex::lock"),
            ("_ZN4shop5Order3addEiPKc.cold", "shop::Order::add"),
            (
                "_ZNSt6vectorIiSaIiEE9push_backERKi",
                "std::vector<int, std::allocator<int> >::push_back",
            ),
            ("_ZN4shop4sort17h0123456789abcdefE", "shop::sort"),
            ("pthread_create@@GLIBC_2.34", "pthread_create"),
            ("plain", "plain"),
            ("_Zrubbish", "_Zrubbish"),
        ] {
            assert_eq!(demangled(name).0, expected);
        }
    }

    #[test]
    fn the_same_address_is_read_once_and_found_again() {
        let mut symbolizer = Symbolizer::new();
        let address = outer()[0];
        let stack = symbolizer.stack(&[address, address]);
        assert_eq!(stack[..stack.len() / 2], stack[stack.len() / 2..]);
        assert_eq!(symbolizer.frames.len(), 1);
    }

    #[test]
    fn an_address_outside_of_all_modules_is_a_number() {
        let frames = Symbolizer::new().look_up(0x11);
        assert_eq!(frames, [unnamed("0x10".to_owned(), 0x10)]);
        assert_eq!(Symbolizer::new().look_up(0)[0].function, "0x0");
    }

    #[test]
    fn a_file_without_symbols_gives_module_and_offset() {
        let mut symbolizer = Symbolizer::new();
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().file_name().unwrap().to_string_lossy().into_owned();
        symbolizer.mappings.push(Mapping {
            start: 0x1000,
            limit: 0x2000,
            offset: 0x400,
            file: file.path().to_string_lossy().into_owned(),
            ..Mapping::default()
        });
        symbolizer.used.push(false);
        let frames = symbolizer.look_up(0x1235);
        assert_eq!(frames[0].function, format!("{name}+0x634"));
        let mappings = symbolizer.into_mappings();
        assert!(!mappings.last().unwrap().has.functions);
    }

    // Where the C library is one of its own, a symbol table may be all it has.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_library_has_the_names_it_exports() {
        let mut symbolizer = Symbolizer::new();
        let address = libc::getpid as *const () as usize;
        let frames = symbolizer.look_up(address + 1);
        // Not more: inlined calls come before it, if its debug information is
        // installed.
        assert!(frames.last().unwrap().function.contains("getpid"), "{frames:?}");
        let mapping = symbolizer.mappings.iter().find(|one| one.contains(address as u64)).unwrap();
        let code = Code::open(Path::new(&mapping.file)).unwrap();
        let probe = code.address_at(address as u64 - mapping.start + mapping.offset).unwrap();
        assert!(code.exported_at(probe).is_some_and(|name| name.contains("getpid")));
        assert_eq!(code.exported_at(0), None);
    }
}
