//! What is drawn: lines of folded stacks, made for a person to look at.

use std::collections::BTreeMap;

use holdup::profile::{Contents, Pair, Profile};

use crate::folded::Folded;
use crate::stacks::{self, Part};
use crate::{names, units};

/// Stacks, as the names from the lock on, separated by `;`, and nanoseconds.
pub type Lines = BTreeMap<String, u128>;

/// The most names of a stack that are drawn, from either end.
const OUTER: usize = 100;
const INNER: usize = 150;

/// The stacks of `profile` that `contents` says. Unlike a profile's own folded
/// lines: short names, and no start of the thread.
pub fn of_profile(profile: &Profile, contents: Contents) -> Lines {
    let mut lines = Lines::new();
    for pair in stacks::pairs(profile, contents) {
        let delay = pair.delay.as_nanos();
        if delay > 0 {
            let sum = lines.entry(line(&stack(&pair, contents))).or_default();
            *sum = sum.saturating_add(delay);
        }
    }
    lines
}

/// The stacks of a file of folded ones, as they are there.
pub fn of_folded(folded: &Folded) -> Lines {
    let mut lines = Lines::new();
    for (stack, value) in &folded.stacks {
        let names: Vec<String> = stack.split(';').map(str::to_owned).collect();
        let sum = lines.entry(line(&names)).or_default();
        *sum = sum.saturating_add(*value);
    }
    lines
}

/// The names of a stack, the lock first.
fn stack(pair: &Pair<'_>, contents: Contents) -> Vec<String> {
    let name = |part: Part<'_>| match part {
        Part::Text(text) => text.to_owned(),
        Part::Call(frame) => names::function(frame),
    };
    stacks::parts(pair, contents, false).into_iter().map(name).collect()
}

/// The names as one line, with nothing in them that means something there:
/// semicolons separate names, a number at the end is the value, `# ` begins a
/// comment. Very deep stacks lose their middle.
fn line(names: &[String]) -> String {
    let mut line = String::new();
    for (at, name) in names.iter().enumerate() {
        if at >= OUTER && names.len() - at > INNER && names.len() > OUTER + INNER {
            if at == OUTER {
                let left_out = names.len() - OUTER - INNER;
                line.push_str(&format!(";[… {} more calls]", units::count(left_out as u64)));
            }
            continue;
        }
        if at > 0 {
            line.push(';');
        }
        let clean = units::printable(name).replace(';', ",");
        let clean = clean.trim();
        line.push_str(if clean.is_empty() { "[no name]" } else { clean });
    }
    let looks_like_a_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if let Some(at) = line.rfind(' ').filter(|at| looks_like_a_number(&line[at + 1..])) {
        line.replace_range(at..=at, "\u{a0}");
    }
    if line.starts_with("# ") {
        line.replace_range(1..2, "\u{a0}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdup::profile::{Frame, Kind};
    use std::time::Duration;

    #[test]
    fn a_line_goes_from_the_lock_to_the_culprit() {
        let frame = |function: &str| Frame {
            function: function.into(),
            file: None,
            line: None,
            address: 0,
            inlined: false,
        };
        let culprit =
            ["evict<T>", "main;\n", "x::__rust_begin_short_backtrace<T>", "clone3"].map(frame);
        let mut pair = Pair {
            culprit: &culprit,
            victim: &[],
            lock: "orders",
            kind: Kind::Blame,
            count: 2,
            delay: Duration::from_nanos(70),
        };
        let text = |pair: &Pair<'_>| line(&stack(pair, Contents::Blame));
        assert_eq!(text(&pair), "orders;main,;evict");
        (pair.kind, pair.culprit) = (Kind::Handoff, &[]);
        assert_eq!(text(&pair), "orders;[handoff: nobody held the lock]");
    }

    #[test]
    fn no_name_is_taken_for_a_number_a_comment_or_another_name() {
        let cases: [(&[&str], &str); 6] = [
            (&["a", "f 12"], "a;f\u{a0}12"),
            (&["a", "f 1.5"], "a;f\u{a0}1.5"),
            (&["a", "f x"], "a;f x"),
            (&["# a", "f"], "#\u{a0}a;f"),
            (&["", "a;b"], "[no name];a,b"),
            (&["a", "f\u{1b}"], "a;f\u{fffd}"),
        ];
        for (names, expected) in cases {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(line(&names), expected);
        }
    }

    #[test]
    fn very_deep_stacks_lose_their_middle() {
        let names: Vec<String> = (0..10_000).map(|depth| format!("f{depth}")).collect();
        let line = line(&names);
        let drawn: Vec<&str> = line.split(';').collect();
        assert_eq!(drawn.len(), OUTER + 1 + INNER);
        assert_eq!((drawn[0], drawn[OUTER]), ("f0", "[… 9,750 more calls]"));
        assert_eq!((drawn[OUTER - 1], drawn[OUTER + 1]), ("f99", "f9850"));
        assert_eq!(drawn.last(), Some(&"f9999"));
    }

    #[test]
    fn folded_stacks_are_drawn_as_they_are() {
        let folded = Folded::read(b"a;b 3\na;b\x1b 4\n").unwrap();
        let lines = of_folded(&folded);
        assert_eq!(
            lines.into_iter().collect::<Vec<_>>(),
            [("a;b".into(), 3), ("a;b\u{fffd}".into(), 4)]
        );
    }
}
