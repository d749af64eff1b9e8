//! The part of a profile that has names instead of addresses. Each stack is
//! kept once, however many culprits and victims share it.

use super::modules::Mapping;
use super::nested::{self, NestedWait};
use super::{Contents, Frame, Kind, LongWait, Pair, Sample};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

/// Count and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) count: u64,
    pub(super) delay: u64,
}

impl Weight {
    pub(super) fn add(&mut self, other: Weight) {
        self.count = self.count.saturating_add(other.count);
        self.delay = self.delay.saturating_add(other.delay);
    }

    pub(super) fn minus(self, other: Weight) -> Weight {
        Weight {
            count: self.count.saturating_sub(other.count),
            delay: self.delay.saturating_sub(other.delay),
        }
    }
}

/// A pair, by the places of its parts in the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    culprit: u32,
    victim: u32,
    lock: u32,
    kind: Kind,
    weight: Weight,
}

impl Entry {
    /// What orders entries, and tells them apart.
    fn key(&self) -> (u32, u32, Kind, u32) {
        (self.culprit, self.lock, self.kind, self.victim)
    }
}

/// Stacks, locks, and pairs of them.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Sorted, the first one is empty.
    stacks: Vec<Vec<Frame>>,
    /// Sorted.
    locks: Vec<String>,
    /// Most delay first.
    entries: Vec<Entry>,
    pub(super) longest: Vec<LongWait>,
    /// Most delay first.
    pub(super) nested: Vec<NestedWait>,
    pub(super) mappings: Vec<Mapping>,
    /// Filled when somebody asks for them.
    samples: OnceLock<Vec<Sample>>,
    victims: OnceLock<Vec<Sample>>,
}

impl Default for Named {
    fn default() -> Named {
        Builder::default().finish(Vec::new(), Vec::new())
    }
}

impl Named {
    /// The same with these nested parts, merged.
    pub(super) fn with_nested(self, nested: Vec<NestedWait>) -> Named {
        Named { nested, ..self }
    }

    /// Those who held others up.
    pub(super) fn samples(&self) -> &[Sample] {
        self.samples.get_or_init(|| self.samples_of(Contents::Blame))
    }

    /// Those who waited.
    pub(super) fn victims(&self) -> &[Sample] {
        self.victims.get_or_init(|| self.samples_of(Contents::Victims))
    }

    fn samples_of(&self, contents: Contents) -> Vec<Sample> {
        let sample = |pair: Pair<'_>| Sample {
            stack: match contents {
                Contents::Victims => pair.victim.to_vec(),
                _ => pair.culprit.to_vec(),
            },
            lock: pair.lock.to_owned(),
            kind: pair.kind,
            count: pair.count,
            delay: pair.delay,
        };
        self.pairs_of(contents).map(sample).collect()
    }

    /// The pairs, most delay first.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.entries.iter().map(|entry| self.pair(entry))
    }

    /// The pairs, added up over the victims or the culprits, whose stacks are
    /// empty then, where only the others are wanted.
    pub(super) fn pairs_of(&self, contents: Contents) -> impl Iterator<Item = Pair<'_>> {
        let mut entries = self.entries.clone();
        match contents {
            Contents::Pairs => {}
            Contents::Blame => entries.iter_mut().for_each(|entry| entry.victim = 0),
            Contents::Victims => entries.iter_mut().for_each(|entry| entry.culprit = 0),
        }
        merge(&mut entries);
        entries.into_iter().map(move |entry| self.pair(&entry))
    }

    fn pair(&self, entry: &Entry) -> Pair<'_> {
        Pair {
            culprit: &self.stacks[entry.culprit as usize],
            victim: &self.stacks[entry.victim as usize],
            lock: &self.locks[entry.lock as usize],
            kind: entry.kind,
            count: entry.weight.count,
            delay: Duration::from_nanos(entry.weight.delay),
        }
    }

    /// What is left when `before` is taken away; of both only what `contents`
    /// says, unless it is pairs.
    pub(super) fn minus(&self, before: &Named, contents: Contents) -> Named {
        let key = |pair: &Pair<'_>| (pair.culprit.to_vec(), pair.victim.to_vec(), pair.kind);
        let mut taken: HashMap<_, HashMap<&str, Weight>> = HashMap::new();
        for pair in before.pairs_of(contents) {
            taken.entry(key(&pair)).or_default().insert(pair.lock, weight(&pair));
        }
        let mut builder = Builder::default();
        for pair in self.pairs_of(contents) {
            let before = taken.get(&key(&pair)).and_then(|locks| locks.get(pair.lock));
            let left = weight(&pair).minus(before.copied().unwrap_or_default());
            if left != Weight::default() {
                let culprit = builder.stack(pair.culprit.to_vec());
                let victim = builder.stack(pair.victim.to_vec());
                let lock = builder.lock(pair.lock);
                builder.add(culprit, victim, lock, pair.kind, left);
            }
        }
        let new = |wait: &&LongWait| !before.longest.contains(wait);
        let longest = self.longest.iter().filter(new).cloned().collect();
        let nested = nested::minus(&self.nested, &before.nested);
        Named { nested, ..builder.finish(longest, self.mappings.clone()) }
    }
}

