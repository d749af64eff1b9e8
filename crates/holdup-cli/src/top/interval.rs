//! What happened between two profiles of a program: their difference, added up by
//! culprit and by lock.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::document::{Frame, Kind, Profile, Sample};

/// What happened in an interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    pub duration_ns: u64,
    /// All waits that ended.
    pub waited_ns: u64,
    /// All that was charged: what the culprits share.
    pub charged_ns: u64,
    /// Most delay first.
    pub culprits: Vec<Culprit>,
    /// Most waiting first.
    pub locks: Vec<Lock>,
    /// The longest waits since the program's start, the longest first.
    pub longest: Vec<Longest>,
}

/// A function that held others up at a lock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Culprit {
    pub function: String,
    pub lock: String,
    pub delay_ns: u64,
    pub count: u64,
    /// The stack with most of it, innermost call first.
    pub stack: Vec<Frame>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    pub name: String,
    pub waited_ns: u64,
    pub blamed_ns: u64,
    pub handoff_ns: u64,
    pub waits: u64,
    pub contentions: u64,
    /// Since the program's start.
    pub longest_ns: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Longest {
    pub lock: String,
    pub wait_ns: u64,
    pub culprit: Vec<Frame>,
    pub victim: Vec<Frame>,
    pub culprit_thread: String,
    pub victim_thread: String,
}

impl Longest {
    /// Who held it up: the function, else the thread.
    pub fn held_up_by(&self) -> &str {
        self.culprit.first().map_or(or_unknown(&self.culprit_thread), |call| &call.function)
    }
}

fn or_unknown(name: &str) -> &str {
    if name.is_empty() { "(unknown)" } else { name }
}

/// What tells a sample from others, in any profile of one program.
type Key<'a> = (Kind, &'a str, Vec<&'a str>);

impl Interval {
    /// What happened from `before` to `after`; without `before`, since the program
    /// started.
    pub fn between(before: Option<&Profile>, after: &Profile) -> Interval {
        let nothing = Profile::default();
        let before = before.unwrap_or(&nothing);
        let culprits = culprits(before, after);
        let locks = locks(before, after);
        Interval {
            duration_ns: after.duration_ns.saturating_sub(before.duration_ns),
            waited_ns: locks.iter().map(|lock| lock.waited_ns).sum(),
            charged_ns: culprits.iter().map(|culprit| culprit.delay_ns).sum(),
            culprits,
            locks,
            longest: longest(after),
        }
    }
}

/// Whether `after` cannot come from the program that `before` came from: it started
/// later.
pub fn is_another_program(before: &Profile, after: &Profile) -> bool {
    let waited =
        |profile: &Profile| -> u64 { profile.locks.iter().filter_map(|lock| lock.waited_ns).sum() };
    after.duration_ns < before.duration_ns || waited(after) < waited(before)
}

fn culprits(before: &Profile, after: &Profile) -> Vec<Culprit> {
    let mut earlier: HashMap<Key, (u64, u64)> = HashMap::new();
    for sample in &before.samples {
        let entry = earlier.entry(before.key(sample)).or_default();
        entry.0 += sample.delay_ns;
        entry.1 += sample.count;
    }
    let mut by_stack: HashMap<Key, (u64, u64, Vec<&Frame>)> = HashMap::new();
    for sample in &after.samples {
        let entry = by_stack.entry(after.key(sample)).or_default();
        entry.0 += sample.delay_ns;
        entry.1 += sample.count;
        entry.2 = after.calls(sample.stack);
    }
    let mut of_function: HashMap<(&str, &str), (Culprit, u64)> = HashMap::new();
    for (key, (delay, count, calls)) in by_stack {
        let (delay_before, count_before) = earlier.get(&key).copied().unwrap_or_default();
        let delay = delay.saturating_sub(delay_before);
        let count = count.saturating_sub(count_before);
        if delay == 0 && count == 0 {
            continue;
        }
        let (kind, lock, _) = key;
        let function = match (kind, calls.first()) {
            (Kind::Handoff, _) => "[handoff: nobody held the lock]",
            (Kind::Lost, _) => "[no room for the stack]",
            (Kind::Blame, Some(call)) => &call.function,
            (Kind::Blame, None) => "[stack unknown]",
        };
        let (culprit, most) = of_function.entry((function, lock)).or_default();
        culprit.delay_ns += delay;
        culprit.count += count;
        if culprit.stack.is_empty() || delay > *most {
            *most = delay;
            culprit.stack = calls.into_iter().cloned().collect();
        }
    }
    let mut culprits: Vec<Culprit> = of_function
        .into_iter()
        .map(|((function, lock), (culprit, _))| Culprit {
            function: function.to_owned(),
            lock: shown(lock),
            ..culprit
        })
        .collect();
    culprits.sort_by(|a, b| {
        b.delay_ns
            .cmp(&a.delay_ns)
            .then_with(|| (&a.function, &a.lock).cmp(&(&b.function, &b.lock)))
    });
    culprits
}

