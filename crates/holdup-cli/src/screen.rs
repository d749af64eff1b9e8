//! The screen: how wide it is, and whether it takes colour.

use std::io::{self, IsTerminal};

use crate::args::Color;

/// What is known of standard output.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Columns of the terminal; `None` if it is no terminal, so that nothing
    /// is cut that goes to a file or another program.
    pub width: Option<usize>,
    /// Whether to colour and embolden.
    pub colour: bool,
}

impl Screen {
    /// Standard output as it is. Where `color` does not decide, colour needs a
    /// terminal that is not "dumb", and `NO_COLOR` unset or empty
    /// (<https://no-color.org>).
    pub fn of_stdout(color: Color) -> Screen {
        let terminal = io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Screen {
            width: terminal
                .then(terminal_size::terminal_size)
                .flatten()
                .map(|(terminal_size::Width(width), _)| usize::from(width)),
            colour: match color {
                Color::Auto => terminal && !dumb && !set("NO_COLOR"),
                Color::Always => true,
                Color::Never => false,
            },
        }
    }

    /// `text` in bold, where there is colour.
    pub fn bold(&self, text: &str) -> String {
        self.escape("1", text)
    }

    /// `text` in red, for what got worse; where there is colour.
    pub fn worse(&self, text: &str) -> String {
        self.escape("31", text)
    }

    /// `text` in green, for what got better; where there is colour.
    pub fn better(&self, text: &str) -> String {
        self.escape("32", text)
    }

    /// `text` in bold red, where there is colour.
    pub fn alarm(&self, text: &str) -> String {
        self.escape("1;31", text)
    }

    fn escape(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_is_escaped() {
        let plain = Screen { width: None, colour: false };
        assert_eq!(plain.bold("a") + &plain.alarm("b"), "ab");
        let coloured = Screen { width: None, colour: true };
        assert_eq!(coloured.bold("a"), "\x1b[1ma\x1b[0m");
    }
}
