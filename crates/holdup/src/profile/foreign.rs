//! Profiles of other processes, made of what they recorded: for `holdup run`.
//!
//! What a process records is addresses. Together with what was mapped where in it they
//! become names, here, in another process.

use super::classes::{Class, sum};
use super::cut::is_between;
use super::histogram::Histogram;
use super::modules::{self, Mapping};
use super::named::{Builder, Weight};
use super::symbolize::Symbolizer;
use super::{Contents, Frame, Kind, Profile};
use holdup_core::class::ClassId;
use holdup_core::record::{Books, OTHERS, Sums, Times};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

/// What one process recorded, and what its addresses mean.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Lines as in `/proc/PID/maps`, from the oldest to the latest state.
    pub maps: String,
    /// What is known of its locks, by class.
    pub locks: HashMap<ClassId, Lock>,
    /// What was charged.
    pub rows: Vec<Row>,
    /// The exact sums of each class.
    pub sums: Vec<(ClassId, Sums)>,
    /// How long waits and contended sections took.
    pub times: Vec<(ClassId, Times)>,
}

/// As [`holdup_core::record::Row`]: return addresses innermost first, class, kind,
/// contentions, nanoseconds.
pub type Row = (Box<[usize]>, ClassId, Kind, u64, u64);

/// What is known of a lock.
#[derive(Clone, Debug)]
pub struct Lock {
    /// What kind of lock, in a word.
    pub kind: &'static str,
    /// The address, of a variable.
    pub variable: Option<usize>,
    /// Of any other, the stack that contended first, innermost first.
    pub stack: Vec<usize>,
}

impl Recorded {
    /// Copies what is in `books`.
    #[must_use]
    pub fn from_books(books: &Books) -> Recorded {
        let mut recorded = Recorded::default();
        books.for_each_row(|row| {
            let row = (row.stack.into(), row.class, row.kind, row.count, row.delay);
            recorded.rows.push(row);
        });
        books.for_each_class(|class, sums| recorded.sums.push((class, sums)));
        books.for_each_times(|class, times| recorded.times.push((class, times.clone())));
        recorded
    }

    /// The sums over all classes.
    #[must_use]
    pub fn totals(&self) -> super::Totals {
        sum(self.sums.iter().map(|(_, sums)| *sums)).into()
    }
}

impl Profile {
    /// One profile of what several processes recorded; locks of the same name are one.
    /// Frames that are in the file `library` are left out at the inner end of stacks.
    ///
    /// Reads the programs and libraries, and their debug information, for names.
    #[must_use]
    pub fn of_processes(
        processes: &[Recorded],
        library: &str,
        time: SystemTime,
        duration: Duration,
        period: Duration,
    ) -> Profile {
        let mut symbolizer = Symbolizer::of(Vec::new());
        let mut mappings: Vec<Mapping> = Vec::new();
        let mut named = Builder::default();
        let mut classes: BTreeMap<String, Class> = BTreeMap::new();
        for process in processes {
            let (code, all) = mapped(&process.maps);
            mappings.append(&mut symbolizer.go_on_with(code.clone()));
            let foreign = |pc: &usize| {
                let address = (*pc as u64).saturating_sub(1);
                !code.iter().any(|mapping| mapping.file == library && mapping.contains(address))
            };
            let mut names: HashMap<ClassId, String> = HashMap::new();
            let mut name = |class: ClassId, symbolizer: &mut Symbolizer| -> String {
                let known = process.locks.get(&class);
                names
                    .entry(class)
                    .or_insert_with(|| name_of(class, known, &all, symbolizer))
                    .clone()
            };
            for (stack, class, kind, count, delay) in &process.rows {
                let own = stack.iter().take_while(|pc| !foreign(pc)).count();
                let stack = symbolizer.stack(&stack[own..]);
                let lock = name(*class, &mut symbolizer);
                let (culprit, victim) = (named.stack(stack), named.stack(Vec::new()));
                let lock = named.lock(&lock);
                let weight = Weight { count: *count, delay: *delay };
                named.add(culprit, victim, lock, *kind, weight);
            }
            for (class, sums) in &process.sums {
                let one = Class { sums: *sums, ..Class::default() };
                classes.entry(name(*class, &mut symbolizer)).or_default().add(&one);
            }
            for (class, times) in &process.times {
                let (waits, holds) = (histogram(&times.waits), histogram(&times.holds));
                // The longest is not kept to the nanosecond: the least of its bucket is known.
                let last = waits.buckets().last().map_or(0, |bucket| nanos(bucket.least));
                let longest = last.max(times.longest);
                let one = Class { waits, holds, longest, ..Class::default() };
                classes.entry(name(*class, &mut symbolizer)).or_default().add(&one);
            }
        }
        mappings.append(&mut symbolizer.go_on_with(Vec::new()));
        let classes = classes.into_iter().map(|(name, class)| Class { name, ..class });
        let named = named.finish(Vec::new(), mappings);
        let classes = classes.collect();
        Profile::from_parts(time, duration, period, Contents::Blame, classes, named)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn histogram(counts: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    counts.iter().enumerate().for_each(|(bucket, &count)| histogram.push(bucket, count));
    histogram
}

/// The mappings of code in `maps`, and all that are of files. An address that one file
/// had after another is taken to be of the first.
fn mapped(maps: &str) -> (Vec<Mapping>, Vec<Mapping>) {
    let (mut code, mut all): (Vec<Mapping>, Vec<Mapping>) = Default::default();
    for (mapping, executable) in maps.lines().filter_map(modules::parse_line) {
        if !all.contains(&mapping) {
            if executable {
                code.push(mapping.clone());
            }
            all.push(mapping);
        }
    }
    (code, all)
}

/// What a lock is called.
fn name_of(
    class: ClassId,
    lock: Option<&Lock>,
    all: &[Mapping],
    symbolizer: &mut Symbolizer,
) -> String {
    let Some(lock) = lock else {
        return if class == OTHERS { "(others)".to_owned() } else { "(unnamed)".to_owned() };
    };
    if let Some(address) = lock.variable {
        let name = symbolizer.variable(address as u64, all);
        return name.unwrap_or_else(|| format!("{} at {address:#x}", lock.kind));
    }
    let stack = symbolizer.stack(&lock.stack);
    // "std::__" is what C++'s library is made of inside.
    let says = |frame: &&Frame| !is_between(frame) && !frame.function.starts_with("std::__");
    let short = |frame: &Frame| frame.function.split('<').next().unwrap_or_default().to_owned();
    let mut telling: Vec<_> = stack.iter().filter(says).map(short).collect();
    telling.truncate(3);
    match telling.first() {
        Some(_) => format!("{} of {}", lock.kind, telling.join(" < ")),
        None => format!("{} (class {:#010x})", lock.kind, class.0),
    }
}
