//! The few statistics that the tables need.

/// The `q`-quantile of `values`, between neighbours in proportion. NaN where
/// there are none.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// The median.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Half the distance of the quartiles, as a part of the median.
pub fn spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0 / median(values)
}

/// The geometric mean of those values that are finite and positive.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        if value.is_finite() && value > 0.0 {
            sum += value.ln();
            count += 1;
        }
    }
    if count == 0 { f64::NAN } else { (sum / f64::from(count)).exp() }
}

/// Jain's fairness index of shares: 1 where all are equal, 1/n where one has
/// all (R. Jain, D.-M. Chiu, W. Hawe, DEC-TR-301, 1984).
pub fn fairness(shares: &[u64]) -> f64 {
    let sum: f64 = shares.iter().map(|&share| share as f64).sum();
    let squares: f64 = shares.iter().map(|&share| (share as f64).powi(2)).sum();
    if squares == 0.0 { f64::NAN } else { sum * sum / (shares.len() as f64 * squares) }
}

/// How many buckets a power of two is divided into: values are known to 3 %.
const STEPS: u32 = 5;

/// A histogram of nanoseconds whose buckets grow with the value.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Histogram {
        Histogram { buckets: vec![0; 64 << STEPS], count: 0, longest: 0 }
    }

    /// Enters a value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.longest = self.longest.max(value);
    }

    /// Enters all values of `other`.
    pub fn merge(&mut self, other: &Histogram) {
        for (to, from) in self.buckets.iter_mut().zip(&other.buckets) {
            *to += from;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// The largest value, exactly.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// The smallest value (to 3 %) that at least the part `q` of all values
    /// does not exceed.
    pub fn quantile(&self, q: f64) -> u64 {
        let wanted = (q * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return lower_end(index + 1).saturating_sub(1).min(self.longest);
            }
        }
        self.longest
    }
}

fn bucket(value: u64) -> usize {
    let exponent = 63 - (value | 1 << STEPS).leading_zeros();
    let shift = exponent - STEPS;
    ((u64::from(shift) << STEPS) + (value >> shift)) as usize
}

fn lower_end(bucket: usize) -> u64 {
    let shift = (bucket >> STEPS).saturating_sub(1);
    ((bucket - (shift << STEPS)) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_its_bucket() {
        for value in (0..5_000).chain([1 << 20, (1 << 20) + 12_345, (1 << 40) - 1, 1 << 40]) {
            let bucket = bucket(value);
            assert!(lower_end(bucket) <= value && value < lower_end(bucket + 1), "{value}");
        }
    }

    #[test]
    fn quantiles_are_right_to_three_percent() {
        let mut histogram = Histogram::new();
        for value in 1..=10_000 {
            histogram.add(value);
        }
        for (q, truth) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0)] {
            let found = histogram.quantile(q) as f64;
            assert!((found / truth - 1.0).abs() < 0.032, "{q}: {found}");
        }
        assert_eq!(histogram.longest(), 10_000);
    }

    #[test]
    fn one_with_everything_is_as_unfair_as_can_be() {
        assert!((fairness(&[7, 0, 0, 0]) - 0.25).abs() < 1e-12);
        assert!((fairness(&[7, 7, 7]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn medians_and_means() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!((geometric_mean([1.0, 4.0]) - 2.0).abs() < 1e-12);
    }
}
