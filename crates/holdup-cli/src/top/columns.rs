//! The columns of a table in as much room as there is: figures first, then names.
//! Figures are left out from the right before names get too short to read.

use unicode_width::UnicodeWidthStr;

use super::rows::{Row, Table};
use crate::shorten;
use crate::units::cut_right;

/// Names get at least so much, if figures can be left out for it.
const NAMES: usize = 24;

/// The widest that any name but the first gets, of three or two.
const PART: [usize; 4] = [0, 0, 2, 3];

/// How wide each column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    figures: Vec<usize>,
    names: Vec<usize>,
}

impl Columns {
    pub fn of(table: &Table, width: usize) -> Columns {
        // Two for the mark of the chosen row.
        let room = width.saturating_sub(2);
        let mut figures: Vec<usize> =
            table.figures.iter().map(|(_, width)| usize::from(*width)).collect();
        let taken = |figures: &[usize]| figures.iter().map(|width| width + 2).sum::<usize>();
        while figures.len() > 1 && taken(&figures) + NAMES > room {
            figures.pop();
        }
        let left = room.saturating_sub(taken(&figures));
        Columns { figures, names: names(table, left) }
    }

    pub fn titles(&self, table: &Table) -> String {
        let mut line = "  ".to_owned();
        for ((title, _), width) in table.figures.iter().zip(&self.figures) {
            line += &format!("{title:>width$}  ");
        }
        for (title, width) in table.names.iter().zip(&self.names) {
            line += &padded(&cut_right(title, *width), *width);
        }
        line
    }

    pub fn row(&self, row: &Row, mark: char) -> String {
        let mut line = format!("{mark} ");
        for (figure, width) in row.figures.iter().zip(&self.figures) {
            line += &" ".repeat(width.saturating_sub(figure.width()));
            line += figure;
            line += "  ";
        }
        for (name, width) in row.names.iter().zip(&self.names) {
            // What is a sentence loses its end, a function's name its beginning.
            let short = if row.names.len() == 1 {
                let indent = if row.below { "  " } else { "" };
                cut_right(&format!("{indent}{name}"), *width)
            } else {
                shorten::function(name, *width)
            };
            line += &padded(&short, *width);
        }
        line
    }
}

/// The last names get what they need up to a part, the first the rest; where that is
/// little, the first gets everything.
fn names(table: &Table, room: usize) -> Vec<usize> {
    let count = table.names.len();
    let part = room / PART[count.min(3)].max(1);
    let mut widths = Vec::new();
    for column in 1..count {
        let needed = table.rows.iter().map(|row| row.names[column].width()).max().unwrap_or(0);
        widths.push(needed.max(table.names[column].width()).min(part));
    }
    let others: usize = widths.iter().map(|width| width + 2).sum();
    if room < others + NAMES / 2 || room < NAMES + 8 {
        return vec![room];
    }
    widths.insert(0, room - others);
    widths
}

/// With spaces up to the width, and two more before the next column.
fn padded(text: &str, width: usize) -> String {
    format!("{text}{}  ", " ".repeat(width.saturating_sub(text.width())))
}
