//! Writes profiles as JSON: what the page, and whoever likes, reads. The form
//! is described field by field in `docs/json.md`.
//!
//! Functions, stacks and locks are entered once, in tables, and referred to by
//! their index, so that a profile of 10,000 stacks stays a few megabytes. What
//! is not known is `null` or an empty list, never left out.

use super::classes::Class;
use super::comments::unix_nanos;
use super::pprof::label;
use super::{Frame, Histogram, LongWait, NestedWait, Pair, Profile};
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

/// The version of the form. It grows when a reader of the version before would
/// misunderstand what is written, not when there is more to read.
const SCHEMA: u32 = 1;

impl Profile {
    /// Writes the profile as one JSON object, for the page of `holdup web` and
    /// for programs of your own: `docs/json.md` describes the form. Times are
    /// in nanoseconds.
    ///
    /// Needs the feature `json`. Looks up names if that was not done before,
    /// see [`samples`](Profile::samples). Allocates in proportion to the number
    /// of distinct frames and stacks, and hands `out` many small pieces: buffer
    /// what is slow to write to.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    ///
    /// ```
    /// let mut json = Vec::new();
    /// holdup::profile::snapshot().write_json(&mut json)?;
    /// let json: serde_json::Value = serde_json::from_slice(&json)?;
    /// assert_eq!(json["schema"], 1);
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
    /// Negative before 1970.
    time_unix_ns: i64,
    duration_ns: u64,
    /// Zero when sampling was off.
    period_ns: u64,
    locks: Vec<Lock<'a>>,
    frames: Vec<Call<'a>>,
    /// Indexes of frames, innermost first.
    stacks: Vec<Vec<u32>>,
    samples: Vec<Row>,
    longest: Vec<Longest<'a>>,
    nested: Vec<Nested>,
}

/// A lock class. All but the name is `None` for a class of which a file that
/// was read has samples, but no sums.
#[derive(Serialize)]
struct Lock<'a> {
    name: &'a str,
    contentions: Option<u64>,
    waits: Option<u64>,
    waited_ns: Option<u64>,
    blamed_ns: Option<u64>,
    handoff_ns: Option<u64>,
    handoffs: Option<u64>,
    spun_ns: Option<u64>,
    spins: Option<u64>,
    longest_ns: Option<u64>,
    p50_ns: Option<u64>,
    p90_ns: Option<u64>,
    p99_ns: Option<u64>,
    p999_ns: Option<u64>,
    /// Upper bounds of buckets and what is in them, ascending.
    wait_histogram: Vec<(u64, u64)>,
    hold_histogram: Vec<(u64, u64)>,
}

#[derive(Serialize)]
struct Call<'a> {
    function: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    lock: u32,
    /// Whose section it was that others waited for.
    stack: Option<u32>,
    /// Who waited.
    victim: Option<u32>,
    count: u64,
    delay_ns: u64,
}

/// A part of a sample, during which its thread waited itself.
#[derive(Serialize)]
struct Nested {
    lock: u32,
    stack: Option<u32>,
    waited_for: u32,
    held_by: Option<u32>,
    count: u64,
    delay_ns: u64,
}

/// One of the longest waits.
#[derive(Serialize)]
struct Longest<'a> {
    lock: u32,
    wait_ns: u64,
    culprit: Option<u32>,
    victim: Option<u32>,
    culprit_thread: &'a str,
    victim_thread: &'a str,
    time_unix_ns: i64,
}

