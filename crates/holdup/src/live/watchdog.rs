//! Reporting waits while they last.

use super::{Lock, Waiter, live};
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex as StdMutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How often the watchdog looks: so many times in each threshold, within these bounds.
const LOOKS: u32 = 4;
const INTERVAL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// A lock for which somebody has waited too long, and still does.
#[derive(Clone, Debug)]
pub struct Overdue {
    /// The lock, its holder, and all who wait for it, the longest first.
    pub lock: Lock,
    /// How many of these have waited longer than the threshold.
    pub count: usize,
}

impl Overdue {
    /// Those who have waited longer than the threshold.
    #[must_use]
    pub fn waiters(&self) -> &[Waiter] {
        &self.lock.waiters[..self.count]
    }
}

/// Watches until it is dropped, or for good.
#[derive(Debug)]
#[must_use = "a watchdog that is dropped stops"]
pub struct Watchdog {
    end: Arc<(StdMutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// Calls `hook` with each lock for which somebody has waited longer than `threshold`,
/// while the wait lasts. Each wait is reported once; a lock again when another wait for
/// it is overdue.
///
/// A thread of its own looks four times in each threshold (at most once in a
/// millisecond, at least once in a second), and calls the hook. So a wait costs nothing
/// more than without a watchdog, however many there are: would each waiter watch itself,
/// it had to sleep with a time limit, which takes a timer of the kernel for each sleep, and
/// the hook would run inside lock calls. A look costs what [`live()`] does.
///
/// The hook may take its time, and may panic: that is caught, and it is called again.
///
/// # Errors
///
/// The thread could not be made.
///
/// ```
/// use std::time::Duration;
///
/// let watchdog = holdup::watchdog(Duration::from_secs(1), |overdue| {
///     let lock = &overdue.lock;
///     eprintln!("`{}` is held by {}; {} wait too long", lock.name, lock.holder, overdue.count);
/// })?;
/// watchdog.for_good();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn watchdog(
    threshold: Duration,
    mut hook: impl FnMut(&Overdue) + Send + 'static,
) -> io::Result<Watchdog> {
    let end = Arc::new((StdMutex::new(false), Condvar::new()));
    let watch = {
        let end = Arc::clone(&end);
        let interval = (threshold / LOOKS).clamp(INTERVAL.0, INTERVAL.1);
        move || {
            let mut reported = HashSet::new();
            let is_over = |over: &mut bool| !*over;
            loop {
                let over = end.0.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = end.1.wait_timeout_while(over, interval, is_over);
                if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                    return;
                }
                for overdue in look(threshold, &mut reported) {
                    let call = std::panic::AssertUnwindSafe(|| hook(&overdue));
                    let _ = std::panic::catch_unwind(call);
                }
            }
        }
    };
    let thread = Builder::new().name("holdup-watchdog".to_owned()).spawn(watch)?;
    Ok(Watchdog { end, thread: Some(thread) })
}

/// The waits that were reported and have not ended: thread and turn.
type Reported = HashSet<(u32, u32)>;

/// The locks with a wait that is overdue, and was not yet reported.
fn look(threshold: Duration, reported: &mut Reported) -> Vec<Overdue> {
    let mut last = Reported::new();
    let mut found = Vec::new();
    for lock in live().locks {
        let count = lock.waiters.iter().take_while(|waiter| waiter.waited > threshold).count();
        let mut is_new = false;
        for waiter in &lock.waiters[..count] {
            let wait = (waiter.thread.number.get(), waiter.turn);
            is_new |= !reported.contains(&wait);
            last.insert(wait);
        }
        if is_new {
            found.push(Overdue { lock, count });
        }
    }
    *reported = last;
    found
}

impl Watchdog {
    /// Lets it watch until the program ends.
    pub fn for_good(mut self) {
        self.thread = None;
    }
}

impl Drop for Watchdog {
    /// Waits for a hook that runs, unless it is the hook that drops it.
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        *self.end.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.1.notify_all();
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}
