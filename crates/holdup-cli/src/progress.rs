//! What a command is doing, shown on standard error when it takes long.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Who waits less does not ask.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two pictures of what turns.
const TICK: Duration = Duration::from_millis(100);

/// Says what is going on, from one second on until it is dropped; on a
/// terminal only.
pub struct Progress {
    bar: ProgressBar,
    /// Dropped at the end; with the thread that waits for that.
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Work begins.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Progress {
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style);
        bar.set_message(message);
        let shown = io::stderr().is_terminal().then(|| {
            let (sender, ended) = mpsc::channel::<()>();
            let later = bar.clone();
            let thread = thread::spawn(move || {
                if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    later.set_draw_target(ProgressDrawTarget::stderr());
                    later.enable_steady_tick(TICK);
                }
            });
            (sender, thread)
        });
        Progress { bar, shown }
    }

    /// Something else is being done now.
    pub fn now(&self, message: impl Into<Cow<'static, str>>) {
        self.bar.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.shown.take() {
            drop(sender);
            // It cannot have panicked in a way that matters here.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
