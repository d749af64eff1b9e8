//! What was recorded in this program: addresses, which are not names yet.

use super::classes::{Class, ClassNames};
use super::comments::MAX_LONG_WAITS;
use super::named::{Builder, Named, Weight};
use super::nested::{self, NestedWait};
use super::symbolize::Symbolizer;
#[cfg(feature = "metrics")]
use super::{Contents, Profile};
use super::{Histogram, LongWait, UNNAMED};
use holdup_core::class::ClassId;
use holdup_core::record::{self, Kind, Times};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What only a profile of this program has.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) taken: Instant,
    /// How far the time of day, in nanoseconds since 1970, is ahead of the clock by
    /// which waits are measured. (That is asked for here, not where waits are.)
    ahead: u64,
    rows: BTreeMap<RowKey, Weight>,
    /// Longest first.
    longest: Vec<RawLongWait>,
    nested: BTreeMap<NestedKey, Weight>,
}

/// By which nested parts are subtracted: class and stack of the culprit, class of the
/// lock that it waited for, stack of who held that.
type NestedKey = (ClassId, RawStack, ClassId, RawStack);

/// By which rows are subtracted: class, kind, the culprit's stack, the victim's.
type RowKey = (ClassId, Kind, RawStack, RawStack);

/// Return addresses, innermost first. Rows share them.
type RawStack = Arc<[usize]>;

/// One of the longest waits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RawLongWait {
    class: ClassId,
    nanoseconds: u64,
    /// By the clock of the waits.
    ended_at: u64,
    culprit: RawStack,
    victim: RawStack,
    culprit_name: [u8; 16],
    victim_name: [u8; 16],
}

impl Live {
    /// Copies what there is, with the classes that it is of, sorted by name.
    pub(super) fn take() -> (Live, Vec<Class>) {
        let taken = Instant::now();
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ahead = (today.as_nanos() as u64).wrapping_sub(holdup_core::clock::now());
        let mut rows: BTreeMap<RowKey, Weight> = BTreeMap::new();
        let mut stacks = RawStacks::default();
        record::for_each_row(|row| {
            let weight = Weight { count: row.count, delay: row.delay };
            let key = (row.class, row.kind, stacks.get(row.stack), stacks.get(row.victim));
            rows.entry(key).or_default().add(weight);
        });
        let mut longest = Vec::new();
        record::for_each_long_wait(|wait| longest.push(RawLongWait::of(&wait, &mut stacks)));
        longest.sort_by_key(|wait| Reverse(wait.nanoseconds));
        longest.truncate(MAX_LONG_WAITS);
        let mut nested: BTreeMap<NestedKey, Weight> = BTreeMap::new();
        record::for_each_nested(|part| {
            let weight = Weight { count: part.count, delay: part.delay };
            let (stack, held_by) = (stacks.get(part.stack), stacks.get(part.held_by));
            let key = (part.class, stack, part.waited_for, held_by);
            nested.entry(key).or_default().add(weight);
        });
        let live = Live { taken, ahead, rows, longest, nested };
        let mut found: BTreeMap<ClassId, Class> = BTreeMap::new();
        record::for_each_class(|id, sums| found.entry(id).or_default().sums = sums);
        add_times(&mut found);
        // One that was first contended between the loops above.
        for id in live.classes() {
            found.entry(id).or_default();
        }
        // Also one that is not yet booked.
        for wait in &live.longest {
            let class = found.entry(wait.class).or_default();
            class.longest = class.longest.max(wait.nanoseconds);
        }
        let names = ClassNames::load();
        let named = |(id, class)| Class { id: Some(id), name: names.of(id), ..class };
        let mut classes: Vec<_> = found.into_iter().map(named).collect();
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        (live, classes)
    }

    /// What happened since it was `before`.
    pub(super) fn minus(&self, before: &Live) -> Live {
        let rows = self.rows.iter().filter_map(|(key, &weight)| {
            let left = weight.minus(before.rows.get(key).copied().unwrap_or_default());
            (left != Weight::default()).then(|| (key.clone(), left))
        });
        let new = |wait: &&RawLongWait| !before.longest.contains(wait);
        let longest = self.longest.iter().filter(new).cloned().collect();
        let nested = self.nested.iter().filter_map(|(key, &weight)| {
            let left = weight.minus(before.nested.get(key).copied().unwrap_or_default());
            (left != Weight::default()).then(|| (key.clone(), left))
        });
        let (rows, nested) = (rows.collect(), nested.collect());
        Live { taken: self.taken, ahead: self.ahead, rows, longest, nested }
    }

    /// The classes that something is of.
    pub(super) fn classes(&self) -> BTreeSet<ClassId> {
        let longest = self.longest.iter().map(|wait| wait.class);
        let nested = self.nested.keys().flat_map(|key| [key.0, key.2]);
        self.rows.keys().map(|key| key.0).chain(longest).chain(nested).collect()
    }

