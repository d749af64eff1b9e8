//! Pictures of the medians.

use crate::locks::Contestant::{self, *};
use crate::metrics::{DRAIN, LONGEST, Metric, PER_SECOND, UNLOCK_MEAN, WAITS};
use crate::plan::{GridCell, short};
use crate::report;
use crate::results::Results;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::collections::BTreeSet;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

/// A picture.
pub struct Plot {
    /// Its file.
    pub file: &'static str,
    /// What it shows.
    pub title: &'static str,
}

/// All pictures.
pub const ALL: [Plot; 3] = [
    Plot {
        file: "throughput.svg",
        title: "Throughput against threads, for each length of the critical section",
    },
    Plot { file: "waits.svg", title: "The tail of the waits" },
    Plot { file: "growth.svg", title: "What it costs when many wait" },
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const FAINT: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// The colour says the family: holdup is blue and bold, Rust's others are warm
/// or green, the C library grey, other languages teal and purple.
fn style(lock: Contestant) -> Option<(RGBColor, u32)> {
    Some(match lock {
        Holdup => (RGBColor(0x0b, 0x5f, 0xd8), 4),
        HoldupSemaphore => (RGBColor(0x7f, 0xb2, 0xf5), 3),
        Std => (RGBColor(0x11, 0x11, 0x11), 2),
        ParkingLot => (RGBColor(0xd9, 0x5f, 0x02), 2),
        ParkingLot13 => (RGBColor(0xf2, 0xa6, 0x5a), 2),
        Usync => (RGBColor(0x2c, 0x8a, 0x3c), 2),
        Pthread => (RGBColor(0x99, 0x99, 0x99), 2),
        Go => (RGBColor(0x00, 0x9f, 0xa8), 2),
        Abseil => (RGBColor(0xa8, 0x3a, 0x92), 2),
        HoldupOff | HoldupAll => return None,
    })
}

fn title(lock: Contestant) -> &'static str {
    match lock {
        HoldupSemaphore => "holdup, portable parking",
        ParkingLot => "parking_lot 0.12",
        ParkingLot13 => "parking_lot 0.13",
        Go => "Go sync.Mutex",
        Abseil => "abseil Mutex",
        other => other.name(),
    }
}

/// A line: a lock, and its points in order.
type Line = (Contestant, Vec<(f64, f64)>);

/// What a panel shows.
struct Panel {
    title: String,
    /// Positions and their labels.
    ticks: Vec<(f64, String)>,
    below: &'static str,
    unit: &'static str,
    lines: Vec<Line>,
}

/// Draws all into `folder`.
pub fn draw(results: &Results, locks: &[Contestant], folder: &Path) -> Drawn {
    for plot in ALL {
        let (columns, panels) = match plot.file {
            "throughput.svg" => (3, throughput(results, locks)),
            "waits.svg" => (3, waits(results, locks)),
            _ => (2, growth(results, locks)),
        };
        let path = folder.join(plot.file);
        picture(&path, plot.title, columns, &panels)?;
    }
    Ok(())
}

fn values(list: impl Iterator<Item = u64>) -> Vec<u64> {
    list.collect::<BTreeSet<u64>>().into_iter().collect()
}

/// The points of `lock` that were measured, at 0, 1, 2, ...
fn points(medians: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    medians
        .enumerate()
        .map(|(index, median)| (index as f64, median))
        .filter(|(_, median)| median.is_finite() && *median > 0.0)
        .collect()
}

fn lines(locks: &[Contestant], medians: impl Fn(Contestant) -> Vec<f64>) -> Vec<Line> {
    // holdup last, on top of the others.
    let mut locks: Vec<_> = locks.iter().copied().filter(|&lock| style(lock).is_some()).collect();
    locks.sort_by_key(|&lock| (lock == Holdup, lock == HoldupSemaphore));
    locks.into_iter().map(|lock| (lock, points(medians(lock).into_iter()))).collect()
}

fn grid(results: &Results) -> Vec<GridCell> {
    results.cells(PER_SECOND).into_iter().filter_map(GridCell::named).collect()
}

