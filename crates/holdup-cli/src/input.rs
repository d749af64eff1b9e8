//! What commands read: files and standard input, in whatever format they
//! turn out to be.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use holdup::profile::{Profile, ReadError};

use crate::folded::Folded;
use crate::{looks, units};

/// The most that is read of any file; the same as of a profile.
pub const MOST_BYTES: u64 = 64 << 20;

/// What a file held.
pub enum Data {
    /// A profile in pprof's format.
    Profile(Box<Profile>),
    /// Stacks with a number each.
    Folded(Folded),
}

/// The name that messages and reports give to `path`.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        units::printable(&path.to_string_lossy())
    }
}

/// Reads a profile; that and nothing else.
pub fn profile(path: &Path) -> anyhow::Result<Profile> {
    of_bytes(&bytes(path)?).with_context(|| format!("cannot read {}", name(path)))
}

/// A profile that was read already.
pub fn of_bytes(bytes: &[u8]) -> anyhow::Result<Profile> {
    parsed(bytes).map_err(|error| match hint(&error, bytes) {
        Some(what) => anyhow::anyhow!("{error}; it looks like {what}"),
        None => error.into(),
    })
}

/// Reads a profile or folded stacks.
pub fn any(path: &Path) -> anyhow::Result<Data> {
    let bytes = bytes(path)?;
    let error = match parsed(&bytes) {
        Ok(profile) => return Ok(Data::Profile(Box::new(profile))),
        Err(error) => error,
    };
    let what = hint(&error, &bytes);
    if what == Some(looks::FOLDED) {
        return Folded::read(&bytes)
            .map(Data::Folded)
            .with_context(|| format!("cannot read {}", name(path)));
    }
    match what {
        Some(what) => bail!(
            "cannot read {}: neither a pprof profile nor folded stacks; it looks like {what}",
            name(path)
        ),
        None => bail!("cannot read {}: {error}", name(path)),
    }
}

/// Fails if `paths` has standard input more than once.
pub fn standard_input_once<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
    if paths.into_iter().filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        bail!("standard input (-) can be read only once");
    }
    Ok(())
}

/// All of a file, and one byte more than is allowed for if it is too long:
/// who takes it apart refuses it then.
pub fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut read = |input: &mut dyn Read| input.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    let context = || format!("cannot read {}", name(path));
    if path == Path::new("-") {
        read(&mut io::stdin().lock()).with_context(context)?;
    } else {
        let mut file = File::open(path).with_context(context)?;
        if file.metadata().with_context(context)?.is_dir() {
            bail!("{}: it is a directory", context());
        }
        read(&mut file).with_context(context)?;
    }
    Ok(bytes)
}

fn parsed(bytes: &[u8]) -> Result<Profile, ReadError> {
    Profile::read_pprof(bytes)
}

/// What the bytes look like, where they are not what was asked for at all.
fn hint(error: &ReadError, bytes: &[u8]) -> Option<&'static str> {
    match error {
        ReadError::NotAProfile | ReadError::Truncated | ReadError::Malformed(_) => {
            looks::like(bytes)
        }
        _ => None,
    }
}
