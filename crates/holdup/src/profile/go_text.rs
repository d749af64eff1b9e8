//! Writes profiles as Go's `/debug/pprof/mutex?debug=1` does: the text form
//! that pprof had before it had a binary one, with names for people.

use super::pprof::{label, placeholder};
use super::{Contents, Frame, Profile, Sample};
use std::io::{self, Write};

/// How many samples, of those with the most delay, come with the names of their
/// calls. The names of ten thousand would be a hundred megabytes of text.
const NAMED: usize = 1000;

impl Profile {
    /// Writes the profile in the form of Go's text: of its mutex profile or, of
    /// the victims, of its block profile. A unit of time is a nanosecond. All samples are there, the
    /// first thousand with names.
    pub(crate) fn write_go_text(&self, contents: Contents, mut out: impl Write) -> io::Result<()> {
        let samples = if contents == Contents::Victims {
            writeln!(out, "--- contention:\ncycles/second=1000000000")?;
            self.victims()
        } else {
            // Counts and delays are those of all, not of one in so many.
            writeln!(out, "--- mutex:\ncycles/second=1000000000\nsampling period=1")?;
            self.samples()
        };
        for (number, sample) in samples.iter().enumerate() {
            write_sample(sample, number < NAMED, &mut out)?;
        }
        out.flush()
    }
}

/// What is summed up, then a line for each call. Whatever reads this as a
/// profile passes over lines that begin with `#`.
fn write_sample(sample: &Sample, named: bool, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{} {} @", sample.delay.as_nanos(), sample.count)?;
    // The addresses that calls return to, one for all that are inlined there.
    let calls = sample.stack.iter().filter(|frame| !frame.inlined && frame.address != 0);
    for frame in calls {
        write!(out, " {:#x}", frame.address.saturating_add(1))?;
    }
    writeln!(out, "\n#\t{} of {}", label(sample.kind), clean(&sample.lock))?;
    if sample.stack.is_empty() {
        writeln!(out, "#\t{}", placeholder(sample.kind))?;
    }
    for frame in sample.stack.iter().filter(|_| named) {
        writeln!(out, "#\t{:#x}\t{}{}", frame.address, clean(&frame.function), place(frame))?;
    }
    writeln!(out)
}

fn place(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("\t{}:{line}", clean(file)),
        (Some(file), None) => format!("\t{}", clean(file)),
        (None, _) => String::new(),
    }
}

/// The name without what would end its line.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
