//! Snapshots of what was recorded, and their differences.

use super::classes::{Class, ClassNames, minus, sum};
use super::modules::Mapping;
use super::symbolize::Symbolizer;
use super::{Totals, UNNAMED};
use holdup_core::class::ClassId;
use holdup_core::record::{self, Kind, Sums};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// When the program started, as far as this crate can tell.
static START: OnceLock<Instant> = OnceLock::new();

/// Notes the start of the program; called by this crate's constructor.
pub(crate) fn note_start() {
    START.get_or_init(Instant::now);
}

/// What was recorded in a stretch of time. See the [module](super).
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) time: SystemTime,
    pub(super) duration: Duration,
    pub(super) period: Duration,
    /// Sorted by name.
    pub(super) classes: Vec<Class>,
    /// Of a profile of this program. `None` in one that was read.
    live: Option<Live>,
    /// Filled when somebody asks for names.
    named: OnceLock<Named>,
}

/// What only a profile of this program has.
#[derive(Clone, Debug)]
struct Live {
    taken: Instant,
    rows: BTreeMap<RowKey, Weight>,
}

/// By which rows are subtracted.
type RowKey = (ClassId, Kind, Box<[usize]>);

/// The part of a profile that has names instead of addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) samples: Vec<Sample>,
    pub(super) mappings: Vec<Mapping>,
}

/// Count and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    count: u64,
    delay: u64,
}

impl Weight {
    fn add(&mut self, other: Weight) {
        self.count = self.count.saturating_add(other.count);
        self.delay = self.delay.saturating_add(other.delay);
    }

    fn minus(self, other: Weight) -> Weight {
        Weight {
            count: self.count.saturating_sub(other.count),
            delay: self.delay.saturating_sub(other.delay),
        }
    }
}

/// A call stack and what was charged to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sample {
    /// The calls, innermost first. The first is the function that ended the
    /// critical section. Empty for [`Kind::Handoff`] and [`Kind::Lost`].
    pub stack: Vec<Frame>,
    /// The class of the lock.
    pub lock: String,
    /// What the delay was.
    pub kind: Kind,
    /// Contended critical sections, estimated without bias. Exact for
    /// [`Kind::Handoff`].
    pub count: u64,
    /// The time waiters waited, estimated without bias. Exact for
    /// [`Kind::Handoff`].
    pub delay: Duration,
}

/// One call of a call stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    /// The function with its full path, demangled, without hash. Where the
    /// program has no names, `module+0xoffset`.
    pub function: String,
    /// The source file, where the program has debug information.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The address of the call instruction (one byte into it, at least).
    /// Frames that were inlined share it with the frame they are inlined in.
    pub address: u64,
    /// Whether this call was inlined into the next frame of the stack.
    pub inlined: bool,
}

impl Profile {
    /// A profile of this program. See [`snapshot`](super::snapshot()).
    pub(super) fn take() -> Profile {
        let taken = Instant::now();
        let mut rows: BTreeMap<RowKey, Weight> = BTreeMap::new();
        record::for_each_row(|row| {
            let weight = Weight { count: row.count, delay: row.delay };
            rows.entry((row.class, row.kind, row.stack.into())).or_default().add(weight);
        });
        let names = ClassNames::load();
        let mut classes = Vec::new();
        record::for_each_class(|id, sums| {
            classes.push(Class { id: Some(id), name: names.of(id), sums });
        });
        // A class that was first contended between the two loops above.
        let known: BTreeSet<_> = classes.iter().filter_map(|class| class.id).collect();
        let missing: BTreeSet<_> =
            rows.keys().map(|key| key.0).filter(|id| !known.contains(id)).collect();
        for id in missing {
            classes.push(Class { id: Some(id), name: names.of(id), sums: Sums::default() });
        }
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        Profile {
            time: SystemTime::now(),
            duration: taken.duration_since(*START.get_or_init(|| taken)),
            period: super::period(),
            classes,
            live: Some(Live { taken, rows }),
            named: OnceLock::new(),
        }
    }

    /// A profile that was read.
    pub(super) fn from_parts(
        time: SystemTime,
        duration: Duration,
        period: Duration,
        mut classes: Vec<Class>,
        mut named: Named,
    ) -> Profile {
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        named.samples = merged(named.samples);
        Profile { time, duration, period, classes, live: None, named: named.into() }
    }

    /// What was recorded after `earlier`, a snapshot of the same program:
    /// all counts and times are differences, never negative.
    ///
    /// Allocates in proportion to the number of distinct call stacks. Of two
    /// profiles of this program, no names are looked up.
    #[must_use]
    pub fn since(&self, earlier: &Profile) -> Profile {
        let classes = self.classes.iter().map(|class| {
            let sums = earlier.class_like(class).map_or(Sums::default(), |before| before.sums);
            Class { sums: minus(class.sums, sums), ..class.clone() }
        });
        let mut difference = Profile {
            time: self.time,
            duration: self.time.duration_since(earlier.time).unwrap_or_default(),
            period: self.period,
            classes: classes.collect(),
            live: None,
            named: OnceLock::new(),
        };
        match (&self.live, &earlier.live) {
            (Some(now), Some(before)) => {
                let rows = now.rows.iter().filter_map(|(key, &weight)| {
                    let left = weight.minus(before.rows.get(key).copied().unwrap_or_default());
                    (left != Weight::default()).then(|| (key.clone(), left))
                });
                // Of one monotonic clock, unlike `time`.
                difference.duration = now.taken.saturating_duration_since(before.taken);
                difference.live = Some(Live { taken: now.taken, rows: rows.collect() });
            }
            _ => difference.named = self.named().minus(earlier.named()).into(),
        }
        difference.drop_empty_classes();
        difference
    }

