//! What samples cannot carry: comments of a profile in pprof's format.
//!
//! Each is `holdup: ` and then words `name=value`, by spaces. A class's name
//! is the last word and goes to the end of the comment:
//!
//! ```text
//! holdup: period_ns=100000
//! holdup: contents=pairs
//! holdup: contentions=3 waits=5 waited_ns=70 blamed_ns=60 handoff_ns=10 handoffs=2 spun_ns=4 spins=1 longest_ns=30 class=orders
//! holdup: wait_histogram=9:2,33:3 class=orders
//! holdup: hold_histogram=8:1,26:2 class=orders
//! holdup: long_wait_ns=30 time_unix_ns=1700000000000000000 culprit_thread=janitor victim_thread=worker-3 culprit=app::prune@src/index.rs:120@401050;... victim=... class=orders
//! holdup: nested_ns=50 count=2 waited_for=cache held_by=app::evict@src/cache.rs:7@4010a0;... culprit=... class=orders
//! ```
//!
//! - A histogram is a list of buckets, ascending: the longest time in it, in
//!   nanoseconds, and how many there were. Buckets are those of
//!   [`holdup_core::record::histogram`].
//! - A stack is a list of calls, innermost first: function, file and line,
//!   address in hexadecimal, with a trailing `i` where the call was inlined into
//!   the next one. What is unknown is empty. Percent signs, spaces, controls and
//!   what separates are written as `%` and two hexadecimal digits for each byte.
//!
//! A reader ignores words it does not know.
//!
//! Comments are shown to people, so those that go on for lines are none: they
//! stand in a field of our own, which other readers pass over.

use super::classes::Class;
use super::{Contents, Frame, Histogram, LongWait, NestedWait, Profile, ReadError};
use holdup_core::record::Sums;
use holdup_core::record::histogram::{BUCKETS, bounds, index};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How comments of ours begin.
const COMMENT: &str = "holdup: ";
/// The most of the longest waits that a profile has.
pub(super) const MAX_LONG_WAITS: usize = 1024;
/// The most nested parts that a file has.
const MAX_NESTED: usize = 4096;

/// What samples of `profile` cannot carry, written with `contents`: comments,
/// and what is too long for one.
pub(super) struct Written {
    /// Lines that people are shown, above each table of `go tool pprof -top`.
    pub(super) comments: Vec<String>,
    /// The same kind of lines for programs alone: histograms, and stacks.
    pub(super) more: Vec<String>,
}

/// All that samples of `profile` cannot carry.
pub(super) fn write(profile: &Profile, contents: Contents) -> Written {
    let period = u64::try_from(profile.period.as_nanos()).unwrap_or(u64::MAX);
    let mut comments = vec![format!("{COMMENT}period_ns={period}")];
    let mut more = Vec::new();
    if contents != Contents::Blame {
        comments.push(format!("{COMMENT}contents={contents}"));
    }
    for class in &profile.classes {
        comments.push(sums_comment(class));
        for (word, histogram) in
            [("wait_histogram", &class.waits), ("hold_histogram", &class.holds)]
        {
            if !histogram.is_empty() {
                more.push(histogram_comment(word, histogram, &class.name));
            }
        }
    }
    more.extend(profile.longest_waits().iter().map(long_wait_comment));
    if contents != Contents::Victims {
        more.extend(profile.nested().iter().take(MAX_NESTED).map(nested_comment));
    }
    Written { comments, more }
}

fn sums_comment(Class { name, sums, longest, .. }: &Class) -> String {
    let longest = if *longest > 0 { format!(" longest_ns={longest}") } else { String::new() };
    format!(
        "{COMMENT}contentions={} waits={} waited_ns={} blamed_ns={} handoff_ns={} handoffs={} \
         spun_ns={} spins={}{longest} class={name}",
        sums.contentions,
        sums.waits,
        sums.waited,
        sums.blamed,
        sums.handoff,
        sums.handoffs,
        sums.spun,
        sums.spins,
    )
}

fn histogram_comment(word: &str, histogram: &Histogram, class: &str) -> String {
    let mut comment = format!("{COMMENT}{word}=");
    for (place, bucket) in histogram.buckets().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(comment, "{comma}{}:{}", bucket.most.as_nanos(), bucket.count);
    }
    let _ = write!(comment, " class={class}");
    comment
}

fn long_wait_comment(wait: &LongWait) -> String {
    format!(
        "{COMMENT}long_wait_ns={} time_unix_ns={} culprit_thread={} victim_thread={} culprit={} \
         victim={} class={}",
        wait.wait.as_nanos(),
        unix_nanos(wait.time),
        escaped(&wait.culprit_thread),
        escaped(&wait.victim_thread),
        stack_text(&wait.culprit),
        stack_text(&wait.victim),
        wait.lock,
    )
}

