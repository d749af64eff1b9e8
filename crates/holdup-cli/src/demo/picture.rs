//! The flame graph.

use anyhow::Context;
use holdup::profile::{Profile, Sample};
use inferno::flamegraph::color::{BackgroundColor, BasicPalette, Color, Palette};
use inferno::flamegraph::{self, Options, TextTruncateDirection};

use crate::{names, summary, units};

/// What is drawn when nobody waited: no picture, but no missing file either.
const NOTHING: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="600" height="60" viewBox="0 0 600 60">
<text x="300" y="35" text-anchor="middle" font-family="sans-serif" font-size="16">No thread waited for a lock: there is nothing to draw.</text>
</svg>
"##;

/// Draws `profile` as a flame graph in SVG: the width of a box is time that
/// threads waited, its place is the call stack that ended the critical section
/// they waited for, on top of the lock's name.
pub fn flame_graph(profile: &Profile) -> anyhow::Result<Vec<u8>> {
    let lines: Vec<String> = profile.samples().iter().filter_map(folded).collect();
    if lines.is_empty() {
        return Ok(NOTHING.into());
    }
    let totals = profile.totals();
    let mut options = Options::default();
    options.title = "Who held everybody up".to_owned();
    options.subtitle = Some(format!(
        "Threads waited {}. The wider a box, the longer they waited for critical sections that it ended.",
        units::duration(totals.waited.as_nanos()),
    ));
    options.notes =
        "Made by holdup demo. Time is that of all waiting threads together, charged to \
                     the call stack that released the lock."
            .to_owned();
    options.count_name = "ns".to_owned();
    options.name_type = "Function:".to_owned();
    options.colors = Palette::Basic(BasicPalette::Hot);
    options.bgcolors = Some(BackgroundColor::Flat(Color { r: 255, g: 255, b: 255 }));
    // The same function has the same colour in each picture.
    options.deterministic = true;
    // Of a path, the end says most.
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.font_size = 13;
    options.frame_height = 20;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
        .context("cannot draw the flame graph")?;
    Ok(svg)
}

/// `sample` as a line `lock;outermost;…;innermost nanoseconds`; nothing if
/// there is no time in it. Unlike a profile's own folded lines, for a person:
/// short names, and no start of the thread.
fn folded(sample: &Sample) -> Option<String> {
    let nanoseconds = sample.delay.as_nanos();
    if nanoseconds == 0 {
        return None;
    }
    let mut names = vec![sample.lock.clone()];
    match summary::without_stack(sample) {
        Some(name) => names.push(name.to_owned()),
        None => names.extend(names::program(&sample.stack).iter().rev().map(names::function)),
    }
    // A semicolon would end the name.
    let names: Vec<String> =
        names.iter().map(|name| units::printable(name).replace(';', ",")).collect();
    Some(format!("{} {nanoseconds}", names.join(";")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdup::profile::{Frame, Kind};
    use std::time::Duration;

    #[test]
    fn a_line_goes_from_the_lock_to_the_culprit() {
        let frame = |function: &str| Frame {
            function: function.to_owned(),
            file: None,
            line: None,
            address: 0,
            inlined: false,
        };
        let mut sample = Sample {
            stack: ["evict<T>", "main;\n", "x::__rust_begin_short_backtrace<T>", "clone3"]
                .map(frame)
                .into(),
            lock: "orders".to_owned(),
            kind: Kind::Blame,
            count: 2,
            delay: Duration::from_nanos(70),
        };
        assert_eq!(folded(&sample).unwrap(), "orders;main, ;evict 70");
        sample.kind = Kind::Handoff;
        assert_eq!(folded(&sample).unwrap(), "orders;[handoff: nobody held the lock] 70");
        sample.delay = Duration::ZERO;
        assert_eq!(folded(&sample), None);
    }
}
