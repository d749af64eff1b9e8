//! Work that a request's own thread must not do: threads for one request each,
//! and how many there may be.

use super::answer::Answer;
use futures_channel::oneshot;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Counts the profiles that are being taken.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    running: AtomicUsize,
}

/// The right to take a profile, given back when dropped.
pub(super) struct Place(Arc<Jobs>);

impl Jobs {
    /// A place among at most `max`.
    pub(super) fn place(self: &Arc<Jobs>, max: usize) -> Option<Place> {
        // Relaxed: the number guards no other data.
        self.running
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |running| {
                (running < max).then_some(running + 1)
            })
            .ok()
            .map(|_| Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a job waits.
pub(super) trait Wait {
    /// Waits for so long; `false` when nobody wants the answer any more.
    fn wait(&self, time: Duration) -> bool;
}

/// Waits on the calling thread.
pub(super) struct OnThisThread;

impl Wait for OnThisThread {
    fn wait(&self, time: Duration) -> bool {
        std::thread::sleep(time);
        true
    }
}

/// The other end of this is dropped with the future that waits for the answer.
struct UntilDropped(mpsc::Receiver<Infallible>);

impl Wait for UntilDropped {
    fn wait(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout)
    }
}

/// An answer that a thread works on.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) answer: oneshot::Receiver<Answer>,
    /// Nothing is ever sent: that it is gone is the message.
    _wanted: mpsc::Sender<Infallible>,
}

/// Starts a thread for `job`, which answers unless nobody wants it any more.
pub(super) fn start(
    place: Place,
    job: impl FnOnce(&dyn Wait) -> Option<Answer> + Send + 'static,
) -> std::io::Result<Coming> {
    let (send, answer) = oneshot::channel();
    let (wanted, until_dropped) = mpsc::channel();
    std::thread::Builder::new().name("holdup-http".to_owned()).spawn(move || {
        let answer = job(&UntilDropped(until_dropped));
        // Before the answer is seen: whoever sees it may ask again.
        drop(place);
        if let Some(answer) = answer {
            // Nobody may be there to take it.
            let _ = send.send(answer);
        }
    })?;
    Ok(Coming { answer, _wanted: wanted })
}
