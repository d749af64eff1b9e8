//! Profiles that wait to be sent: taken by one thread, sent by another.

use super::{Pusher, Stats};
use crate::profile::memory::GiveBack;
use crate::profile::{self, Profile};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A profile as it is sent.
pub(super) struct Item {
    /// In pprof's format.
    pub(super) profile: Vec<u8>,
    taken: Instant,
}

/// What the two threads share. Its locks are the standard library's: holdup's
/// own work must not show in its profiles.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
    max_age: Duration,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    /// No more profiles are to be taken.
    stopping: bool,
    /// None will come any more.
    ended: bool,
    stats: Stats,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Queue {
    pub(super) fn new(pusher: &Pusher) -> Queue {
        Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            capacity: pusher.capacity,
            max_age: pusher.max_age,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock().stats.clone()
    }

    /// Ends both threads, when they have done what is left.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Waits; `true` when it is to stop.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let running = |state: &mut State| !state.stopping;
        let waited = self.changed.wait_timeout_while(self.lock(), time, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }

    /// Whether there is room; counts that there was none.
    fn has_room(&self) -> bool {
        let mut state = self.lock();
        let room = state.waiting.len() < self.capacity;
        state.stats.merged += u64::from(!room);
        room
    }

    fn push(&self, profile: Vec<u8>) {
        self.lock().waiting.push_back(Item { profile, taken: Instant::now() });
        self.changed.notify_all();
    }

    /// The oldest profile, as soon as there is one; `None` when none will come.
    pub(super) fn next(&self) -> Option<Item> {
        let nothing = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let state = self.changed.wait_while(self.lock(), nothing);
        state.unwrap_or_else(PoisonError::into_inner).waiting.pop_front()
    }

    /// One has arrived.
    pub(super) fn pushed(&self) {
        self.lock().stats.pushed += 1;
    }

    /// One is to be sent again, as the first: unless it is too old by now.
    pub(super) fn again(&self, item: Item, error: String) {
        if item.taken.elapsed() > self.max_age {
            return self.dropped(&error);
        }
        let mut state = self.lock();
        state.stats.retried += 1;
        state.stats.last_error = Some(error);
        state.waiting.push_front(item);
    }

    /// One is given up, and all that wait behind it: it is to stop, and this is
    /// no time to try again.
    pub(super) fn all_dropped(&self, error: &str) {
        self.dropped(error);
        while self.next().is_some() {
            self.dropped(error);
        }
    }

    /// One is given up.
    pub(super) fn dropped(&self, error: &str) {
        let dropped = {
            let mut state = self.lock();
            state.stats.last_error = Some(error.to_owned());
            state.stats.dropped += 1;
            state.stats.dropped
        };
        if dropped.is_power_of_two() {
            let line = format!("holdup: a profile was not pushed ({dropped} so far): {error}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

/// What was taken until now.
pub(super) struct Taken(Profile);

impl Taken {
    /// From here on.
    pub(super) fn begin() -> Taken {
        Taken(profile::snapshot())
    }

    /// Takes profiles until it is to stop, and a last one then.
    pub(super) fn work(mut self, queue: &Queue, every: Duration) {
        let mut next = Instant::now() + every;
        loop {
            let stop = queue.wait(next.saturating_duration_since(Instant::now()));
            // Without room the time goes on to count for the next one. The last
            // may be one too many, but there will be no other.
            if stop || queue.has_room() {
                self.take(queue);
            }
            if stop {
                break;
            }
            next = (next + every).max(Instant::now());
        }
        queue.lock().ended = true;
        queue.changed.notify_all();
    }

    fn take(&mut self, queue: &Queue) {
        let now = profile::snapshot();
        let since = now.since(&self.0);
        self.0 = now;
        // Nobody waited: there is nothing to tell.
        if since.classes().next().is_none() {
            return;
        }
        let mut pprof = Vec::new();
        let memory = GiveBack::later();
        let written = since.write_pprof(&mut pprof);
        drop(since);
        drop(memory);
        match written {
            Ok(()) => queue.push(pprof),
            Err(error) => queue.dropped(&format!("it could not be written: {error}")),
        }
    }
}
