//! Threads that all want one lock: how often they get it, at what expense, and
//! how long they wait.

use crate::load::{Edge, Load, Worker, drive};
use crate::locks::{Bench, Lock};
use crate::metrics::{CPU, FAIRNESS, LONGEST, PER_SECOND, SWITCHES, Values, WAITS};
use crate::stats::{self, Histogram};
use crate::usage::Usage;
use crate::work::{Apart, Work};
use std::time::{Duration, Instant};

/// Counts acquisitions. No thread reads a clock.
pub struct Throughput(pub Load);

impl Bench for Throughput {
    fn run<L: Lock>(&self, edge: &mut dyn FnMut(Edge)) -> Values {
        let locks = locks::<L>(self.0);
        count(self.0, || Counting(&locks), edge)
    }
}

fn locks<L: Lock>(load: Load) -> Vec<Apart<L>> {
    (0..load.shape.locks()).map(|_| Apart(L::new())).collect()
}

struct Counting<'a, L>(&'a [Apart<L>]);

impl<L: Lock> Worker for Counting<'_, L> {
    #[inline(always)]
    fn section(&mut self, lock: usize, inside: Work) {
        let mut guard = self.0[lock].0.lock();
        *guard += 1;
        if !inside.is_none() {
            inside.run();
        }
    }
}

/// Runs workers under `load` and counts their sections.
pub fn count<W: Worker>(
    load: Load,
    new_worker: impl Fn() -> W + Sync,
    edge: &mut dyn FnMut(Edge),
) -> Values {
    let mut usage = Vec::new();
    let driven = drive(load, new_worker, &mut |which| {
        // What `edge` does is not the load's.
        if which == Edge::Begin {
            edge(which);
        }
        usage.push(Usage::now());
        if which == Edge::End {
            edge(which);
        }
    });
    counted(&driven.counts, driven.time, usage[1].since(usage[0]))
}

fn counted(counts: &[u64], time: Duration, usage: Usage) -> Values {
    let all = counts.iter().sum::<u64>() as f64;
    vec![
        (PER_SECOND, all / time.as_secs_f64()),
        (FAIRNESS, stats::fairness(counts)),
        (CPU, usage.cpu as f64 / all),
        (SWITCHES, usage.voluntary as f64 * 1_000.0 / all),
    ]
}

/// Each thread times its own calls of `lock`.
pub struct Waits(pub Load);

impl Bench for Waits {
    fn run<L: Lock>(&self, edge: &mut dyn FnMut(Edge)) -> Values {
        let locks = locks::<L>(self.0);
        let driven = drive(self.0, || Timing { locks: &locks, waits: Histogram::new() }, edge);
        let mut all = Histogram::new();
        driven.workers.iter().for_each(|worker| all.merge(&worker.waits));
        let quantiles = [0.5, 0.99, 0.999].map(|q| all.quantile(q) as f64);
        WAITS.into_iter().zip(quantiles).chain([(LONGEST, all.longest() as f64)]).collect()
    }
}

struct Timing<'a, L> {
    locks: &'a [Apart<L>],
    waits: Histogram,
}

impl<L: Lock> Worker for Timing<'_, L> {
    #[inline(always)]
    fn section(&mut self, lock: usize, inside: Work) {
        let asked = Instant::now();
        let mut guard = self.locks[lock].0.lock();
        let waited = asked.elapsed();
        *guard += 1;
        if !inside.is_none() {
            inside.run();
        }
        drop(guard);
        self.waits.add(waited.as_nanos() as u64);
    }
}
