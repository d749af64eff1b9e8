//! Numbers and names as people read them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `nanoseconds` with three significant digits and the unit that fits.
pub fn duration(nanoseconds: u128) -> String {
    // Lossy on purpose: three digits are shown.
    let ns = nanoseconds as f64;
    // Each limit is where rounding to three digits would reach the next unit.
    const UNITS: [(f64, f64, &str); 4] =
        [(999.5, 1.0, "ns"), (999.5e3, 1e3, "µs"), (999.5e6, 1e6, "ms"), (599.5e9, 1e9, "s")];
    for (limit, size, unit) in UNITS {
        if ns < limit {
            return if size == 1.0 {
                format!("{nanoseconds} ns")
            } else {
                format!("{} {unit}", three_digits(ns / size))
            };
        }
    }
    let minutes = ns / 60e9;
    if minutes < 119.5 {
        format!("{} min", three_digits(minutes))
    } else {
        format!("{} h", grouped(three_digits(minutes / 60.0)))
    }
}

/// A positive number below 1000 with three significant digits.
fn three_digits(value: f64) -> String {
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$}")
}

/// `number` with a comma between each three digits.
pub fn count(number: impl Into<u128>) -> String {
    grouped(number.into().to_string())
}

fn grouped(digits: String) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// `number` of a thing, in words: "1 file", "2 files".
pub fn plural(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `bytes` in binary units.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        if value < 999.5 {
            return if unit == "bytes" {
                format!("{bytes} bytes")
            } else {
                format!("{} {unit}", three_digits(value))
            };
        }
        value /= 1024.0;
    }
    format!("{} TiB", grouped(three_digits(value)))
}

/// `part` of `whole` in percent; nothing of nothing is 0 %.
pub fn share(part: u128, whole: u128) -> String {
    let percent = if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 };
    format!("{percent:.1} %")
}

/// `nanoseconds` as [`duration`], with a sign where it is less than zero.
pub fn signed_duration(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    format!("{sign}{}", duration(nanoseconds.unsigned_abs()))
}

/// `nanoseconds` more or less, with a sign unless it is zero.
pub fn change(nanoseconds: i128) -> String {
    let plus = if nanoseconds > 0 { "+" } else { "" };
    format!("{plus}{}", signed_duration(nanoseconds))
}

/// `part` of `whole` as [`share`], with a sign where it is less than zero.
pub fn signed_share(part: i128, whole: u128) -> String {
    let text = share(part.unsigned_abs(), whole);
    if part < 0 && text != "0.0 %" { format!("-{text}") } else { text }
}

/// How much more than `before` the change is, in percent; what was nothing
/// before has no such figure.
pub fn change_share(change: i128, before: u128) -> String {
    if before == 0 {
        return if change == 0 { "0.0 %" } else { "new" }.to_owned();
    }
    let plus = if change > 0 { "+" } else { "" };
    format!("{plus}{}", signed_share(change, before))
}

/// `text` on one line and without anything a terminal would obey, or XML would
/// not have: names in a profile, and paths, may hold whatever their maker liked.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            // The bidirectional controls reorder a whole line.
            let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c == '\n' || c == '\t' {
                ' '
            } else if c.is_control() || reorders || matches!(c, '\u{fffe}' | '\u{ffff}') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// `text` cut to `width` columns from the left, where a path or a function
/// says least.
pub fn cut_left(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        start = at;
    }
    format!("…{}", &text[start..])
}

/// `text` cut to `width` columns from the right.
pub fn cut_right(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_never_a_thousand_of_a_unit() {
        let cases: [(u128, &str); 14] = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (1_000_000_000, "1.00 s"),
            (9_995_000_000, "10.0 s"),
            (599_000_000_000, "599 s"),
            (600_000_000_000, "10.0 min"),
            (7_200_000_000_000, "2.00 h"),
            (3_600_000_000_000_000, "1,000 h"),
            (9_994_999_999, "9.99 s"),
            (u128::from(u64::MAX), "5,124,096 h"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        let cases = [(0u64, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(count(number), text);
        }
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(plural(2000, "file"), "2,000 files");
    }

    #[test]
    fn bytes_are_in_binary_units() {
        assert_eq!(bytes(1023), "1.00 KiB");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
        assert_eq!(bytes(u64::MAX), "16,777,216 TiB");
    }

    #[test]
    fn a_share_of_nothing_is_zero() {
        assert_eq!(share(0, 0), "0.0 %");
        assert_eq!(share(1, 3), "33.3 %");
    }

    #[test]
    fn changes_have_signs_and_nothing_has_none() {
        assert_eq!(signed_duration(-1_500), "-1.50 µs");
        assert_eq!(change(1_500), "+1.50 µs");
        assert_eq!(change(0), "0 ns");
        assert_eq!(signed_share(-1, 2), "-50.0 %");
        assert_eq!(signed_share(-1, 1_000_000), "0.0 %");
        assert_eq!(change_share(50, 100), "+50.0 %");
        assert_eq!(change_share(-100, 100), "-100.0 %");
        assert_eq!(change_share(7, 0), "new");
        assert_eq!(change_share(0, 0), "0.0 %");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(printable("a\x1b[31mb\nc\u{202e}d"), "a\u{fffd}[31mb c\u{fffd}d");
    }

    #[test]
    fn cutting_keeps_the_width() {
        assert_eq!(cut_left("core::f", 7), "core::f");
        assert_eq!(cut_left("core::f", 4), "…::f");
        assert_eq!(cut_left("日本語", 4), "…語");
        assert_eq!(cut_left("abc", 0), "…");
        assert_eq!(cut_right("core::f", 7), "core::f");
        assert_eq!(cut_right("core::f", 4), "cor…");
    }
}
