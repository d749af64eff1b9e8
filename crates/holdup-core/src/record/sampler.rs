//! Which claims are kept with their stacks.
//!
//! Sampling is by delay: on average one sample for each period `R` of delay.
//! A claim of `d >= R` is always kept, as it is. A shorter one is kept with
//! probability `d / R`, by a random number that depends on nothing else, and
//! then stands for `R / d` claims and for `R` of delay: the expected value of
//! both is that of the claim, at every period. (Horvitz and Thompson's
//! estimator: each sampled value is divided by its probability.) A claim of
//! zero delay is treated as one of 1 ns when it is chosen and counted.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

/// One sample for each 100 us of delay, unless somebody changes it.
const DEFAULT_PERIOD: u64 = 100_000;

static PERIOD: AtomicU64 = AtomicU64::new(DEFAULT_PERIOD);

thread_local! {
    /// The state of this thread's random numbers; zero before the first.
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// Sets the sampling period in nanoseconds of delay: zero keeps no samples,
/// one keeps all. What was recorded before is not changed. One store.
pub fn set_period(nanoseconds: u64) {
    PERIOD.store(nanoseconds, Ordering::Relaxed);
}

/// The sampling period in nanoseconds of delay. One load.
#[must_use]
pub fn period() -> u64 {
    PERIOD.load(Ordering::Relaxed)
}

/// The lot of one claim, drawn before its amount is known.
pub(crate) struct Draw {
    period: u64,
    random: u64,
}

impl Draw {
    /// Draws. Some nanoseconds; allocates nothing.
    #[inline]
    pub(crate) fn new() -> Draw {
        let period = period();
        Draw { period, random: if period > 1 { random() } else { 0 } }
    }

    /// Whether any claim would be kept.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.period != 0
    }

    /// Whether a claim of `delay` nanoseconds is kept. In a model all are, so that
    /// it comes by what is done for them.
    #[inline]
    pub(crate) fn keeps(&self, delay: u64) -> bool {
        let chance = delay.max(1);
        crate::sync::MODELLED
            || (self.is_on() && (chance >= self.period || below(self.random, self.period) < chance))
    }

    /// What to record for a claim of `delay` nanoseconds, as count and delay, if it
    /// is kept.
    #[inline]
    pub(super) fn weigh(&self, delay: u64) -> Option<(u64, u64)> {
        let mut first = Some(self.random);
        weigh(delay, self.period, || first.take().unwrap_or_else(random))
    }
}

/// A random number below `bound`. In a model always the same: what it decides is
/// left to nobody's choice there.
#[inline]
pub(crate) fn random_below(bound: u64) -> u64 {
    if crate::sync::MODELLED { bound / 2 } else { below(random(), bound) }
}

/// Decides on a claim of `delay` nanoseconds: what to record for it, as count
/// and delay, if anything.
#[inline]
fn weigh(delay: u64, period: u64, mut random: impl FnMut() -> u64) -> Option<(u64, u64)> {
    if period == 0 {
        return None;
    }
    let chance = delay.max(1);
    if chance >= period {
        return Some((1, delay));
    }
    if below(random(), period) >= chance {
        return None;
    }
    // period / chance is no whole number in general: round up as often as the
    // rest demands, so that the mean is right.
    let count = period / chance + u64::from(below(random(), chance) < period % chance);
    Some((count, if delay == 0 { 0 } else { period }))
}

/// A random number below `bound` from 64 random bits, by multiplication; the
/// bias is below `bound / 2^64`.
#[inline]
fn below(random: u64, bound: u64) -> u64 {
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}

/// 64 random bits: Marsaglia's xorshift64 with the multiplier of Vigna's
/// xorshift64* ("An experimental exploration of Marsaglia's xorshift
/// generators, scrambled", 2016).
fn random() -> u64 {
    let mut state = RANDOM.get();
    if state == 0 {
        state = seed();
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    RANDOM.set(state);
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// A start that differs from thread to thread and from run to run: two
/// threads that share a number at different times differ in the clock.
#[cold]
fn seed() -> u64 {
    let mix = crate::clock::now() ^ (u64::from(crate::thread::number()) << 48);
    // The finalizer of splitmix64 (Steele, Lea, Flood 2014).
    let mix = (mix ^ (mix >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mix ^ (mix >> 31)) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_zero_keeps_nothing_and_period_one_keeps_all() {
        for delay in [0, 1, 2, 1_000, u64::MAX] {
            assert_eq!(weigh(delay, 0, || 0), None);
            assert_eq!(weigh(delay, 1, || u64::MAX), Some((1, delay)));
        }
    }

    #[test]
    fn a_draw_keeps_what_it_weighs() {
        for period in [0, 1, 2, 1_000] {
            for _ in 0..1_000 {
                let draw = Draw { period, random: random() };
                for delay in [0, 1, 500, 999, 1_000, u64::MAX] {
                    assert_eq!(draw.keeps(delay), draw.weigh(delay).is_some());
                }
            }
        }
    }

    #[test]
    fn counts_and_delays_are_unbiased_at_every_period() {
        for period in [2, 10, 1_000, 10_000] {
            for delay in [0_u64, 1, 3, 7, 999, 1_001] {
                const CLAIMS: u64 = 400_000;
                let (mut count, mut total) = (0_u64, 0_u64);
                for _ in 0..CLAIMS {
                    if let Some((n, d)) = weigh(delay, period, random) {
                        count += n;
                        total += d;
                    }
                }
                // A sample of chance p that stands for 1/p has the variance
                // (1 - p) / p; allow five standard errors.
                let p = (delay.max(1) as f64 / period as f64).min(1.0);
                let error = 5.0 * ((1.0 - p) / p / CLAIMS as f64).sqrt();
                let mean = count as f64 / CLAIMS as f64;
                // Rounding adds at most 1/4 to the variance of each sample.
                let error = error + 5.0 * (0.25 * p / CLAIMS as f64).sqrt();
                assert!((mean - 1.0).abs() <= error, "count {mean}, {delay} at {period}");
                if delay > 0 {
                    let mean = total as f64 / CLAIMS as f64 / delay as f64;
                    assert!((mean - 1.0).abs() <= error, "delay {mean}, {delay} at {period}");
                } else {
                    assert_eq!(total, 0);
                }
            }
        }
    }
}
