//! The file a profile goes to: its name, its format, and how it appears there.

use crate::profile::Profile;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where `HOLDUP_PROFILE` wants the profile.
pub(super) struct Target(OsString);

#[derive(Debug, PartialEq, Eq)]
enum Format {
    Pprof,
    Folded,
    Text,
}

impl Target {
    pub(super) fn new(path: OsString) -> Target {
        Target(path)
    }

    /// Writes `profile`. The error comes with the path it is about.
    pub(super) fn write(&self, profile: &Profile) -> Result<(), (PathBuf, io::Error)> {
        // Now, not at start: a child that was forked has a number of its own.
        let path = expanded(&self.0, std::process::id());
        // Beside it, so that it can be renamed, under a name nobody else uses.
        let name = path.file_name().map_or_else(OsString::new, OsString::from);
        let mut beside = OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(beside);
        write_file(&temporary, format_of(&path), profile)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|error| {
                // Whatever is wrong, nothing is left behind.
                let _ = fs::remove_file(&temporary);
                (path, error)
            })
    }
}

fn write_file(path: &Path, format: Format, profile: &Profile) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    match format {
        Format::Pprof => profile.write_pprof(&mut file),
        Format::Folded => profile.write_folded(&mut file),
        Format::Text => profile.write_text(&mut file),
    }?;
    file.flush()
}

/// By the ending of the name. What no other format claims is pprof's, whose
/// files have many names.
fn format_of(path: &Path) -> Format {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("folded") => Format::Folded,
        Some("txt") => Format::Text,
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
        ] {
            assert_eq!(format_of(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        // A directory stands where the file is to appear: rename fails.
        let path = directory.path().join("taken.txt");
        fs::create_dir(&path).unwrap();
        let target = Target::new(path.clone().into_os_string());
        let (named, _) = target.write(&crate::profile::snapshot()).unwrap_err();
        assert_eq!(named, path);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
