//! Which cells there are, and what is run in each.

use crate::job::Job;
use crate::load::{HOGGED, Load, Shape};
use crate::locks::Contestant;
use crate::monitor::Exchange;
use crate::options::Options;
use crate::results::Results;
use crate::rwlock::ReadWriteBench;
use crate::work::Calibration;
use std::time::Duration;

/// Short runs of pairs, many of them: a run of 100,000 takes half a
/// millisecond, so that many are not disturbed at all.
const PAIRS: u32 = 100_000;
/// How many such runs make a round.
const RUNS: usize = 20;
/// Writes in 1,000 sections: read-mostly, and mixed.
const WRITES: [u64; 3] = [1, 50, 500];

/// Something to measure.
pub struct Cell {
    /// Its name, unique.
    pub name: String,
    jobs: Vec<Job>,
    /// How often in a round.
    runs: usize,
    /// Only in the first round.
    once: bool,
}

impl Cell {
    fn new(name: impl Into<String>, jobs: Vec<Job>) -> Cell {
        Cell { name: name.into(), jobs, runs: 1, once: false }
    }

    /// Runs the cell with each of `locks`, in this order.
    pub fn run(&self, locks: &[Contestant], round: usize, results: &mut Results) {
        if self.once && round > 0 {
            return;
        }
        for run in 0..self.runs {
            for job in &self.jobs {
                for turn in 0..locks.len() {
                    let lock = locks[(run + turn) % locks.len()];
                    for (metric, value) in job.run(lock) {
                        results.add(&self.name, lock, metric, value);
                    }
                }
            }
        }
    }
}

/// The cells that `options` ask for.
pub fn cells(options: &Options, calibration: &Calibration) -> Vec<Cell> {
    let plan = Plan { options, calibration };
    let mut cells = plan.alone();
    cells.extend(plan.grid());
    cells.extend(plan.shapes());
    cells.extend(plan.read_write());
    cells.extend(plan.exchanges());
    for &waiters in &options.waiters {
        let cell = Cell::new(format!("growth/{waiters}"), vec![Job::Growth(waiters)]);
        // 10,000 threads are not started as often.
        cells.push(Cell { once: waiters >= 10_000 && options.rounds < 5, ..cell });
    }
    cells.push(Cell { once: true, ..Cell::new("memory", vec![Job::Memory]) });
    if let Some(filter) = &options.filter {
        cells.retain(|cell| filter.split(',').any(|part| cell.name.contains(part)));
    }
    cells
}

struct Plan<'a> {
    options: &'a Options,
    calibration: &'a Calibration,
}

impl Plan<'_> {
    fn load(&self, shape: Shape, threads: usize, inside: u64, outside: u64) -> Load {
        let work = |nanoseconds| self.calibration.work(Duration::from_nanos(nanoseconds));
        // Else some threads have had no turn, and nothing can be said of fairness.
        let turns = Duration::from_nanos(4 * threads as u64 * inside);
        Load {
            shape,
            threads,
            inside: work(inside),
            outside: work(outside),
            hogged: self.calibration.work(HOGGED),
            window: self.options.window.max(turns),
        }
    }

    fn passes(&self, load: Load) -> Vec<Job> {
        let mut jobs = vec![Job::Throughput(load)];
        jobs.extend(self.options.waits.then_some(Job::Waits(load)));
        jobs.extend(self.options.calls.then_some(Job::Calls(load)));
        jobs
    }

    fn alone(&self) -> Vec<Cell> {
        let read = |write| Job::ReadWrite(ReadWriteBench::Alone { write, pairs: PAIRS });
        [
            ("uncontended", Job::Pairs(PAIRS)),
            ("rwlock/read alone", read(false)),
            ("rwlock/write alone", read(true)),
        ]
        .map(|(name, job)| Cell { runs: RUNS, ..Cell::new(name, vec![job]) })
        .into()
    }

    fn grid(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &multiple in &self.options.outside {
            for &section in &self.options.sections {
                if section == 0 && multiple != 0 {
                    continue;
                }
                for &threads in &self.options.threads {
                    let load = self.load(Shape::Same, threads, section, section * multiple);
                    let cell = GridCell { threads, section, outside: multiple };
                    cells.push(Cell::new(cell.name(), self.passes(load)));
                }
            }
        }
        cells
    }

    /// Loads beside the grid, each with few and with many threads.
    fn shapes(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for threads in [4, 64] {
            for (shape, inside, outside) in
                [(Shape::Hog, 2_000, 2_000), (Shape::Bursts, 1_000, 0), (Shape::Many, 100, 100)]
            {
                let load = self.load(shape, threads, inside, outside);
                // Some bursts must be in it.
                let window = load.window.max(Duration::from_millis(50));
                let name = format!("{}/t={threads}", shape.name());
                cells.push(Cell::new(name, self.passes(Load { window, ..load })));
            }
        }
        cells
    }

    fn read_write(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &section in self.options.sections.iter().filter(|&&section| section <= 10_000) {
            for writes in WRITES {
                for &threads in self.options.threads.iter().filter(|&&threads| threads > 1) {
                    let load = self.load(Shape::Same, threads, section, 0);
                    let percent = writes as f64 / 10.0;
                    let name =
                        format!("rwlock/t={threads}/cs={}/writes={percent}%", short(section));
                    let bench = ReadWriteBench::Mixed { load, writes };
                    cells.push(Cell::new(name, vec![Job::ReadWrite(bench)]));
                }
            }
        }
        cells
    }

    fn exchanges(&self) -> Vec<Cell> {
        Exchange::all()
            .into_iter()
            .map(|(name, exchange)| {
                Cell::new(format!("condvar/{name}"), vec![Job::Exchange(exchange)])
            })
            .collect()
    }
}

/// A cell of the grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GridCell {
    /// How many threads.
    pub threads: usize,
    /// The section in nanoseconds.
    pub section: u64,
    /// The work outside, as a multiple of the section.
    pub outside: u64,
}

impl GridCell {
    /// The name of the cell.
    pub fn name(self) -> String {
        let GridCell { threads, section, outside } = self;
        format!("grid/t={threads}/cs={}/out={outside}x", short(section))
    }

    /// The cell of this name.
    pub fn named(name: &str) -> Option<GridCell> {
        let mut parts = name.strip_prefix("grid/t=")?.split('/');
        let threads = parts.next()?.parse().ok()?;
        let section = parts.next()?.strip_prefix("cs=")?;
        let outside = parts.next()?.strip_prefix("out=")?.strip_suffix('x')?.parse().ok()?;
        let section = match section.strip_suffix("us") {
            Some(microseconds) => microseconds.parse::<u64>().ok()? * 1_000,
            None => section.strip_suffix("ns")?.parse().ok()?,
        };
        Some(GridCell { threads, section, outside })
    }
}

/// Nanoseconds as short as they can be written: "100ns", "10us".
pub fn short(nanoseconds: u64) -> String {
    if nanoseconds > 0 && nanoseconds.is_multiple_of(1_000) {
        format!("{}us", nanoseconds / 1_000)
    } else {
        format!("{nanoseconds}ns")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_grid_cell_says_which_it_is() {
        for section in [0, 100, 1_500, 100_000] {
            let cell = GridCell { threads: 64, section, outside: 10 };
            assert_eq!(GridCell::named(&cell.name()), Some(cell));
        }
        assert_eq!(GridCell::named("hog/t=4"), None);
    }
}
