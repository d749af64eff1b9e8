//! The longest waits of one class, with who held them up.
//!
//! A fixed number of places. A wait that is longer than the shortest one kept takes
//! its place. There is no lock: a place is claimed by a compare-exchange on its
//! state, and who finds it claimed takes the next one.
//!
//! | state                | meaning                                           |
//! |----------------------|---------------------------------------------------|
//! | 0                    | free                                              |
//! | nanoseconds, BUSY    | somebody writes a longer wait                     |
//! | nanoseconds          | a wait of that length                             |
//!
//! The stack and the name of the culprit may become known later than the wait ends:
//! the culprit takes them after it gave the lock away. Until then a wait names it by its thread
//! and the moment at which its section ended. The culprit, once it knows its stack,
//! notes it in its slate, and then looks here for its waits; who keeps a wait first
//! puts it here, and then looks at the culprit's slate. Both look after they wrote
//! (sequentially consistent), so one of them sees the other.

use super::slate::{Name, Slate};
use super::table::RowId;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// How many waits are kept.
const KEPT: usize = 16;
/// Set in the state of a place that is written to. Waits of 292 years and more are
/// cut.
const BUSY: u64 = 1 << 63;

/// Who ended a critical section, and when: by the ledger's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ended {
    /// The number of its thread; zero is nobody.
    pub(crate) thread: u32,
    pub(crate) at: u64,
}

/// A wait that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) nanoseconds: u64,
    /// By the clock of the ledgers.
    pub(super) ended_at: u64,
    pub(super) culprit: Ended,
    pub(super) victim: RowId,
    pub(super) victim_name: Name,
    pub(super) culprit_name: Name,
}

#[repr(C, align(64))]
struct Place {
    state: AtomicU64,
    ended_at: AtomicU64,
    /// Of the culprit: its row, its thread and when it ended its section.
    culprit: AtomicU32,
    thread: AtomicU32,
    at: AtomicU64,
    victim: AtomicU32,
    names: [[AtomicU64; 2]; 2],
}

#[repr(C)]
pub(super) struct Longest {
    /// No shorter wait is kept; zero while there are free places.
    least: AtomicU64,
    longest: AtomicU64,
    places: [Place; KEPT],
}

/// A wait as it is kept.
pub(super) struct Kept {
    pub(super) nanoseconds: u64,
    pub(super) ended_at: u64,
    pub(super) culprit: RowId,
    pub(super) victim: RowId,
    pub(super) victim_name: Name,
    pub(super) culprit_name: Name,
}

impl Longest {
    /// Whether a wait is so long that it should be kept. One or two loads.
    #[inline]
    pub(super) fn wants(&self, nanoseconds: u64) -> bool {
        nanoseconds > self.least.load(Ordering::Relaxed)
    }

