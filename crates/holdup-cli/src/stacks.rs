//! Whose call stacks a picture or a table is of: those who held others up,
//! those who waited, or both.

use clap::ValueEnum;
use holdup::profile::{Contents, Frame, Kind, Pair, Profile, Sample, WAITED_FOR};

use crate::names;

/// Whose stacks are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Stacks {
    /// Of those who held others up
    Blame,
    /// Of those who waited
    Victims,
    /// Of both: the victim's, and on top of it the culprit's
    Pairs,
}

impl From<Stacks> for Contents {
    fn from(stacks: Stacks) -> Contents {
        match stacks {
            Stacks::Blame => Contents::Blame,
            Stacks::Victims => Contents::Victims,
            Stacks::Pairs => Contents::Pairs,
        }
    }
}

/// What is shown of `profile` where nobody says whose stacks: those of culprits,
/// unless it has only others.
pub fn usual(profile: &Profile) -> Contents {
    match profile.contents() {
        Contents::Victims => Contents::Victims,
        _ => Contents::Blame,
    }
}

/// Why `profile` cannot show the stacks of `wanted`; `None` if it can.
pub fn missing(profile: &Profile, wanted: Contents) -> Option<&'static str> {
    let has = profile.contents();
    if has == wanted || has == Contents::Pairs {
        None
    } else if has == Contents::Victims {
        Some("it has the stacks of those who waited alone")
    } else {
        Some("it has no stacks of those who waited")
    }
}

/// What `profile` is charged with, by the stacks that `contents` says; the
/// others are empty.
pub fn pairs(profile: &Profile, contents: Contents) -> Vec<Pair<'_>> {
    fn of(sample: &Sample) -> Pair<'_> {
        Pair {
            culprit: &sample.stack,
            victim: &[],
            lock: &sample.lock,
            kind: sample.kind,
            count: sample.count,
            delay: sample.delay,
        }
    }
    match contents {
        Contents::Pairs => profile.pairs().collect(),
        Contents::Blame => profile.samples().iter().map(of).collect(),
        Contents::Victims => profile.victims().iter().map(of).map(turn).collect(),
    }
}

/// The stack is the victim's.
fn turn(pair: Pair<'_>) -> Pair<'_> {
    Pair { culprit: pair.victim, victim: pair.culprit, ..pair }
}

/// One name of a stack, from the lock on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// A lock, or what stands for calls that are not known.
    Text(&'a str),
    /// A call.
    Call(&'a Frame),
}

/// What is shown for time that no critical section is charged with, or whose
/// stack is unknown.
pub fn placeholder(kind: Kind) -> &'static str {
    match kind {
        Kind::Blame => "[blame: the stack is unknown]",
        Kind::Handoff => "[handoff: nobody held the lock]",
        Kind::Lost => "[lost: there was no room for the stack]",
    }
}

/// What is shown for a victim whose stack is unknown.
pub const UNKNOWN_VICTIM: &str = "[victim: the stack is unknown]";

/// The names of a stack as they lie on each other, the outermost first: the
/// lock, the victim's calls, the culprit's; as far as `contents` wants them.
/// Starts of threads are left out unless they are `whole`.
pub fn parts<'a>(pair: &Pair<'a>, contents: Contents, whole: bool) -> Vec<Part<'a>> {
    let calls = |stack: &'a [Frame]| {
        let shown = if whole { stack } else { names::program(stack) };
        shown.iter().rev().map(Part::Call)
    };
    let mut parts = vec![Part::Text(pair.lock)];
    // Whoever waited while nobody held the lock is nobody's victim.
    if contents != Contents::Blame && pair.kind == Kind::Blame {
        parts.extend(calls(pair.victim));
        if pair.victim.is_empty() {
            parts.push(Part::Text(UNKNOWN_VICTIM));
        }
        if contents == Contents::Victims {
            return parts;
        }
        parts.push(Part::Text(WAITED_FOR));
    }
    parts.extend(calls(pair.culprit));
    if pair.culprit.is_empty() {
        parts.push(Part::Text(placeholder(pair.kind)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn pairs_have_the_victim_below_and_the_culprit_on_top() {
        let frame = |function: &str| Frame {
            function: function.into(),
            file: None,
            line: None,
            address: 0,
            inlined: false,
        };
        let culprit = ["evict", "main", "x::__rust_begin_short_backtrace<T>", "clone3"].map(frame);
        let victim = ["get", "serve"].map(frame);
        let mut pair = Pair {
            culprit: &culprit,
            victim: &victim,
            lock: "orders",
            kind: Kind::Blame,
            count: 2,
            delay: Duration::from_nanos(70),
        };
        let names = |pair: &Pair<'_>, contents, whole| -> Vec<String> {
            let name = |part: Part<'_>| match part {
                Part::Text(text) => text.to_owned(),
                Part::Call(frame) => frame.function.to_string(),
            };
            parts(pair, contents, whole).into_iter().map(name).collect()
        };
        assert_eq!(names(&pair, Contents::Blame, false), ["orders", "main", "evict"]);
        assert_eq!(names(&pair, Contents::Victims, false), ["orders", "serve", "get"]);
        let both = ["orders", "serve", "get", WAITED_FOR, "main", "evict"];
        assert_eq!(names(&pair, Contents::Pairs, false), both);
        assert_eq!(names(&pair, Contents::Blame, true).len(), 5);
        (pair.victim, pair.culprit) = (&[], &[]);
        let unknown = ["orders", UNKNOWN_VICTIM, WAITED_FOR, "[blame: the stack is unknown]"];
        assert_eq!(names(&pair, Contents::Pairs, false), unknown);
        pair.kind = Kind::Handoff;
        for contents in [Contents::Blame, Contents::Victims, Contents::Pairs] {
            let names = names(&pair, contents, false);
            assert_eq!(names, ["orders", "[handoff: nobody held the lock]"]);
        }
    }
}
