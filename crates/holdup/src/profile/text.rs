//! Writes profiles as a table that a person reads.

mod waits;

use super::nested;
use super::pprof::placeholder;
use super::{Kind, Profile, Sample, Totals};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// How many culprits are listed.
const CULPRITS: usize = 20;
/// The widths of the columns with names; the lines fit 100.
const LOCK_IN_TOTALS: usize = 28;
const LOCK_IN_CULPRITS: usize = 16;
const FUNCTION: usize = 50;
/// The most of the columns of a sentence.
const NESTED: usize = 40;
const LOCK_IN_NESTED: usize = 16;

impl Profile {
    /// Writes the profile as a table to read: the exact totals, those of each
    /// lock class, percentiles of waits and of contended holds, the functions and
    /// lines that held everybody up, those with the most delay first, who waited for
    /// whom, and the longest waits. Lines have at most 100 columns.
    ///
    /// Looks up names if that was not done before, see
    /// [`samples`](Profile::samples).
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_text(&self, mut out: impl Write) -> io::Result<()> {
        let out = &mut out;
        let sampled = if self.period().is_zero() {
            "sampling of call stacks is off".to_owned()
        } else {
            format!("call stacks sampled one per {} of delay", time(self.period()))
        };
        writeln!(out, "Lock contention in {}; {sampled}", time(self.duration()))?;
        writeln!(out)?;
        self.write_totals(out)?;
        if self.classes().next().is_some() {
            self.write_locks(out)?;
            waits::percentiles(self, out)?;
            self.write_culprits(out)?;
            self.write_nested(out)?;
            waits::victims(self, out)?;
            waits::longest(self, out)?;
        }
        out.flush()
    }

    fn write_totals(&self, out: &mut impl Write) -> io::Result<()> {
        let totals = self.totals();
        let Totals { contentions, waits, waited, blamed, handoff, spun, spins } = totals;
        if totals == Totals::default() {
            return writeln!(out, "  Nobody waited for a lock.");
        }
        let all = blamed + handoff;
        let (share_blamed, share_handoff) = (share(blamed, all), share(handoff, all));
        let line = |name, amount, rest: String| format!("  {name:9}{:>9}  {rest}", time(amount));
        writeln!(out, "{}", line("waited", waited, format!("in {}", counted(waits, "wait"))))?;
        let sections = counted(contentions, "critical section");
        writeln!(out, "{}", line("= blamed", blamed, format!("{share_blamed:>7}  on {sections}")))?;
        let rest = format!("{share_handoff:>7}  while nobody held the lock");
        writeln!(out, "{}", line("+ handoff", handoff, rest))?;
        let rest = format!("in {} without queueing; not part of the above", counted(spins, "lock"));
        writeln!(out, "{}", line("spun", spun, rest))?;
        if waited != all {
            let off = time(waited.abs_diff(all));
            writeln!(out, "  The sums differ by {off}: some waits were not over at that moment.")?;
        }
        Ok(())
    }

    fn write_locks(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        writeln!(
            out,
            "{}{:>13}{:>13}{:>11}{:>11}{:>11}{:>11}",
            padded("lock", LOCK_IN_TOTALS),
            "contentions",
            "waits",
            "waited",
            "blamed",
            "handoff",
            "spun"
        )?;
        let mut classes: Vec<_> = self.classes().collect();
        classes.sort_by_key(|&(name, totals)| (Reverse(totals.waited), name));
        for (name, totals) in classes {
            writeln!(
                out,
                "{}{:>13}{:>13}{:>11}{:>11}{:>11}{:>11}",
                padded(name, LOCK_IN_TOTALS),
                short(totals.contentions),
                short(totals.waits),
                time(totals.waited),
                time(totals.blamed),
                time(totals.handoff),
                time(totals.spun),
            )?;
        }
        Ok(())
    }

