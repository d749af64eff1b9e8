//! The picture of a state. Draws into whatever frame it is given, of any size.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Sparkline};
use unicode_width::UnicodeWidthStr;

use super::columns::Columns;
use super::keys::HELP;
use super::rows::{Row, Table};
use super::state::{Health, Panel, State, Waiting};
use crate::units::{cut_right, duration, printable};

/// Fewer lines show the chosen table alone.
const LINES_FOR_ALL: u16 = 22;

/// Draws `state`.
pub fn draw(frame: &mut Frame, state: &State) {
    let area = frame.area();
    if area.height < 3 || area.width < 10 {
        line(frame, area, 0, Line::raw(cut_right("too small", area.width.into())));
        return;
    }
    head(frame, area, state);
    let inner = Rect { y: area.y + 2, height: area.height - 3, ..area };
    if state.help {
        help(frame, inner, state);
    } else if state.open {
        details(frame, inner, state);
    } else {
        tables(frame, inner, state);
    }
    line(frame, area, area.height - 1, foot(state, area.width));
}

/// Rows of the chosen table, for keys that move in it.
pub fn chosen_rows(state: &State) -> usize {
    state.table(state.panel).rows.len()
}

fn head(frame: &mut Frame, area: Rect, state: &State) {
    let width = usize::from(area.width);
    let (how, style) = match &state.health {
        Health::Unknown => ("asking ...".to_owned(), state.style(Look::Dim)),
        _ if state.paused => ("PAUSED".to_owned(), state.style(Look::Strong)),
        Health::Gone { .. } => ("NO ANSWER".to_owned(), state.style(Look::Alarm)),
        #[cfg(target_os = "linux")]
        Health::Ended(_) => ("ENDED".to_owned(), state.style(Look::Alarm)),
        Health::Answers => match state.interval() {
            Some(interval) if state.shows_whole() => (
                format!("since its start, {}", duration(interval.duration_ns.into())),
                Style::new(),
            ),
            Some(interval) => {
                (format!("the last {}", duration(interval.duration_ns.into())), Style::new())
            }
            None => (String::new(), Style::new()),
        },
    };
    let room = width.saturating_sub(how.width() + 1);
    let title = cut_right(&format!("holdup top  {}", printable(&state.subject)), room);
    let gap = width.saturating_sub(title.width() + how.width());
    let spans = vec![
        Span::styled(title, state.style(Look::Strong)),
        Span::raw(" ".repeat(gap)),
        Span::styled(how, style),
    ];
    line(frame, area, 0, Line::from(spans));

    let Some(interval) = state.interval() else { return };
    let threads = interval.waited_ns as f64 / interval.duration_ns.max(1) as f64;
    let sum = format!(
        "waited {}, as if {threads:.2} threads did nothing else",
        duration(interval.waited_ns.into())
    );
    let sum = if sum.width() + 12 > width {
        format!("waited {}", duration(interval.waited_ns.into()))
    } else {
        sum
    };
    let used = sum.width() as u16 + 2;
    line(frame, area, 1, Line::raw(cut_right(&sum, width)));
    if area.width > used {
        let room = area.width - used;
        let newest = state.history.len().saturating_sub(room.into());
        let bars: Vec<u64> = state.history.iter().skip(newest).copied().collect();
        let spark = Sparkline::default().data(bars).style(state.style(Look::Bar));
        frame.render_widget(spark, Rect::new(area.x + used, area.y + 1, room, 1));
    }
}

/// All tables, the chosen one with most room; or that alone.
fn tables(frame: &mut Frame, area: Rect, state: &State) {
    if area.height + 3 < LINES_FOR_ALL {
        table(frame, area, state, state.panel, &state.table(state.panel));
        return;
    }
    let tables = Panel::ALL.map(|panel| (panel, state.table(panel)));
    let most = area.height / 5;
    let heights = tables.each_ref().map(|(panel, table)| match *panel == state.panel {
        true => 0,
        // A title, and titles of columns or what is said instead of rows.
        false => (table.rows.len().min(100) as u16 + 2).clamp(2, most),
    });
    let rest = area.height - heights.iter().sum::<u16>();
    let mut top = area.y;
    for ((panel, it), height) in tables.iter().zip(heights) {
        let height = if *panel == state.panel { rest } else { height };
        table(frame, Rect { y: top, height, ..area }, state, *panel, it);
        top += height;
    }
}

