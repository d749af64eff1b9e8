//! Who held up whom, by the threads' own clocks.
//!
//! Each thread notes when it asked for the lock, when it got it and when it
//! began to release it. The time that others waited during one critical
//! section is the integral of the number of waiting threads over it. With
//! F(t) = sum over all waits of the part that lies before t, that integral is
//! F(released) - F(got), however many threads there are.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds since some moment, by the system's clock.
pub fn now() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// One wait, and the critical section that followed unless the thread gave up.
#[derive(Clone, Copy, Debug)]
struct Turn {
    holder: &'static str,
    asked: u64,
    /// When the wait ended, in success or not.
    got: u64,
    /// When the release began. Equal to `got` where the thread gave up.
    released: u64,
    /// When the release was over.
    over: u64,
}

/// The notes of one thread, or of several.
#[derive(Default, Debug)]
pub struct Log(Vec<Turn>);

impl Log {
    /// Notes an acquisition.
    pub fn add(&mut self, holder: &'static str, asked: u64, got: u64, released: u64, over: u64) {
        self.0.push(Turn { holder, asked, got, released, over });
    }

    /// Notes a wait that ended without the lock.
    pub fn gave_up(&mut self, asked: u64, ended: u64) {
        self.add("", asked, ended, ended, ended);
    }

    /// Takes over the notes of `other`.
    pub fn merge(&mut self, other: Log) {
        self.0.extend(other.0);
    }

    /// How many waits there are, also those of no length.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The order in which the lock was got.
    pub fn order(&self) -> Vec<&'static str> {
        let mut turns = self.0.clone();
        turns.sort_by_key(|turn| turn.got);
        turns.iter().map(|turn| turn.holder).filter(|holder| !holder.is_empty()).collect()
    }

    /// Sums it up.
    pub fn truth(&self) -> Truth<'_> {
        Truth {
            log: self,
            begun: Sorted::new(self.0.iter().map(|turn| turn.asked)),
            ended: Sorted::new(self.0.iter().map(|turn| turn.got)),
        }
    }
}

/// What follows from the notes.
pub struct Truth<'a> {
    log: &'a Log,
    begun: Sorted,
    ended: Sorted,
}

impl Truth<'_> {
    /// How long threads waited in all.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.log.0.iter().map(|turn| turn.got - turn.asked).sum())
    }

    /// What the notes hold and a lock's books, which say `booked` and that `spun` was
    /// spun, do not count as waiting: what was spun, what it takes to get a lock without
    /// waiting, and where a thread lost its processor between its clock and the lock. By
    /// no more than all of that together can a section be charged with less than by the
    /// notes.
    ///
    /// # Panics
    /// If the books know nothing of most of the waiting.
    pub fn unbooked(&self, booked: Duration, spun: Duration) -> Duration {
        let unbooked = self.waited().saturating_sub(booked);
        println!("{:?} waited, {unbooked:?} of it unbooked, {spun:?} spun", self.waited());
        let unknown = unbooked.saturating_sub(spun);
        assert!(unknown < self.waited() / 2, "the books hold too little of the waiting");
        unbooked
    }

    /// How long threads waited for sections of `holder`, from when it knew to
    /// have the lock until it began to release it.
    pub fn blame(&self, holder: &str) -> Duration {
        self.blame_until(|turn| if turn.holder == holder { turn.released } else { turn.got })
    }

    /// The same up to the end of the release.
    pub fn blame_and_release(&self, holder: &str) -> Duration {
        self.blame_until(|turn| if turn.holder == holder { turn.over } else { turn.got })
    }

    /// All that can have been waited for sections of `holder`: from when it
    /// asked and the holder before began to release, until its own release was
    /// over. The truth lies between this and [`Truth::blame`]; a thread may lose
    /// its core between the moment it gets the lock and the moment it knows.
    pub fn most_blame(&self, holder: &str) -> Duration {
        let mut turns: Vec<&Turn> = self.log.0.iter().collect();
        turns.retain(|turn| !turn.holder.is_empty());
        turns.sort_unstable_by_key(|turn| turn.got);
        let mut before = 0;
        let mut blame = Duration::ZERO;
        for turn in turns {
            if turn.holder == holder {
                blame += self.waited_during(turn.asked.max(before), turn.over);
            }
            before = turn.released;
        }
        blame
    }

    /// How long threads waited while somebody held the lock.
    pub fn blamed(&self) -> Duration {
        self.blame_until(|turn| turn.released)
    }

    /// How long threads waited for each critical section.
    pub fn blames(&self) -> impl Iterator<Item = Duration> {
        self.log.0.iter().map(|turn| self.waited_during(turn.got, turn.released))
    }

    fn blame_until(&self, end: impl Fn(&Turn) -> u64) -> Duration {
        self.log.0.iter().map(|turn| self.waited_during(turn.got, end(turn))).sum()
    }

    fn waited_during(&self, from: u64, to: u64) -> Duration {
        let waited = self.waited_by(to) - self.waited_by(from);
        Duration::from_nanos(u64::try_from(waited).expect("more than 500 years"))
    }

    /// F(t) of the module's text: each wait adds what passed since its begin,
    /// less what passed since its end.
    fn waited_by(&self, time: u64) -> u128 {
        self.begun.passed_at(time) - self.ended.passed_at(time)
    }
}

/// Moments in order, and the sums of all up to each.
struct Sorted {
    moments: Vec<u64>,
    sums: Vec<u128>,
}

impl Sorted {
    fn new(moments: impl Iterator<Item = u64>) -> Sorted {
        let mut moments: Vec<u64> = moments.collect();
        moments.sort_unstable();
        let mut sum = 0;
        let sums = std::iter::once(0)
            .chain(moments.iter().map(|&moment| {
                sum += u128::from(moment);
                sum
            }))
            .collect();
        Sorted { moments, sums }
    }

    /// The sum of what passed since each moment before `time`.
    fn passed_at(&self, time: u64) -> u128 {
        let before = self.moments.partition_point(|&moment| moment <= time);
        before as u128 * u128::from(time) - self.sums[before]
    }
}
