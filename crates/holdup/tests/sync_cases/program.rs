//! A program that uses much of the interface the way programs do: whoever
//! changes the one line with `sync` in it changes nothing else.

use super::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use super::sync::mpsc::{self, Receiver, Sender, SyncSender};
use super::sync::*;
use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt::Debug;
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[derive(Debug, Default)]
struct Settings {
    limits: RwLock<HashMap<String, usize>>,
    changes: Mutex<usize>,
    origin: OnceLock<String>,
    changed: Condvar,
}

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(Arc::default);
static SQUARES: LazyLock<[u64; 16]> = LazyLock::new(|| std::array::from_fn(|n| (n * n) as u64));
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
static TABLES: [RwLock<u8>; 3] = [const { RwLock::new(0) }; 3];
static PREPARE: Once = Once::new();

fn log(line: impl Into<String>) {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
}

impl Settings {
    fn set(&self, name: &str, value: usize) -> Option<usize> {
        let before = self.limits.write().unwrap().insert(name.into(), value);
        *self.changes.lock().unwrap() += 1;
        self.changed.notify_all();
        before
    }

    fn change(&self, count: usize) -> LockResult<MutexGuard<'_, usize>> {
        self.changed.wait_while(self.changes.lock()?, |changes| *changes < count)
    }

    fn try_names(&self) -> Result<Vec<String>, Box<dyn Error + '_>> {
        let limits: RwLockReadGuard<'_, HashMap<_, _>> = self.limits.try_read()?;
        Ok(limits.keys().cloned().collect())
    }
}

/// A queue with a bound.
struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    not_empty: Condvar,
    not_full: Condvar,
    bound: usize,
}

impl<T: Send> Queue<T> {
    const fn new(bound: usize) -> Self {
        let items = Mutex::new(VecDeque::new());
        Queue { items, not_empty: Condvar::new(), not_full: Condvar::new(), bound }
    }

    fn push(&self, item: T) {
        let full = |items: &mut VecDeque<T>| items.len() >= self.bound;
        let mut items = self.not_full.wait_while(self.items.lock().unwrap(), full).unwrap();
        items.push_back(item);
        drop(items);
        self.not_empty.notify_one();
    }

    fn pop(&self, patience: Duration) -> Option<T> {
        let (mut items, waited): (MutexGuard<'_, VecDeque<T>>, WaitTimeoutResult) = self
            .not_empty
            .wait_timeout_while(self.items.lock().unwrap(), patience, |items| items.is_empty())
            .unwrap();
        let item = items.pop_front();
        assert_eq!(item.is_none(), waited.timed_out());
        self.not_full.notify_one();
        item
    }
}

type Job = Box<dyn FnOnce() -> usize + Send>;

/// Threads that share one receiver of jobs.
struct Pool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    done: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Pool {
    fn new(size: usize) -> Pool {
        let (jobs, receiver) = mpsc::channel::<Job>();
        let receiver: Arc<Mutex<Receiver<Job>>> = Arc::new(Mutex::new(receiver));
        let (done, stopped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let start = Arc::new(Barrier::new(size));
        let threads = (0..size).map(|_| {
            let (receiver, done) = (Arc::clone(&receiver), Arc::clone(&done));
            let (start, stopped) = (start.clone(), Arc::downgrade(&stopped));
            thread::spawn(move || {
                let leads: BarrierWaitResult = start.wait();
                if leads.is_leader() {
                    log("all threads run");
                }
                loop {
                    let job = receiver.lock().unwrap().recv();
                    let Ok(job) = job else { break };
                    done.fetch_add(job(), Ordering::Relaxed);
                }
                let stopped: Weak<AtomicBool> = stopped;
                if let Some(stopped) = stopped.upgrade() {
                    stopped.store(true, Ordering::Release);
                }
            })
        });
        Pool { jobs: Some(jobs), threads: threads.collect(), done, stopped }
    }

    fn finish(mut self) -> usize {
        drop(self.jobs.take());
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        assert!(self.stopped.load(Ordering::Acquire));
        self.done.load(Ordering::Relaxed)
    }
}

fn first_or_none<G: Debug>(attempt: TryLockResult<G>) -> Option<G> {
    match attempt {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[test]
fn the_program_does_its_work() {
    PREPARE.call_once_force(|state: &OnceState| {
        assert!(!state.is_poisoned());
        SETTINGS.origin.set("defaults".into()).unwrap();
    });
    let watcher = thread::spawn(|| *SETTINGS.change(2).unwrap());
    assert_eq!(SETTINGS.set("threads", 3), None);
    assert_eq!(SETTINGS.set("threads", 4), Some(3));
    assert_eq!(watcher.join().unwrap(), 2);
    assert_eq!(SETTINGS.try_names().unwrap(), ["threads"]);
    assert_eq!(SETTINGS.origin.get().map(String::as_str), Some("defaults"));

    let threads = SETTINGS.limits.read().unwrap()["threads"];
    let pool = Pool::new(threads);
    let queue: &'static Queue<u64> = Box::leak(Box::new(Queue::new(2)));
    for number in 0..16 {
        let job = move || {
            queue.push(SQUARES[number]);
            number
        };
        pool.jobs.as_ref().unwrap().send(Box::new(job)).unwrap();
    }
    let squares: u64 = (0..16).map(|_| queue.pop(Duration::from_secs(600)).unwrap()).sum();
    assert_eq!(squares, 1240);
    assert_eq!(pool.finish(), 120);
    assert_eq!(queue.pop(Duration::ZERO), None);
    assert_eq!(LOG.lock().unwrap().drain(..).collect::<Vec<_>>(), ["all threads run"]);

    let mut writer: RwLockWriteGuard<'_, u8> = TABLES[1].write().unwrap();
    *writer += 1;
    assert!(first_or_none(TABLES[1].try_read()).is_none());
    let reader = RwLockWriteGuard::downgrade(writer);
    assert_eq!(first_or_none(TABLES[1].try_read()).as_deref(), Some(&1));
    drop(reader);

    let locks: Vec<Mutex<usize>> = (0..3).map(Mutex::new).collect();
    let guards: Vec<_> = locks.iter().map(Mutex::lock).map(Result::unwrap).collect();
    assert_eq!(guards.iter().map(|guard| **guard).sum::<usize>(), 3);
    drop(guards);
    let values: Result<Vec<usize>, PoisonError<usize>> =
        locks.into_iter().map(Mutex::into_inner).collect();
    assert_eq!(values.unwrap(), [0, 1, 2]);

    let (bounded, results): (SyncSender<u8>, Receiver<u8>) = mpsc::sync_channel(1);
    bounded.send(1).unwrap();
    assert!(matches!(bounded.try_send(2), Err(mpsc::TrySendError::Full(2))));
    assert_eq!(results.recv(), Ok(1));
}
