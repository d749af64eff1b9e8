//! Which cells there are, and how one of them is run.

use crate::contended::{Load, Throughput, Waits};
use crate::growth::Growth;
use crate::locks::Contestant;
use crate::options::Options;
use crate::results::{Metric, Results};
use crate::rwlock::{Outcome, ReadWriteBench};
use crate::uncontended::Uncontended;
use crate::work::Calibration;
use std::time::Duration;

/// A lock and an unlock, alone.
pub const UNCONTENDED: Metric = Metric { name: "uncontended lock and unlock", unit: "ns" };
/// The same, of a readers-writer lock.
pub const READ_ALONE: Metric = Metric { name: "uncontended read", unit: "ns" };
/// The same, of a readers-writer lock.
pub const WRITE_ALONE: Metric = Metric { name: "uncontended write", unit: "ns" };
/// Sections of all threads of a mixed load.
pub const MIXED: Metric = Metric { name: "readers-writer throughput", unit: "sections/s" };
/// Acquisitions of all threads.
pub const PER_SECOND: Metric = Metric { name: "throughput", unit: "acquisitions/s" };
/// Jain's index.
pub const FAIRNESS: Metric = Metric { name: "fairness", unit: "Jain's index" };
/// Processor time.
pub const CPU: Metric = Metric { name: "processor time", unit: "ns/acquisition" };
/// Voluntary context switches.
pub const SWITCHES: Metric =
    Metric { name: "sleeps", unit: "voluntary switches/1,000 acquisitions" };
/// The longest wait.
pub const LONGEST: Metric = Metric { name: "longest wait", unit: "ns" };
/// Quantiles of the waits.
pub const WAITS: [Metric; 3] = [
    Metric { name: "median wait", unit: "ns" },
    Metric { name: "99 % wait", unit: "ns" },
    Metric { name: "99.9 % wait", unit: "ns" },
];
/// An unlock with a queue.
pub const UNLOCK: Metric = Metric { name: "contended unlock", unit: "ns, median of all" };
/// The same, another mean.
pub const UNLOCK_MEAN: Metric =
    Metric { name: "contended unlock", unit: "ns, mean of the fastest 90 %" };
/// A drained queue.
pub const DRAIN: Metric = Metric { name: "queue drained", unit: "ns/waiter" };

/// In the order of the tables.
pub const METRICS: [Metric; 15] = [
    UNCONTENDED,
    READ_ALONE,
    WRITE_ALONE,
    MIXED,
    PER_SECOND,
    LONGEST,
    WAITS[0],
    WAITS[1],
    WAITS[2],
    FAIRNESS,
    CPU,
    SWITCHES,
    UNLOCK,
    UNLOCK_MEAN,
    DRAIN,
];

/// Short runs of pairs, many of them: a run of 100,000 takes half a
/// millisecond, so that many are not disturbed at all.
const PAIRS: u32 = 100_000;
/// How many such runs make a round.
const RUNS: usize = 20;

/// Something to measure.
pub struct Cell {
    /// Its name, unique.
    pub name: String,
    kind: Kind,
}

enum Kind {
    Uncontended,
    Contended(Load),
    Growth(usize),
    ReadWrite(ReadWriteBench),
}

/// The cells that `options` ask for.
pub fn cells(options: &Options, calibration: &Calibration) -> Vec<Cell> {
    let mut cells = vec![Cell { name: "uncontended".into(), kind: Kind::Uncontended }];
    for &multiple in &options.outside {
        for &section in &options.sections {
            if section == 0 && multiple != 0 {
                continue;
            }
            for &threads in &options.threads {
                let inside = Duration::from_nanos(section);
                let outside = inside * multiple as u32;
                let load = Load {
                    threads,
                    inside: calibration.work(inside),
                    outside: calibration.work(outside),
                    window: options.window,
                };
                let name = format!("contended/t={threads}/cs={inside:?}/out={multiple}x");
                cells.push(Cell { name: name.replace('µ', "u"), kind: Kind::Contended(load) });
            }
        }
    }
    cells.extend(read_write(options, calibration));
    for &waiters in &options.waiters {
        cells.push(Cell { name: format!("growth/{waiters}"), kind: Kind::Growth(waiters) });
    }
    if let Some(filter) = &options.filter {
        cells.retain(|cell| cell.name.contains(filter.as_str()));
    }
    cells
}

