//! Writes profiles as folded stacks: one line for each stack, for flame graphs.

use super::pprof::placeholder;
use super::{Profile, Sample};
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
    pub fn write_folded(&self, mut out: impl Write) -> io::Result<()> {
        let mut lines: BTreeMap<String, u128> = BTreeMap::new();
        for sample in self.samples() {
            *lines.entry(line(sample)).or_default() += sample.delay.as_nanos();
        }
        for (stack, nanoseconds) in lines {
            if nanoseconds != 0 {
                writeln!(out, "{stack} {nanoseconds}")?;
            }
        }
        out.flush()
    }
}

fn line(sample: &Sample) -> String {
    let mut line = cleaned(&sample.lock);
    for frame in sample.stack.iter().rev() {
        line.push(';');
        line.push_str(&cleaned(&frame.function));
    }
    if sample.stack.is_empty() {
        line.push(';');
        line.push_str(placeholder(sample.kind));
    }
    line
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