    /// The longest wait ever.
    pub(super) fn longest(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// Keeps `wait` if it is among the longest.
    pub(super) fn keep(&self, wait: &Wait, culprit: Option<&Slate>) {
        let nanoseconds = wait.nanoseconds.min(BUSY - 1);
        self.longest.fetch_max(nanoseconds, Ordering::Relaxed);
        // A place may be taken by another between the look and the claim: then
        // look again. As often as there are places, for each time some wait was kept.
        for _ in 0..KEPT {
            let Some((place, before)) = self.shortest(nanoseconds) else { break };
            let claimed = place.state.compare_exchange(
                before,
                nanoseconds | BUSY,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if claimed.is_ok() {
                place.write(wait);
                // Release: the fields are those of this wait.
                place.state.store(nanoseconds, Ordering::Release);
                // See the header.
                fence(Ordering::SeqCst);
                if let Some(row) = culprit.and_then(|slate| slate.row_of(wait.culprit.at)) {
                    let name = culprit.map_or(wait.culprit_name, Slate::name);
                    place.name_culprit(wait.culprit, row, name);
                }
                break;
            }
        }
        self.find_least();
    }

    /// The place of the shortest wait, if that is shorter than `nanoseconds`.
    fn shortest(&self, nanoseconds: u64) -> Option<(&Place, u64)> {
        self.places
            .iter()
            .map(|place| (place, place.state.load(Ordering::Relaxed)))
            .filter(|&(_, state)| state < nanoseconds)
            .min_by_key(|&(_, state)| state)
    }

    /// Sets what the least is that is kept. Places that are being written count as
    /// what they will be; a mistake here costs a look, or a wait not longer than
    /// one that was just kept.
    fn find_least(&self) {
        let state = |place: &Place| place.state.load(Ordering::Relaxed) & !BUSY;
        let least = self.places.iter().map(state).min().unwrap_or(0);
        self.least.store(least, Ordering::Relaxed);
    }

    /// The culprit known as `culprit` has its stack in `row`, and this name.
    pub(super) fn name_culprit(&self, culprit: Ended, row: RowId, name: Name) {
        // See the header.
        fence(Ordering::SeqCst);
        for place in &self.places {
            place.name_culprit(culprit, row, name);
        }
    }

    /// Calls `visit` with each wait that is kept, unless it is being replaced.
    pub(super) fn for_each(&self, mut visit: impl FnMut(Kept)) {
        for place in &self.places {
            // Acquire: see the fields as they were written with this state.
            let state = place.state.load(Ordering::Acquire);
            if state == 0 || state & BUSY != 0 {
                continue;
            }
            let kept = place.read(state);
            // After the reads above: if the state is still the same, so were they.
            fence(Ordering::Acquire);
            if place.state.load(Ordering::Relaxed) == state {
                visit(kept);
            }
        }
    }
}

impl Place {
    fn write(&self, wait: &Wait) {
        let relaxed = Ordering::Relaxed;
        // Before all others: who reads one of them sees that the place is busy.
        fence(Ordering::Release);
        self.culprit.store(0, relaxed);
        self.thread.store(wait.culprit.thread, relaxed);
        self.at.store(wait.culprit.at, relaxed);
        self.ended_at.store(wait.ended_at, relaxed);
        self.victim.store(wait.victim, relaxed);
        for (words, name) in self.names.iter().zip([&wait.victim_name, &wait.culprit_name]) {
            name.store(words);
        }
    }

    fn read(&self, state: u64) -> Kept {
        let relaxed = Ordering::Relaxed;
        Kept {
            nanoseconds: state,
            ended_at: self.ended_at.load(relaxed),
            culprit: self.culprit.load(relaxed),
            victim: self.victim.load(relaxed),
            victim_name: Name::load(&self.names[0]),
            culprit_name: Name::load(&self.names[1]),
        }
    }

    /// Notes the culprit's row and name if the wait here is one that it caused.
    /// Should the place be taken by another wait meanwhile, that one shows a wrong
    /// stack: which takes sixteen longer waits in the time of a few instructions.
    fn name_culprit(&self, culprit: Ended, row: RowId, name: Name) {
        let relaxed = Ordering::Relaxed;
        if self.at.load(relaxed) == culprit.at
            && self.thread.load(relaxed) == culprit.thread
            && culprit.thread != 0
        {
            self.culprit.store(row, relaxed);
            name.store(&self.names[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest() -> Box<Longest> {
        // SAFETY: made of atomic numbers, all zero is an empty one.
        unsafe { Box::<Longest>::new_zeroed().assume_init() }
    }

    fn wait(nanoseconds: u64, culprit: Ended) -> Wait {
        let name = Name::default();
        let (victim_name, culprit_name) = (name, name);
        Wait { nanoseconds, ended_at: 7, culprit, victim: 3, victim_name, culprit_name }
    }

    fn kept(longest: &Longest) -> Vec<u64> {
        let mut kept = Vec::new();
        longest.for_each(|wait| kept.push(wait.nanoseconds));
        kept.sort_unstable();
        kept
    }

    #[test]
    fn the_longest_waits_are_kept_whatever_order_they_come_in() {
        let list = longest();
        // 1 to 100 in an order that is no order.
        for turn in 0..100_u64 {
            let nanoseconds = turn * 37 % 101 + 1;
            if list.wants(nanoseconds) {
                list.keep(&wait(nanoseconds, Ended::default()), None);
            }
        }
        let mut all: Vec<u64> = (0..100).map(|turn| turn * 37 % 101 + 1).collect();
        all.sort_unstable();
        assert_eq!(kept(&list), all[100 - KEPT..]);
        assert_eq!(list.longest(), 101);
        assert!(!list.wants(all[100 - KEPT]) && list.wants(all[100 - KEPT] + 1));
    }

    #[test]
    fn threads_that_keep_waits_at_a_time_leave_the_longest() {
        let list = longest();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let list = &list;
                scope.spawn(move || {
                    for turn in 0..5_000 {
                        list.keep(&wait(1 + 4 * turn + thread, Ended::default()), None);
                    }
                });
            }
        });
        assert_eq!(list.longest(), 20_000);
        let kept = kept(&list);
        // Each thread's last ones come when all others are shorter, or are such.
        assert!(kept.len() == KEPT && kept.contains(&20_000), "{kept:?}");
        assert!(kept[0] >= 20_000 - 16 * KEPT as u64, "{kept:?}");
    }

    #[test]
    fn a_culprit_that_knows_its_stack_late_is_named() {
        let (list, slate) = (longest(), Slate::new());
        let (one, other) = (Ended { thread: 5, at: 900 }, Ended { thread: 6, at: 900 });
        list.keep(&wait(10, one), Some(&slate));
        list.keep(&wait(20, other), None);
        let rows = |list: &Longest| {
            let mut rows = Vec::new();
            list.for_each(|wait| rows.push((wait.nanoseconds, wait.culprit, wait.victim)));
            rows
        };
        assert_eq!(rows(&list), [(10, 0, 3), (20, 0, 3)]);
        let name = Name::of(b"the late one");
        list.name_culprit(one, 42, name);
        let mut names = Vec::new();
        list.for_each(|wait| names.push(wait.culprit_name));
        assert_eq!(names, [name, Name::default()]);
        assert_eq!(rows(&list), [(10, 42, 3), (20, 0, 3)]);
        // And one that knew it before the wait was kept.
        slate.note_row(950, 1, 43);
        list.keep(&wait(30, Ended { thread: 5, at: 950 }), Some(&slate));
        assert_eq!(rows(&list).last(), Some(&(30, 43, 3)));
    }
}