/// Writes in 1,000 sections: read-mostly, and mixed.
const WRITES: [u64; 3] = [1, 50, 500];

fn read_write(options: &Options, calibration: &Calibration) -> Vec<Cell> {
    let cell = |name: String, bench| Cell { name, kind: Kind::ReadWrite(bench) };
    let mut cells = Vec::new();
    for (name, write) in [("read", false), ("write", true)] {
        let bench = ReadWriteBench::Alone { write, pairs: PAIRS };
        cells.push(cell(format!("rwlock/{name} alone"), bench));
    }
    for &section in &options.sections {
        for writes in WRITES {
            for &threads in &options.threads {
                let inside = Duration::from_nanos(section);
                let load = Load {
                    threads,
                    inside: calibration.work(inside),
                    outside: calibration.work(Duration::ZERO),
                    window: options.window,
                };
                let percent = writes as f64 / 10.0;
                let name = format!("rwlock/t={threads}/cs={inside:?}/writes={percent}%");
                cells.push(cell(name.replace('µ', "u"), ReadWriteBench::Mixed { load, writes }));
            }
        }
    }
    cells
}

impl Cell {
    /// Runs the cell once with each of `locks`, in this order.
    pub fn run(&self, locks: &[Contestant], options: &Options, results: &mut Results) {
        match &self.kind {
            Kind::Uncontended => self.uncontended(locks, results),
            Kind::Contended(load) => {
                for &lock in locks {
                    self.throughput(lock, *load, results);
                }
                for &lock in locks.iter().filter(|_| options.waits) {
                    self.waits(lock, *load, results);
                }
            }
            Kind::ReadWrite(bench) => self.read_write(locks, *bench, results),
            Kind::Growth(waiters) => {
                for &lock in locks {
                    self.growth(lock, *waiters, results);
                }
            }
        }
    }

    fn uncontended(&self, locks: &[Contestant], results: &mut Results) {
        for run in 0..RUNS {
            for turn in 0..locks.len() {
                let lock = locks[(run + turn) % locks.len()];
                let pair = lock.run(&Uncontended { pairs: PAIRS });
                results.add(&self.name, lock, UNCONTENDED, pair);
            }
        }
    }

    fn read_write(&self, locks: &[Contestant], bench: ReadWriteBench, results: &mut Results) {
        let runs = if matches!(bench, ReadWriteBench::Alone { .. }) { RUNS } else { 1 };
        for run in 0..runs {
            for turn in 0..locks.len() {
                let lock = locks[(run + turn) % locks.len()];
                match bench.run(lock) {
                    Some(Outcome::Pair(pair)) => {
                        let write = matches!(bench, ReadWriteBench::Alone { write: true, .. });
                        let metric = if write { WRITE_ALONE } else { READ_ALONE };
                        results.add(&self.name, lock, metric, pair);
                    }
                    Some(Outcome::Mixed(counted)) => {
                        results.add(&self.name, lock, MIXED, counted.per_second);
                    }
                    None => {}
                }
            }
        }
    }

    fn throughput(&self, lock: Contestant, load: Load, results: &mut Results) {
        let counted = lock.run(&Throughput(load));
        results.add(&self.name, lock, PER_SECOND, counted.per_second);
        results.add(&self.name, lock, FAIRNESS, counted.fairness);
        results.add(&self.name, lock, CPU, counted.cpu);
        results.add(&self.name, lock, SWITCHES, counted.switches);
    }

    fn waits(&self, lock: Contestant, load: Load, results: &mut Results) {
        let waited = lock.run(&Waits(load));
        results.add(&self.name, lock, LONGEST, waited.longest);
        for (metric, value) in WAITS.into_iter().zip(waited.quantiles) {
            results.add(&self.name, lock, metric, value);
        }
    }

    fn growth(&self, lock: Contestant, waiters: usize, results: &mut Results) {
        if let Some(drained) = lock.run(&Growth { waiters }) {
            results.add(&self.name, lock, UNLOCK, drained.unlock);
            results.add(&self.name, lock, UNLOCK_MEAN, drained.unlock_mean);
            results.add(&self.name, lock, DRAIN, drained.each);
        }
    }
}