    fn write_nested(&self, out: &mut impl Write) -> io::Result<()> {
        let lines = nested::lines(self.nested(), self.samples());
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        writeln!(out, "Of that, while they waited for other locks themselves:")?;
        writeln!(out)?;
        for line in lines.iter().take(CULPRITS) {
            let (culprit, lock) = (fitted(line.culprit, NESTED), fitted(line.lock, LOCK_IN_NESTED));
            let charged = time(line.charged);
            writeln!(out, "of {charged} charged to `{culprit}` on `{lock}`,")?;
            let waited_for = fitted(line.waited_for, LOCK_IN_NESTED);
            write!(out, "    {} while it waited for `{waited_for}`", time(line.nested))?;
            match line.held_by {
                "" => writeln!(out)?,
                held_by => writeln!(out, ", held by `{}`", fitted(held_by, NESTED))?,
            }
        }
        if let Some(rest) = lines.get(CULPRITS..).filter(|rest| !rest.is_empty()) {
            writeln!(out, "and {} more", grouped(rest.len() as u64))?;
        }
        Ok(())
    }

    fn write_culprits(&self, out: &mut impl Write) -> io::Result<()> {
        let culprits = culprits(self.samples());
        let all: Duration = culprits.iter().map(|culprit| culprit.delay).sum();
        let lost: Duration =
            self.samples().iter().filter(|one| one.kind == Kind::Lost).map(|one| one.delay).sum();
        writeln!(out)?;
        if culprits.is_empty() {
            return writeln!(out, "No call stack was sampled.");
        }
        let mut line = format!("Who held them up: {} by the sampled call stacks", time(all));
        if !lost.is_zero() {
            line += &format!(", {} of it without a stack", share(lost, all));
        }
        writeln!(out, "{line}")?;
        writeln!(out)?;
        let lock = padded("lock", LOCK_IN_CULPRITS);
        writeln!(out, "{:>9}{:>9}{:>12}  {lock}  function", "delay", "share", "count")?;
        for culprit in culprits.iter().take(CULPRITS) {
            let numbers = format!(
                "{:>9}{:>9}{:>12}",
                time(culprit.delay),
                share(culprit.delay, all),
                short(culprit.count)
            );
            let lock = padded(culprit.lock, LOCK_IN_CULPRITS);
            writeln!(out, "{numbers}  {lock}  {}", fitted(culprit.function, FUNCTION))?;
            if !culprit.place.is_empty() {
                let indent = 9 + 9 + 12 + 2 + LOCK_IN_CULPRITS + 2;
                writeln!(out, "{:indent$}{}", "", fitted(&culprit.place, FUNCTION))?;
            }
        }
        if let Some(rest) = culprits.get(CULPRITS..).filter(|rest| !rest.is_empty()) {
            let delay: Duration = rest.iter().map(|culprit| culprit.delay).sum();
            let (more, of_all) = (grouped(rest.len() as u64), share(delay, all));
            writeln!(out, "{:>9}{of_all:>9}{:>12}  and {more} more", time(delay), "")?;
        }
        Ok(())
    }
}

/// A place in the code that ended critical sections, and what it is charged.
struct Culprit<'a> {
    lock: &'a str,
    function: &'a str,
    /// File and line; empty if unknown.
    place: String,
    count: u64,
    delay: Duration,
}

/// The samples' blame by innermost function, line and lock; most delay first.
fn culprits(samples: &[Sample]) -> Vec<Culprit<'_>> {
    let mut sums: BTreeMap<(&str, String, &str), (u64, Duration)> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.kind != Kind::Handoff) {
        let frame = sample.stack.first();
        let function = frame.map_or(placeholder(sample.kind), |frame| &frame.function);
        let place = match frame.and_then(|frame| Some((frame.file.as_ref()?, frame.line))) {
            Some((file, Some(line))) => format!("{file}:{line}"),
            Some((file, None)) => file.to_string(),
            None => String::new(),
        };
        let sum = sums.entry((function, place, &sample.lock)).or_default();
        *sum = (sum.0.saturating_add(sample.count), sum.1.saturating_add(sample.delay));
    }
    let mut culprits: Vec<_> = sums
        .into_iter()
        .map(|((function, place, lock), (count, delay))| Culprit {
            lock,
            function,
            place,
            count,
            delay,
        })
        .collect();
    // Stable: equal ones stay in the order of their names.
    culprits.sort_by_key(|culprit| (Reverse(culprit.delay), Reverse(culprit.count)));
    culprits
}

