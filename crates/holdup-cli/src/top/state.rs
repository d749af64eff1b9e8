//! What the view knows and what is chosen in it. No terminal, no clock, no program:
//! what happens comes in, what is to be shown is read out.

use std::collections::VecDeque;
use std::time::Instant;

use super::document::{Live, Profile};
use super::interval::{self, Interval};
use super::keys::Asked;

/// Intervals that the sparkline remembers.
const HISTORY: usize = 120;

/// The programs' answers at a moment.
#[derive(Clone, Debug)]
pub struct Look {
    pub profile: Option<Profile>,
    pub live: Option<Waiting>,
}

/// Who waits right now, as far as it can be known.
#[derive(Clone, Debug)]
pub enum Waiting {
    Known(Live),
    /// And why not.
    Unknown(String),
}

/// What comes in from the thread that asks.
#[derive(Debug)]
pub enum Update {
    Seen(Look),
    /// The program did not answer: why.
    Failed(String),
    /// It is over: how. Nothing comes after it.
    #[cfg(target_os = "linux")]
    Ended(String),
}

/// The four tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    Culprits,
    Locks,
    Waiting,
    Longest,
}

impl Panel {
    pub const ALL: [Panel; 4] = [Panel::Culprits, Panel::Locks, Panel::Waiting, Panel::Longest];

    fn after(self, steps: usize) -> Panel {
        Panel::ALL[(self as usize + steps) % Panel::ALL.len()]
    }
}

/// How rows are ordered. What a table does not have is its first order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Time,
    Count,
    Name,
}

impl Sort {
    fn next(self) -> Sort {
        match self {
            Sort::Time => Sort::Count,
            Sort::Count => Sort::Name,
            Sort::Name => Sort::Time,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Sort::Time => "time",
            Sort::Count => "count",
            Sort::Name => "name",
        }
    }
}

/// How it is with the program.
#[derive(Clone, Debug)]
pub enum Health {
    /// Not asked yet.
    Unknown,
    Answers,
    /// Since when, and why.
    Gone {
        since: Instant,
        why: String,
    },
    #[cfg(target_os = "linux")]
    Ended(String),
}

/// Everything.
#[derive(Debug)]
pub struct State {
    /// What is looked at.
    pub subject: String,
    pub colour: bool,
    pub health: Health,
    /// The moment that durations of `health` are counted to.
    pub now: Instant,
    /// Since the program started, instead of the last interval.
    pub since_start: bool,
    pub paused: bool,
    pub panel: Panel,
    pub sort: Sort,
    pub selected: usize,
    /// What names must contain, in lower case.
    pub filter: String,
    /// Whether what is typed goes into the filter.
    pub filtering: bool,
    pub help: bool,
    /// The row's details are shown instead of the tables.
    pub open: bool,
    pub waiting: Waiting,
    /// What was waited in each second of the last intervals, in nanoseconds.
    pub history: VecDeque<u64>,
    last: Option<Interval>,
    whole: Option<Interval>,
    profile: Option<Profile>,
}

impl State {
    pub fn new(subject: String, colour: bool, now: Instant) -> State {
        State {
            subject,
            colour,
            health: Health::Unknown,
            now,
            since_start: false,
            paused: false,
            panel: Panel::Culprits,
            sort: Sort::Time,
            selected: 0,
            filter: String::new(),
            filtering: false,
            help: false,
            open: false,
            waiting: Waiting::Unknown("not asked yet".to_owned()),
            history: VecDeque::new(),
            last: None,
            whole: None,
            profile: None,
        }
    }

    /// What is shown: the last interval if there is one and it was asked for.
    pub fn interval(&self) -> Option<&Interval> {
        if self.since_start {
            self.whole.as_ref()
        } else {
            self.last.as_ref().or(self.whole.as_ref())
        }
    }

    /// Whether [`interval`](State::interval) is the time since the start.
    pub fn shows_whole(&self) -> bool {
        self.since_start || self.last.is_none()
    }

    /// Takes in what came.
    pub fn update(&mut self, update: Update, now: Instant) {
        self.now = now;
        match update {
            Update::Seen(look) => {
                self.health = Health::Answers;
                if !self.paused {
                    self.take(look);
                }
            }
            Update::Failed(why) => {
                let since = match &self.health {
                    Health::Gone { since, .. } => *since,
                    _ => now,
                };
                self.health = Health::Gone { since, why };
            }
            #[cfg(target_os = "linux")]
            Update::Ended(how) => self.health = Health::Ended(how),
        }
    }

    fn take(&mut self, look: Look) {
        if let Some(live) = look.live {
            self.waiting = live;
        }
        if let Some(profile) = look.profile {
            let before = self.profile.take();
            let before = before.filter(|before| !interval::is_another_program(before, &profile));
            self.whole = Some(Interval::between(None, &profile));
            self.last = before.map(|before| Interval::between(Some(&before), &profile));
            if let Some(last) = &self.last {
                if self.history.len() == HISTORY {
                    self.history.pop_front();
                }
                self.history.push_back(per_second(last.waited_ns, last.duration_ns));
            }
            self.profile = Some(profile);
        }
    }

    /// Does what a key asks for; `false` when the view is to end.
    pub fn act(&mut self, asked: Asked, rows: usize) -> bool {
        let last = rows.saturating_sub(1);
        match asked {
            Asked::Quit => return false,
            Asked::Back => {
                // What was opened last closes first.
                if self.help {
                    self.help = false;
                } else if self.filtering {
                    self.filtering = false;
                    self.filter.clear();
                } else if self.open {
                    self.open = false;
                } else if !self.filter.is_empty() {
                    self.filter.clear();
                } else {
                    return false;
                }
            }
            Asked::Help => self.help = !self.help,
            Asked::Pause => self.paused = !self.paused,
            Asked::SinceStart => self.since_start = !self.since_start,
            Asked::Sort => self.sort = self.sort.next(),
            Asked::Filter => self.filtering = true,
            Asked::Typed(c) => {
                self.filter.extend(c.to_lowercase());
                self.selected = 0;
            }
            Asked::Erase => {
                self.filter.pop();
            }
            Asked::Enter if self.filtering => self.filtering = false,
            Asked::Enter => self.open = rows > 0 && !self.open,
            Asked::Panel(panel) => self.show(panel),
            Asked::NextPanel => self.show(self.panel.after(1)),
            Asked::PreviousPanel => self.show(self.panel.after(Panel::ALL.len() - 1)),
            Asked::Up(steps) => self.selected = self.selected.min(last).saturating_sub(steps),
            Asked::Down(steps) => self.selected = self.selected.saturating_add(steps).min(last),
            Asked::Nothing => {}
        }
        true
    }

    fn show(&mut self, panel: Panel) {
        self.panel = panel;
        self.selected = 0;
        self.open = false;
    }
}

fn per_second(waited_ns: u64, duration_ns: u64) -> u64 {
    let seconds = duration_ns.max(1) as f64 / 1e9;
    // Lossy on purpose: it is drawn eight levels high.
    (waited_ns as f64 / seconds) as u64
}
