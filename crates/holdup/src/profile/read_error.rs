//! What can be wrong with a profile that is read.

#[cfg(doc)]
use super::Profile;
use std::fmt;
use std::io;

/// Why [`Profile::read_pprof`] could not read a profile. Displayed as one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The reader failed.
    Io(io::Error),
    /// There was nothing to read.
    Empty,
    /// Neither a profile nor a compressed one.
    NotAProfile,
    /// It ends too early.
    Truncated,
    /// It is a profile, but breaks the rules of the format in this way.
    Malformed(String),
    /// Something refers to an entry of a table that is not there.
    OutOfRange {
        /// The table.
        table: &'static str,
        /// The entry: an index into the strings, elsewhere an id.
        entry: i128,
    },
    /// It would take more memory than is allowed for.
    TooLarge {
        /// What would be too large.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// A profile of something else; these are the types of its values.
    NotContention(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => write!(f, "cannot read the profile: {error}"),
            ReadError::Empty => f.write_str("the profile is empty"),
            ReadError::NotAProfile => f.write_str("this is not a pprof profile"),
            ReadError::Truncated => f.write_str("the profile is truncated"),
            ReadError::Malformed(why) => write!(f, "the profile is malformed: {why}"),
            ReadError::OutOfRange { table, entry } => {
                write!(f, "the profile is malformed: {table} {entry} does not exist")
            }
            ReadError::TooLarge { what, limit } => {
                write!(f, "the profile is too large: {what} over {} MiB", limit >> 20)
            }
            ReadError::NotContention(types) => {
                write!(f, "this is no contention profile: its values are {types}")
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io(error) => Some(error),
            _ => None,
        }
    }
}