/// A time in three digits and the unit that suits it.
fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    let days = time.as_secs_f64() / 86_400.0;
    if time.as_secs() >= 999_999 {
        return format!("{} d", short(days.round() as u64));
    }
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")] {
        // From 999.5 on of the smaller unit, three digits say 1 of this one.
        if nanoseconds >= unit - unit / 2000 {
            let amount = nanoseconds as f64 / unit as f64;
            let decimals = match amount {
                ..9.995 => 2,
                ..99.95 => 1,
                ..999.5 => 0,
                _ => return format!("{} {name}", grouped(amount.round() as u64)),
            };
            return format!("{amount:.decimals$} {name}");
        }
    }
    if nanoseconds == 0 { "0".to_owned() } else { format!("{nanoseconds} ns") }
}

fn share(part: Duration, whole: Duration) -> String {
    if whole.is_zero() {
        return "-".to_owned();
    }
    format!("{:.1} %", 100.0 * part.as_secs_f64() / whole.as_secs_f64())
}

/// A count in at most eleven columns: in thousands of millions and more, if it
/// must be.
fn short(number: u64) -> String {
    for (unit, name) in
        [(1_000_000_000_000_000, "P"), (1_000_000_000_000, "T"), (1_000_000_000, "G")]
    {
        if number >= unit {
            return format!("{} {name}", grouped(number / unit));
        }
    }
    grouped(number)
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", short(number), if number == 1 { "" } else { "s" })
}

/// `text` in `width` columns exactly.
fn padded(text: &str, width: usize) -> String {
    let mut text = fitted(text, width);
    let missing = width - text.chars().map(columns).sum::<usize>();
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// `text` in at most `width` columns, one or more. If it is longer, its end is
/// kept: the end of a path says most.
fn fitted(text: &str, width: usize) -> String {
    // A profile that was read may hold codes that move a terminal's cursor.
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let text: Vec<char> = text.chars().map(clean).collect();
    if text.iter().copied().map(columns).sum::<usize>() <= width {
        return text.into_iter().collect();
    }
    let mut left = width - 1;
    let mut start = text.len();
    while start > 0 && columns(text[start - 1]) <= left {
        left -= columns(text[start - 1]);
        start -= 1;
    }
    std::iter::once('…').chain(text[start..].iter().copied()).collect()
}

/// The columns of a terminal that a character takes: two for those of East
/// Asian scripts and for emoji, none for marks that combine with the character
/// before and for what is not shown.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f
        | 0x0483..=0x0489
        | 0x0591..=0x05bd
        | 0x0610..=0x061a
        | 0x064b..=0x065f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x2064
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xfeff
        | 0xe0000..=0xe01ef => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xa960..=0xa97c
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(text: &str) -> usize {
        text.chars().map(columns).sum()
    }

    #[test]
    fn times_have_three_digits_and_the_unit_that_suits_them() {
        for (nanoseconds, text) in [
            (0, "0"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (99_949, "99.9 µs"),
            (99_960, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_600_000, "1.00 s"),
            (1_500_000_000, "1.50 s"),
            (123_456_000_000_000, "123,456 s"),
            (1_000_000_000_000_000, "12 d"),
            (u64::MAX, "213,504 d"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(short(999_999_999), "999,999,999");
        assert_eq!(short(12_345_678_901), "12 G");
        assert_eq!(short(u64::MAX), "18,446 P");
    }

    #[test]
    fn text_fits_its_column_in_any_script() {
        for text in
            ["short", "a::long::path::to::a::function", "鎖の名前はここです", "e\u{301}té", ""]
        {
            for columns in 1..20 {
                assert!(width(&fitted(text, columns)) <= columns, "{text} in {columns}");
                assert_eq!(width(&padded(text, columns)), columns, "{text} in {columns}");
            }
        }
        assert_eq!(fitted("a::long::path", 7), "…::path");
    }

    #[test]
    fn codes_for_terminals_are_not_passed_on() {
        assert_eq!(fitted("\u{1b}[2Jx\n", 20), "\u{fffd}[2Jx\u{fffd}");
    }
}
