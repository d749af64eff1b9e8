//! Asking a program again and again, in a thread of its own: a program that answers
//! slowly, or not at all, stops nobody from quitting.

use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::StatusCode;

use super::document;
use super::state::{Look, Update, Waiting};
use crate::commands::web::program::{Fetched, Program};

/// How often a program is asked.
pub const EVERY: Duration = Duration::from_secs(1);

/// A profile is asked for so seldom that making it takes at most this part of the time:
/// names are looked up for it, by the program.
const PART_OF_TIME: u32 = 4;

const PROFILE: &str = "/debug/holdup/profile.json";
const LIVE: &str = "/debug/holdup/live";

/// Whatever can be looked at.
pub trait Source: Send {
    /// What there is now; `with_profile` says whether the profile is wanted, too.
    fn look(&mut self, with_profile: bool) -> anyhow::Result<Look>;
}

/// A program that serves over HTTP.
pub struct Served(pub Program);

impl Source for Served {
    fn look(&mut self, with_profile: bool) -> anyhow::Result<Look> {
        // First: durations in it are those of this moment.
        let live = match self.0.get(LIVE, PATIENCE)? {
            Fetched::Body(body) => Waiting::Known(document::read(&body)?),
            Fetched::Refused(StatusCode::NOT_FOUND) => {
                Waiting::Unknown(format!("the program does not serve {LIVE}: its holdup is older"))
            }
            Fetched::Refused(status) => anyhow::bail!("it answers {status} to {LIVE}"),
        };
        let profile = match with_profile {
            false => None,
            true => match self.0.get(PROFILE, PATIENCE)? {
                Fetched::Body(body) => Some(document::read(&body)?),
                Fetched::Refused(status) => anyhow::bail!("it answers {status} to {PROFILE}"),
            },
        };
        Ok(Look { profile, live })
    }
}

/// How long an answer may take, names being looked up for the first.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until nobody listens any more.
pub fn ask(mut source: impl Source + 'static, updates: Sender<Update>) {
    let mut next_profile = Instant::now();
    loop {
        let began = Instant::now();
        let with_profile = began >= next_profile;
        let update = match source.look(with_profile) {
            Ok(look) => Update::Seen(look),
            Err(error) => Update::Failed(format!("{error:#}")),
        };
        if with_profile {
            next_profile = began + EVERY.max(began.elapsed() * PART_OF_TIME);
        }
        if updates.send(update).is_err() {
            return;
        }
        thread::sleep(EVERY.saturating_sub(began.elapsed()));
    }
}
