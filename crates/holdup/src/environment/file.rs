//! The file a profile goes to: its name, its format, and how it appears there.

use crate::profile::{Contents, Profile};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where `HOLDUP_PROFILE` wants the profile.
pub(super) struct Target {
    /// What a relative path starts from: the folder in which the program was
    /// started. It may go elsewhere, as daemons do, before it ends.
    folder: PathBuf,
    /// As given, with its `%p`.
    path: OsString,
    /// The stacks that are written.
    contents: Contents,
}

#[derive(Debug, PartialEq, Eq)]
enum Format {
    Pprof,
    Folded,
    Text,
    #[cfg(feature = "json")]
    Json,
}

impl Target {
    pub(super) fn new(path: OsString, contents: Contents) -> Target {
        // Where there is no such folder, the path is taken as it is.
        Target { folder: std::env::current_dir().unwrap_or_default(), path, contents }
    }

    /// Writes `profile`. The error comes with the path it is about.
    pub(super) fn write(&self, profile: &Profile) -> Result<(), (PathBuf, io::Error)> {
        // Now, not at start: a child that was forked has a number of its own.
        // The folder's own percent signs stay.
        let path = self.folder.join(expanded(&self.path, std::process::id()));
        let format = format_of(&path);
        // What is no file (a terminal, a pipe, a device) is written to, and
        // never replaced; a link stays one.
        if fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return open_special(&path)
                .and_then(|file| self.write_to(file, format, profile))
                .map_err(|error| (path, error));
        }
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        // Beside it, so that it can be renamed, under a name nobody else uses.
        let temporary = real.with_file_name(format!(".holdup.{}.tmp", std::process::id()));
        File::create(&temporary)
            .and_then(|file| self.write_to(file, format, profile))
            .and_then(|()| fs::rename(&temporary, &real))
            .map_err(|error| {
                // Whatever is wrong, nothing is left behind.
                let _ = fs::remove_file(&temporary);
                (path, error)
            })
    }

    fn write_to(&self, file: File, format: Format, profile: &Profile) -> io::Result<()> {
        let mut file = BufWriter::new(file);
        match format {
            Format::Pprof => profile.write_pprof_of(self.contents, &mut file),
            Format::Folded => profile.write_folded_of(self.contents, &mut file),
            Format::Text => profile.write_text(&mut file),
            #[cfg(feature = "json")]
            Format::Json => profile.write_json(&mut file),
        }?;
        file.flush()
    }
}

/// Opens what is no file for writing. A pipe that nobody reads is an error: to
/// wait for a reader would keep the program from ending.
fn open_special(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        drop(options.clone().custom_flags(libc::O_NONBLOCK).open(path)?);
    }
    options.open(path)
}

/// By the ending of the name. What no other format claims is pprof's, whose
/// files have many names.
fn format_of(path: &Path) -> Format {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("folded") => Format::Folded,
        Some("txt") => Format::Text,
        #[cfg(feature = "json")]
        Some("json") => Format::Json,
        _ => Format::Pprof,
    }
}

/// The path with `%p` and `%%` replaced.
fn expanded(path: &OsString, process: u32) -> PathBuf {
    // On all systems, what is cut at an ASCII character stays well-formed.
    let bytes = path.as_encoded_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match rest {
            [b'%', b'p', after @ ..] => {
                result.extend_from_slice(process.to_string().as_bytes());
                rest = after;
            }
            [b'%', b'%', after @ ..] => {
                result.push(b'%');
                rest = after;
            }
            [byte, after @ ..] => {
                result.push(*byte);
                rest = after;
            }
            [] => break,
        }
    }
    // SAFETY: `result` is made of the encoded bytes of an `OsString`, where
    // only whole ASCII characters were taken out and put in.
    PathBuf::from(unsafe { OsString::from_encoded_bytes_unchecked(result) })
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let path = expanded(&text.into(), 7);
    assert!(text.contains('%') || path.as_os_str() == text);
    std::hint::black_box(format_of(&path));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_number_is_put_in() {
        for (path, expected) in [
            ("a/b.txt", "a/b.txt"),
            ("%p", "42"),
            ("x-%p-%p.pb.gz", "x-42-42.pb.gz"),
            ("100%%p", "100%p"),
            ("%", "%"),
            ("%x%", "%x%"),
            ("é%pé", "é42é"),
        ] {
            assert_eq!(expanded(&path.into(), 42), Path::new(expected));
        }
    }

    #[test]
    fn the_ending_decides_the_format() {
        for (path, format) in [
            ("a.pb.gz", Format::Pprof),
            ("a.pb", Format::Pprof),
            ("a", Format::Pprof),
            ("a.txt.gz", Format::Pprof),
            ("a.folded", Format::Folded),
            ("folded", Format::Pprof),
            ("a.b.txt", Format::Text),
            #[cfg(feature = "json")]
            ("a.json", Format::Json),
            #[cfg(not(feature = "json"))]
            ("a.json", Format::Pprof),
        ] {
            assert_eq!(format_of(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    #[cfg(feature = "json")]
    fn a_name_that_ends_in_json_gets_json() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locks.json");
        Target::new(path.clone().into(), Contents::Blame)
            .write(&crate::profile::snapshot())
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(json["schema"], 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real.txt"), directory.path().join("link.txt"));
        fs::write(&real, "before").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        Target::new(link.clone().into(), Contents::Blame)
            .write(&crate::profile::snapshot())
            .unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_ne!(fs::read_to_string(&real).unwrap(), "before");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
        // A link to the device: were it replaced, it would be this one.
        let null = directory.path().join("null.txt");
        std::os::unix::fs::symlink("/dev/null", &null).unwrap();
        Target::new(null.clone().into(), Contents::Blame)
            .write(&crate::profile::snapshot())
            .unwrap();
        assert!(!fs::metadata(&null).unwrap().is_file());
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        // A directory stands where the file is to appear: rename fails.
        let path = directory.path().join("taken.txt");
        fs::create_dir(&path).unwrap();
        let target = Target::new(path.clone().into_os_string(), Contents::Blame);
        let (named, _) = target.write(&crate::profile::snapshot()).unwrap_err();
        assert_eq!(named, path);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
