//! Flame graphs in SVG: the width of a box is time that threads waited, its
//! place is the call stack that ended the critical section they waited for, on
//! top of the lock's name.

mod lines;

pub use lines::{Lines, of_folded, of_profile};

use std::collections::BTreeMap;

use anyhow::Context;
use holdup::profile::Contents;
use inferno::flamegraph::color::{BackgroundColor, BasicPalette, Color, Palette};
use inferno::flamegraph::{self, Options, TextTruncateDirection};

use crate::units;

/// What a picture says beside its boxes.
pub struct Heading {
    pub title: String,
    pub subtitle: String,
    pub notes: String,
}

impl Heading {
    /// The usual one of a picture with such stacks, made by `maker` of a
    /// profile in which threads waited so long.
    pub fn of(contents: Contents, waited: &str, maker: &str) -> Heading {
        let (title, wide, charged) = match contents {
            Contents::Blame => (
                "Who held everybody up",
                "the longer they waited for critical sections that it ended",
                "charged to the call stack that released the lock",
            ),
            Contents::Victims => (
                "Who was held up",
                "the longer it waited for others' critical sections",
                "of the call stacks that waited for the lock",
            ),
            Contents::Pairs => (
                "Who held up whom",
                "the longer it waited, or was waited for",
                "of the call stacks that waited, below, and on top of each those it waited for",
            ),
        };
        Heading {
            title: title.to_owned(),
            subtitle: format!("Threads waited {waited}. The wider a box, {wide}."),
            notes: format!(
                "Made by {maker}. Time is that of all waiting threads together, {charged}."
            ),
        }
    }
}

/// Draws `lines`.
pub fn flame_graph(lines: &Lines, heading: &Heading) -> anyhow::Result<Vec<u8>> {
    let divisor = divisor(lines.values().copied());
    let lines: Vec<String> = lines
        .iter()
        .map(|(stack, value)| (stack, value / divisor))
        .filter(|(_, value)| *value > 0)
        .map(|(stack, value)| format!("{stack} {value}"))
        .collect();
    if lines.is_empty() {
        return Ok(nothing("No thread waited for a lock: there is nothing to draw."));
    }
    let mut options = options(heading);
    options.colors = Palette::Basic(BasicPalette::Hot);
    drawn(options, &lines)
}

/// Draws what changed between two profiles: the boxes are those of `after`,
/// red where more was waited than `before`, blue where less.
pub fn difference(before: &Lines, after: &Lines, heading: &Heading) -> anyhow::Result<Vec<u8>> {
    let divisor = divisor(before.values().chain(after.values()).copied());
    if after.values().all(|value| value / divisor == 0) {
        return Ok(nothing("After, no thread waited for a lock: there is nothing to draw."));
    }
    let mut both: BTreeMap<&str, (u128, u128)> = BTreeMap::new();
    for (stack, value) in before {
        both.entry(stack).or_default().0 = value / divisor;
    }
    for (stack, value) in after {
        both.entry(stack).or_default().1 = value / divisor;
    }
    let line =
        |(stack, (before, after)): (&&str, &(u128, u128))| format!("{stack} {before} {after}");
    let lines: Vec<String> = both.iter().map(line).collect();
    drawn(options(heading), &lines)
}

fn options(heading: &Heading) -> Options<'static> {
    let mut options = Options::default();
    options.title = units::printable(&heading.title);
    options.subtitle = Some(units::printable(&heading.subtitle));
    options.notes = units::printable(&heading.notes);
    options.count_name = "ns".to_owned();
    options.name_type = "Function:".to_owned();
    options.bgcolors = Some(BackgroundColor::Flat(Color { r: 255, g: 255, b: 255 }));
    // The same function has the same colour in each picture.
    options.deterministic = true;
    // Of a path, the end says most.
    options.text_truncate_direction = TextTruncateDirection::Left;
    options.font_size = 13;
    options.frame_height = 20;
    options
}

fn drawn(mut options: Options<'_>, lines: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
        .context("cannot draw the flame graph")?;
    Ok(svg)
}

/// By what all values are divided, so that sums and differences of them have
/// room in the numbers they are drawn with: one, for times below a hundred years.
fn divisor(values: impl Iterator<Item = u128>) -> u128 {
    let sum = values.fold(0_u128, u128::saturating_add);
    sum / (u128::from(u64::MAX) / 4) + 1
}

/// What is drawn when there is no time to draw: no boxes, but no missing file either.
fn nothing(text: &str) -> Vec<u8> {
    format!(
        r##"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="600" height="60" viewBox="0 0 600 60">
<rect width="600" height="60" fill="white"/>
<text x="300" y="35" text-anchor="middle" font-family="sans-serif" font-size="16">{text}</text>
</svg>
"##
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading() -> Heading {
        let text = "<script>alert('t')</script> & \"\u{1b}\u{ffff}".to_owned();
        Heading { title: text.clone(), subtitle: text.clone(), notes: text }
    }

    fn lines(stacks: &[(&str, u128)]) -> Lines {
        stacks.iter().map(|(stack, value)| ((*stack).to_owned(), *value)).collect()
    }

    /// Whether it is XML: each tag closed, no foreign markup in texts.
    fn text_of(svg: Vec<u8>) -> String {
        let text = String::from_utf8(svg).unwrap();
        assert!(text.contains("</svg>"));
        assert!(!text.contains("<script>alert") && !text.contains('\u{1b}'), "{text}");
        text
    }

    #[test]
    fn names_and_headings_are_escaped() {
        let names = lines(&[("l;</title><script>alert(1)</script>", 5), ("l;a&b\"'", 5)]);
        let svg = text_of(flame_graph(&names, &heading()).unwrap());
        assert!(svg.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{svg}");
        assert!(svg.contains("a&amp;b"), "{svg}");
        text_of(difference(&names, &names, &heading()).unwrap());
    }

    #[test]
    fn absurd_numbers_are_drawn_to_scale() {
        let names = lines(&[("l;a", u128::MAX), ("l;b", u128::MAX), ("l;c", 1)]);
        let svg = text_of(flame_graph(&names, &heading()).unwrap());
        assert!(svg.contains(", 50.00%)"), "{svg}");
        text_of(difference(&names, &lines(&[("l;a", 3)]), &heading()).unwrap());
        text_of(difference(&lines(&[("l;a", 3)]), &names, &heading()).unwrap());
    }

    #[test]
    fn without_time_the_picture_says_so() {
        for stacks in [lines(&[]), lines(&[("l;a", 0)])] {
            let svg = text_of(flame_graph(&stacks, &heading()).unwrap());
            assert!(svg.contains("nothing to draw"));
            let svg = text_of(difference(&lines(&[("l;a", 9)]), &stacks, &heading()).unwrap());
            assert!(svg.contains("After, no thread waited"));
        }
    }

    #[test]
    fn what_grew_is_red_and_what_shrank_is_blue() {
        let (before, after) =
            (lines(&[("l;a", 10), ("l;b", 90)]), lines(&[("l;a", 90), ("l;b", 10)]));
        let svg = text_of(difference(&before, &after, &heading()).unwrap());
        assert!(svg.contains("a (90 ns, 90.00%; +80.00%)"), "{svg}");
        assert!(svg.contains("b (10 ns, 10.00%; -80.00%)"), "{svg}");
    }
}
