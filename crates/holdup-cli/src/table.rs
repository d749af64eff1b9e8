//! Tables of aligned columns that fit the terminal.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use crate::screen::{Output, OutputError, Screen};
use crate::units;

/// The last column is never made narrower than this, however small the terminal.
const NARROWEST: usize = 24;

/// A table under construction. All columns but the last hold short figures or
/// names; the last holds a name of any length, and is cut where it would not fit.
pub struct Table {
    titles: Vec<&'static str>,
    left: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of no rows. Columns whose title begins with `<` are aligned to
    /// the left (and lose the sign), as is the last; the others to the right.
    pub fn new(titles: &[&'static str]) -> Table {
        let last = titles.len() - 1;
        Table {
            titles: titles.iter().map(|title| title.trim_start_matches('<')).collect(),
            left: titles.iter().enumerate().map(|(i, t)| i == last || t.starts_with('<')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, one cell for each column.
    ///
    /// # Panics
    /// If there are more or fewer cells than columns.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        let cells: Vec<String> = cells.into();
        assert_eq!(cells.len(), self.titles.len());
        self.rows.push(cells.iter().map(|cell| units::printable(cell)).collect());
    }

    /// Writes the table, indented by two columns, its titles in bold.
    pub fn write<W: Write>(&self, out: &mut Output<W>, screen: &Screen) -> Result<(), OutputError> {
        let last = self.titles.len() - 1;
        let widths: Vec<usize> = (0..last)
            .map(|i| {
                let cells = self.rows.iter().map(|row| row[i].as_str()).chain([self.titles[i]]);
                cells.map(UnicodeWidthStr::width).max().unwrap_or(0)
            })
            .collect();
        let taken: usize = widths.iter().map(|width| width + 2).sum::<usize>() + 2;
        let room = screen.width.map(|width| width.saturating_sub(taken).max(NARROWEST));

        let line = |cells: &[&str]| {
            let mut line = String::new();
            for (i, cell) in cells.iter().enumerate() {
                line.push_str("  ");
                if i == last {
                    line.push_str(
                        &room
                            .map_or_else(|| (*cell).to_owned(), |room| units::cut_left(cell, room)),
                    );
                } else {
                    let padding = " ".repeat(widths[i] - cell.width());
                    let (before, after) =
                        if self.left[i] { ("", &*padding) } else { (&*padding, "") };
                    line.push_str(before);
                    line.push_str(cell);
                    line.push_str(after);
                }
            }
            line.trim_end().to_owned()
        };
        out.line(screen.bold(&line(&self.titles)))?;
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            out.line(line(&cells))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(table: &Table, width: Option<usize>) -> String {
        let mut bytes = Vec::new();
        let mut out = Output::new(&mut bytes);
        table.write(&mut out, &Screen { width, colour: false }).unwrap();
        out.flush().unwrap();
        drop(out);
        String::from_utf8(bytes).unwrap()
    }

    fn example() -> Table {
        let mut table = Table::new(&["time", "<lock", "function"]);
        table.row(["1.00 µs".into(), "a".into(), "one::two::three::four::five".into()]);
        table.row(["12 ns".into(), "orders".into(), "日本".into()]);
        table
    }

    #[test]
    fn columns_line_up() {
        let expected = concat!(
            "     time  lock    function\n",
            "  1.00 µs  a       one::two::three::four::five\n",
            "    12 ns  orders  日本\n",
        );
        assert_eq!(printed(&example(), None), expected);
    }

    #[test]
    fn rows_fit_the_terminal_and_keep_the_end_of_the_name() {
        let text = printed(&example(), Some(44));
        assert!(text.contains("  …::two::three::four::five\n"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 44), "{text}");
    }

    #[test]
    fn a_cell_cannot_break_its_line() {
        let mut table = Table::new(&["name"]);
        table.row(["a\nb\x1b[2Jc".to_owned()]);
        assert_eq!(printed(&table, None), "  name\n  a b\u{fffd}[2Jc\n");
    }
}
