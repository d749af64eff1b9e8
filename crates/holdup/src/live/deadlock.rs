//! Deadlocks, as a program learns of them.

use super::{Access, Thread};
use crate::profile::{ClassNames, Frame, Symbolizer};
use core::fmt;
use holdup_core::live::deadlock::{self, Report};
use holdup_core::record::DEPTH;
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock as StdRwLock};
use std::time::Duration;

pub use deadlock::Action;

/// Threads that wait for each other, for good.
///
/// Each member waits for a lock that the next one holds, the last for one that the
/// first holds. One that waits for a lock that it holds itself is alone. As text it is
/// what is written to standard error where no hook is set.
#[derive(Clone, Debug)]
pub struct Deadlock {
    /// The threads.
    pub members: Vec<Member>,
}

/// A thread of a [`Deadlock`].
#[derive(Clone, Debug)]
pub struct Member {
    /// The thread.
    pub thread: Thread,
    /// The name of the lock it waits for; `(unnamed)` for one without.
    pub lock: String,
    /// Where that is.
    pub address: usize,
    /// How it wants the lock.
    pub access: Access,
    /// For how long it has waited.
    pub waited: Duration,
    /// Return addresses of the lock call, innermost first.
    stack: Vec<usize>,
}

impl Deadlock {
    fn of(report: &Report<'_>) -> Deadlock {
        let now = holdup_core::clock::now();
        let names = ClassNames::load();
        let members = report.members().iter().enumerate().map(|(index, member)| {
            let mut stack = [0; DEPTH];
            let depth = report.stack(index, &mut stack);
            Member {
                thread: Thread::of(member.thread, member.os_id),
                lock: names.of(member.class),
                address: member.lock,
                access: member.access,
                waited: super::since(member.start, now),
                stack: stack[..depth].to_vec(),
            }
        });
        Deadlock { members: members.collect() }
    }

    /// Where each member waits: the calls, innermost first, the first of which is the
    /// lock call's caller. In the order of the members.
    ///
    /// Looks up the names each time: it reads the debug information of the program and
    /// of its libraries, which takes from milliseconds to seconds, and allocates.
    #[must_use]
    pub fn stacks(&self) -> Vec<Vec<Frame>> {
        let mut symbolizer = Symbolizer::new();
        self.members.iter().map(|member| symbolizer.stack(&member.stack)).collect()
    }

    fn write_stacks(&self, f: &mut impl fmt::Write) -> fmt::Result {
        for (member, stack) in self.members.iter().zip(self.stacks()) {
            writeln!(f, "{} waits for `{}` at", member.thread, member.lock)?;
            for frame in &stack {
                write!(f, "    {}", frame.function)?;
                match (&frame.file, frame.line) {
                    (Some(file), Some(line)) => writeln!(f, "  {file}:{line}")?,
                    (Some(file), None) => writeln!(f, "  {file}")?,
                    _ => writeln!(f)?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.members[..] {
            [one] => writeln!(
                f,
                "{} has waited {:.1?} for `{}`, which it holds itself",
                one.thread, one.waited, one.lock
            )?,
            all => {
                writeln!(
                    f,
                    "{} threads wait for each other, and none will ever go on:",
                    all.len()
                )?;
                for (index, member) in all.iter().enumerate() {
                    let next = &all[(index + 1) % all.len()];
                    writeln!(
                        f,
                        "  {} has waited {:.1?} for `{}`, which {} holds",
                        member.thread, member.waited, member.lock, next.thread
                    )?;
                }
            }
        }
        self.write_stacks(f)
    }
}

type Hook = Arc<dyn Fn(&Deadlock) + Send + Sync>;

/// Of std: whatever the program does with locks of holdup's, this one is not in it.
static HOOK: StdRwLock<Option<Hook>> = StdRwLock::new(None);

/// Calls `hook` with each deadlock that is found, in place of writing a message to
/// standard error. The last hook that was set is called.
///
/// Deadlocks are looked for all the time, by the threads that are about to sleep: of
/// locks that nobody waits for nothing is asked. Each is reported once, some 20 ms after
/// its last thread blocked, or at once where a thread locks what it holds itself. There are
/// no false alarms: who waits with a time limit is not in a deadlock, and a circle is
/// reported only after all its members have looked again and found it unchanged.
///
/// Found are circles through any number (up to 64) of [`Mutex`](crate::Mutex)es,
/// [`FairMutex`](crate::FairMutex)es, [`ReentrantMutex`](crate::ReentrantMutex)es and
/// [`RwLock`](crate::RwLock)s that are held by a writer, and by such readers as had to
/// queue for a lock that others went on waiting for. Other readers leave no trace in a
/// lock, so that circles through them are not found.
///
/// The hook runs on the thread that found the deadlock, which is part of it, inside its
/// lock call: it must not lock what a member holds. Memory is allocated before it is
/// called; the message that is written without a hook begins with lines that
/// are written without an allocation. What a panic of the hook unwinds is caught.
///
/// Where the feature `send_guard` is on, who holds a lock need not be who acquired it:
/// then nobody looks for deadlocks unless [`set_deadlock_action`] or the environment says
/// so, and a report may be wrong if guards are sent.
///
/// ```
/// holdup::on_deadlock(|deadlock| {
///     eprintln!("{deadlock}");
///     std::process::exit(70);
/// });
/// ```
pub fn on_deadlock(hook: impl Fn(&Deadlock) + Send + Sync + 'static) {
    *HOOK.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
}

/// Says what happens when a deadlock is found: by default it is reported. The variable
/// `HOLDUP_DEADLOCK` of the environment says the same at the start of the program, as
/// `off`, `report` or `abort`. One store.
///
/// ```
/// use holdup::live::DeadlockAction;
/// // In tests: a deadlock ends the program, with a core dump where that is set up.
/// holdup::set_deadlock_action(DeadlockAction::Abort);
/// # holdup::set_deadlock_action(DeadlockAction::Report);
/// ```
pub fn set_deadlock_action(action: Action) {
    deadlock::set_action(action);
}

/// Makes this crate's hook the core's. Called before `main`.
pub(crate) fn arrange() {
    if cfg!(feature = "send_guard") {
        deadlock::set_action(Action::Off);
    }
    deadlock::set_hook(found);
}

fn found(report: &Report<'_>) {
    // What unwinds from here would leave a node of the caller on its list.
    // Safe to unwind from: it reads the report, and nothing of it is used afterwards.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
        match hook {
            Some(hook) => hook(&Deadlock::of(report)),
            None => {
                // In two parts: the second needs memory, which may be behind one of
                // the locks, and seconds where debug information is large.
                report.write();
                let mut stacks = String::new();
                let _ = Deadlock::of(report).write_stacks(&mut stacks);
                let _ = std::io::stderr().write_all(stacks.as_bytes());
            }
        }
    }));
}
