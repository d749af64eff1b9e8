//! The terminal while the view is on it, and the loop that draws and listens.

use std::io;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event};

use super::keys;
use super::render;
use super::state::State;
use super::state::Update;

/// How long a key or a new size waits at most.
const LISTEN: Duration = Duration::from_millis(100);

/// How often there is a picture although nothing happened: seconds are counted in it, and a
/// size that changed unnoticed is found.
const REDRAW: Duration = Duration::from_millis(500);

/// Shows `state` until its user has seen enough, or `over` says so. The terminal is as
/// before afterwards, also after a panic.
pub fn show(
    state: &mut State,
    updates: &Receiver<Update>,
    mut over: impl FnMut() -> bool,
) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = run(&mut terminal, state, updates, &mut over);
    if shown.is_err() && is_gone_after(Duration::ZERO) {
        // Its last act would be to show the cursor, and to complain that it cannot.
        std::mem::forget(terminal);
    }
    let restored = ratatui::try_restore();
    shown.and(restored)
}

fn run(
    terminal: &mut ratatui::DefaultTerminal,
    state: &mut State,
    updates: &Receiver<Update>,
    over: &mut dyn FnMut() -> bool,
) -> io::Result<()> {
    let mut drawn: Option<Instant> = None;
    while !over() {
        let mut news = false;
        // That whoever asked is gone changes nothing: the last picture stays.
        while let Ok(update) = updates.try_recv() {
            state.update(update, Instant::now());
            news = true;
        }
        if news || drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            state.now = Instant::now();
            terminal.draw(|frame| render::draw(frame, state))?;
            drawn = Some(Instant::now());
        }
        if is_gone_after(LISTEN) {
            // Who reads from it now never comes back.
            return Err(io::Error::other("the terminal is gone"));
        }
        if !event::poll(Duration::ZERO)? {
            continue;
        }
        drawn = None;
        if let Event::Key(key) = event::read()? {
            let asked = keys::asked(key, state.filtering);
            if !state.act(asked, render::chosen_rows(state)) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Waits for a key, a new size, or `time`. Whether the terminal has been hung up: who is in
/// its session gets a signal then, but the view may run elsewhere.
#[cfg(unix)]
fn is_gone_after(time: Duration) -> bool {
    let mut output = libc::pollfd { fd: libc::STDOUT_FILENO, events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, which lives through the call.
    let changed = unsafe { libc::poll(&mut output, 1, time.as_millis() as i32) };
    changed > 0 && output.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
}

#[cfg(not(unix))]
fn is_gone_after(time: Duration) -> bool {
    // An error is one for who reads.
    let _ = event::poll(time);
    false
}
