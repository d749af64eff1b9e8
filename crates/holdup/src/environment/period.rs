//! Reads a period: `100us`, `1.5ms`, `off`.

use std::time::Duration;

/// The period that `text` stands for.
pub(super) fn parse(text: &str) -> Result<Duration, &'static str> {
    let text = text.trim();
    if text == "off" || text == "0" {
        return Ok(Duration::ZERO);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim_start() {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return Err("a period is a number with ns, us, ms or s, or the word off"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(fraction) {
        return Err("its number is not one");
    }
    let too_long = "it is too long";
    let mut nanoseconds = whole.parse::<u64>().map_err(|_| too_long)?;
    nanoseconds = nanoseconds.checked_mul(unit).ok_or(too_long)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        nanoseconds = nanoseconds.saturating_add(place * u64::from(digit - b'0'));
    }
    // 0.1 ns would be no sampling at all, which is not what it says.
    let is_zero = number.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if nanoseconds == 0 && !is_zero {
        return Err("the shortest period is 1ns");
    }
    Ok(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_in_each_unit() {
        for (text, nanoseconds) in [
            ("off", 0),
            ("0", 0),
            ("0ms", 0),
            ("1ns", 1),
            ("100us", 100_000),
            ("100µs", 100_000),
            (" 1 ms ", 1_000_000),
            ("1.5ms", 1_500_000),
            ("0.000000001s", 1),
            ("2s", 2_000_000_000),
            ("18446744073709551615ns", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in [
            "",
            " ",
            "1",
            "100",
            "us",
            "-1ms",
            "1e3ns",
            "1.2.3ms",
            ".5ms",
            "1 m",
            "on",
            "ms1",
            "0.1ns",
            "18446744073709551616ns",
            "99999999999s",
            "1ms1ms",
            "NaNs",
            "١ms",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