fn ticks<T: ToString>(of: &[T]) -> Vec<(f64, String)> {
    of.iter().enumerate().map(|(index, label)| (index as f64, label.to_string())).collect()
}

fn throughput(results: &Results, locks: &[Contestant]) -> Vec<Panel> {
    let cells = grid(results);
    let threads = values(cells.iter().map(|cell| cell.threads as u64));
    values(cells.iter().map(|cell| cell.section))
        .into_iter()
        .map(|section| Panel {
            title: format!("acquisitions per second, sections of {}", spaced(section)),
            ticks: ticks(&threads),
            below: "threads",
            unit: "1/s",
            lines: lines(locks, |lock| {
                let cell = |&threads: &u64| {
                    let cell = GridCell { threads: threads as usize, section, outside: 0 };
                    results.median(&cell.name(), lock, PER_SECOND)
                };
                threads.iter().map(cell).collect()
            }),
        })
        .collect()
}

fn waits(results: &Results, locks: &[Contestant]) -> Vec<Panel> {
    let cells = grid(results);
    let sections = values(cells.iter().map(|cell| cell.section));
    // Few threads and many, each with three lengths of the section.
    let threads = values(cells.iter().map(|cell| cell.threads as u64));
    let metrics: [Metric; 4] = [WAITS[0], WAITS[1], WAITS[2], LONGEST];
    let mut panels = Vec::new();
    for threads in [8, 64].into_iter().filter(|wanted| threads.contains(wanted)) {
        for &section in sections.iter().filter(|section| [0, 1_000, 100_000].contains(section)) {
            let cell = GridCell { threads: threads as usize, section, outside: 0 };
            panels.push(Panel {
                title: format!("{threads} threads, sections of {}", spaced(section)),
                ticks: ticks(&["50 %", "99 %", "99.9 %", "longest"]),
                below: "of all waits",
                unit: "wait",
                lines: lines(locks, |lock| {
                    metrics.map(|metric| results.median(&cell.name(), lock, metric)).to_vec()
                }),
            });
        }
    }
    panels
}

fn growth(results: &Results, locks: &[Contestant]) -> Vec<Panel> {
    let cells = results.cells(UNLOCK_MEAN);
    let waiters =
        values(cells.iter().filter_map(|cell| cell.strip_prefix("growth/")?.parse().ok()));
    [(UNLOCK_MEAN, "one unlock"), (DRAIN, "the queue drained, for each waiter")]
        .map(|(metric, title)| Panel {
            title: title.to_string(),
            ticks: ticks(&waiters),
            below: "waiters in the queue",
            unit: "wait",
            lines: lines(locks, |lock| {
                let cell = |waiters| results.median(&format!("growth/{waiters}"), lock, metric);
                waiters.iter().map(cell).collect()
            }),
        })
        .into()
}

fn spaced(section: u64) -> String {
    short(section).replace("ns", " ns").replace("us", " µs")
}

fn picture(path: &Path, title: &str, columns: usize, panels: &[Panel]) -> Drawn {
    let rows = panels.len().div_ceil(columns).max(1);
    let size = (columns as u32 * 400, 90 + rows as u32 * 330);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let heading = ("sans-serif", 22).into_font().color(&INK);
    root.draw(&Text::new(title.to_string(), (16, 12), heading))?;
    let (top, body) = root.split_vertically(84);
    let shown: Vec<Contestant> = {
        let mut locks: Vec<Contestant> =
            panels.iter().flat_map(|panel| panel.lines.iter()).map(|(lock, _)| *lock).collect();
        locks.sort_by_key(|lock| Contestant::ALL.iter().position(|other| other == lock));
        locks.dedup();
        locks
    };
    legend(&top, &shown)?;
    for (area, panel) in body.split_evenly((rows, columns)).iter().zip(panels) {
        draw_panel(area, panel)?;
    }
    root.present()?;
    Ok(())
}

