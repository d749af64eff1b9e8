//! What must hold, and whether it does.

use crate::locks::Contestant::{self, Holdup, HoldupAll, HoldupOff, ParkingLot, Std};
use crate::metrics::{
    CALLS, CPU, FAIRNESS, LONGEST, MIXED, Metric, PER_SECOND, READ_ALONE, UNCONTENDED, UNLOCK_MEAN,
    WRITE_ALONE,
};
use crate::plan::{GridCell, short};
use crate::results::Results;
use crate::stats;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// In no cell may holdup have less than this part of the best peer's throughput, unless
/// it is said why.
pub const LIMIT: f64 = 0.85;

/// A line of the table.
struct Finding {
    what: String,
    goal: String,
    found: String,
    /// Whether the goal is reached; none where there is none.
    holds: Option<bool>,
}

/// The table, in Markdown.
pub fn table(results: &Results) -> String {
    let grid = Grid::of(results);
    let mut findings = uncontended(results);
    findings.extend(grid.throughput());
    findings.extend(grid.yardstick());
    findings.extend(grid.expense());
    findings.extend(grid.waits());
    findings.extend(growth(results));
    findings.extend(grid.profiling());
    let mut text = String::from("| | goal | found | |\n|---|---|---|---|\n");
    for Finding { what, goal, found, holds } in findings {
        let holds = match holds {
            Some(true) => "holds",
            Some(false) => "**falls short**",
            None => "",
        };
        let _ = writeln!(text, "| {what} | {goal} | {found} | {holds} |");
    }
    text
}

fn told(what: impl Into<String>, found: f64) -> Option<Finding> {
    found.is_finite().then(|| Finding {
        what: what.into(),
        goal: String::new(),
        found: format!("{found:.3}"),
        holds: None,
    })
}

fn at_most(what: impl Into<String>, goal: f64, found: f64) -> Option<Finding> {
    let finding = told(what, found)?;
    Some(Finding { goal: format!("at most {goal}"), holds: Some(found <= goal), ..finding })
}

fn at_least(what: impl Into<String>, goal: f64, found: f64) -> Option<Finding> {
    let finding = told(what, found)?;
    Some(Finding { goal: format!("at least {goal}"), holds: Some(found >= goal), ..finding })
}

fn uncontended(results: &Results) -> Vec<Finding> {
    // Of runs that were neighbours: what disturbed one is likely to have
    // disturbed the other.
    let ratio = |cell: &str, metric, ours, other| {
        let (ours, theirs) =
            (results.values(cell, ours, metric), results.values(cell, other, metric));
        stats::median(&ours.iter().zip(theirs).map(|(a, b)| a / b).collect::<Vec<_>>())
    };
    let pair = "lock and unlock alone, time / that of";
    let alone = [("read", READ_ALONE), ("write", WRITE_ALONE)];
    [
        at_most(format!("{pair} std"), 1.08, ratio("uncontended", UNCONTENDED, Holdup, Std)),
        told(format!("{pair} parking_lot"), ratio("uncontended", UNCONTENDED, Holdup, ParkingLot)),
    ]
    .into_iter()
    .chain(alone.into_iter().flat_map(|(name, metric)| {
        [Std, ParkingLot].map(|other| {
            let what = format!("{name} lock alone, time / that of {}", other.name());
            told(what, ratio(&format!("rwlock/{name} alone"), metric, Holdup, other))
        })
    }))
    .flatten()
    .collect()
}

fn growth(results: &Results) -> Vec<Finding> {
    let at = |waiters| results.median(&format!("growth/{waiters}"), Holdup, UNLOCK_MEAN);
    let what = "an unlock with 10,000 waiters / with 10";
    at_most(what, 1.2, at(10_000) / at(10)).into_iter().collect()
}

/// The ratio of holdup's median to the best that any peer has in this cell.
pub fn to_best_peer(
    results: &Results,
    cell: &str,
    metric: Metric,
    better: fn(f64, f64) -> f64,
) -> f64 {
    to_best(results, cell, metric, Holdup, &Contestant::PEERS, better)
}

