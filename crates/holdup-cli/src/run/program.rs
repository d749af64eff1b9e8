//! What can be known of a program before it runs: whether the interposer can be loaded
//! into it, and what its locks may be.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, ReadCache, elf};

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Why nothing can be recorded, and what to do instead.
    pub hopeless: Option<String>,
    /// To be said if nothing was recorded.
    pub hint: Option<String>,
}

/// The program that a name means, as a shell finds it.
pub fn find(name: &Path) -> Option<PathBuf> {
    if name.as_os_str().as_encoded_bytes().contains(&b'/') {
        return Some(name.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    let runs = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(runs)
}

/// Looks at the program in `file`, or at the interpreter of the script there.
pub fn examine(file: &Path) -> Findings {
    const SCRIPTS_WITHIN_SCRIPTS: usize = 4;
    let mut file = file.to_owned();
    for _ in 0..SCRIPTS_WITHIN_SCRIPTS {
        match interpreter(&file) {
            Some(interpreter) => file = interpreter,
            None => break,
        }
    }
    let name = file.display();
    if let Ok(found) = fs::metadata(&file)
        && found.permissions().mode() & 0o6000 != 0
    {
        return hopeless(format!(
            "{name} runs with the rights of its owner (setuid or setgid): the dynamic linker \
             loads no library into it that somebody else asks for. Run a copy without that bit, \
             as a user who has the rights"
        ));
    }
    match read(&file) {
        Some(program) => judge(&program, &name.to_string()),
        // What the kernel makes of it shows soon.
        None => Findings::default(),
    }
}

fn hopeless(why: String) -> Findings {
    Findings { hopeless: Some(why), hint: None }
}

/// The program that a script's first line names.
fn interpreter(file: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    BufReader::new(File::open(file).ok()?.take(256)).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line.strip_prefix(b"#!")?.to_vec()).ok()?;
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if first.ends_with("/env") {
        return find(Path::new(words.find(|word| !word.starts_with('-') && !word.contains('='))?));
    }
    Some(first.into())
}

/// What an ELF file says about itself.
#[derive(Debug, Default)]
struct Program {
    is_native: bool,
    /// The dynamic linker; none in a static program.
    linker: Option<String>,
    is_go: bool,
    is_rust: bool,
    /// Functions it takes from libraries.
    imports: Vec<String>,
}

fn read(file: &Path) -> Option<Program> {
    let data = ReadCache::new(File::open(file).ok()?);
    let data = &data;
    let header = match elf::FileHeader64::<Endianness>::parse(data) {
        Ok(header) => header,
        // Not ELF at all, or of 32 bits.
        Err(_) => {
            let header = elf::FileHeader32::<Endianness>::parse(data).ok()?;
            header.endian().ok()?;
            return Some(Program::default());
        }
    };
    let endian = header.endian().ok()?;
    let native = if cfg!(target_arch = "x86_64") { elf::EM_X86_64 } else { elf::EM_AARCH64 };
    let mut program =
        Program { is_native: header.e_machine(endian) == native, ..Program::default() };
    for segment in header.program_headers(endian, data).ok()? {
        if let Ok(Some(path)) = segment.interpreter(endian, data) {
            program.linker = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    let Ok(sections) = header.sections(endian, data) else { return Some(program) };
    for section in sections.iter() {
        let Ok(name) = sections.section_name(endian, section) else { continue };
        program.is_go |= matches!(name, b".go.buildinfo" | b".note.go.buildid");
        if name == b".comment"
            && let Ok(comment) = section.data(endian, data)
        {
            program.is_rust = comment.windows(6).any(|six| six == b"rustc ");
        }
    }
    if let Ok(symbols) = sections.symbols(endian, data, elf::SHT_DYNSYM) {
        use object::read::elf::Sym;
        let undefined = symbols.iter().filter(|symbol| symbol.is_undefined(endian));
        let names = undefined.filter_map(|symbol| symbols.symbol_name(endian, symbol).ok());
        program.imports = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    }
    Some(program)
}

const GO: &str = "Go has locks of its own: take its mutex profile (runtime/pprof), which holdup \
                  report reads";
const RUST: &str = "the locks of Rust's std are not pthread's: use holdup::sync in its place, or \
                    parking_lot's stand-in";

fn judge(program: &Program, name: &str) -> Findings {
    if !program.is_native {
        return hopeless(format!(
            "{name} is for another kind of processor than holdup: use a holdup built for that"
        ));
    }
    let Some(linker) = &program.linker else {
        let instead = match (program.is_go, program.is_rust) {
            (true, _) => GO,
            (_, true) => RUST,
            _ => "link it dynamically, without -static",
        };
        return hopeless(format!(
            "{name} is linked statically: no library can be loaded into it; {instead}"
        ));
    };
    if linker.contains("ld-musl") {
        return hopeless(format!(
            "{name} is linked with musl: only glibc's locks are known; link it with glibc"
        ));
    }
    let imports = |wanted: &[&str]| program.imports.iter().any(|one| wanted.contains(&&**one));
    let hint = if program.is_go {
        Some(format!("{name} is written in Go: {GO}"))
    } else if program.is_rust {
        Some(format!("{name} is written in Rust: {RUST}"))
    } else if imports(&["sem_wait", "sem_timedwait", "semop", "semtimedop"])
        && !imports(&["pthread_mutex_lock", "pthread_rwlock_wrlock"])
    {
        Some(format!(
            "{name} waits for semaphores, not for pthread's locks, as PostgreSQL does: ask it \
             itself (PostgreSQL: wait_event in pg_stat_activity)"
        ))
    } else {
        None
    };
    Findings { hopeless: None, hint }
}
