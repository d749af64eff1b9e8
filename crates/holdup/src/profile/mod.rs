//! Profiles: who held everybody up, by how much, and where in the code.
//!
//! [`snapshot()`] copies what was recorded since the program started;
//! [`Profile::since`] leaves what happened between two snapshots. A profile
//! answers in numbers ([`Profile::totals`], [`Profile::classes`]), in call
//! stacks ([`Profile::samples`]), or as a file.
//!
//! ```
//! use holdup::profile;
//!
//! let before = profile::snapshot();
//! // ... the part of the program that is in question ...
//! let profile = profile::snapshot().since(&before);
//! profile.write_text(std::io::stdout())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is exact and what is sampled
//!
//! The sums of each lock class ([`Totals`]) are exact, always on, and obey a
//! conservation law: at any quiet moment `waited = blamed + handoff`, to the
//! nanosecond. Call stacks are sampled by delay, one for each [`period`] on
//! average, with weights that make counts and delays unbiased at any period.
//!
//! # Who waited, and for how long
//!
//! A waiter that is about to sleep notes its own stack, so that a sample can say
//! *who held up whom* ([`Profile::pairs`], [`Profile::victims`]). Sums are exact as
//! ever: all pairs of a culprit add up to its sample. Which of several waiters a
//! sample names is drawn by lot, in proportion to what each of them waited. Of a
//! waiter that got the lock without sleeping no stack is known.
//!
//! Histograms of waits and of contended holds are counted whatever the period
//! ([`Profile::locks`]), and the longest waits are kept ([`Profile::longest_waits`]).
//!
//! # From the environment
//!
//! | variable | effect |
//! |---|---|
//! | `HOLDUP_PROFILE=path` | Write the profile there when the program exits (returns from `main`, calls `exit`) and, on Unix, when a panic aborts it. A name that ends in `.folded` gets [`Profile::write_folded`], `.txt` [`Profile::write_text`], `.json` (with the feature `json`) `Profile::write_json`, any other [`Profile::write_pprof`]. `%p` stands for the process number, `%%` for a percent sign. |
//! | `HOLDUP_PROFILE_EVERY=10s` | Write it also at these intervals, each time the whole profile since the program started: for programs that are killed by signals. |
//! | `HOLDUP_CONTENTS=pairs` | The stacks in that file: `blame`, `victims` or `pairs`, see [`Contents`]. Without it, blame. |
//! | `HOLDUP_PERIOD=100us` | The sampling period at start: a number with `ns`, `us`, `ms` or `s`, or `off` (also `0`). |
//!
//! The file appears under its name only when it is complete. A path that
//! cannot be written, or a period that cannot be read, is one line on standard
//! error and changes nothing else. Child processes inherit the variables:
//! use `%p` where they would write to one file. A program that is killed by
//! a signal, or leaves by `_exit`, writes nothing.

mod classes;
mod comments;
mod contents;
mod cut;
mod folded;
pub mod foreign;
#[cfg(feature = "http")]
mod go_text;
mod histogram;
#[cfg(feature = "json")]
mod json;
mod live;
#[cfg(any(feature = "http", feature = "push"))]
pub(crate) mod memory;
mod merge;
mod modules;
mod name;
mod named;
mod nested;
mod pprof;
mod proto;
mod read;
mod read_error;
mod snapshot;
mod stacks;
mod symbolize;
#[cfg(test)]
mod tests;
mod text;
mod wire;

pub(crate) use classes::ClassNames;
pub use classes::{Lock, Totals};
pub use contents::{Contents, UnknownContents, WAITED_FOR};
pub use histogram::{Bucket, Histogram};
pub use holdup_core::record::Kind;
#[cfg(feature = "metrics")]
pub(crate) use live::sums;
pub use name::Name;
pub use nested::NestedWait;
pub use read_error::ReadError;
pub use snapshot::Profile;
pub(crate) use snapshot::note_start;
pub use stacks::{Frame, LongWait, Pair, Sample};
pub(crate) use symbolize::Symbolizer;

use std::time::Duration;

/// The class under which all locks without a name are reported.
pub(crate) const UNNAMED: &str = "(unnamed)";

/// Sets the sampling period: how much delay there is on average between two
/// sampled call stacks. [`Duration::ZERO`] turns the sampling of stacks off,
/// one nanosecond records every contention. The default is 100 µs.
///
/// Takes effect at the next contention and changes nothing that was recorded
/// before. [`Totals`] are exact at any period. One store.
///
/// ```
/// use std::time::Duration;
/// holdup::profile::set_period(Duration::from_nanos(1));
/// assert_eq!(holdup::profile::period(), Duration::from_nanos(1));
/// ```
pub fn set_period(period: Duration) {
    holdup_core::record::set_period(u64::try_from(period.as_nanos()).unwrap_or(u64::MAX));
}

/// The sampling period; zero when sampling is off. One load.
#[must_use]
pub fn period() -> Duration {
    Duration::from_nanos(holdup_core::record::period())
}

/// Copies what was recorded since the program started.
///
/// Takes no lock of holdup's and holds up no thread that uses one; contention
/// that is recorded meanwhile may be in the copy or not. Allocates in
/// proportion to the number of distinct call stacks. Names are looked up
/// later, when somebody asks for them.
#[must_use]
pub fn snapshot() -> Profile {
    Profile::take()
}
