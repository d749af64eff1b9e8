//! Asking a program again and again, in threads of their own: a program that answers
//! slowly, or not at all, stops nobody from quitting, and a profile that takes long
//! keeps nobody from seeing who waits now.

use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::StatusCode;

use super::document;
use super::state::{Look, Update, Waiting};
use crate::commands::web::program::{Fetched, Program};

/// How often a program is asked.
pub const EVERY: Duration = Duration::from_secs(1);

/// It is asked so seldom that answering takes at most one in so many of its seconds: names
/// are looked up for it.
pub const PART_OF_TIME: u32 = 4;

const PROFILE: &str = "/debug/holdup/profile.json";
pub const LIVE: &str = "/debug/holdup/live";

/// How long an answer may take, names being looked up for the first.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a program that serves has of the past.
pub fn past(program: &Program) -> anyhow::Result<Look> {
    match program.get(PROFILE, PATIENCE)? {
        Fetched::Body(body) => Ok(Look { profile: Some(document::read(&body)?), live: None }),
        Fetched::Refused(status) => anyhow::bail!("it answers {status} to {PROFILE}"),
    }
}

/// And of this moment.
pub fn present(program: &Program) -> anyhow::Result<Look> {
    let live = match program.get(LIVE, PATIENCE)? {
        Fetched::Body(body) => Waiting::Known(document::read(&body)?),
        Fetched::Refused(StatusCode::NOT_FOUND) => {
            Waiting::Unknown(format!("the program does not serve {LIVE}: its holdup is older"))
        }
        Fetched::Refused(status) => anyhow::bail!("it answers {status} to {LIVE}"),
    };
    Ok(Look { profile: None, live: Some(live) })
}

/// Looks again and again until nobody listens any more.
pub fn ask(look: impl Fn() -> anyhow::Result<Look>, updates: &Sender<Update>) {
    loop {
        let began = Instant::now();
        let update = match look() {
            Ok(look) => Update::Seen(look),
            Err(error) => Update::Failed(format!("{error:#}")),
        };
        if updates.send(update).is_err() {
            return;
        }
        let took = began.elapsed();
        thread::sleep(EVERY.max(took * PART_OF_TIME).saturating_sub(took));
    }
}