    /// The same with names.
    pub(super) fn named(&self, classes: &[Class]) -> Named {
        let names: BTreeMap<_, _> =
            classes.iter().filter_map(|class| Some((class.id?, class.name.as_str()))).collect();
        let lock = |id| names.get(id).copied().unwrap_or(UNNAMED);
        let mut symbolizer = Symbolizer::new();
        let of_rows = self.rows.keys().flat_map(|key| [&*key.2, &*key.3]);
        let of_longest = self.longest.iter().flat_map(|wait| [&*wait.culprit, &*wait.victim]);
        symbolizer.read_ahead(of_rows.chain(of_longest));
        let mut builder = Builder::default();
        let mut known: HashMap<&[usize], u32> = HashMap::new();
        for ((id, kind, culprit, victim), &weight) in &self.rows {
            let mut stack =
                |raw| *known.entry(raw).or_insert_with(|| builder.stack(symbolizer.stack(raw)));
            let (culprit, victim) = (stack(&**culprit), stack(&**victim));
            let lock = builder.lock(lock(id));
            builder.add(culprit, victim, lock, *kind, weight);
        }
        let longest = self.longest.iter().map(|wait| LongWait {
            lock: lock(&wait.class).to_owned(),
            wait: Duration::from_nanos(wait.nanoseconds),
            time: UNIX_EPOCH + Duration::from_nanos(wait.ended_at.wrapping_add(self.ahead)),
            culprit: symbolizer.stack(&wait.culprit),
            victim: symbolizer.stack(&wait.victim),
            culprit_thread: text(&wait.culprit_name),
            victim_thread: text(&wait.victim_name),
        });
        let longest = longest.collect();
        let nested =
            self.nested.iter().map(|((id, culprit, waited_for, held_by), weight)| NestedWait {
                lock: lock(id).to_owned(),
                culprit: symbolizer.stack(culprit),
                waited_for: lock(waited_for).to_owned(),
                held_by: symbolizer.stack(held_by),
                count: weight.count,
                delay: Duration::from_nanos(weight.delay),
            });
        let nested = nested::merged(nested.collect());
        let named = builder.finish(longest, symbolizer.into_mappings());
        named.with_nested(nested)
    }
}

/// The sums, histograms and longest waits of all classes that have a name or were
/// contended, without any stack. Takes no lock; some microseconds for each class.
#[cfg(feature = "metrics")]
pub(crate) fn sums() -> Profile {
    let mut found = BTreeMap::from([(ClassId::UNNAMED, Class::default())]);
    holdup_core::class::for_each(|id, _| {
        found.insert(id, Class::default());
    });
    record::for_each_class(|id, sums| found.entry(id).or_default().sums = sums);
    add_times(&mut found);
    let names = ClassNames::load();
    let named = |(id, class)| Class { id: Some(id), name: names.of(id), ..class };
    let classes = found.into_iter().map(named).collect();
    let (now, zero) = (SystemTime::now(), Duration::ZERO);
    Profile::from_parts(now, zero, zero, Contents::Pairs, classes, Named::default())
}

impl RawLongWait {
    fn of(wait: &record::LongWait<'_>, stacks: &mut RawStacks) -> RawLongWait {
        RawLongWait {
            class: wait.class,
            nanoseconds: wait.nanoseconds,
            ended_at: wait.ended_at,
            culprit: stacks.get(wait.culprit),
            victim: stacks.get(wait.victim),
            culprit_name: wait.culprit_name,
            victim_name: wait.victim_name,
        }
    }
}

/// A name that is filled up with zeros.
fn text(name: &[u8]) -> String {
    let length = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..length]).into_owned()
}

/// Adds the histograms of waits and of holds, and the longest wait, of each class.
fn add_times(classes: &mut BTreeMap<ClassId, Class>) {
    let mut found: BTreeMap<ClassId, Times> = BTreeMap::new();
    record::for_each_times(|class, times| {
        found.insert(class, times.clone());
    });
    record::for_each_pending_wait(|class, bucket| {
        found.entry(class).or_default().waits[bucket] += 1;
    });
    let histogram = |counts: &[u64]| {
        let mut histogram = Histogram::default();
        counts.iter().enumerate().for_each(|(bucket, &count)| histogram.push(bucket, count));
        histogram
    };
    for (id, times) in found {
        let class = classes.entry(id).or_default();
        (class.waits, class.holds) = (histogram(&times.waits), histogram(&times.holds));
        // A wait that ended just now may be pending, and not yet known to be long.
        let last = class.waits.buckets().last().map_or(Duration::ZERO, |bucket| bucket.least);
        class.longest = times.longest.max(u64::try_from(last.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// Stacks of addresses, each once.
#[derive(Default)]
struct RawStacks(BTreeSet<RawStack>);

impl RawStacks {
    fn get(&mut self, stack: &[usize]) -> RawStack {
        if let Some(known) = self.0.get(stack) {
            return known.clone();
        }
        let stack = RawStack::from(stack);
        self.0.insert(stack.clone());
        stack
    }
}
