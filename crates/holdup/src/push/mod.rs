//! Pushes profiles to Grafana Pyroscope, or to Grafana Alloy on its way there:
//! for programs that cannot be scraped.
//!
//! A [`Pusher`] takes a profile every 15 seconds, of what was recorded meanwhile,
//! and posts it to `/push.v1.PusherService/Push`.
//!
//! ```no_run
//! let pushing = holdup::push::Pusher::new("http://pyroscope:4040", "shop")
//!     .label("region", "north")
//!     .start()?;
//! // ... the program ...
//! let stats = pushing.stop();
//! assert_eq!(stats.dropped, 0, "{:?}", stats.last_error);
//! # Ok::<(), holdup::push::InvalidPusher>(())
//! ```
//!
//! # What happens when the server does not answer
//!
//! A profile is sent again, after half a second at first, then after ever longer
//! times of up to 30 seconds, of which a random part is left out, so that a
//! fleet does not come all at once. Meanwhile profiles queue up. When the queue
//! is full no profile is taken: the next one covers the whole time since the
//! last, so that nothing is lost but the resolution in time. Only what the
//! server refuses for good (4xx), and what is older than an hour, is dropped.
//! That is counted ([`Stats`]), and said on standard error: the first one, the
//! second, the fourth, the eighth, ...
//!
//! Names are looked up by a thread for this alone, and nothing of that is kept.
//! Needs the feature `push`; for `https` also `push-tls`.

mod client;
mod proto;
mod queue;

use client::Client;
use queue::{Queue, Taken};
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// What to push, where, and how often.
#[derive(Clone)]
pub struct Pusher {
    url: String,
    labels: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    every: Duration,
    timeout: Duration,
    max_age: Duration,
    capacity: usize,
    first_retry: Duration,
    max_retry: Duration,
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers, which are secrets.
        f.debug_struct("Pusher")
            .field("url", &self.url)
            .field("labels", &self.labels)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl Pusher {
    /// Pushes to the server at `url`, such as `http://pyroscope:4040`, under the
    /// name `service`.
    #[must_use]
    pub fn new(url: impl Into<String>, service: impl Into<String>) -> Pusher {
        Pusher {
            url: url.into(),
            labels: vec![("service_name".to_owned(), service.into())],
            headers: Vec::new(),
            every: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            max_age: Duration::from_secs(3600),
            capacity: 8,
            first_retry: Duration::from_millis(500),
            max_retry: Duration::from_secs(30),
        }
    }

    /// A label for all profiles. Its name has letters, digits and underscores.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Pusher {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// How much time a profile covers. At least a millisecond.
    #[must_use]
    pub fn every(self, every: Duration) -> Pusher {
        Pusher { every: every.max(Duration::from_millis(1)), ..self }
    }

    /// How long the server may take for a request.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Pusher {
        Pusher { timeout, ..self }
    }

    /// How many profiles may wait to be sent, at least one. Some hundred KB each.
    #[must_use]
    pub fn capacity(self, profiles: usize) -> Pusher {
        Pusher { capacity: profiles.max(1), ..self }
    }

    /// How old a profile may become before it is dropped.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Pusher {
        Pusher { max_age: age, ..self }
    }

    /// How long to wait before a profile is sent again: for the first time, and
    /// at most. Each time is twice the one before; a random part of up to half
    /// of it is left out.
    #[must_use]
    pub fn retry(self, first: Duration, max: Duration) -> Pusher {
        Pusher { first_retry: first, max_retry: max.max(first), ..self }
    }

    /// Sends `Authorization: Bearer token`.
    #[must_use]
    pub fn bearer_token(mut self, token: impl fmt::Display) -> Pusher {
        self.headers.push(("authorization", format!("Bearer {token}")));
        self
    }

    /// Sends a user's name and password, as Grafana Cloud wants it.
    #[must_use]
    pub fn basic_auth(mut self, user: impl fmt::Display, password: impl fmt::Display) -> Pusher {
        use base64::Engine;
        let pair = format!("{user}:{password}");
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        self.headers.push(("authorization", format!("Basic {pair}")));
        self
    }

    /// Sends the tenant, for a Pyroscope that has several: `X-Scope-OrgID`.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Pusher {
        self.headers.push(("x-scope-orgid", tenant.into()));
        self
    }

    /// Starts to push, by two threads: one takes profiles, one sends them. It
    /// goes on until the program ends, or [`Pushing::stop`] is called; what this
    /// returns may be dropped. Does not wait for the server.
    ///
    /// # Errors
    ///
    /// When the address or a label is none, or when no thread can be started.
    pub fn start(self) -> Result<Pushing, InvalidPusher> {
        let client = Client::new(&self)?;
        let queue = Arc::new(Queue::new(&self));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(work).map_err(|error| InvalidPusher(format!("no thread: {error}")))
        };
        let (for_taking, for_sending) = (Arc::clone(&queue), Arc::clone(&queue));
        let taken = Taken::begin();
        let every = self.every;
        let taking = spawn("holdup-profile", Box::new(move || taken.work(&for_taking, every)))?;
        let sending = spawn("holdup-push", Box::new(move || client.work(&for_sending)));
        let sending = sending.inspect_err(|_| queue.stop())?;
        Ok(Pushing { queue, threads: vec![taking, sending] })
    }
}

/// Profiles are being pushed. When this is dropped, that goes on.
#[derive(Debug)]
pub struct Pushing {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Pushing {
    /// What happened until now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// Takes a last profile, sends what is left, and ends. The first one that
    /// cannot be sent now is the last that is tried: it and what is left then is
    /// dropped, and counted.
    pub fn stop(self) -> Stats {
        self.queue.stop();
        for thread in self.threads {
            // A panic would have been told by its thread.
            let _ = thread.join();
        }
        self.queue.stats()
    }
}

/// What happened to the profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The server accepted them.
    pub pushed: u64,
    /// Times that one was sent again.
    pub retried: u64,
    /// Times that there was no room for one, so that the next covers its time.
    pub merged: u64,
    /// They were given up: refused, too old, or left over when it stopped.
    pub dropped: u64,
    /// What went wrong last, also if it went well later.
    pub last_error: Option<String>,
}

/// Why there is nothing to push, or nowhere. Displayed as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPusher(String);

impl fmt::Display for InvalidPusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidPusher {}
