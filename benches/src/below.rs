//! The cells in which another lock is faster, and why.

use crate::goals::{LIMIT, to_best_peer};
use crate::locks::Contestant::{self, Holdup};
use crate::metrics::{FAIRNESS, PER_SECOND};
use crate::plan::GridCell;
use crate::results::Results;
use crate::stats;
use std::fmt::Write as _;

/// So much more evenly must holdup share the lock for that to be the reason.
const MORE_EVENLY: f64 = 0.1;

/// Why a cell is slower.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    /// The values of both overlap.
    Spread,
    /// The other gives the lock to fewer threads.
    Shares,
    /// Many threads queue whenever a holder loses its processor.
    Convoy,
    /// Two claims for each section of a lock that somebody waits for.
    Books,
    /// The other's waiters do not sleep.
    Sleep,
    /// The other is Go's.
    Goroutines,
}

impl Reason {
    const ALL: [Reason; 6] = [
        Reason::Spread,
        Reason::Shares,
        Reason::Goroutines,
        Reason::Convoy,
        Reason::Books,
        Reason::Sleep,
    ];

    fn of(cell: GridCell, best: Contestant, fairness: (f64, f64), overlap: bool) -> Reason {
        let (ours, theirs) = fairness;
        if overlap {
            Reason::Spread
        } else if ours - theirs >= MORE_EVENLY {
            Reason::Shares
        } else if best == Contestant::Go {
            Reason::Goroutines
        } else if cell.threads >= 64 && cell.section <= 1_000 {
            Reason::Convoy
        } else if cell.section <= 1_000 {
            Reason::Books
        } else {
            Reason::Sleep
        }
    }

    fn name(self) -> &'static str {
        match self {
            Reason::Spread => "spread",
            Reason::Shares => "shares",
            Reason::Convoy => "convoy",
            Reason::Books => "books",
            Reason::Goroutines => "goroutines",
            Reason::Sleep => "sleep",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Reason::Spread => "the quartiles of both locks overlap: this may be chance.",
            Reason::Shares => {
                "the faster lock lets fewer threads have it, for whole time slices: compare \
                 both of Jain's indices. holdup hands the lock to who has waited for a \
                 millisecond, and each time that costs a switch of threads."
            }
            Reason::Convoy => {
                "probably: when the holder loses its processor all others come and queue, and \
                 until each of them has had its turn every section makes two claims, and \
                 some give way."
            }
            Reason::Books => {
                "probably: a section of a lock that somebody waits for makes two claims, some \
                 40 ns, and 0.3 us where what they read is on another processor."
            }
            Reason::Goroutines => {
                "a switch between Go's goroutines costs no system call and no wake-up of a \
                 thread."
            }
            Reason::Sleep => {
                "probably: who waits sleeps, and to wake up takes longer than a section; the \
                 waiters of the faster lock stay awake and give their time slices to each \
                 other for longer."
            }
        }
    }
}

/// The table of these cells, with what the reasons mean; nothing if there are none.
pub fn section(results: &Results) -> String {
    let mut lines = String::new();
    let mut reasons = Vec::new();
    for name in results.cells(PER_SECOND) {
        let Some(cell) = GridCell::named(name).filter(|cell| cell.threads > 1) else { continue };
        let of = |&lock: &Contestant| results.median(name, lock, PER_SECOND);
        let peers = Contestant::PEERS.into_iter().filter(|peer| of(peer).is_finite());
        let Some(best) = peers.max_by(|one, other| of(one).total_cmp(&of(other))) else { continue };
        let ratio = to_best_peer(results, name, PER_SECOND, f64::max);
        // NaN where nothing was measured of holdup.
        if ratio.is_nan() || ratio >= LIMIT {
            continue;
        }
        let values = |lock| results.values(name, lock, PER_SECOND);
        let overlap = stats::quantile(values(Holdup), 0.75) >= stats::quantile(values(best), 0.25);
        let fair = |lock| results.median(name, lock, FAIRNESS);
        let reason = Reason::of(cell, best, (fair(Holdup), fair(best)), overlap);
        reasons.push(reason);
        let _ = writeln!(
            lines,
            "| `{name}` | {ratio:.2} | {} | {:.2} | {:.2} | {} |",
            best.name(),
            fair(Holdup),
            fair(best),
            reason.name()
        );
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## Cells below {LIMIT}, and why\n\n");
    text.push_str("| | holdup / best | best | Jain, holdup | Jain, best | why |\n");
    text.push_str("|---|--:|---|--:|--:|---|\n");
    text.push_str(&lines);
    text.push('\n');
    for reason in Reason::ALL.into_iter().filter(|reason| reasons.contains(reason)) {
        let _ = writeln!(text, "- *{}*: {}", reason.name(), reason.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(ours: [f64; 2], theirs: [f64; 2], fairness: (f64, f64)) -> Results {
        let cell = "grid/t=64/cs=10us/out=0x";
        let mut results = Results::default();
        let of = [(Holdup, ours, fairness.0), (Contestant::Std, theirs, fairness.1)];
        for (lock, values, fairness) in of {
            for value in values {
                results.add(cell, lock, PER_SECOND, value);
            }
            results.add(cell, lock, FAIRNESS, fairness);
        }
        results
    }

    #[test]
    fn a_cell_that_is_slower_is_told_with_its_reason() {
        for (ours, theirs, fairness, reason) in [
            ([70.0, 80.0], [98.0, 102.0], (0.9, 0.1), "| shares |"),
            ([70.0, 80.0], [98.0, 102.0], (0.5, 0.5), "| sleep |"),
            ([60.0, 105.0], [80.0, 120.0], (0.9, 0.1), "| spread |"),
        ] {
            let text = section(&results(ours, theirs, fairness));
            assert!(text.contains("`grid/t=64/cs=10us/out=0x`"), "{text}");
            assert!(text.contains(reason), "{text}");
            assert!(text.contains("std"), "{text}");
        }
    }

    #[test]
    fn cells_that_are_fast_are_not_told() {
        assert_eq!(section(&results([90.0, 92.0], [98.0, 102.0], (0.9, 0.1))), "");
        assert_eq!(section(&Results::default()), "");
    }
}
