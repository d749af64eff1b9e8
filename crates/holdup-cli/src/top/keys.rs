//! What a key asks for.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::state::Panel;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Quit,
    /// Close what is open; else quit.
    Back,
    Help,
    Pause,
    SinceStart,
    Sort,
    Filter,
    /// Into the filter.
    Typed(char),
    Erase,
    Enter,
    Panel(Panel),
    NextPanel,
    PreviousPanel,
    Up(usize),
    Down(usize),
    Nothing,
}

/// Rows of a page.
const PAGE: usize = 10;

/// What the help says.
pub const HELP: &[(&str, &str)] = &[
    ("1 2 3 4, Tab", "culprits, locks, waiting now, longest waits"),
    ("Up Down, j k", "choose a row"),
    ("Enter", "open it: its stack, its waiters; Esc closes"),
    ("s", "sort by time, count, name"),
    ("/", "filter: names that contain what is typed"),
    ("t", "since the program's start, or the last interval"),
    ("p, Space", "pause, go on"),
    ("?, h", "this help"),
    ("q, Ctrl-C", "quit"),
];

/// What `key` asks for; while a filter is typed, letters go there.
pub fn asked(key: KeyEvent, filtering: bool) -> Asked {
    if key.kind == KeyEventKind::Release {
        return Asked::Nothing;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return if key.code == KeyCode::Char('c') { Asked::Quit } else { Asked::Nothing };
    }
    match key.code {
        KeyCode::Char(c) if filtering => Asked::Typed(c),
        KeyCode::Backspace if filtering => Asked::Erase,
        KeyCode::Enter => Asked::Enter,
        KeyCode::Esc => Asked::Back,
        KeyCode::Tab | KeyCode::Right => Asked::NextPanel,
        KeyCode::BackTab | KeyCode::Left => Asked::PreviousPanel,
        KeyCode::Up | KeyCode::Char('k') => Asked::Up(1),
        KeyCode::Down | KeyCode::Char('j') => Asked::Down(1),
        KeyCode::PageUp => Asked::Up(PAGE),
        KeyCode::PageDown => Asked::Down(PAGE),
        KeyCode::Home => Asked::Up(usize::MAX),
        KeyCode::End => Asked::Down(usize::MAX),
        KeyCode::Char('q') => Asked::Quit,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Asked::Help,
        KeyCode::Char('p' | ' ') => Asked::Pause,
        KeyCode::Char('t') => Asked::SinceStart,
        KeyCode::Char('s') => Asked::Sort,
        KeyCode::Char('/') => Asked::Filter,
        KeyCode::Char('1') => Asked::Panel(Panel::Culprits),
        KeyCode::Char('2') => Asked::Panel(Panel::Locks),
        KeyCode::Char('3') => Asked::Panel(Panel::Waiting),
        KeyCode::Char('4') => Asked::Panel(Panel::Longest),
        _ => Asked::Nothing,
    }
}