fn table(frame: &mut Frame, area: Rect, state: &State, panel: Panel, table: &Table) {
    let chosen = panel == state.panel;
    line(frame, area, 0, title(state, panel, table, area.width));
    if table.rows.is_empty() {
        let text = cut_right(&format!("  {}", printable(&table.empty)), area.width.into());
        line(frame, area, 1, Line::styled(text, state.style(Look::Dim)));
        return;
    }
    let columns = Columns::of(table, area.width.into());
    line(frame, area, 1, Line::styled(columns.titles(table), state.style(Look::Dim)));
    let height = usize::from(area.height.saturating_sub(2));
    let selected = state.selected.min(table.rows.len() - 1);
    // The chosen row is among those shown.
    let first = if chosen { (selected + 1).saturating_sub(height) } else { 0 };
    for (place, row) in table.rows.iter().enumerate().skip(first).take(height) {
        let here = chosen && place == selected;
        let text = columns.row(row, if here { '>' } else { ' ' });
        let style = row_style(state, panel, place, row, here);
        line(frame, area, (place - first) as u16 + 2, Line::styled(text, style));
    }
}

fn row_style(state: &State, panel: Panel, place: usize, row: &Row, here: bool) -> Style {
    let look = match (panel, place) {
        (Panel::Culprits, 0) => Look::Alarm,
        (Panel::Waiting, _) if !row.below => Look::Strong,
        _ => Look::Plain,
    };
    let style = state.style(look);
    if here { style.patch(state.style(Look::Chosen)) } else { style }
}

fn title(state: &State, panel: Panel, table: &Table, width: u16) -> Line<'static> {
    let (number, name) = match panel {
        Panel::Culprits => (1, "culprits"),
        Panel::Locks => (2, "locks"),
        Panel::Waiting => (3, "waiting now"),
        Panel::Longest => (4, "longest waits since its start"),
    };
    let mut text = format!("-- {number} {name} ");
    if panel == Panel::Waiting
        && let Waiting::Known(live) = &state.waiting
    {
        let waiters: usize = live.locks.iter().map(|lock| lock.waiters.len()).sum();
        text = format!("-- {number} {name}: {waiters} ");
    }
    if panel == state.panel {
        text += &format!("by {} ", state.sort.name());
    }
    if !state.filter.is_empty() {
        text += &format!("with \"{}\": {} ", printable(&state.filter), table.rows.len());
    }
    let dashes = usize::from(width).saturating_sub(text.width());
    text += &"-".repeat(dashes);
    let look = if panel == state.panel { Look::Strong } else { Look::Dim };
    Line::styled(cut_right(&text, width.into()), state.style(look))
}

fn details(frame: &mut Frame, area: Rect, state: &State) {
    let lines: Vec<Line> =
        state.details().iter().map(|text| Line::raw(cut_right(text, area.width.into()))).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn help(frame: &mut Frame, area: Rect, state: &State) {
    frame.render_widget(Clear, area);
    let lines = HELP.iter().map(|(keys, what)| {
        Line::from(vec![
            Span::styled(format!("{keys:<14}"), state.style(Look::Strong)),
            Span::raw(*what),
        ])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn foot(state: &State, width: u16) -> Line<'static> {
    let (text, look) = if state.filtering {
        (format!("filter: {}_  (Enter keeps it, Esc drops it)", state.filter), Look::Strong)
    } else {
        match &state.health {
            Health::Gone { since, why } => {
                let seconds = state.now.saturating_duration_since(*since).as_secs();
                (format!("no answer for {seconds} s, trying again: {why}"), Look::Alarm)
            }
            #[cfg(target_os = "linux")]
            Health::Ended(how) => (format!("{how}; q quits"), Look::Alarm),
            _ if state.open => ("Esc closes  q quits  ? help".to_owned(), Look::Dim),
            _ => (
                "q quits  ? help  Tab next table  Enter opens  s sorts  / filters  p pauses  t total"
                    .to_owned(),
                Look::Dim,
            ),
        }
    };
    Line::styled(cut_right(&printable(&text), width.into()), state.style(look))
}

/// One line of an area, if it has so many.
fn line(frame: &mut Frame, area: Rect, row: u16, text: Line) {
    if row < area.height {
        frame.render_widget(text, Rect { y: area.y + row, height: 1, ..area });
    }
}

/// What text stands for, as far as it is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Plain,
    Strong,
    Dim,
    Alarm,
    Bar,
    Chosen,
}

impl State {
    fn style(&self, look: Look) -> Style {
        if !self.colour {
            return Style::new();
        }
        match look {
            Look::Plain => Style::new(),
            Look::Strong => Style::new().add_modifier(Modifier::BOLD),
            Look::Dim => Style::new().fg(Color::DarkGray),
            Look::Alarm => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Look::Bar => Style::new().fg(Color::Yellow),
            Look::Chosen => Style::new().add_modifier(Modifier::REVERSED),
        }
    }
}
