//! Which files the demonstration reads.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use ignore::WalkBuilder;

use crate::units;

/// Bytes read in all.
pub const MOST_BYTES: u64 = 64 << 20;
/// Bytes of the largest file read.
pub const LARGEST_FILE: u64 = 1 << 20;
/// Files read in all, so that their list stays small.
const MOST_FILES: usize = 100_000;
/// After this long no further file is begun, however slow the disk.
pub const MOST_TIME: Duration = Duration::from_secs(30);

/// What ended the reading before everything was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// [`MOST_BYTES`].
    Bytes,
    /// `MOST_FILES`.
    Files,
    /// [`MOST_TIME`].
    Time,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Bytes => f.write_str(&units::bytes(MOST_BYTES)),
            Limit::Files => f.write_str(&units::plural(MOST_FILES as u64, "file")),
            Limit::Time => f.write_str(&units::duration(MOST_TIME.as_nanos())),
        }
    }
}

/// The files to read, and what was left out.
#[derive(Debug, Default)]
pub struct Listing {
    /// In the order they were found, which is the same each time.
    pub files: Vec<PathBuf>,
    /// What the files hold, by their sizes.
    pub bytes: u64,
    /// Files over [`LARGEST_FILE`].
    pub too_large: u64,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
    /// The limit that ended the walk before all was seen, if one did.
    pub limit: Option<Limit>,
}

/// The folders that are indexed: `dir`, or by default the repository's sources
/// and cargo's registry.
pub fn roots(dir: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(dir) = dir {
        let metadata =
            fs::metadata(dir).with_context(|| format!("cannot read {}", dir.display()))?;
        if !metadata.is_dir() {
            bail!("{} is not a directory", dir.display());
        }
        return Ok(vec![dir.to_owned()]);
    }
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let roots: Vec<PathBuf> = repository(&here).into_iter().chain(registry()).collect();
    if roots.is_empty() {
        bail!(
            "found neither a repository around {} nor cargo's sources: say which folder to index, holdup demo DIR",
            here.display()
        );
    }
    Ok(roots)
}

/// The repository around `here`: the nearest folder with a `.git`; without one,
/// the outermost cargo package, which from inside a workspace's crate is the
/// workspace.
fn repository(here: &Path) -> Option<PathBuf> {
    let package = |dir: &&Path| dir.join("Cargo.toml").is_file();
    here.ancestors()
        .find(|dir| dir.join(".git").exists())
        .or_else(|| here.ancestors().filter(package).last())
        .map(Path::to_owned)
}

/// The sources of the crates that cargo downloaded, if there are any.
fn registry() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty());
    let home = home.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    Some(home.join("registry/src")).filter(|sources| sources.is_dir())
}

/// Lists the files under `roots`: what `.gitignore` leaves out is left out
/// here, links are not followed, and the walk ends at [`MOST_BYTES`].
/// `progress` is called with the number of files so far.
pub fn list(roots: &[PathBuf], mut progress: impl FnMut(usize)) -> Listing {
    let mut listing = Listing::default();
    for root in roots {
        let walk = WalkBuilder::new(root)
            .require_git(false)
            // The folder alone decides, not what happens to lie above it.
            .parents(false)
            .git_global(false)
            .sort_by_file_name(Ord::cmp)
            .build();
        for found in walk {
            let Ok(found) = found else {
                listing.unreadable += 1;
                continue;
            };
            // No pipes, no devices: reading one may never end.
            if !found.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Ok(metadata) = found.metadata() else {
                listing.unreadable += 1;
                continue;
            };
            if metadata.len() > LARGEST_FILE {
                listing.too_large += 1;
                continue;
            }
            if listing.bytes + metadata.len() > MOST_BYTES {
                listing.limit = Some(Limit::Bytes);
            } else if listing.files.len() == MOST_FILES {
                listing.limit = Some(Limit::Files);
            }
            if listing.limit.is_some() {
                return listing;
            }
            listing.bytes += metadata.len();
            listing.files.push(found.into_path());
            progress(listing.files.len());
        }
    }
    listing
}

/// What reading a file brought.
#[derive(Debug)]
pub enum Content {
    /// Text in UTF-8.
    Text(String),
    /// Anything else.
    Binary,
    /// Larger than it was when it was listed, and now over [`LARGEST_FILE`].
    TooLarge,
}

/// Reads `path`, never more than [`LARGEST_FILE`] bytes.
pub fn read(path: &Path) -> io::Result<Content> {
    use io::Read;
    let mut bytes = Vec::new();
    let read = fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST_FILE {
        return Ok(Content::TooLarge);
    }
    // A zero byte is valid UTF-8, and the surest sign of a file that is no text.
    if bytes.contains(&0) {
        return Ok(Content::Binary);
    }
    Ok(String::from_utf8(bytes).map_or(Content::Binary, Content::Text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_or_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        assert!(matches!(read(&file("a", "ß".as_bytes())), Ok(Content::Text(text)) if text == "ß"));
        assert!(matches!(read(&file("b", b"\xff\xfe")), Ok(Content::Binary)));
        assert!(matches!(read(&file("c", b"a\0b")), Ok(Content::Binary)));
        let large = file("d", &vec![b'a'; LARGEST_FILE as usize + 1]);
        assert!(matches!(read(&large), Ok(Content::TooLarge)));
        assert!(read(&dir.path().join("none")).is_err());

        let listing = list(&[dir.path().to_owned()], |_| ());
        assert_eq!((listing.files.len(), listing.too_large), (3, 1));
        assert_eq!((listing.bytes, listing.unreadable, listing.limit), (2 + 2 + 3, 0, None));
    }

    #[test]
    fn ignored_files_and_links_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [(".gitignore", "/target\n"), ("src.rs", "fn"), ("target", "x")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("src.rs"), dir.path().join("link.rs")).unwrap();
        let listing = list(&[dir.path().to_owned()], |_| ());
        assert_eq!(listing.files, [dir.path().join("src.rs")]);
    }

    #[test]
    fn from_a_crate_of_a_workspace_the_workspace_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("crates/one/src");
        fs::create_dir_all(&inner).unwrap();
        fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        fs::write(dir.path().join("crates/one/Cargo.toml"), "").unwrap();
        assert_eq!(repository(&inner).as_deref(), Some(dir.path()));
        fs::create_dir(dir.path().join("crates/.git")).unwrap();
        assert_eq!(repository(&inner), Some(dir.path().join("crates")));
    }
}
