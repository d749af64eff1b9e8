//! Where output goes: lines to standard output, files whole or not at all.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::units;

/// Standard output could not be written.
#[derive(Debug)]
pub struct OutputError(pub io::Error);

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to standard output: {}", self.0)
    }
}

impl std::error::Error for OutputError {}

/// Buffered output whose errors say that they are the output's: only a broken
/// pipe *there* is no failure.
pub struct Output<W: Write>(BufWriter<W>);

impl<W: Write> Output<W> {
    /// Output to `inner`.
    pub fn new(inner: W) -> Output<W> {
        Output(BufWriter::new(inner))
    }

    /// Writes `line` and an end of line.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<(), OutputError> {
        writeln!(self.0, "{line}").map_err(OutputError)
    }

    /// Writes `value` as JSON, indented, and an end of line.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), OutputError> {
        serde_json::to_writer_pretty(&mut self.0, value)
            .map_err(|error| OutputError(error.into()))?;
        self.line("")
    }

    /// Writes `bytes` as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.0.write_all(bytes).map_err(OutputError)
    }

    /// Hands everything written so far to the reader.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush().map_err(OutputError)
    }
}

/// What a command made, on its way to a file or to standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// For people and programs.
    Text,
    /// Not for a terminal.
    Binary,
}

/// Writes `bytes` to `path`, which is standard output where it is `-`.
pub fn deliver<W: Write>(
    bytes: &[u8],
    content: Content,
    path: &Path,
    out: &mut Output<W>,
) -> anyhow::Result<()> {
    if path != Path::new("-") {
        return write_whole(path, bytes);
    }
    if content == Content::Binary && io::stdout().is_terminal() {
        bail!("what would be written is no text: name a file with --output");
    }
    Ok(out.bytes(bytes)?)
}

/// Writes a file whole or not at all: it appears under its name when it is
/// complete, and keeps the permissions of one that it replaces. What is no
/// file (a device, a pipe) is written to and stays; so does a symbolic link.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let found = fs::metadata(path);
        if found.as_ref().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return File::options().write(true).open(path)?.write_all(bytes);
        }
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut file = beside(&real)?;
        file.write_all(bytes)?;
        if let Ok(found) = found.as_ref().map(fs::Metadata::permissions) {
            file.as_file().set_permissions(found)?;
        }
        file.persist(&real)?;
        Ok(())
    };
    write().with_context(|| cannot_write(path))
}

/// Fails now if `path` could not be written later: for those who do long work
/// before they have something to write.
pub fn check(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("{}: it is a directory", cannot_write(path));
    }
    beside(path).map(drop).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", units::printable(&path.to_string_lossy()))
}

/// A file that goes away by itself, in the same folder so that it can be
/// renamed.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".holdup.").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Less what the user's mask takes away.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|error| {
        // Nobody asked for the temporary file's name.
        let text = error.to_string();
        let reason = text.split(" at path ").next().unwrap_or(&text);
        io::Error::new(error.kind(), reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn links_devices_and_permissions_stay_what_they_are() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [real, link, null] = ["real", "link", "null"].map(|name| folder.path().join(name));
        fs::write(&real, "before").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        write_whole(&link, b"after").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"after");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        symlink("/dev/null", &null).unwrap();
        write_whole(&null, b"gone").unwrap();
        assert!(!fs::metadata(&null).unwrap().is_file());
    }

    #[test]
    fn what_cannot_be_written_is_one_reason_without_the_temporary_name() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none/a");
        for error in [write_whole(&missing, b"").unwrap_err(), check(&missing).unwrap_err()] {
            let text = format!("{error:#}");
            assert!(text.starts_with("cannot write ") && text.contains("No such"), "{text}");
            assert!(!text.contains(".holdup."), "{text}");
        }
        for error in
            [write_whole(folder.path(), b"").unwrap_err(), check(folder.path()).unwrap_err()]
        {
            assert!(format!("{error:#}").contains("directory"), "{error:#}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
