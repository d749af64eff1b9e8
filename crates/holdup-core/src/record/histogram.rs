//! The buckets of a histogram of times, log-linear: each octave is cut into
//! [`PER_OCTAVE`] buckets of one width, times below twice as many nanoseconds
//! have one bucket each.
//!
//! With `e` the position of the highest bit of `v`, and `4 = log2(PER_OCTAVE)`:
//!
//! ```text
//!   index(v) = v                                v < 32
//!   index(v) = 16 (e - 4) + floor(v / 2^(e-4))  v >= 32
//! ```
//!
//! The middle of a bucket is off by 1/32 of any time in it at most: 3.1 %. The
//! scheme is that of HdrHistogram (G. Tene, <https://hdrhistogram.org>, with 32
//! sub-buckets); its formula is given there as `getBucketIndex` and
//! `getSubBucketIndex`.

/// Buckets of an octave.
pub const PER_OCTAVE: usize = 1 << SHIFT;
const SHIFT: u32 = 4;
/// The highest octave; what is longer, 2^46 ns or 19.5 hours, is in the last
/// bucket.
const LAST_OCTAVE: u32 = 45;
/// How many buckets there are.
pub const BUCKETS: usize = (LAST_OCTAVE - SHIFT + 2) as usize * PER_OCTAVE;

/// The bucket of a time in nanoseconds. Constant time.
#[inline]
#[must_use]
pub fn index(nanoseconds: u64) -> usize {
    let octave = (nanoseconds | PER_OCTAVE as u64).ilog2();
    if octave > LAST_OCTAVE {
        return BUCKETS - 1;
    }
    let shift = octave - SHIFT;
    shift as usize * PER_OCTAVE + (nanoseconds >> shift) as usize
}

/// The shortest and the longest time in a bucket, in nanoseconds.
///
/// # Panics
///
/// If there is no such bucket.
#[must_use]
pub fn bounds(index: usize) -> (u64, u64) {
    assert!(index < BUCKETS, "there are {BUCKETS} buckets");
    if index < 2 * PER_OCTAVE {
        return (index as u64, index as u64);
    }
    let shift = index / PER_OCTAVE - 1;
    let least = (index % PER_OCTAVE + PER_OCTAVE) as u64;
    let most = if index == BUCKETS - 1 { u64::MAX } else { ((least + 1) << shift) - 1 };
    (least << shift, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_cover_all_times_without_a_gap() {
        let mut next = 0;
        for bucket in 0..BUCKETS {
            let (least, most) = bounds(bucket);
            assert_eq!(least, next, "bucket {bucket}");
            assert_eq!((index(least), index(most)), (bucket, bucket));
            next = most.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last one ends with the longest time there is");
    }

    #[test]
    fn the_middle_of_a_bucket_is_within_four_percent_of_what_is_in_it() {
        for bucket in 0..BUCKETS - 1 {
            let (least, most) = bounds(bucket);
            let middle = least + (most - least) / 2;
            for time in [least, most] {
                assert!(time.abs_diff(middle) * 25 <= time, "{time} in {least} to {most}");
            }
        }
    }

    #[test]
    fn indexes_are_those_of_the_formula() {
        for (time, bucket) in
            [(0, 0), (31, 31), (32, 32), (33, 32), (63, 47), (64, 48), (1_000, 111), (1 << 20, 272)]
        {
            assert_eq!(index(time), bucket, "{time}");
        }
    }
}
