//! What a program writes to the terminal while something else is shown there.

use std::fs::File;
use std::io::{self, IsTerminal, Seek, Write};
use std::process::{Command, Stdio};

/// Keeps it in a file without a name, in the order it was written.
#[derive(Debug)]
pub struct Written {
    file: File,
}

impl Written {
    pub fn new() -> io::Result<Written> {
        Ok(Written { file: tempfile::tempfile()? })
    }

    /// Lets `command` write there what it would write to the terminal, and read nothing
    /// from it: keys are the view's. What goes elsewhere goes there as ever.
    pub fn take_from(&self, command: &mut Command) -> io::Result<()> {
        if io::stdin().is_terminal() {
            command.stdin(Stdio::null());
        }
        if io::stdout().is_terminal() {
            command.stdout(self.file.try_clone()?);
        }
        if io::stderr().is_terminal() {
            command.stderr(self.file.try_clone()?);
        }
        Ok(())
    }

    /// Writes it to standard output, now that there is room.
    pub fn show(mut self) {
        let mut out = io::stdout().lock();
        // There is nobody to tell if this cannot be written.
        let _ = self
            .file
            .rewind()
            .and_then(|()| io::copy(&mut self.file, &mut out))
            .and_then(|_| out.flush());
    }
}
