//! Where the output goes: how wide it is, whether it takes colour, and what
//! happens when it cannot be written.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

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

    /// `text` in bold red, where there is colour.
    pub fn alarm(&self, text: &str) -> String {
        self.escape("1;31", text)
    }

    fn escape(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Standard output could not be written.
#[derive(Debug)]
pub struct OutputError(pub io::Error);

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to standard output: {}", self.0)
    }
}

impl std::error::Error for OutputError {}

/// Buffered output whose errors say that they are the output's: only a broken
/// pipe *there* is no failure.
pub struct Output<W: Write>(BufWriter<W>);

impl<W: Write> Output<W> {
    /// Output to `inner`.
    pub fn new(inner: W) -> Output<W> {
        Output(BufWriter::new(inner))
    }

    /// Writes `line` and an end of line.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<(), OutputError> {
        writeln!(self.0, "{line}").map_err(OutputError)
    }

    /// Hands everything written so far to the reader.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush().map_err(OutputError)
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
