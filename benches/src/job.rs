//! One thing to run with one lock, in this process or in another.

use crate::contended::{Throughput, Waits};
use crate::futex::Counter;
use crate::growth::Growth;
use crate::load::{Edge, Load, Shape};
use crate::locks::{self, Contestant, peers};
use crate::memory::Memory;
use crate::metrics::{CALLS, PER_SECOND, Values};
use crate::monitor::Exchange;
use crate::rwlock::ReadWriteBench;
use crate::uncontended::Uncontended;
use crate::work::Work;
use std::time::{Duration, Instant};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub enum Job {
    /// So many locks and unlocks by one thread.
    Pairs(u32),
    /// How often threads get the lock.
    Throughput(Load),
    /// How many system calls that takes. A pass of its own: counting costs.
    Calls(Load),
    /// How long each waits.
    Waits(Load),
    /// Readers and writers.
    ReadWrite(ReadWriteBench),
    /// Condition variables.
    Exchange(Exchange),
    /// So many waiters queue.
    Growth(usize),
    /// Bytes.
    Memory,
}

impl Job {
    /// Runs it once; nothing where the lock cannot do it, or what is asked for
    /// is not known here.
    pub fn run(self, lock: Contestant) -> Values {
        match self {
            Job::Calls(load) => calls(lock, load),
            _ => self.run_anywhere(lock, &mut |_| {}),
        }
    }

    fn run_anywhere(self, lock: Contestant, edge: &mut dyn FnMut(Edge)) -> Values {
        if lock.is_elsewhere() {
            match self.words() {
                Some(words) => peers::run(lock, &words, edge),
                None => Values::new(),
            }
        } else {
            self.run_here(lock, edge)
        }
    }

    /// Runs it once in this process.
    pub fn run_here(self, lock: Contestant, edge: &mut dyn FnMut(Edge)) -> Values {
        lock.prepare();
        match self {
            Job::Pairs(pairs) => locks::run(lock, &Uncontended { pairs }, edge),
            Job::Throughput(load) | Job::Calls(load) => locks::run(lock, &Throughput(load), edge),
            Job::Waits(load) => locks::run(lock, &Waits(load), edge),
            Job::ReadWrite(bench) => bench.run(lock, edge),
            Job::Exchange(exchange) => exchange.run(lock),
            Job::Growth(waiters) => locks::run(lock, &Growth { waiters }, edge),
            Job::Memory => locks::run(lock, &Memory, edge),
        }
    }

    /// The words that tell another process what to run: see `peers/README.md`.
    pub fn words(self) -> Option<Vec<String>> {
        let load = |what: &str, load: Load| {
            let mut words = vec![what.to_string(), load.shape.name().to_string()];
            let numbers = [
                load.threads as u64,
                load.inside.turns(),
                load.outside.turns(),
                load.hogged.turns(),
                load.window.as_nanos() as u64,
            ];
            words.extend(numbers.map(|number| number.to_string()));
            words
        };
        Some(match self {
            Job::Pairs(pairs) => vec!["pairs".into(), pairs.to_string()],
            Job::Throughput(it) | Job::Calls(it) => load("throughput", it),
            Job::Waits(it) => load("waits", it),
            Job::Growth(waiters) => vec!["growth".into(), waiters.to_string()],
            Job::Memory => vec!["memory".into()],
            Job::ReadWrite(ReadWriteBench::Alone { write, pairs }) => {
                vec![if write { "write" } else { "read" }.into(), pairs.to_string()]
            }
            Job::ReadWrite(ReadWriteBench::Mixed { load: it, writes }) => {
                let mut words = load("mixed", it);
                words.push(writes.to_string());
                words
            }
            Job::Exchange(Exchange::Queue { pairs, places, held }) => {
                let numbers = [pairs, places, u64::from(held)].map(|number| number.to_string());
                [vec!["queue".to_string()], numbers.to_vec()].concat()
            }
            Job::Exchange(_) => return None,
        })
    }

    /// The job of these words.
    pub fn of_words(words: &[String]) -> Option<Job> {
        let (what, rest) = words.split_first()?;
        let numbers: Vec<u64> = rest.iter().filter_map(|word| word.parse().ok()).collect();
        let load = || {
            let shape = Shape::ALL
                .into_iter()
                .find(|shape| Some(shape.name()) == rest.first().map(String::as_str))?;
            let [threads, inside, outside, hogged, window] = *numbers.first_chunk()?;
            Some(Load {
                shape,
                threads: threads as usize,
                inside: Work::of_turns(inside),
                outside: Work::of_turns(outside),
                hogged: Work::of_turns(hogged),
                window: Duration::from_nanos(window),
            })
        };
        let first = || numbers.first().copied();
        Some(match what.as_str() {
            "pairs" => Job::Pairs(first()? as u32),
            "throughput" => Job::Throughput(load()?),
            "waits" => Job::Waits(load()?),
            "growth" => Job::Growth(first()? as usize),
            "memory" => Job::Memory,
            "read" | "write" => Job::ReadWrite(ReadWriteBench::Alone {
                write: what == "write",
                pairs: first()? as u32,
            }),
            "mixed" => {
                Job::ReadWrite(ReadWriteBench::Mixed { load: load()?, writes: *numbers.get(5)? })
            }
            "queue" => {
                let [pairs, places, held] = *numbers.first_chunk()?;
                Job::Exchange(Exchange::Queue { pairs, places, held: held != 0 })
            }
            _ => return None,
        })
    }
}

fn calls(lock: Contestant, load: Load) -> Values {
    let Ok(counter) = Counter::open() else { return Values::new() };
    let mut edges = Vec::new();
    let values = Job::Throughput(load).run_anywhere(lock, &mut |_| {
        edges.push((counter.read(), Instant::now()));
    });
    let [(before, began), (after, ended)] = edges[..] else { return Values::new() };
    let per_second = values.iter().find(|(metric, _)| *metric == PER_SECOND);
    let Some((_, per_second)) = per_second else { return Values::new() };
    let acquisitions = per_second * (ended - began).as_secs_f64();
    vec![(CALLS, (after - before) as f64 * 1_000.0 / acquisitions)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_understands_what_it_is_told() {
        let load = Load {
            shape: Shape::Many,
            threads: 3,
            inside: Work::of_turns(5),
            outside: Work::of_turns(7),
            hogged: Work::of_turns(9),
            window: Duration::from_millis(11),
        };
        let jobs = [
            Job::Pairs(17),
            Job::Throughput(load),
            Job::Waits(load),
            Job::Growth(19),
            Job::Memory,
            Job::ReadWrite(ReadWriteBench::Alone { write: true, pairs: 23 }),
            Job::ReadWrite(ReadWriteBench::Mixed { load, writes: 29 }),
            Job::Exchange(Exchange::Queue { pairs: 31, places: 37, held: true }),
        ];
        for job in jobs {
            let understood = Job::of_words(&job.words().unwrap());
            assert_eq!(format!("{understood:?}"), format!("{:?}", Some(job)));
        }
    }
}