/// Two lines of names under the title.
fn legend(area: &Area<'_>, locks: &[Contestant]) -> Drawn {
    let wide = area.dim_in_pixel().0 as i32;
    let (mut x, mut y) = (16, 50);
    for &lock in locks {
        let Some((colour, width)) = style(lock) else { continue };
        // Letters of this size are some 6.5 pixels wide.
        let length = 46 + 13 * title(lock).len() as i32 / 2;
        if x + length > wide {
            (x, y) = (16, y + 20);
        }
        let line = vec![(x, y), (x + 22, y)];
        area.draw(&PathElement::new(line, colour.stroke_width(width)))?;
        area.draw(&Circle::new((x + 11, y), 3, colour.filled()))?;
        let font = ("sans-serif", 13).into_font().color(&INK);
        area.draw(&Text::new(title(lock), (x + 28, y - 7), font))?;
        x += length;
    }
    Ok(())
}

fn draw_panel(area: &Area<'_>, panel: &Panel) -> Drawn {
    let all = panel.lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (low, high) =
        all.fold((f64::INFINITY, 0.0_f64), |(low, high), y| (low.min(y), high.max(y)));
    if high == 0.0 {
        return Ok(());
    }
    let last = panel.ticks.len().saturating_sub(1) as f64;
    let x: Range<f64> = -0.15..last + 0.15;
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 15).into_font().color(&INK))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(62)
        .build_cartesian_2d(x.clone(), (low / 1.3..high * 1.3).log_scale())?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        // Our own: at the points that were measured, and at round numbers.
        .x_labels(0)
        .disable_y_axis()
        .draw()?;
    let across = |y| [(x.start, y), (x.end, y)];
    let rounds = round_numbers(low / 1.3, high * 1.3);
    let lines = rounds.iter().map(|&y| PathElement::new(across(y), FAINT));
    chart.draw_series(lines)?;
    let axis = [(x.start, low / 1.3), (x.start, high * 1.3)];
    chart.draw_series([PathElement::new(axis, INK)])?;
    for (lock, points) in &panel.lines {
        let Some((colour, width)) = style(*lock) else { continue };
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(width)))?;
        let size = if *lock == Holdup { 4 } else { 2 };
        chart.draw_series(points.iter().map(|&at| Circle::new(at, size, colour.filled())))?;
    }
    let Range { start: left, end: right } = chart.plotting_area().get_x_axis_pixel_range();
    let bottom = chart.plotting_area().get_y_axis_pixel_range().end;
    let (origin_x, origin_y) = area.get_base_pixel();
    let beside = ("sans-serif", 12).into_font().color(&INK).pos(BESIDE);
    for &y in &rounds {
        let height = chart.backend_coord(&(x.start, y)).1;
        let at = (left - origin_x - 6, height - origin_y);
        area.draw(&Text::new(label(y, panel.unit), at, beside.clone()))?;
    }
    let centred = ("sans-serif", 12).into_font().color(&INK).pos(CENTRED);
    for (position, text) in &panel.ticks {
        let part = (position - x.start) / (x.end - x.start);
        let across = left + (part * f64::from(right - left)) as i32 - origin_x;
        let at = (across, bottom - origin_y + 6);
        area.draw(&Text::new(text.clone(), at, centred.clone()))?;
    }
    let middle = ((left + right) / 2 - origin_x, bottom - origin_y + 22);
    area.draw(&Text::new(panel.below, middle, centred))?;
    Ok(())
}

const CENTRED: Pos = Pos { h_pos: HPos::Center, v_pos: VPos::Top };
const BESIDE: Pos = Pos { h_pos: HPos::Right, v_pos: VPos::Center };

/// The powers of ten between the two; with little between them, also their
/// doubles and fivefolds.
fn round_numbers(low: f64, high: f64) -> Vec<f64> {
    let steps: &[f64] = if high / low > 500.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    (-3..13)
        .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
        .filter(|number| (low..high).contains(number))
        .collect()
}

/// A value at the left: "20 M", or a time: "10 ms".
fn label(value: f64, unit: &str) -> String {
    if unit != "wait" {
        return report::short(value).replace(".00", "").replace(".0", "");
    }
    let (value, unit) = match value {
        long if long >= 1e9 => (long / 1e9, "s"),
        long if long >= 1e6 => (long / 1e6, "ms"),
        long if long >= 1e3 => (long / 1e3, "µs"),
        short => (short, "ns"),
    };
    format!("{value:.0} {unit}")
}