    /// The same class in this profile.
    fn class_like(&self, class: &Class) -> Option<&Class> {
        let by_id = self.classes.iter().find(|one| one.id.is_some() && one.id == class.id);
        by_id.or_else(|| self.classes.iter().find(|one| one.name == class.name))
    }

    /// Forgets the classes that nothing happened to, unless a row is theirs.
    fn drop_empty_classes(&mut self) {
        let ids: BTreeSet<_> = match &self.live {
            Some(live) => live.rows.keys().map(|key| key.0).collect(),
            None => BTreeSet::new(),
        };
        self.classes.retain(|class| {
            class.sums != Sums::default() || class.id.is_some_and(|id| ids.contains(&id))
        });
    }

    /// The exact sums over all locks.
    #[must_use]
    pub fn totals(&self) -> Totals {
        sum(self.classes.iter().map(|class| class.sums)).into()
    }

    /// The exact sums of each lock class that anybody waited for, sorted by
    /// name. Locks without a name are the class `(unnamed)`.
    pub fn classes(&self) -> impl Iterator<Item = (&str, Totals)> {
        self.classes.iter().map(|class| (class.name.as_str(), class.sums.into()))
    }

    /// The exact sums of the lock class `name`; `None` when nobody waited for
    /// a lock of that name.
    #[must_use]
    pub fn totals_of(&self, name: &str) -> Option<Totals> {
        let shares = |class: &&Class| class.name.split('|').any(|one| one == name);
        let found = self.classes.iter().find(|class| class.name == name);
        // Names that share a class are joined.
        found.or_else(|| self.classes.iter().find(shares)).map(|class| class.sums.into())
    }

    /// The call stacks, those with the most delay first; equal ones in a
    /// fixed order.
    ///
    /// The first call looks up the names: it reads the debug information of
    /// the program and of its libraries, which takes from milliseconds to
    /// seconds, and allocates. Later calls return what the first one found.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.named().samples
    }

    /// When the snapshot was taken.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// How much time the profile covers: since the program started or, of a
    /// difference, between the two snapshots.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The sampling period when the snapshot was taken; zero when sampling was
    /// off, or when the profile was read from a file that does not say.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// The samples and mappings, with names.
    pub(super) fn named(&self) -> &Named {
        self.named.get_or_init(|| {
            let Some(live) = &self.live else { return Named::default() };
            let names: BTreeMap<_, _> =
                self.classes.iter().filter_map(|class| Some((class.id?, &class.name))).collect();
            let mut symbolizer = Symbolizer::new();
            let samples = live.rows.iter().map(|((id, kind, stack), weight)| Sample {
                stack: symbolizer.stack(stack),
                lock: names.get(id).map_or_else(|| UNNAMED.to_owned(), |name| (*name).clone()),
                kind: *kind,
                count: weight.count,
                delay: Duration::from_nanos(weight.delay),
            });
            let samples = merged(samples.collect());
            Named { samples, mappings: symbolizer.into_mappings() }
        })
    }
}

impl Named {
    /// What is left when `before` is taken away.
    fn minus(&self, before: &Named) -> Named {
        let before: BTreeMap<_, _> = before.samples.iter().map(keyed).collect();
        let samples = self.samples.iter().filter_map(|sample| {
            let (key, weight) = keyed(sample);
            let left = weight.minus(before.get(&key).copied().unwrap_or_default());
            let (count, delay) = (left.count, Duration::from_nanos(left.delay));
            (left != Weight::default()).then(|| Sample { count, delay, ..sample.clone() })
        });
        Named { samples: merged(samples.collect()), mappings: self.mappings.clone() }
    }
}

/// By which samples are subtracted and merged.
fn keyed(sample: &Sample) -> ((&[Frame], &str, Kind), Weight) {
    let delay = u64::try_from(sample.delay.as_nanos()).unwrap_or(u64::MAX);
    ((&sample.stack, &sample.lock, sample.kind), Weight { count: sample.count, delay })
}

/// Adds up samples that differ in nothing but their weight (stacks that
/// differed only in the frames that were cut), most delay first.
pub(super) fn merged(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort();
    samples.dedup_by(|next, kept| {
        let ((next_key, mut weight), (key, more)) = (keyed(next), keyed(kept));
        let same = next_key == key;
        if same {
            weight.add(more);
            (kept.count, kept.delay) = (weight.count, Duration::from_nanos(weight.delay));
        }
        same
    });
    // Stable: equal weights keep the order of stacks.
    samples.sort_by_key(|sample| (Reverse(sample.delay), Reverse(sample.count)));
    samples
}