fn nested_comment(part: &NestedWait) -> String {
    let weight = part.weight();
    format!(
        "{COMMENT}nested_ns={} count={} waited_for={} held_by={} culprit={} class={}",
        weight.delay,
        weight.count,
        escaped(&part.waited_for),
        stack_text(&part.held_by),
        stack_text(&part.culprit),
        part.lock,
    )
}

/// Nanoseconds since 1970, negative before.
pub(super) fn unix_nanos(time: SystemTime) -> i64 {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}

/// The time that is so many nanoseconds after 1970.
pub(super) fn from_unix_nanos(nanoseconds: i64) -> SystemTime {
    let time = Duration::from_nanos(nanoseconds.unsigned_abs());
    let time =
        if nanoseconds < 0 { UNIX_EPOCH.checked_sub(time) } else { UNIX_EPOCH.checked_add(time) };
    time.unwrap_or(UNIX_EPOCH)
}

fn stack_text(stack: &[Frame]) -> String {
    let mut text = String::new();
    for (place, frame) in stack.iter().enumerate() {
        if place > 0 {
            text.push(';');
        }
        // A colon stands before the line.
        let file = escaped(frame.file.as_deref().unwrap_or("")).replace(':', "%3a");
        let _ = write!(text, "{}@{file}", escaped(&frame.function));
        if let Some(line) = frame.line {
            let _ = write!(text, ":{line}");
        }
        let inlined = if frame.inlined { "i" } else { "" };
        let _ = write!(text, "@{:x}{inlined}", frame.address);
    }
    text
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | ' ' | ';' | '@' | '=') || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(escaped, "%{byte:02x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn unescaped(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// What comments say.
#[derive(Default)]
pub(super) struct Comments {
    pub(super) period: u64,
    pub(super) contents: Contents,
    /// By name. Whether one has sums.
    pub(super) classes: BTreeMap<String, (Class, bool)>,
    pub(super) longest: Vec<LongWait>,
    pub(super) nested: Vec<NestedWait>,
}

impl Comments {
    /// Reads a comment. What it will take in memory is asked of `take` before.
    pub(super) fn read(
        &mut self,
        comment: &str,
        take: &impl Fn(usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let Some(comment) = comment.strip_prefix(COMMENT) else { return Ok(()) };
        let (words, class) = match comment.split_once(" class=") {
            Some((words, class)) => (words, Some(class)),
            None => (comment, None),
        };
        let words = || words.split(' ').filter_map(|word| word.split_once('='));
        let Some(name) = class else {
            for (word, value) in words() {
                match word {
                    "period_ns" => self.period = value.parse().unwrap_or(self.period),
                    "contents" => {
                        self.contents = value.parse().map_err(|error| bad("contents", error))?;
                    }
                    _ => {}
                }
            }
            return Ok(());
        };
        if words().any(|(word, _)| word == "nested_ns") {
            return self.read_nested(words(), name, take);
        }
        if words().any(|(word, _)| word == "long_wait_ns") {
            return self.read_long_wait(words(), name, take);
        }
        if !self.classes.contains_key(name) {
            take(size_of::<Class>() + 2 * name.len())?;
            let class = Class { name: name.to_owned(), ..Class::default() };
            self.classes.insert(name.to_owned(), (class, false));
        }
        let Some((class, has_sums)) = self.classes.get_mut(name) else { return Ok(()) };
        let mut sums = Sums::default();
        for (word, value) in words() {
            match word {
                "wait_histogram" => class.waits = read_histogram(value, take)?,
                "hold_histogram" => class.holds = read_histogram(value, take)?,
                _ => {
                    let Ok(value) = value.parse() else { continue };
                    *match word {
                        "contentions" => &mut sums.contentions,
                        "waits" => &mut sums.waits,
                        "waited_ns" => &mut sums.waited,
                        "blamed_ns" => &mut sums.blamed,
                        "handoff_ns" => &mut sums.handoff,
                        "handoffs" => &mut sums.handoffs,
                        "spun_ns" => &mut sums.spun,
                        "spins" => &mut sums.spins,
                        "longest_ns" => &mut class.longest,
                        _ => continue,
                    } = value;
                    *has_sums = true;
                    class.sums = sums;
                }
            }
        }
        Ok(())
    }

    fn read_nested<'a>(
        &mut self,
        words: impl Iterator<Item = (&'a str, &'a str)>,
        class: &str,
        take: &impl Fn(usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if self.nested.len() >= MAX_NESTED {
            return Err(bad("nested waits", format_args!("more than {MAX_NESTED}")));
        }
        take(size_of::<NestedWait>() + class.len())?;
        let mut part = NestedWait {
            lock: class.to_owned(),
            culprit: Vec::new(),
            waited_for: String::new(),
            held_by: Vec::new(),
            count: 0,
            delay: Duration::ZERO,
        };
        let number = |value: &str| value.parse().map_err(|error| bad("nested waits", error));
        for (word, value) in words {
            take(value.len())?;
            match word {
                "nested_ns" => part.delay = Duration::from_nanos(number(value)?),
                "count" => part.count = number(value)?,
                "waited_for" => {
                    let name = unescaped(value);
                    part.waited_for = name.ok_or_else(|| bad("nested waits", "a bad escape"))?;
                }
                "held_by" => part.held_by = read_stack(value, take)?,
                "culprit" => part.culprit = read_stack(value, take)?,
                _ => {}
            }
        }
        self.nested.push(part);
        Ok(())
    }

    fn read_long_wait<'a>(
        &mut self,
        words: impl Iterator<Item = (&'a str, &'a str)>,
        class: &str,
        take: &impl Fn(usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if self.longest.len() >= MAX_LONG_WAITS {
            return Err(bad("longest waits", format_args!("more than {MAX_LONG_WAITS}")));
        }
        take(size_of::<LongWait>() + class.len())?;
        let mut wait = LongWait {
            lock: class.to_owned(),
            wait: Duration::ZERO,
            time: UNIX_EPOCH,
            culprit: Vec::new(),
            victim: Vec::new(),
            culprit_thread: String::new(),
            victim_thread: String::new(),
        };
        let number = |value: &str| value.parse().map_err(|error| bad("longest waits", error));
        let text = |value| unescaped(value).ok_or_else(|| bad("longest waits", "a bad escape"));
        for (word, value) in words {
            take(value.len())?;
            match word {
                "long_wait_ns" => wait.wait = Duration::from_nanos(number(value)?),
                "time_unix_ns" => {
                    let time = value.parse().map_err(|error| bad("longest waits", error))?;
                    wait.time = from_unix_nanos(time);
                }
                "culprit_thread" => wait.culprit_thread = text(value)?,
                "victim_thread" => wait.victim_thread = text(value)?,
                "culprit" => wait.culprit = read_stack(value, take)?,
                "victim" => wait.victim = read_stack(value, take)?,
                _ => {}
            }
        }
        self.longest.push(wait);
        Ok(())
    }
}

fn bad(what: &str, error: impl std::fmt::Display) -> ReadError {
    ReadError::Malformed(format!("its {what}: {error}"))
}

fn read_histogram(
    text: &str,
    take: &impl Fn(usize) -> Result<(), ReadError>,
) -> Result<Histogram, ReadError> {
    let mut histogram = Histogram::default();
    let mut least = 0;
    for bucket in text.split(',') {
        let number = |text: &str| text.parse::<u64>().ok();
        let found = bucket.split_once(':');
        let Some((most, count)) =
            found.and_then(|(most, count)| Some((number(most)?, number(count)?)))
        else {
            return Err(bad("histograms", "a bucket is not two numbers"));
        };
        let index = index(most);
        if index >= BUCKETS || bounds(index).1 != most || index < least {
            return Err(bad("histograms", format_args!("no bucket ends with {most} here")));
        }
        take(2 * size_of::<(u16, u64)>())?;
        histogram.push(index, count);
        least = index + 1;
    }
    Ok(histogram)
}

fn read_stack(
    text: &str,
    take: &impl Fn(usize) -> Result<(), ReadError>,
) -> Result<Vec<Frame>, ReadError> {
    let mut stack = Vec::new();
    if text.is_empty() {
        return Ok(stack);
    }
    for call in text.split(';') {
        take(2 * size_of::<Frame>())?;
        let frame = read_frame(call).ok_or_else(|| bad("longest waits", "a bad call"))?;
        stack.push(frame);
    }
    Ok(stack)
}

fn read_frame(text: &str) -> Option<Frame> {
    let mut parts = text.split('@');
    let (function, place, address) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let line = |text: &str| text.parse::<u32>().ok();
    let (file, line) = match place.rsplit_once(':') {
        Some((file, number)) if line(number).is_some() => (file, line(number)),
        _ => (place, None),
    };
    let (address, inlined) = match address.strip_suffix('i') {
        Some(address) => (address, true),
        None => (address, false),
    };
    Some(Frame {
        function: unescaped(function)?.into(),
        file: Some(unescaped(file)?).filter(|file| !file.is_empty()).map(Into::into),
        line,
        address: u64::from_str_radix(address, 16).ok()?,
        inlined,
    })
}
