//! Tables of aligned columns that fit the terminal.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use crate::output::{Output, OutputError};
use crate::screen::Screen;
use crate::{shorten, units};

/// Between two columns, and before the first.
const GAP: usize = 2;

/// What a column holds, and so how it is aligned and shortened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// To the right; never cut.
    Figure,
    /// Of a lock: to the left, loses its end.
    Name,
    /// Of a function: to the left, loses its beginning.
    Function,
    /// A file and a line: to the left, loses its beginning.
    Place,
}

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    kind: Kind,
    /// The highest of a table goes first where there is no room; 0 never.
    spare: u8,
}

impl Column {
    /// Figures, to the right, never cut.
    pub fn figure(title: &'static str) -> Column {
        Column { title, kind: Kind::Figure, spare: 0 }
    }

    /// Names of locks.
    pub fn name(title: &'static str) -> Column {
        Column { title, kind: Kind::Name, spare: 0 }
    }

    /// Names of functions.
    pub fn function(title: &'static str) -> Column {
        Column { title, kind: Kind::Function, spare: 0 }
    }

    /// Files and lines.
    pub fn place(title: &'static str) -> Column {
        Column { title, kind: Kind::Place, spare: 0 }
    }

    /// The column is left out where a terminal has no room for all; those
    /// with a higher `order` before those with a lower.
    pub fn spare(self, order: u8) -> Column {
        Column { spare: order, ..self }
    }

    /// Whether its cells can be cut.
    fn is_flexible(self) -> bool {
        self.kind != Kind::Figure
    }

    /// What its widest cell, of `natural` columns, may be cut to.
    fn narrowest(self, natural: usize) -> usize {
        match self.kind {
            Kind::Figure => natural,
            Kind::Name => natural.min(10),
            Kind::Place => natural.min(14),
            Kind::Function => natural.min(20),
        }
    }

    fn fit(self, text: &str, width: usize) -> String {
        match self.kind {
            Kind::Figure => text.to_owned(),
            Kind::Name => units::cut_right(text, width),
            Kind::Function => shorten::function(text, width),
            Kind::Place => shorten::place(text, width),
        }
    }
}

/// What a cell says beside its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tone {
    #[default]
    Plain,
    Worse,
    Better,
}

/// One field of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// `text` in the colour of `tone`.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), tone: Tone::Plain }
    }
}

