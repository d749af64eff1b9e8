//! Writes profiles as folded stacks: one line for each stack, for flame graphs.

use super::pprof::{UNKNOWN_VICTIM, placeholder};
use super::{Contents, Frame, Kind, Pair, Profile, WAITED_FOR};
use std::collections::BTreeMap;
use std::io::{self, Write};

impl Profile {
    /// Writes the profile as folded stacks, the input of inferno and of
    /// FlameGraph's `flamegraph.pl`: on each line the names of a stack,
    /// outermost first, separated by `;`, and its delay in nanoseconds. The
    /// outermost name is the class of the lock. Lines are sorted.
    ///
    /// Looks up names if that was not done before, see
    /// [`samples`](Profile::samples).
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_folded(&self, out: impl Write) -> io::Result<()> {
        self.write_folded_of(Contents::Blame, out)
    }

    /// As [`write_folded`](Profile::write_folded), with the stacks that
    /// `contents` says: of pairs first the victim's, then [`WAITED_FOR`] and the
    /// culprit's.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_folded_of(&self, contents: Contents, mut out: impl Write) -> io::Result<()> {
        let mut lines: BTreeMap<String, u128> = BTreeMap::new();
        for pair in self.named().pairs_of(contents) {
            *lines.entry(line(contents, &pair)).or_default() += pair.delay.as_nanos();
        }
        for (stack, nanoseconds) in lines {
            if nanoseconds != 0 {
                writeln!(out, "{stack} {nanoseconds}")?;
            }
        }
        out.flush()
    }
}

fn line(contents: Contents, pair: &Pair<'_>) -> String {
    let mut line = cleaned(pair.lock);
    if contents != Contents::Blame && pair.kind == Kind::Blame {
        push(&mut line, pair.victim, UNKNOWN_VICTIM);
        if contents == Contents::Victims {
            return line;
        }
        push(&mut line, &[], WAITED_FOR);
    }
    push(&mut line, pair.culprit, placeholder(pair.kind));
    line
}

/// Adds a stack, or what stands for one that is empty.
fn push(line: &mut String, stack: &[Frame], placeholder: &str) {
    for frame in stack.iter().rev() {
        line.push(';');
        line.push_str(&cleaned(&frame.function));
    }
    if stack.is_empty() {
        line.push(';');
        line.push_str(placeholder);
    }
}

/// The name without what has a meaning in the format, or in a terminal.
fn cleaned(name: &str) -> String {
    let clean = |c: char| match c {
        // `[u8; 4]`
        ';' => ',',
        c if c.is_control() => ' ',
        c => c,
    };
    name.chars().map(clean).collect()
}
