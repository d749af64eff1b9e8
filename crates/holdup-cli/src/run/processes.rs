//! The processes of a run: what they record, while they live and after.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::mem::offset_of;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use holdup::profile::foreign::{Lock, Recorded};
use holdup_core::class::ClassId;
use holdup_shared::{Kind, LOCK_STACK, MAGIC, Process, Shared};

use super::os;

/// How often what is mapped where is read anew, while a process lives.
const READ_MAPS_EVERY: Duration = Duration::from_secs(1);

/// The shared memory, and what was found in it.
pub struct Processes {
    file: File,
    shared: &'static Shared,
    /// What processes recorded that ended.
    ended: Vec<Recorded>,
    /// Of those that live, by the claim of their place.
    living: HashMap<u32, Mapped>,
    missed: u64,
    given_up: u64,
}

/// What is mapped where in a process, as far as it was seen.
#[derive(Default)]
struct Mapped {
    lines: Vec<String>,
    seen: HashSet<String>,
    read: Option<Instant>,
}

/// What is to be said about a run besides its profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Programs that were started with the interposer.
    pub programs: u32,
    /// Processes in which somebody waited.
    pub contended: u32,
    /// Processes for which there was no place.
    pub left_out: u32,
    /// Waits that are in no books.
    pub missed: u64,
    /// Parts of side tables that were given up.
    pub given_up: u64,
}

impl Processes {
    /// Makes the memory.
    pub fn new(period: Duration, follow: bool) -> io::Result<Processes> {
        let file = os::anonymous_file(size_of::<Shared>() as u64)?;
        // SAFETY: all of it is atomic numbers.
        let shared: &'static Shared = unsafe { os::map(&file)? };
        let header = &shared.header;
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        header.period.store(period, Ordering::Relaxed);
        header.follow.store(follow.into(), Ordering::Relaxed);
        header.recording.store(1, Ordering::Relaxed);
        header.magic.store(MAGIC, Ordering::Release);
        let (ended, living) = Default::default();
        Ok(Processes { file, shared, ended, living, missed: 0, given_up: 0 })
    }

    /// Where other processes can open the memory.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }

    /// Records nothing from now on.
    pub fn stop(&self) {
        self.shared.header.recording.store(0, Ordering::Relaxed);
    }

    /// Looks after the places: takes out what ended processes recorded, and reads what is
    /// mapped where in the others. To be called every now and then.
    pub fn look_after(&mut self) {
        let shared = self.shared;
        let places = shared.processes.iter().enumerate().filter_map(|(index, process)| {
            // Acquire: the claim was noted before... or is not yet, which the next look
            // will see.
            let owner = process.owner.load(Ordering::Acquire);
            (owner != 0).then(|| (index, owner, process.claim.load(Ordering::Relaxed)))
        });
        let places: Vec<_> = places.collect();
        for &(index, owner, claim) in &places {
            // A process that executed another program has claimed anew.
            let replaced = places.iter().any(|other| other.1 == owner && other.2 > claim);
            if replaced || !os::exists(owner) {
                self.take_out(index, claim);
            } else {
                let mapped = self.living.entry(claim).or_default();
                if mapped.read.is_none_or(|read| read.elapsed() >= READ_MAPS_EVERY) {
                    mapped.read = Some(Instant::now());
                    mapped.add_noted(&shared.processes[index]);
                    if let Ok(maps) = fs::read(format!("/proc/{owner}/maps")) {
                        mapped.add(&String::from_utf8_lossy(&maps));
                    }
                }
            }
        }
    }

    /// Takes out what the process recorded, which is no more, and frees its place.
    fn take_out(&mut self, index: usize, claim: u32) {
        let process = &self.shared.processes[index];
        let mut mapped = self.living.remove(&claim).unwrap_or_default();
        mapped.add_noted(process);
        self.ended.push(recorded(process, &mapped));
        self.missed += process.missed.load(Ordering::Relaxed);
        self.given_up += u64::from(process.given_up.load(Ordering::Relaxed));
        // The owner's number is zeroed with the rest; until then the place is taken.
        let offset = offset_of!(Shared, processes) + index * size_of::<Process>();
        if os::clear(&self.file, offset, size_of::<Process>()).is_err() {
            // Not again what was taken out: the place is lost.
            process.owner.store(u32::MAX >> 1, Ordering::Relaxed);
        }
    }

    /// What all processes recorded up to now.
    pub fn recorded(&mut self) -> Vec<Recorded> {
        self.look_after();
        let mut all = self.ended.clone();
        for process in &self.shared.processes {
            if process.owner.load(Ordering::Acquire) != 0 {
                let claim = process.claim.load(Ordering::Relaxed);
                let mapped = self.living.entry(claim).or_default();
                mapped.add_noted(process);
                all.push(recorded(process, mapped));
            }
        }
        all
    }

    /// What is to be said besides.
    pub fn counts(&self) -> Counts {
        let header = &self.shared.header;
        let get = |from: &std::sync::atomic::AtomicU32| from.load(Ordering::Relaxed);
        let living = || self.shared.processes.iter().filter(|process| get(&process.owner) != 0);
        let missed = living().map(|process| process.missed.load(Ordering::Relaxed));
        Counts {
            programs: get(&header.programs),
            contended: get(&header.claims).saturating_sub(get(&header.left_out)),
            left_out: get(&header.left_out),
            missed: missed.fold(self.missed, u64::saturating_add),
            given_up: living().map(|one| u64::from(get(&one.given_up))).sum::<u64>()
                + self.given_up,
        }
    }

    /// Processes that record and go on.
    pub fn left_behind(&self) -> usize {
        let owners = self.shared.processes.iter().map(|one| one.owner.load(Ordering::Relaxed));
        owners.filter(|owner| *owner != 0 && os::exists(*owner)).count()
    }
}

impl Mapped {
    /// Adds the lines of mapped files that are new.
    fn add(&mut self, maps: &str) {
        for line in maps.lines().filter(|line| line.contains('/')) {
            if !self.seen.contains(line) {
                self.seen.insert(line.to_owned());
                self.lines.push(line.to_owned());
            }
        }
    }

    /// What the process itself noted.
    fn add_noted(&mut self, process: &Process) {
        let length = process.maps_length.load(Ordering::Acquire) as usize;
        let bytes = process.maps.iter().take(length).map(|byte| byte.load(Ordering::Relaxed));
        let bytes: Vec<u8> = bytes.collect();
        self.add(&String::from_utf8_lossy(&bytes));
    }
}

fn recorded(process: &Process, mapped: &Mapped) -> Recorded {
    let locks = process.locks.iter().filter_map(|lock| {
        let kind = match lock.kind()? {
            Kind::Mutex => "mutex",
            Kind::RwLock => "rwlock",
            Kind::Spin => "spinlock",
        };
        let address = lock.address.load(Ordering::Relaxed);
        let depth = lock.depth.load(Ordering::Relaxed).min(LOCK_STACK);
        let stack = lock.stack.iter().take(depth).map(|pc| pc.load(Ordering::Relaxed));
        let class = ClassId(lock.class.load(Ordering::Relaxed));
        let variable = (address != 0).then_some(address);
        Some((class, Lock { kind, variable, stack: stack.collect() }))
    });
    Recorded {
        maps: mapped.lines.join("\n"),
        locks: locks.collect(),
        ..Recorded::from_books(&process.books)
    }
}