/// A table under construction.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table of no rows.
    pub fn new(columns: impl Into<Vec<Column>>) -> Table {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, one cell for each column.
    ///
    /// # Panics
    /// If there are more or fewer cells than columns.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let mut cells: Vec<Cell> = cells.into();
        assert_eq!(cells.len(), self.columns.len());
        for cell in &mut cells {
            cell.text = units::printable(&cell.text);
        }
        self.rows.push(cells);
    }

    /// Writes the table, indented, its titles in bold; as wide as the screen
    /// at most, where that has a width.
    pub fn write<W: Write>(&self, out: &mut Output<W>, screen: &Screen) -> Result<(), OutputError> {
        let layout = self.layout(screen.width);
        let mut titles: Vec<Cell> = self.columns.iter().map(|column| column.title.into()).collect();
        for &(at, width) in &layout {
            titles[at] = units::cut_right(self.columns[at].title, width).into();
        }
        let plain = Screen { colour: false, ..*screen };
        out.line(screen.bold(&self.line(&titles, &layout, &plain)))?;
        for row in &self.rows {
            out.line(self.line(row, &layout, screen))?;
        }
        Ok(())
    }

    /// The columns that are shown, and how wide each is.
    fn layout(&self, room: Option<usize>) -> Vec<(usize, usize)> {
        let natural = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].text.width());
            let cells = cells.max().unwrap_or(0);
            let title = self.columns[at].title.width();
            // A long title is no reason for a wide column of names.
            if self.columns[at].is_flexible() { cells.max(title.min(12)) } else { cells.max(title) }
        };
        let mut shown: Vec<(usize, usize)> =
            (0..self.columns.len()).map(|at| (at, natural(at))).collect();
        let Some(room) = room else { return shown };
        let narrowest = |&(at, width): &(usize, usize)| self.columns[at].narrowest(width);
        let least = |shown: &[(usize, usize)]| -> usize {
            shown.iter().map(|column| GAP + narrowest(column)).sum()
        };
        while least(&shown) > room {
            let spare = shown.iter().map(|&(at, _)| self.columns[at].spare).max().unwrap_or(0);
            if spare == 0 {
                break;
            }
            shown.retain(|&(at, _)| self.columns[at].spare != spare);
        }
        // What is left goes to those that want more, in proportion.
        let mut left = room.saturating_sub(least(&shown));
        let mut wanted: usize = shown.iter().map(|column| column.1 - narrowest(column)).sum();
        for column in &mut shown {
            let narrow = narrowest(column);
            let wants = column.1 - narrow;
            let gets = if wanted <= left { wants } else { left * wants / wanted };
            *column = (column.0, narrow + gets);
            left -= gets;
            wanted -= wants;
        }
        shown
    }

    fn line(&self, cells: &[Cell], layout: &[(usize, usize)], screen: &Screen) -> String {
        let mut line = String::new();
        let mut padding = 0;
        for &(at, width) in layout {
            let column = self.columns[at];
            let Cell { text, tone } = &cells[at];
            let text = column.fit(text, width);
            let missing = width.saturating_sub(text.width());
            let before = if column.is_flexible() { 0 } else { missing };
            line.extend(std::iter::repeat_n(' ', padding + GAP + before));
            // Only between cells: nothing ends in spaces.
            padding = missing - before;
            line.push_str(&match tone {
                Tone::Plain => text,
                Tone::Worse => screen.worse(&text),
                Tone::Better => screen.better(&text),
            });
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(table: &Table, width: Option<usize>, colour: bool) -> String {
        let mut bytes = Vec::new();
        let mut out = Output::new(&mut bytes);
        table.write(&mut out, &Screen { width, colour }).unwrap();
        out.flush().unwrap();
        drop(out);
        String::from_utf8(bytes).unwrap()
    }

    fn example() -> Table {
        let mut table = Table::new([
            Column::figure("time"),
            Column::figure("part of it").spare(1),
            Column::name("lock"),
            Column::place("place").spare(2),
            Column::function("function"),
        ]);
        let cells = ["1.00 µs", "5 %", "a", "/src/one/a.rs:7", "one::two::three::four::five"];
        table.row(cells.map(Cell::from));
        table.row(["12 ns", "", "orders", "", "日本"].map(Cell::from));
        table
    }

    #[test]
    fn columns_line_up() {
        let expected = concat!(
            "     time  part of it  lock    place            function\n",
            "  1.00 µs         5 %  a       /src/one/a.rs:7  one::two::three::four::five\n",
            "    12 ns              orders                   日本\n",
        );
        assert_eq!(printed(&example(), None, false), expected);
        assert_eq!(printed(&example(), Some(200), false), expected);
    }

    #[test]
    fn rows_fit_the_terminal_and_keep_the_end_of_the_name() {
        let text = printed(&example(), Some(73), false);
        assert!(text.contains("  …::two::three::four::five\n"), "{text}");
        for width in 44..100 {
            let text = printed(&example(), Some(width), false);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
        }
    }

    #[test]
    fn where_there_is_no_room_columns_are_left_out() {
        let titles =
            |width| printed(&example(), Some(width), false).lines().next().unwrap().to_owned();
        assert!(titles(72).contains("place"));
        assert!(!titles(60).contains("place") && titles(60).contains("part of it"));
        assert_eq!(titles(50), "     time  lock    function");
    }

    #[test]
    fn tones_are_escapes_around_the_text_alone() {
        let mut table = Table::new([Column::figure("change"), Column::name("lock")]);
        table.row([Cell::toned("+1", Tone::Worse), "a".into()]);
        assert_eq!(printed(&table, None, false), "  change  lock\n      +1  a\n");
        let coloured = printed(&table, None, true);
        assert!(coloured.ends_with("\n      \x1b[31m+1\x1b[0m  a\n"), "{coloured:?}");
    }

    #[test]
    fn a_cell_cannot_break_its_line() {
        let mut table = Table::new([Column::name("name")]);
        table.row([Cell::from("a\nb\x1b[2Jc")]);
        assert_eq!(printed(&table, None, false), "  name\n  a b\u{fffd}[2Jc\n");
    }
}