fn to_best(
    results: &Results,
    cell: &str,
    metric: Metric,
    ours: Contestant,
    others: &[Contestant],
    better: fn(f64, f64) -> f64,
) -> f64 {
    // `f64::max` and `min` pass over a NaN.
    let of = |&lock| results.median(cell, lock, metric);
    results.median(cell, ours, metric) / others.iter().map(of).fold(f64::NAN, better)
}

/// The cells of the grid.
struct Grid<'a> {
    results: &'a Results,
    cells: Vec<(GridCell, &'a str)>,
}

impl<'a> Grid<'a> {
    fn of(results: &'a Results) -> Grid<'a> {
        let cells = results.cells(PER_SECOND);
        let cells =
            cells.into_iter().filter_map(|name| Some((GridCell::named(name)?, name))).collect();
        Grid { results, cells }
    }

    /// The ratio of holdup's median to the best that any of `others` has, in
    /// each cell that holdup and some of them have.
    fn against(
        &self,
        metric: Metric,
        others: &[Contestant],
        better: fn(f64, f64) -> f64,
    ) -> Vec<(GridCell, &'a str, f64)> {
        let ratio = |name: &str| to_best(self.results, name, metric, Holdup, others, better);
        self.cells
            .iter()
            .map(|&(cell, name)| (cell, name, ratio(name)))
            .filter(|(_, _, ratio)| ratio.is_finite())
            .collect()
    }

    fn throughput(&self) -> Vec<Finding> {
        let best = self.against(PER_SECOND, &Contestant::PEERS, f64::max);
        let several: Vec<_> = best.iter().copied().filter(|(cell, ..)| cell.threads > 1).collect();
        let mut findings = Vec::new();
        let mean = mean(&several);
        let cells = several.len();
        let what = format!("throughput, {cells} cells / best peer of each, geometric mean");
        findings.extend(at_least(what, 1.05, mean));
        for (name, value) in [
            ("section", (|cell| cell.section) as fn(&GridCell) -> u64),
            ("outside", |cell| cell.outside),
        ] {
            let values: BTreeSet<u64> = several.iter().map(|(cell, ..)| value(cell)).collect();
            for wanted in values {
                let part: Vec<_> =
                    several.iter().copied().filter(|(cell, ..)| value(cell) == wanted).collect();
                let wanted = if name == "section" { short(wanted) } else { format!("{wanted}x") };
                findings.extend(told(format!("the same, {name} {wanted}"), self::mean(&part)));
            }
        }
        if let Some((_, name, worst)) = several.iter().min_by(|(_, _, a), (_, _, b)| a.total_cmp(b))
        {
            let below = several.iter().filter(|(_, _, ratio)| *ratio < LIMIT).count();
            let what = format!("the same, worst cell (`{name}`; {below} cells are below {LIMIT})");
            findings.extend(at_least(what, LIMIT, *worst));
        }
        let both = self.against(PER_SECOND, &[Std, ParkingLot], f64::max);
        let both: Vec<_> = both.into_iter().filter(|(cell, ..)| cell.threads > 1).collect();
        let what = "the same, / the better of std and parking_lot 0.12";
        findings.extend(told(what, self::mean(&both)));
        let mixed = self.results.cells(MIXED).into_iter().map(|cell| {
            let of = |lock| self.results.median(cell, lock, MIXED);
            of(Holdup) / of(Std).max(of(ParkingLot))
        });
        let what = "readers-writer throughput / the better of std and parking_lot 0.12";
        findings.extend(told(what, stats::geometric_mean(mixed)));
        findings
    }

    /// The best of many medians is above each of them by mere chance, too; how
    /// much, what the same figure is for others tells.
    fn yardstick(&self) -> Vec<Finding> {
        let all: Vec<Contestant> = [Holdup].into_iter().chain(Contestant::PEERS).collect();
        let of = |ours| {
            let others: Vec<Contestant> = all.iter().copied().filter(|&it| it != ours).collect();
            let several = self.cells.iter().filter(|(cell, _)| cell.threads > 1);
            let best = |name| to_best(self.results, name, PER_SECOND, ours, &others, f64::max);
            stats::geometric_mean(several.map(|(_, name)| best(*name)))
        };
        let found: Vec<String> = all
            .iter()
            .map(|&lock| (lock.name(), of(lock)))
            .filter(|(_, mean)| mean.is_finite())
            .map(|(name, mean)| format!("{name} {mean:.3}"))
            .collect();
        if found.is_empty() {
            return Vec::new();
        }
        let what = "for comparison: throughput of each lock / the best of all others in each cell";
        vec![Finding {
            what: what.into(),
            goal: String::new(),
            found: found.join(", "),
            holds: None,
        }]
    }

    fn expense(&self) -> Vec<Finding> {
        // Each peer over the cells that it has, then the best of them.
        let cpu = Contestant::PEERS
            .into_iter()
            .map(|peer| (peer, mean(&self.against(CPU, &[peer], f64::min))))
            .filter(|(_, ratio)| ratio.is_finite())
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut findings = Vec::new();
        if let Some((peer, ratio)) = cpu {
            let what =
                format!("processor time / that of {} (the best), geometric mean", peer.name());
            findings.extend(at_most(what, 1.0, ratio));
        }
        // Sums, because a lock may well need none in many cells.
        let calls = |lock| -> f64 {
            self.cells.iter().map(|(_, name)| self.results.median(name, lock, CALLS)).sum()
        };
        findings.extend(at_most(
            "futex calls / those of std, mean",
            1.0,
            calls(Holdup) / calls(Std),
        ));
        findings
    }

    fn waits(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for peer in [Std, ParkingLot] {
            let ratios = self.against(LONGEST, &[peer], f64::min);
            let several: Vec<_> =
                ratios.into_iter().filter(|(cell, ..)| cell.threads > 1).collect();
            let what = format!("longest wait / that of {}, geometric mean", peer.name());
            findings.extend(at_most(what, 0.2, mean(&several)));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let fairness = |(cell, name): &(GridCell, &'a str)| {
            let index = self.results.median(name, Holdup, FAIRNESS);
            (cell.threads > cores && index.is_finite()).then_some((*name, index))
        };
        let indices: Vec<_> = self.cells.iter().filter_map(fairness).collect();
        if let Some((name, worst)) = indices.iter().min_by(|(_, a), (_, b)| a.total_cmp(b)) {
            let below = indices.iter().filter(|(_, index)| *index < 0.9).count();
            let what = format!(
                "Jain's index where threads outnumber cores, worst of {} cells (`{name}`; {below} are below 0.9)",
                indices.len()
            );
            findings.extend(at_least(what, 0.9, *worst));
        }
        findings
    }

    fn profiling(&self) -> Vec<Finding> {
        let default = self.against(PER_SECOND, &[HoldupOff], f64::max);
        let what =
            "keeping samples at the default period, throughput / keeping none, geometric mean";
        let mut findings: Vec<Finding> = at_least(what, 0.99, mean(&default)).into_iter().collect();
        // Period 1 ns against none.
        let all = self.cells.iter().map(|(_, name)| {
            let of = |lock| self.results.median(name, lock, PER_SECOND);
            of(HoldupAll) / of(HoldupOff)
        });
        let what = "keeping each (1 ns), throughput / keeping none, geometric mean";
        findings.extend(at_least(what, 0.9, stats::geometric_mean(all)));
        findings
    }
}

fn mean(ratios: &[(GridCell, &str, f64)]) -> f64 {
    stats::geometric_mean(ratios.iter().map(|(_, _, ratio)| *ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_is_compared_with_the_best_peer_in_it() {
        let mut results = Results::default();
        for (cell, ours, std, go) in
            [("grid/t=2/cs=1us/out=0x", 6.0, 3.0, 2.0), ("grid/t=4/cs=1us/out=0x", 4.0, 1.0, 8.0)]
        {
            results.add(cell, Holdup, PER_SECOND, ours);
            results.add(cell, Std, PER_SECOND, std);
            results.add(cell, Contestant::Go, PER_SECOND, go);
        }
        let grid = Grid::of(&results);
        let ratios = grid.against(PER_SECOND, &Contestant::PEERS, f64::max);
        assert_eq!(ratios.iter().map(|(_, _, ratio)| *ratio).collect::<Vec<_>>(), [2.0, 0.5]);
        let found = grid.throughput();
        assert_eq!((found[0].found.as_str(), found[0].holds), ("1.000", Some(false)));
    }
}
