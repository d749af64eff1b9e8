//! Writes what [`live`](super::live()) found as JSON. The form is described in
//! `docs/json.md`.

use super::{Access, Held, Holder, Live, Lock, Thread, Waiter};
use crate::profile::{Frame, Symbolizer};
use serde::Serialize;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

/// The version of the form. It grows when a reader of the version before would
/// misunderstand what is written, not when there is more to read.
const SCHEMA: u32 = 1;

impl Live {
    /// Writes it as one JSON object: `docs/json.md` describes the form. Times are in
    /// nanoseconds. Names are looked up, as by [`Waiter::stack`], once for all.
    ///
    /// Needs the feature `json`. Hands `out` many small pieces: buffer what is slow
    /// to write to.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    ///
    /// ```
    /// let mut json = Vec::new();
    /// holdup::live().write_json(&mut json)?;
    /// let json: serde_json::Value = serde_json::from_slice(&json)?;
    /// assert!(json["locks"].is_array());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, &Document::of(self))?;
        out.flush()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    time_unix_ns: u64,
    locks: Vec<LockJson<'a>>,
}

#[derive(Serialize)]
struct LockJson<'a> {
    name: &'a str,
    /// In text: numbers of JSON do not hold 64 bits everywhere.
    address: String,
    held_by: &'static str,
    holders: Vec<HeldJson<'a>>,
    waiters: Vec<WaiterJson<'a>>,
}

#[derive(Serialize)]
struct HeldJson<'a> {
    #[serde(flatten)]
    thread: ThreadJson<'a>,
    held_ns: Option<u64>,
}

#[derive(Serialize)]
struct WaiterJson<'a> {
    #[serde(flatten)]
    thread: ThreadJson<'a>,
    waited_ns: u64,
    wants: &'static str,
    timed: bool,
    /// Innermost first; empty where it is not known.
    stack: Vec<CallJson>,
}

#[derive(Serialize)]
struct CallJson {
    function: String,
    file: Option<String>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct ThreadJson<'a> {
    thread: u32,
    os_id: Option<u32>,
    thread_name: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn of(live: &'a Live) -> Document<'a> {
        let mut symbolizer = Symbolizer::new();
        Document {
            schema: SCHEMA,
            time_unix_ns: nanos(live.time.duration_since(UNIX_EPOCH).unwrap_or_default()),
            locks: live.locks.iter().map(|lock| LockJson::of(lock, &mut symbolizer)).collect(),
        }
    }
}

impl<'a> LockJson<'a> {
    fn of(lock: &'a Lock, symbolizer: &mut Symbolizer) -> LockJson<'a> {
        let (held_by, holders) = match &lock.holder {
            Holder::Thread(held) => ("thread", vec![HeldJson::of(held)]),
            Holder::Readers(known) => ("readers", known.iter().map(HeldJson::of).collect()),
            Holder::Unknown => ("unknown", Vec::new()),
        };
        let waiters = lock.waiters.iter().map(|waiter| WaiterJson::of(waiter, symbolizer));
        LockJson {
            name: &lock.name,
            address: format!("{:#x}", lock.address),
            held_by,
            holders,
            waiters: waiters.collect(),
        }
    }
}

impl<'a> HeldJson<'a> {
    fn of(held: &'a Held) -> HeldJson<'a> {
        HeldJson { thread: ThreadJson::of(&held.thread), held_ns: held.held.map(nanos) }
    }
}

impl<'a> WaiterJson<'a> {
    fn of(waiter: &'a Waiter, symbolizer: &mut Symbolizer) -> WaiterJson<'a> {
        let call = |frame: Frame| CallJson {
            function: frame.function.to_string(),
            file: frame.file.map(|file| file.to_string()),
            line: frame.line,
        };
        WaiterJson {
            thread: ThreadJson::of(&waiter.thread),
            waited_ns: nanos(waiter.waited),
            wants: wants(waiter.access),
            timed: waiter.timed,
            stack: symbolizer.stack(&waiter.addresses).into_iter().map(call).collect(),
        }
    }
}

impl<'a> ThreadJson<'a> {
    fn of(thread: &'a Thread) -> ThreadJson<'a> {
        ThreadJson {
            thread: thread.number.get(),
            os_id: (thread.os_id != 0).then_some(thread.os_id),
            thread_name: thread.name.as_deref(),
        }
    }
}

fn wants(access: Access) -> &'static str {
    match access {
        Access::Mutex => "mutex",
        Access::Write => "write",
        Access::Read => "read",
        Access::Upgradable => "upgradable",
        Access::Upgrade => "upgrade",
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
