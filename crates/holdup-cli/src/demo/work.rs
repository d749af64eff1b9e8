//! What is still to be indexed, and what became of the rest.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::walk::{Limit, Listing, MOST_BYTES, MOST_TIME};

/// How often the index is pruned, sorted and counted, at equal distances.
const ROUNDS: usize = 40;

/// Files handed to the indexers one by one.
///
/// All counters are relaxed: they are read for good after the threads were
/// joined, before that only to show progress.
#[derive(Debug)]
pub struct Work {
    files: Vec<PathBuf>,
    next: AtomicUsize,
    done: AtomicUsize,
    /// Bytes of text indexed.
    pub bytes: AtomicU64,
    /// Bytes read from text files and others.
    read: AtomicU64,
    /// Files that are no text.
    pub binary: AtomicU64,
    /// Files that grew over the limit since they were listed.
    pub grown: AtomicU64,
    /// Files that could not be read.
    pub unreadable: AtomicU64,
    /// The limit that ended the work early, if one did.
    pub limit: OnceLock<Limit>,
    deadline: Instant,
}

impl Work {
    /// All files of `listing`, to be done from now on.
    pub fn new(listing: &mut Listing) -> Work {
        Work {
            files: std::mem::take(&mut listing.files),
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            read: AtomicU64::new(0),
            binary: AtomicU64::new(0),
            grown: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            limit: listing.limit.map_or_else(OnceLock::new, OnceLock::from),
            deadline: Instant::now() + MOST_TIME,
        }
    }

    /// How many files there were at first.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Files done so far, whatever came of them.
    pub fn done(&self) -> usize {
        self.done.load(Relaxed)
    }

    /// The number and the path of a file nobody else has been given.
    pub fn take(&self) -> Option<(u32, &Path)> {
        let number = self.next.fetch_add(1, Relaxed);
        let path = self.files.get(number)?;
        // Sizes may be wrong (files under /proc have none), so what was really
        // read is limited too.
        let limit = if self.read.load(Relaxed) > MOST_BYTES {
            Some(Limit::Bytes)
        } else if Instant::now() > self.deadline {
            Some(Limit::Time)
        } else {
            None
        };
        if let Some(limit) = limit {
            // The first limit that was met is the one to tell.
            let _ = self.limit.set(limit);
            return None;
        }
        Some((u32::try_from(number).expect("the listing is limited"), path))
    }

    /// Counts a file as done, of which `bytes` were read. Rings `bells` where
    /// another of the [`ROUNDS`] is complete.
    pub fn finish(&self, bytes: u64, bells: &[Sender<()>]) {
        self.read.fetch_add(bytes, Relaxed);
        let done = self.done.fetch_add(1, Relaxed) + 1;
        let round = |done: usize| done * ROUNDS / self.files.len();
        if round(done) > round(done - 1) {
            for bell in bells {
                // A listener that is gone needs no bell.
                let _ = bell.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn listing(files: usize) -> Listing {
        Listing { files: (0..files).map(|i| i.to_string().into()).collect(), ..Listing::default() }
    }

    #[test]
    fn each_file_is_handed_out_once_and_each_round_rings_once() {
        for files in [1, 5, ROUNDS, 1000] {
            let work = Work::new(&mut listing(files));
            let (bell, rings) = mpsc::channel();
            let mut taken = 0;
            while let Some((number, path)) = work.take() {
                assert_eq!(path, Path::new(&number.to_string()));
                work.finish(1, std::slice::from_ref(&bell));
                taken += 1;
            }
            assert_eq!((taken, work.done()), (files, files));
            assert_eq!(rings.try_iter().count(), files.min(ROUNDS));
            assert_eq!(work.limit.get(), None);
        }
    }

    #[test]
    fn what_was_really_read_is_limited() {
        let work = Work::new(&mut listing(3));
        assert!(work.take().is_some());
        work.finish(MOST_BYTES + 1, &[]);
        assert!(work.take().is_none());
        assert_eq!(work.limit.get(), Some(&Limit::Bytes));
    }
}