impl<'a> Document<'a> {
    fn of(profile: &'a Profile) -> Document<'a> {
        let mut tables = Tables::default();
        for class in &profile.classes {
            tables.add_lock(Lock::of(class));
        }
        let samples = profile.pairs().map(|pair| tables.row(&pair)).collect();
        let longest = profile.longest_waits().iter().map(|wait| tables.longest(wait)).collect();
        let nested = profile.nested().iter().map(|part| tables.nested(part)).collect();
        Document {
            schema: SCHEMA,
            time_unix_ns: unix_nanos(profile.time),
            duration_ns: nanos(profile.duration),
            period_ns: nanos(profile.period),
            samples,
            longest,
            nested,
            locks: tables.locks,
            frames: tables.frames,
            stacks: tables.stacks,
        }
    }
}

impl<'a> Lock<'a> {
    fn of(class: &'a Class) -> Lock<'a> {
        let sums = &class.sums;
        let percentile = |percent| class.waits.percentile(percent).map(nanos);
        let buckets = |histogram: &Histogram| {
            histogram.buckets().map(|bucket| (nanos(bucket.most), bucket.count)).collect()
        };
        Lock {
            contentions: Some(sums.contentions),
            waits: Some(sums.waits),
            waited_ns: Some(sums.waited),
            blamed_ns: Some(sums.blamed),
            handoff_ns: Some(sums.handoff),
            handoffs: Some(sums.handoffs),
            spun_ns: Some(sums.spun),
            spins: Some(sums.spins),
            longest_ns: Some(class.longest).filter(|&longest| longest > 0),
            p50_ns: percentile(50.0),
            p90_ns: percentile(90.0),
            p99_ns: percentile(99.0),
            p999_ns: percentile(99.9),
            wait_histogram: buckets(&class.waits),
            hold_histogram: buckets(&class.holds),
            ..Lock::without_sums(&class.name)
        }
    }

    fn without_sums(name: &'a str) -> Lock<'a> {
        Lock {
            name,
            contentions: None,
            waits: None,
            waited_ns: None,
            blamed_ns: None,
            handoff_ns: None,
            handoffs: None,
            spun_ns: None,
            spins: None,
            longest_ns: None,
            p50_ns: None,
            p90_ns: None,
            p99_ns: None,
            p999_ns: None,
            wait_histogram: Vec::new(),
            hold_histogram: Vec::new(),
        }
    }
}

/// The tables as they fill; everything is entered once, in the order in which
/// it is first referred to.
#[derive(Default)]
struct Tables<'a> {
    locks: Vec<Lock<'a>>,
    lock_indexes: HashMap<&'a str, u32>,
    frames: Vec<Call<'a>>,
    frame_indexes: HashMap<(&'a str, Option<&'a str>, Option<u32>), u32>,
    stacks: Vec<Vec<u32>>,
    stack_indexes: HashMap<Vec<u32>, u32>,
}

impl<'a> Tables<'a> {
    fn row(&mut self, pair: &Pair<'a>) -> Row {
        Row {
            kind: label(pair.kind),
            lock: self.lock(pair.lock),
            stack: self.stack(pair.culprit),
            victim: self.stack(pair.victim),
            count: pair.count,
            delay_ns: nanos(pair.delay),
        }
    }

    fn longest(&mut self, wait: &'a LongWait) -> Longest<'a> {
        Longest {
            lock: self.lock(&wait.lock),
            wait_ns: nanos(wait.wait),
            culprit: self.stack(&wait.culprit),
            victim: self.stack(&wait.victim),
            culprit_thread: &wait.culprit_thread,
            victim_thread: &wait.victim_thread,
            time_unix_ns: unix_nanos(wait.time),
        }
    }

    fn nested(&mut self, part: &'a NestedWait) -> Nested {
        Nested {
            lock: self.lock(&part.lock),
            stack: self.stack(&part.culprit),
            waited_for: self.lock(&part.waited_for),
            held_by: self.stack(&part.held_by),
            count: part.count,
            delay_ns: nanos(part.delay),
        }
    }

    fn add_lock(&mut self, lock: Lock<'a>) -> u32 {
        let index = self.locks.len() as u32;
        self.lock_indexes.insert(lock.name, index);
        self.locks.push(lock);
        index
    }

    fn lock(&mut self, name: &'a str) -> u32 {
        match self.lock_indexes.get(name) {
            Some(&index) => index,
            None => self.add_lock(Lock::without_sums(name)),
        }
    }

    /// No stack is `None`, not an empty one.
    fn stack(&mut self, calls: &'a [Frame]) -> Option<u32> {
        if calls.is_empty() {
            return None;
        }
        let stack: Vec<u32> = calls.iter().map(|call| self.frame(call)).collect();
        if let Some(&index) = self.stack_indexes.get(&stack) {
            return Some(index);
        }
        let index = self.stacks.len() as u32;
        self.stacks.push(stack.clone());
        self.stack_indexes.insert(stack, index);
        Some(index)
    }

    fn frame(&mut self, Frame { function, file, line, .. }: &'a Frame) -> u32 {
        let (file, line) = (file.as_deref(), *line);
        *self.frame_indexes.entry((function, file, line)).or_insert_with(|| {
            self.frames.push(Call { function, file, line });
            self.frames.len() as u32 - 1
        })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
