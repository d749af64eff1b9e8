//! Reads folded stacks: on each line the names of a stack, outermost first,
//! separated by `;`, a space, and a number.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use crate::units;

/// The most that is read.
const MOST_BYTES: usize = 64 << 20;

/// Stacks, each once, and their numbers added up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folded {
    /// By the names of the stack, separated by `;`.
    pub stacks: BTreeMap<String, u128>,
}

impl Folded {
    /// Reads all lines; empty ones and comments (`# …`) are left out, and
    /// fractions of numbers.
    pub fn read(bytes: &[u8]) -> anyhow::Result<Folded> {
        if bytes.len() > MOST_BYTES {
            bail!("the file is too large: over {} MiB", MOST_BYTES >> 20);
        }
        let text = String::from_utf8_lossy(bytes);
        let mut folded = Folded::default();
        for (number, line) in lines(&text) {
            let (stack, value) = stack(line).with_context(|| {
                let line = units::cut_right(&units::printable(line), 60);
                format!("line {number} is no folded stack, it ends in no number: {line:?}")
            })?;
            let sum = folded.stacks.entry(stack.to_owned()).or_default();
            *sum = sum.saturating_add(value.into());
        }
        if folded.stacks.is_empty() {
            bail!("there is no stack in it");
        }
        Ok(folded)
    }
}

/// Whether the first lines are folded stacks: each ends in a number, and one
/// of them has several names.
pub fn looks_like(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(1 << 20)];
    let text = String::from_utf8_lossy(begin);
    let mut complete: Vec<&str> = lines(&text).map(|(_, line)| line).take(101).collect();
    if complete.len() > 1 && begin.len() < bytes.len() {
        complete.pop();
    }
    !complete.is_empty()
        && complete.iter().all(|line| stack(line).is_some())
        && complete.iter().any(|line| line.contains(';'))
}

/// The lines that count, numbered from one.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let is_comment = |line: &str| {
        line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_whitespace))
    };
    lines.filter(move |(_, line)| !line.is_empty() && !is_comment(line))
}

/// The names and the number of a line.
fn stack(line: &str) -> Option<(&str, u64)> {
    let (stack, value) = line.rsplit_once([' ', '\t'])?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let stack = stack.trim_end();
    if stack.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // More than fits is as much as fits.
    Some((stack, whole.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, u128)>, String> {
        let folded = Folded::read(text.as_bytes()).map_err(|error| format!("{error:#}"))?;
        Ok(folded.stacks.into_iter().collect())
    }

    #[test]
    fn equal_stacks_are_one() {
        let text = "# a comment\n#\t0\na;b 3\n\n  a;b\t4.75  \r\na b;c d 1\n";
        assert_eq!(read(text).unwrap(), [("a b;c d".into(), 1), ("a;b".into(), 7)]);
        assert_eq!(read("a;b 99999999999999999999999").unwrap()[0].1, u64::MAX.into());
    }

    #[test]
    fn what_is_no_stack_is_told_by_its_line() {
        let error = read("a;b 1\nno number\x1b here").unwrap_err();
        assert!(error.starts_with("line 2 is no folded stack"), "{error}");
        assert!(!error.contains('\x1b'));
        for text in ["a;b", "12", "a;b -3", "a;b 1.", "a;b .5", "a;b 0x10"] {
            assert!(read(text).unwrap_err().starts_with("line 1"), "{text}");
        }
        assert_eq!(read("\n\n").unwrap_err(), "there is no stack in it");
    }

    #[test]
    fn a_text_whose_lines_end_in_numbers_by_chance_is_not_folded() {
        assert!(looks_like(b"a;b 1\nc 2\n"));
        for text in ["chapter 1\nchapter 2\n", "a;b 1\nand no number\n", "a;b", ""] {
            assert!(!looks_like(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Bytes, and bytes that are nearly folded stacks.
        #[test]
        fn whatever_the_bytes_they_are_read_or_refused_in_a_line(
            noise in prop::collection::vec(any::<u8>(), 0..200),
            lines in prop::collection::vec("[a-z;: #.\u{0}-\u{1f}é-]{0,20}[ \t]?[0-9.]{0,22}\r?", 0..8),
        ) {
            let text = lines.join("\n");
            for bytes in [&noise[..], text.as_bytes(), &[text.as_bytes(), &noise].concat()] {
                looks_like(bytes);
                match Folded::read(bytes) {
                    Ok(folded) => {
                        // What was read reads the same, but for numbers above 64 bits.
                        let small = folded.stacks.iter().filter(|(_, n)| **n <= u64::MAX.into());
                        let again: String = small.map(|(s, n)| format!("{s} {n}\n")).collect();
                        for (stack, number) in Folded::read(again.as_bytes()).unwrap().stacks {
                            prop_assert_eq!(folded.stacks.get(&stack), Some(&number));
                        }
                    }
                    Err(error) => {
                        let said = format!("{error:#}");
                        prop_assert!(!said.contains('\n') && said.len() < 300, "{}", said);
                    }
                }
            }
        }
    }
}
