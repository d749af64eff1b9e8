//! Histograms of times: how many of them there were of each length.

use holdup_core::record::histogram::{BUCKETS, bounds};
use std::time::Duration;

/// How long things took: the number of times in each of some hundred buckets.
///
/// Buckets are log-linear, 16 to each doubling, so that a percentile is within
/// 3.2 % of the exact one (see [`percentile`](Histogram::percentile)). Counts
/// are exact. Times from 19.5 hours on share the last bucket.
///
/// ```
/// use holdup::profile;
///
/// for lock in profile::snapshot().locks() {
///     if let Some(p99) = lock.waits.percentile(99.0) {
///         println!("{}: 99 % of {} waits took {p99:?} or less", lock.name, lock.waits.count());
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Buckets that are not empty, ascending: index and count.
    buckets: Vec<(u16, u64)>,
}

/// One bucket of a [`Histogram`] that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The shortest time that belongs to it.
    pub least: Duration,
    /// The longest one. `u64::MAX` nanoseconds in the last bucket.
    pub most: Duration,
    /// How many times were in it.
    pub count: u64,
}

impl Histogram {
    /// Adds `count` times to the bucket `index`. Buckets come in ascending order.
    pub(super) fn push(&mut self, index: usize, count: u64) {
        debug_assert!(index < BUCKETS);
        debug_assert!(self.buckets.last().is_none_or(|last| usize::from(last.0) < index));
        if count > 0 {
            self.buckets.push((index as u16, count));
        }
    }

    /// How many times there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.1))
    }

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The buckets that are not empty, ascending.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = Bucket> {
        self.buckets.iter().map(|&(index, count)| {
            let (least, most) = bounds(index.into());
            Bucket { least: Duration::from_nanos(least), most: Duration::from_nanos(most), count }
        })
    }

    /// The time that `percent` of all do not exceed; the median at 50. None if
    /// there were no times.
    ///
    /// It is the middle of the bucket that has the nearest rank, `percent / 100`
    /// of all, rounded up (at least the first, at most the last). The exact
    /// percentile is in the same bucket, so this is off by 3.2 % of it at most;
    /// below 32 ns it is exact. Linear in the number of buckets.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let count = self.count();
        let rank = (percent / 100.0 * count as f64).ceil().max(1.0);
        let rank = (rank as u64).min(count);
        let mut seen = 0_u64;
        for &(index, count) in &self.buckets {
            seen = seen.saturating_add(count);
            if seen >= rank {
                let (least, most) = bounds(index.into());
                // The last bucket has no middle.
                let most = if usize::from(index) == BUCKETS - 1 { least } else { most };
                return Some(Duration::from_nanos(least + (most - least) / 2));
            }
        }
        None
    }

    /// The times of both.
    #[must_use]
    pub fn and(&self, other: &Histogram) -> Histogram {
        self.merge(other, u64::saturating_add)
    }

    /// What is left of this without `before`, never less than nothing.
    pub(super) fn minus(&self, before: &Histogram) -> Histogram {
        self.merge(before, u64::saturating_sub)
    }

    fn merge(&self, other: &Histogram, merge: impl Fn(u64, u64) -> u64) -> Histogram {
        let mut merged = Histogram::default();
        let (mut ours, mut theirs) =
            (self.buckets.iter().peekable(), other.buckets.iter().peekable());
        loop {
            let index = match (ours.peek(), theirs.peek()) {
                (Some(a), Some(b)) => a.0.min(b.0),
                (Some(a), None) => a.0,
                (None, Some(b)) => b.0,
                (None, None) => return merged,
            };
            let count = ours.next_if(|bucket| bucket.0 == index).map_or(0, |bucket| bucket.1);
            let more = theirs.next_if(|bucket| bucket.0 == index).map_or(0, |bucket| bucket.1);
            merged.push(index.into(), merge(count, more));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdup_core::record::histogram::index;

    fn histogram(times: &[u64]) -> Histogram {
        let mut counts = std::collections::BTreeMap::new();
        for &time in times {
            *counts.entry(index(time)).or_insert(0) += 1;
        }
        let mut histogram = Histogram::default();
        counts.into_iter().for_each(|(index, count)| histogram.push(index, count));
        histogram
    }

    #[test]
    fn a_percentile_is_within_five_percent_of_the_exact_one() {
        // Times over nine decades, by a generator with a fixed seed.
        let mut state = 7_u64;
        let mut times: Vec<u64> = (0..10_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                10_f64.powf((state >> 33) as f64 / 2_f64.powi(31) * 9.0) as u64
            })
            .collect();
        let found = histogram(&times);
        times.sort_unstable();
        assert_eq!(found.count(), 10_000);
        for percent in [0.0, 0.01, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0] {
            let rank = ((percent / 100.0 * 10_000_f64).ceil() as usize).max(1);
            let (exact, found) = (times[rank - 1], found.percentile(percent).unwrap());
            let off = (found.as_nanos() as u64).abs_diff(exact);
            assert!(off * 20 <= exact, "p{percent}: {found:?}, exact {exact} ns");
        }
    }

    #[test]
    fn without_times_there_is_no_percentile() {
        assert_eq!(Histogram::default().percentile(50.0), None);
        assert_eq!(Histogram::default().count(), 0);
    }

    #[test]
    fn odd_percentages_are_taken_for_the_first_or_the_last() {
        let two = histogram(&[3, 20]);
        for (percent, time) in
            [(-1.0, 3), (f64::NAN, 3), (50.0, 3), (50.1, 20), (1e300, 20), (f64::INFINITY, 20)]
        {
            assert_eq!(two.percentile(percent), Some(Duration::from_nanos(time)), "{percent}");
        }
    }

    #[test]
    fn histograms_are_added_and_subtracted_bucket_by_bucket() {
        let (a, b) = (histogram(&[1, 1, 5]), histogram(&[1, 7, 7]));
        assert_eq!(a.and(&b), histogram(&[1, 1, 1, 5, 7, 7]));
        assert_eq!(a.minus(&b), histogram(&[1, 5]));
        assert_eq!(a.and(&b).minus(&b), a);
        let empty = Histogram::default();
        assert_eq!((a.minus(&a), a.and(&empty), empty.minus(&a)), (empty.clone(), a, empty));
    }

    #[test]
    fn the_longest_times_share_a_bucket_without_an_end() {
        let long = histogram(&[u64::MAX, 1 << 60]);
        let bucket = long.buckets().next().unwrap();
        assert_eq!((bucket.count, bucket.most), (2, Duration::from_nanos(u64::MAX)));
        assert_eq!(long.percentile(50.0), Some(bucket.least));
    }
}
