//! What is measured: names and units.

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its name, in tables, in JSON, and between processes.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

const fn metric(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit }
}

/// A lock and an unlock, alone.
pub const UNCONTENDED: Metric = metric("uncontended lock and unlock", "ns");
/// The same, of a readers-writer lock.
pub const READ_ALONE: Metric = metric("uncontended read", "ns");
/// The same, of a readers-writer lock.
pub const WRITE_ALONE: Metric = metric("uncontended write", "ns");
/// Sections of all threads of a mixed load.
pub const MIXED: Metric = metric("readers-writer throughput", "sections/s");
/// Acquisitions of all threads.
pub const PER_SECOND: Metric = metric("throughput", "acquisitions/s");
/// Jain's index.
pub const FAIRNESS: Metric = metric("fairness", "Jain's index");
/// Processor time.
pub const CPU: Metric = metric("processor time", "ns/acquisition");
/// Context switches.
pub const SWITCHES: Metric = metric("sleeps", "voluntary switches/1,000 acquisitions");
/// System calls.
pub const CALLS: Metric = metric("futex calls", "calls/1,000 acquisitions");
/// Quantiles of the waits.
pub const WAITS: [Metric; 3] =
    [metric("median wait", "ns"), metric("99 % wait", "ns"), metric("99.9 % wait", "ns")];
/// The longest wait.
pub const LONGEST: Metric = metric("longest wait", "ns");
/// An unlock with a queue.
pub const UNLOCK: Metric = metric("contended unlock", "ns, median of all");
/// The same, another mean.
pub const UNLOCK_MEAN: Metric = metric("contended unlock, mean", "ns, of the fastest 90 %");
/// A drained queue.
pub const DRAIN: Metric = metric("queue drained", "ns/waiter");
/// A load with condition variables.
pub const CONDVAR: Metric = metric("condition variables", "ns/operation");
/// Its processor time.
pub const CONDVAR_CPU: Metric = metric("condition variables, processor time", "ns/operation");
/// Its context switches.
pub const CONDVAR_SWITCHES: Metric =
    metric("condition variables, sleeps", "voluntary switches/operation");
/// The size of a lock without data.
pub const LOCK_BYTES: Metric = metric("size of a lock", "bytes");
/// What a thread needs on its stack while it waits.
pub const STACK_BYTES: Metric = metric("stack of a waiter", "bytes");
/// What is allocated while a thread waits.
pub const HEAP_BYTES: Metric = metric("heap of a waiter", "bytes");

/// In the order of the tables.
pub const ALL: [Metric; 22] = [
    UNCONTENDED,
    READ_ALONE,
    WRITE_ALONE,
    PER_SECOND,
    CPU,
    WAITS[0],
    WAITS[1],
    WAITS[2],
    LONGEST,
    FAIRNESS,
    CALLS,
    SWITCHES,
    MIXED,
    CONDVAR,
    CONDVAR_CPU,
    CONDVAR_SWITCHES,
    UNLOCK,
    UNLOCK_MEAN,
    DRAIN,
    LOCK_BYTES,
    STACK_BYTES,
    HEAP_BYTES,
];

/// What one run of a job yields.
pub type Values = Vec<(Metric, f64)>;

/// The metric of this name.
pub fn named(name: &str) -> Option<Metric> {
    ALL.into_iter().find(|metric| metric.name == name)
}
