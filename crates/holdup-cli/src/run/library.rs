//! The interposer, which travels inside of the command, as a file that programs can load.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// Built by `build.rs`; empty where there is none for the platform.
static LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libholdup_preload.so"));

/// The file's name, as it shows in the program's list of libraries.
const NAME: &str = "libholdup_preload.so";

/// The library in a folder of its own, which is removed with this.
#[derive(Debug)]
pub struct Library {
    folder: TempDir,
    path: PathBuf,
}

impl Library {
    /// Writes it where programs of any user may load it from.
    pub fn write() -> anyhow::Result<Library> {
        if LIBRARY.is_empty() {
            bail!("holdup run needs Linux with glibc, on x86-64 or 64-bit ARM");
        }
        let places = [std::env::temp_dir(), "/dev/shm".into(), "/var/tmp".into()];
        let mut failure = None;
        for place in places.iter().filter(|place| is_usable(place)) {
            match write_to(place) {
                Ok(library) => return Ok(library),
                Err(error) => failure = failure.or(Some((place, error))),
            }
        }
        match failure {
            Some((place, error)) => Err(error).with_context(|| {
                format!("cannot write the library to load into the program to {}", place.display())
            }),
            None => bail!(
                "no folder for the library to load into the program: each of {places:?} has a \
                 colon or a space in its name, or holds no code (mounted noexec); set TMPDIR"
            ),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file, for processes that go on after this one and start others.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

fn write_to(place: &Path) -> io::Result<Library> {
    // Not readable for listing, but programs that changed their user can load from it.
    let folder = tempfile::Builder::new().prefix("holdup-").tempdir_in(place)?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    let path = folder.path().join(NAME);
    fs::write(&path, LIBRARY)?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    Ok(Library { folder, path })
}

/// Whether a library can be loaded from there: the list of libraries to load ends at
/// spaces and colons, and some file systems are mounted to hold no code.
fn is_usable(place: &Path) -> bool {
    let named = !place.as_os_str().as_encoded_bytes().iter().any(|byte| b" \t\n:".contains(byte));
    named && place.is_absolute() && !super::os::is_noexec(place)
}
