//! The view beside a program that `holdup run` runs: that command keeps the books and
//! tells what is in them, the view is in a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use holdup::profile::Profile;

use super::document;
use super::source::{EVERY, PART_OF_TIME};
use super::state::{Look, State, Update, Waiting};
use crate::screen::Screen;

/// A view that is on the terminal until its user quits.
#[derive(Debug)]
pub struct Beside {
    updates: Sender<Update>,
    over: Arc<AtomicBool>,
    shown: JoinHandle<io::Result<()>>,
    /// When the next profile is wanted.
    next: Instant,
}

impl Beside {
    /// Shows it.
    pub fn open(subject: String, screen: &Screen) -> io::Result<Beside> {
        let (updates, received) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let mut state = State::new(subject, screen.colour, Instant::now());
        let is_over = Arc::clone(&over);
        let shown = thread::Builder::new().name("holdup-top".to_owned()).spawn(move || {
            // Relaxed: it guards no other data.
            super::screen::show(&mut state, &received, || is_over.load(Ordering::Relaxed))
        })?;
        Ok(Beside { updates, over, shown, next: Instant::now() })
    }

    /// Whether its user has left it.
    pub fn is_left(&self) -> bool {
        self.shown.is_finished()
    }

    /// Shows what `profile` makes, if it is time for it.
    pub fn tell(&mut self, profile: impl FnOnce() -> Profile) {
        let began = Instant::now();
        if began < self.next || self.is_left() {
            return;
        }
        let mut json = Vec::new();
        let read = profile().write_json(&mut json).map_err(anyhow::Error::from);
        let update = match read.and_then(|()| document::read(&json)) {
            Ok(profile) => {
                let why = "not known of programs under holdup run: only waits that ended are";
                Update::Seen(Look {
                    profile: Some(profile),
                    live: Some(Waiting::Unknown(why.to_owned())),
                })
            }
            Err(error) => Update::Failed(format!("{error:#}")),
        };
        self.next = began + EVERY.max(began.elapsed() * PART_OF_TIME);
        // Its user may just have left it.
        let _ = self.updates.send(update);
    }

    /// Says that the program ended, and how. The last picture stays.
    pub fn ended(&self, how: String) {
        let _ = self.updates.send(Update::Ended(how));
    }

    /// Takes it off the terminal, if its user has not.
    pub fn close(self) -> io::Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.shown.join().unwrap_or_else(|_| Err(io::Error::other("the view panicked")))
    }
}
