//! Snapshots of what was recorded, and their differences.

use super::classes::{Class, sum};
use super::live::Live;
use super::named::Named;
use super::{Contents, Histogram, Lock, LongWait, Pair, Sample, Totals};
use holdup_core::record::Sums;
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
    /// What of the pairs it has: all, or less in a profile that was read.
    contents: Contents,
    /// Sorted by name.
    pub(super) classes: Vec<Class>,
    /// Of a profile of this program. `None` in one that was read.
    live: Option<Live>,
    /// Filled when somebody asks for names.
    named: OnceLock<Named>,
}

impl Profile {
    /// A profile of this program. See [`snapshot`](super::snapshot()).
    pub(super) fn take() -> Profile {
        let (live, classes) = Live::take();
        Profile {
            time: SystemTime::now(),
            duration: live.taken.duration_since(*START.get_or_init(|| live.taken)),
            period: super::period(),
            contents: Contents::Pairs,
            classes,
            live: Some(live),
            named: OnceLock::new(),
        }
    }

    /// A profile that was read.
    pub(super) fn from_parts(
        time: SystemTime,
        duration: Duration,
        period: Duration,
        contents: Contents,
        mut classes: Vec<Class>,
        named: Named,
    ) -> Profile {
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        Profile { time, duration, period, contents, classes, live: None, named: named.into() }
    }

    /// What was recorded after `earlier`, a snapshot of the same program:
    /// all counts and times are differences, never negative.
    ///
    /// Of the longest waits those are left that `earlier` did not have. The
    /// longest wait of a lock ([`Lock::longest`]) is within 6.3 % of the exact
    /// one where it is none of those.
    ///
    /// Allocates in proportion to the number of distinct call stacks. Of two
    /// profiles of this program, no names are looked up.
    #[must_use]
    pub fn since(&self, earlier: &Profile) -> Profile {
        let classes = self.classes.iter().map(|class| match earlier.class_like(class) {
            Some(before) => class.minus(before),
            None => class.clone(),
        });
        let contents =
            if self.contents == earlier.contents { self.contents } else { Contents::Blame };
        let mut difference = Profile {
            time: self.time,
            duration: self.time.duration_since(earlier.time).unwrap_or_default(),
            period: self.period,
            contents,
            classes: classes.collect(),
            live: None,
            named: OnceLock::new(),
        };
        match (&self.live, &earlier.live) {
            (Some(now), Some(before)) => {
                // Of one monotonic clock, unlike `time`.
                difference.duration = now.taken.saturating_duration_since(before.taken);
                difference.live = Some(now.minus(before));
            }
            _ => difference.named = self.named().minus(earlier.named(), contents).into(),
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
        let ids = self.live.as_ref().map(Live::classes).unwrap_or_default();
        self.classes.retain(|class| {
            let nothing = class.sums == Sums::default() && class.waits.is_empty();
            !nothing || class.id.is_some_and(|id| ids.contains(&id))
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

    /// Each lock class that anybody waited for, with its sums and its
    /// histograms, sorted by name.
    pub fn locks(&self) -> impl Iterator<Item = Lock<'_>> {
        self.classes.iter().map(Lock::of)
    }

    /// The waits of all locks, by their length.
    #[must_use]
    pub fn waits(&self) -> Histogram {
        self.classes.iter().fold(Histogram::default(), |all, class| all.and(&class.waits))
    }

    /// The call stacks of those who held others up, those with the most delay
    /// first; equal ones in a fixed order. In a profile that was read from a
    /// file with victims alone they are unknown, and empty.
    ///
    /// The first call looks up the names: it reads the debug information of
    /// the program and of its libraries, which takes from milliseconds to
    /// seconds, and allocates. Later calls return what the first one found.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        self.named().samples()
    }

    /// The call stacks of those who waited, those with the most delay first:
    /// [`samples`](Profile::samples) by the other end. Their delays add up to
    /// the same.
    ///
    /// A stack is that of the call that waited, empty where it is not known: a
    /// waiter that got the lock before it slept has none. Unless each victim of
    /// a critical section waited alone, which of them a sample names is drawn
    /// by lot, in proportion to what each waited; so a victim's share is right
    /// in the mean, over many samples. In a profile that was read from a file
    /// without victims all are unknown.
    ///
    /// May look up names, see [`samples`](Profile::samples).
    #[must_use]
    pub fn victims(&self) -> &[Sample] {
        self.named().victims()
    }

    /// Who held up whom, most delay first. All pairs of a culprit add up to its
    /// sample, to the nanosecond; see [`victims`](Profile::victims) for which
    /// victim is named.
    ///
    /// May look up names, see [`samples`](Profile::samples).
    pub fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.named().pairs()
    }

    /// The longest waits, longest first: up to 16 of each lock class, and 1024
    /// in all.
    ///
    /// May look up names, see [`samples`](Profile::samples).
    #[must_use]
    pub fn longest_waits(&self) -> &[LongWait] {
        &self.named().longest
    }

    /// Which stacks the profile has: [`Contents::Pairs`] unless it was read
    /// from a file that has less.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.contents
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

    /// The stacks and mappings, with names.
    pub(super) fn named(&self) -> &Named {
        let named = || self.live.as_ref().map(|live| live.named(&self.classes));
        self.named.get_or_init(|| named().unwrap_or_default())
    }
}