fn weight(pair: &Pair<'_>) -> Weight {
    let delay = u64::try_from(pair.delay.as_nanos()).unwrap_or(u64::MAX);
    Weight { count: pair.count, delay }
}

/// Adds up entries that differ in nothing but their weight, most delay first;
/// equal weights in the order of stacks.
fn merge(entries: &mut Vec<Entry>) {
    entries.sort_by_key(Entry::key);
    entries.dedup_by(|next, kept| {
        let same = next.key() == kept.key();
        if same {
            kept.weight.add(next.weight);
        }
        same
    });
    entries.sort_by_key(|entry| (Reverse(entry.weight.delay), Reverse(entry.weight.count)));
}

/// Tables as they fill.
#[derive(Default)]
pub(super) struct Builder {
    stacks: HashMap<Vec<Frame>, u32>,
    locks: HashMap<String, u32>,
    entries: Vec<Entry>,
    /// How many entries there may be before equal ones become one.
    limit: usize,
}

impl Builder {
    /// The number of a stack.
    pub(super) fn stack(&mut self, frames: Vec<Frame>) -> u32 {
        let next = self.stacks.len() as u32;
        *self.stacks.entry(frames).or_insert(next)
    }

    /// The number of a lock.
    pub(super) fn lock(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.locks.get(name) {
            return number;
        }
        let next = self.locks.len() as u32;
        self.locks.insert(name.to_owned(), next);
        next
    }

    /// Adds what passed between two stacks at a lock.
    pub(super) fn add(&mut self, culprit: u32, victim: u32, lock: u32, kind: Kind, weight: Weight) {
        self.entries.push(Entry { culprit, victim, lock, kind, weight });
    }

    /// Adds all pairs of a profile, their frames as `change` leaves them.
    pub(super) fn add_all(&mut self, named: &Named, change: impl Fn(&mut Frame)) {
        let changed = |stack: &Vec<Frame>| {
            let mut stack = stack.clone();
            stack.iter_mut().for_each(&change);
            stack
        };
        let stacks: Vec<_> = named.stacks.iter().map(|one| self.stack(changed(one))).collect();
        let locks: Vec<_> = named.locks.iter().map(|name| self.lock(name)).collect();
        for &Entry { culprit, victim, lock, kind, weight } in &named.entries {
            let (culprit, victim) = (stacks[culprit as usize], stacks[victim as usize]);
            self.add(culprit, victim, locks[lock as usize], kind, weight);
        }
        // Equal ones become one whenever there are twice as many as before.
        if self.entries.len() > self.limit {
            merge(&mut self.entries);
            self.limit = (2 * self.entries.len()).max(1 << 12);
        }
    }

    /// The longest waits come longest first.
    pub(super) fn finish(mut self, longest: Vec<LongWait>, mappings: Vec<Mapping>) -> Named {
        // Pairs without a stack have the empty one, which is the first.
        self.stack(Vec::new());
        let (stacks, places) = sorted(self.stacks);
        let (locks, lock_places) = sorted(self.locks);
        for entry in &mut self.entries {
            entry.culprit = places[entry.culprit as usize];
            entry.victim = places[entry.victim as usize];
            entry.lock = lock_places[entry.lock as usize];
        }
        merge(&mut self.entries);
        Named {
            stacks,
            locks,
            entries: self.entries,
            longest,
            nested: Vec::new(),
            mappings,
            samples: OnceLock::new(),
            victims: OnceLock::new(),
        }
    }
}

/// The things that have numbers, in order, and the new numbers by the old ones.
fn sorted<T: Ord>(numbered: HashMap<T, u32>) -> (Vec<T>, Vec<u32>) {
    let mut things: Vec<(T, u32)> = numbered.into_iter().collect();
    things.sort();
    let mut places = vec![0; things.len()];
    for (place, (_, number)) in things.iter().enumerate() {
        places[*number as usize] = place as u32;
    }
    (things.into_iter().map(|(thing, _)| thing).collect(), places)
}
