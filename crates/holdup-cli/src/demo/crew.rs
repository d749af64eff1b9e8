//! The threads that share the index: who does what, and with the lock or without.
//!
//! Each critical section is a function that is never inlined, so that the
//! profile names it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use holdup::Mutex;

use super::index::{Index, Statistics};
use super::tokens;
use super::walk::{self, Content};
use super::work::Work;

/// Words entered in one critical section: small, as one does it who minds the
/// others.
const BATCH: usize = 128;
/// Words above which the rarest are dropped, so that memory is bounded.
const MOST_WORDS: usize = 100_000;

/// What some threads with one task experienced.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Their task.
    pub name: &'static str,
    /// How many threads.
    pub threads: u64,
    /// Time they spent in calls of `lock`, all together, by their own clocks.
    pub locking: Duration,
}

/// Indexes all of `work` with `indexers` threads, a pruner and a statistician.
/// `show` is called with new statistics, never while the lock is held.
pub fn run(
    index: &Mutex<Index>,
    work: &Work,
    indexers: u64,
    show: &(impl Fn(&Statistics) + Sync),
) -> anyhow::Result<[Role; 3]> {
    thread::scope(|scope| {
        let (prune_bell, prune_now) = mpsc::channel();
        let (count_bell, count_now) = mpsc::channel();
        let bells = [prune_bell, count_bell];
        let spawn = |name: String| thread::Builder::new().name(name);

        let pruner = spawn("pruner".into())
            .spawn_scoped(scope, move || keep_pruned(index, &prune_now))
            .context("cannot start a thread")?;
        let statistician = spawn("statistician".into())
            .spawn_scoped(scope, move || keep_counting(index, &count_now, show))
            .context("cannot start a thread")?;
        let mut team = Vec::new();
        for number in 0..indexers {
            let bells = bells.clone();
            let started = spawn(format!("indexer {number}"))
                .spawn_scoped(scope, move || index_files(index, work, &bells));
            match started {
                Ok(indexer) => team.push(indexer),
                // Some are enough; none is not.
                Err(error) if team.is_empty() => {
                    return Err(error).context("cannot start a thread");
                }
                Err(_) => break,
            }
        }
        // The pruner and the statistician end when nobody is left to ring.
        drop(bells);
        let threads = team.len() as u64;
        let mut locking = Duration::ZERO;
        for indexer in team {
            locking += joined(indexer);
        }
        Ok([
            Role { name: "indexing", threads, locking },
            Role { name: "pruning", threads: 1, locking: joined(pruner) },
            Role { name: "counting", threads: 1, locking: joined(statistician) },
        ])
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Locks `$index`, and adds to `$locking` how long that took. No function: who
/// waits is whoever writes this, and so the profile says.
macro_rules! timed_lock {
    ($index:expr, $locking:expr) => {{
        let began = Instant::now();
        let guard = $index.lock();
        *$locking += began.elapsed();
        guard
    }};
}

/// An indexer: reads and takes apart without the lock, enters with it.
fn index_files(index: &Mutex<Index>, work: &Work, bells: &[Sender<()>]) -> Duration {
    let mut locking = Duration::ZERO;
    while let Some((number, path)) = work.take() {
        let mut read = 0;
        match walk::read(path) {
            Ok(Content::Text(mut text)) => {
                read = text.len() as u64;
                let words = tokens::count_words(&mut text);
                let mut batches = words.chunks(BATCH).peekable();
                while let Some(batch) = batches.next() {
                    let last = batches.peek().is_none();
                    merge_batch(index, number, batch, last, &mut locking);
                }
                work.bytes.fetch_add(read, Relaxed);
            }
            Ok(Content::Binary) => _ = work.binary.fetch_add(1, Relaxed),
            Ok(Content::TooLarge) => _ = work.grown.fetch_add(1, Relaxed),
            Err(_) => _ = work.unreadable.fetch_add(1, Relaxed),
        }
        work.finish(read, bells);
    }
    locking
}

#[inline(never)]
fn merge_batch(
    index: &Mutex<Index>,
    file: u32,
    words: &[(&str, u32)],
    last: bool,
    locking: &mut Duration,
) {
    let mut index = timed_lock!(index, locking);
    index.merge(file, words);
    if last {
        index.finish_file();
    }
}

/// The pruner: waits until its bell rings, then tidies the index up.
fn keep_pruned(index: &Mutex<Index>, bell: &Receiver<()>) -> Duration {
    let mut locking = Duration::ZERO;
    while bell.recv().is_ok() {
        prune_and_sort(index, &mut locking);
    }
    // Once more at the very end, so that the answers are in order.
    prune_and_sort(index, &mut locking);
    locking
}

/// The culprit of this demonstration: sorts all of the index while everybody
/// waits.
#[inline(never)]
fn prune_and_sort(index: &Mutex<Index>, locking: &mut Duration) {
    let mut index = timed_lock!(index, locking);
    index.prune(MOST_WORDS);
    index.sort();
}

/// The statistician: waits until its bell rings, then counts and shows.
fn keep_counting(
    index: &Mutex<Index>,
    bell: &Receiver<()>,
    show: &impl Fn(&Statistics),
) -> Duration {
    let mut locking = Duration::ZERO;
    while bell.recv().is_ok() {
        show(&collect_statistics(index, &mut locking));
    }
    locking
}

#[inline(never)]
fn collect_statistics(index: &Mutex<Index>, locking: &mut Duration) -> Statistics {
    timed_lock!(index, locking).statistics()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::index::Found;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn every_file_is_in_the_index_whatever_the_threads_did() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..50 {
            let own: String = (0..300).map(|i| format!("word{i}_{number} ")).collect();
            let text = format!("common {own} {}", if number % 5 == 0 { "fifth" } else { "" });
            std::fs::write(dir.path().join(number.to_string()), text).unwrap();
        }
        std::fs::write(dir.path().join("binary"), b"common\0").unwrap();
        let mut listing = walk::list(&[dir.path().to_owned()], |_| ());
        let work = Work::new(&mut listing);
        let index = Mutex::new(Index::new());
        let shown = AtomicUsize::new(0);
        let roles = run(&index, &work, 8, &|_: &Statistics| {
            shown.fetch_add(1, Relaxed);
            // Would wait for ever if the lock were held while showing.
            drop(index.lock());
        })
        .unwrap();
        let index = index.into_inner();
        assert_eq!(index.find("common"), Found { files: 50, missed: 0 });
        assert_eq!(index.find_both("fifth", "common"), 10);
        let statistics = index.statistics();
        assert_eq!((statistics.files, statistics.words), (50, 50 * 300 + 2));
        assert_eq!(index.top(1).collect::<Vec<_>>(), ["common"]);
        assert_eq!((work.done(), work.binary.load(Relaxed)), (51, 1));
        assert!(shown.load(Relaxed) > 0);
        assert_eq!(roles.map(|role| role.threads), [8, 1, 1]);
    }
}
