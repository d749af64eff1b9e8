//! The flame graph.

use anyhow::Context;
use holdup::profile::Profile;
use inferno::flamegraph::color::{BasicPalette, Palette};
use inferno::flamegraph::{self, Options, TextTruncateDirection};

use crate::units;

/// Draws `profile` as a flame graph in SVG: the width of a box is time that
/// threads waited, its place is the call stack that ended the critical section
/// they waited for.
pub fn flame_graph(profile: &Profile) -> anyhow::Result<Vec<u8>> {
    let mut folded = Vec::new();
    profile.write_folded(&mut folded).context("cannot fold the stacks")?;
    let folded = String::from_utf8(folded).context("cannot fold the stacks")?;

    let totals = profile.totals();
    let mut options = Options::default();
    options.title = "Who held everybody up".to_owned();
    options.subtitle = Some(format!(
        "{} waited in {}: the wider, the longer others waited for a critical section that ended there",
        units::duration(totals.waited.as_nanos()),
        units::plural(totals.waits, "wait"),
    ));
    options.notes = "Made by holdup demo. Time is that of all waiting threads together; it is \
                     charged to the call stack that released the lock."
        .to_owned();
    options.count_name = "ns".to_owned();
    options.name_type = "Function:".to_owned();
    options.colors = Palette::Basic(BasicPalette::Hot);
    // The same function has the same colour in each picture.
    options.hash = true;
    // Of a path, the end says most.
    options.text_truncate_direction = TextTruncateDirection::Left;
    options.font_size = 13;
    options.frame_height = 19;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg)
        .context("cannot draw the flame graph")?;
    Ok(svg)
}