fn locks(before: &Profile, after: &Profile) -> Vec<Lock> {
    let earlier: HashMap<&str, _> =
        before.locks.iter().map(|lock| (lock.name.as_str(), lock)).collect();
    let nothing = Default::default();
    let mut locks: Vec<Lock> = after
        .locks
        .iter()
        .map(|lock| {
            let before = *earlier.get(lock.name.as_str()).unwrap_or(&&nothing);
            let grown = |after: Option<u64>, before: Option<u64>| {
                after.unwrap_or(0).saturating_sub(before.unwrap_or(0))
            };
            Lock {
                name: shown(&lock.name),
                waited_ns: grown(lock.waited_ns, before.waited_ns),
                blamed_ns: grown(lock.blamed_ns, before.blamed_ns),
                handoff_ns: grown(lock.handoff_ns, before.handoff_ns),
                waits: grown(lock.waits, before.waits),
                contentions: grown(lock.contentions, before.contentions),
                longest_ns: lock.longest_ns,
            }
        })
        .collect();
    locks.sort_by(|a, b| b.waited_ns.cmp(&a.waited_ns).then_with(|| a.name.cmp(&b.name)));
    locks
}

fn longest(profile: &Profile) -> Vec<Longest> {
    let calls = |stack| -> Vec<Frame> { profile.calls(stack).into_iter().cloned().collect() };
    let mut longest: Vec<Longest> = profile
        .longest
        .iter()
        .map(|wait| Longest {
            lock: shown(profile.lock(wait.lock)),
            wait_ns: wait.wait_ns,
            culprit: calls(wait.culprit),
            victim: calls(wait.victim),
            culprit_thread: wait.culprit_thread.clone().unwrap_or_default(),
            victim_thread: wait.victim_thread.clone().unwrap_or_default(),
        })
        .collect();
    longest.sort_by_key(|wait| Reverse(wait.wait_ns));
    longest
}

fn shown(lock: &str) -> String {
    if lock.is_empty() { "(unnamed)".to_owned() } else { lock.to_owned() }
}

impl Profile {
    fn key(&self, sample: &Sample) -> Key<'_> {
        let functions = self.calls(sample.stack).into_iter().map(|call| call.function.as_str());
        (sample.kind, self.lock(sample.lock), functions.collect())
    }

    fn lock(&self, index: usize) -> &str {
        self.locks.get(index).map_or("", |lock| &lock.name)
    }

    /// The calls of a stack that are the program's own, innermost first.
    fn calls(&self, stack: Option<usize>) -> Vec<&Frame> {
        let stack = stack.and_then(|index| self.stacks.get(index)).map_or(&[][..], |it| it);
        of_program(stack.iter().filter_map(|frame| self.frames.get(*frame)).collect())
    }
}

/// Without the calls outside of the marker that std puts where the program's code begins.
pub fn of_program(mut calls: Vec<&Frame>) -> Vec<&Frame> {
    let is_marker = |call: &&Frame| call.function.contains("__rust_begin_short_backtrace");
    let marker = calls.iter().position(is_marker);
    if let Some(inner) = marker.filter(|inner| *inner > 0) {
        calls.truncate(inner);
    }
    calls
}
