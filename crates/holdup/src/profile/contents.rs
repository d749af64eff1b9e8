//! What of a profile is written: those who held others up, those who waited,
//! or both.

#[cfg(doc)]
use super::Profile;
use std::fmt;
use std::str::FromStr;

/// What stands between the culprit's calls and the victim's in a stack that
/// has both: the culprit's come above, with the function that ended the
/// critical section innermost.
pub const WAITED_FOR: &str = "[waited for]";

/// What a file with stacks shows. The delays of each add up to the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Contents {
    /// The stacks of those who held others up, as [`Profile::samples`].
    #[default]
    Blame,
    /// The stacks of those who waited, as [`Profile::victims`].
    Victims,
    /// Both, as [`Profile::pairs`]: the victim's stack, then the frame
    /// [`WAITED_FOR`], and above it the culprit's.
    Pairs,
}

impl Contents {
    const ALL: [Contents; 3] = [Contents::Blame, Contents::Victims, Contents::Pairs];

    fn name(self) -> &'static str {
        match self {
            Contents::Blame => "blame",
            Contents::Victims => "victims",
            Contents::Pairs => "pairs",
        }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of reading [`Contents`]: the text is none of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownContents(());

impl fmt::Display for UnknownContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is none of blame, victims, pairs")
    }
}

impl std::error::Error for UnknownContents {}

/// Reads `blame`, `victims` or `pairs`.
impl FromStr for Contents {
    type Err = UnknownContents;

    fn from_str(text: &str) -> Result<Contents, UnknownContents> {
        Contents::ALL.into_iter().find(|one| one.name() == text).ok_or(UnknownContents(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_by_the_name_it_is_shown_with() {
        for contents in Contents::ALL {
            assert_eq!(contents.to_string().parse(), Ok(contents));
        }
        for text in ["", "Blame", "blame ", "pair"] {
            assert_eq!(text.parse::<Contents>(), Err(UnknownContents(())), "{text}");
        }
    }
}
