//! What the tests of the command share: a maker of pprof profiles, byte by
//! byte, so that they do not depend on the writer they are a counterpart of.

#![allow(dead_code)] // Each test program uses a part.

use std::io::Write;

/// The command under test, with nothing inherited that would change its output.
pub fn holdup() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("holdup").expect("the command is built");
    command.env_remove("NO_COLOR").env_remove("HOLDUP_PROFILE");
    command.timeout(std::time::Duration::from_secs(120));
    command
}

/// One sample: its stack (innermost first; "function file line"), labels,
/// contentions and nanoseconds.
pub type Sample<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i64, i64);

/// A mutex profile as Go and holdup write it, without compression.
pub fn pprof(samples: &[Sample<'_>]) -> Vec<u8> {
    with_comments(samples, &[])
}

/// The same with comments.
pub fn with_comments(samples: &[Sample<'_>], comments: &[String]) -> Vec<u8> {
    let mut strings = Strings(vec![String::new()]);
    let mut message = Vec::new();
    for (name, unit) in [("contentions", "count"), ("delay", "nanoseconds")] {
        let mut value_type = Vec::new();
        number(&mut value_type, 1, strings.index(name));
        number(&mut value_type, 2, strings.index(unit));
        bytes(&mut message, 1, &value_type);
    }
    let mut functions: Vec<&str> = Vec::new();
    for (stack, labels, count, delay) in samples {
        let mut sample = Vec::new();
        for frame in *stack {
            let at = functions.iter().position(|known| known == frame).unwrap_or_else(|| {
                functions.push(frame);
                functions.len() - 1
            });
            number(&mut sample, 1, at as u64 + 1);
        }
        number(&mut sample, 2, *count as u64);
        number(&mut sample, 2, *delay as u64);
        for (key, value) in *labels {
            let mut label = Vec::new();
            number(&mut label, 1, strings.index(key));
            number(&mut label, 2, strings.index(value));
            bytes(&mut sample, 3, &label);
        }
        bytes(&mut message, 2, &sample);
    }
    for (at, frame) in functions.iter().enumerate() {
        let id = at as u64 + 1;
        // A path begins with a slash; what has none is all name.
        let (name, place) = frame.split_once(" /").unwrap_or((frame, ""));
        let (file, line) = place.rsplit_once(' ').unwrap_or((place, "0"));
        let file = if file.is_empty() { String::new() } else { format!("/{file}") };
        let line: u64 = line.parse().expect("a line number");
        let mut place = Vec::new();
        number(&mut place, 1, id);
        number(&mut place, 2, line);
        let mut location = Vec::new();
        number(&mut location, 1, id);
        // What stands for calls has no address.
        number(&mut location, 3, if name.starts_with('[') { 0 } else { 0x1000 * id });
        bytes(&mut location, 4, &place);
        bytes(&mut message, 4, &location);
        let mut function = Vec::new();
        number(&mut function, 1, id);
        number(&mut function, 2, strings.index(name));
        number(&mut function, 4, strings.index(&file));
        bytes(&mut message, 5, &function);
    }
    number(&mut message, 9, 1_700_000_000_000_000_000);
    number(&mut message, 10, 2_500_000_000);
    let mut period_type = Vec::new();
    number(&mut period_type, 1, strings.index("contentions"));
    number(&mut period_type, 2, strings.index("count"));
    bytes(&mut message, 11, &period_type);
    number(&mut message, 12, 1);
    for comment in comments {
        number(&mut message, 13, strings.index(comment));
    }
    for string in &strings.0 {
        bytes(&mut message, 6, string.as_bytes());
    }
    message
}

/// A file that holds `bytes`.
pub fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    file
}

/// As holdup writes it: two locks, blame, handoff, lost blame; a second of
/// waiting together.
pub fn ours() -> tempfile::NamedTempFile {
    let blame = |lock| [("lock", lock), ("kind", "blame")];
    let orders = blame("orders");
    let users = blame("users");
    let handoff = [("lock", "orders"), ("kind", "handoff")];
    let lost = [("lock", "users"), ("kind", "lost")];
    let samples: [Sample<'_>; 5] = [
        (&["shop::sort /src/sort.rs 12", "shop::main /src/main.rs 3"], &orders, 4, 600_000_000),
        (&["shop::add /src/add.rs 7", "shop::main /src/main.rs 4"], &orders, 10, 100_000_000),
        (&["shop::add /src/add.rs 9", "shop::main /src/main.rs 4"], &users, 20, 200_000_000),
        (&[], &handoff, 5, 50_000_000),
        (&[], &lost, 1, 50_000_000),
    ];
    file(&gzip(&pprof(&samples)))
}

/// Who held up whom, 100 ms of it, how long the waits were, and the longest.
pub fn pairs() -> tempfile::NamedTempFile {
    let blame = [("lock", "orders"), ("kind", "blame")];
    let handoff = [("lock", "orders"), ("kind", "handoff")];
    let sort = ["shop::sort /src/sort.rs 12", "shop::main /src/main.rs 3"];
    let with = |victim: &'static str| [sort[0], sort[1], "[waited for]", victim, "shop::serve"];
    let (get, put) = (with("shop::get /src/get.rs 5"), with("shop::put /src/put.rs 6"));
    let unknown = with("[victim: the stack is unknown]");
    let samples: [Sample<'_>; 4] = [
        (&get, &blame, 3, 60_000_000),
        (&put, &blame, 2, 25_000_000),
        (&unknown[..4], &blame, 1, 10_000_000),
        (&["[handoff: nobody held the lock]"], &handoff, 6, 5_000_000),
    ];
    let comments = [
        "contents=pairs",
        "contentions=6 waits=5 waited_ns=100000000 blamed_ns=95000000 handoff_ns=5000000 \
         handoffs=6 longest_ns=61000000 class=orders",
        "wait_histogram=9:2,33:3 class=orders",
        "hold_histogram=7:1 class=orders",
    ];
    let comments = comments.map(|comment| format!("holdup: {comment}"));
    file(&gzip(&with_comments(&samples, &comments)))
}

/// The comment that carries the exact sums of a class, in nanoseconds.
pub fn class(name: &str, waited: u64, blamed: u64, handoff: u64) -> String {
    let contentions = if blamed > 0 { 4 } else { 0 };
    format!(
        "holdup: contentions={contentions} waits=9 waited_ns={waited} blamed_ns={blamed} handoff_ns={handoff} class={name}"
    )
}

/// `bytes`, compressed as profiles are.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

struct Strings(Vec<String>);

impl Strings {
    fn index(&mut self, string: &str) -> u64 {
        let at = self.0.iter().position(|known| known == string).unwrap_or_else(|| {
            self.0.push(string.to_owned());
            self.0.len() - 1
        });
        at as u64
    }
}

/// A protobuf field that is a number.
pub fn number(message: &mut Vec<u8>, field: u32, value: u64) {
    varint(message, u64::from(field) << 3);
    varint(message, value);
}

/// A protobuf field that is a string or a message.
pub fn bytes(message: &mut Vec<u8>, field: u32, value: &[u8]) {
    varint(message, u64::from(field) << 3 | 2);
    varint(message, value.len() as u64);
    message.extend_from_slice(value);
}

/// A protobuf number of variable length.
pub fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// A profile of so many distinct stacks of two functions, without names of
/// locks.
pub fn many_stacks(count: u64) -> Vec<u8> {
    let mut message = Vec::new();
    let strings = ["", "contentions", "count", "delay", "nanoseconds", "root"];
    for (name, unit) in [(1, 2), (3, 4)] {
        let mut value_type = Vec::new();
        number(&mut value_type, 1, name);
        number(&mut value_type, 2, unit);
        bytes(&mut message, 1, &value_type);
    }
    for string in strings {
        bytes(&mut message, 6, string.as_bytes());
    }
    // The first is the root, which every stack has.
    for id in 1..=count + 1 {
        let mut function = Vec::new();
        number(&mut function, 1, id);
        number(&mut function, 2, 4 + id);
        bytes(&mut message, 5, &function);
        let mut place = Vec::new();
        number(&mut place, 1, id);
        let mut location = Vec::new();
        number(&mut location, 1, id);
        number(&mut location, 3, 0x1000 + id);
        bytes(&mut location, 4, &place);
        bytes(&mut message, 4, &location);
        if id > 1 {
            let mut sample = Vec::new();
            number(&mut sample, 1, id);
            number(&mut sample, 1, 1);
            number(&mut sample, 2, 1);
            number(&mut sample, 2, 1_000 + id);
            bytes(&mut message, 2, &sample);
            bytes(&mut message, 6, format!("f{id}").as_bytes());
        }
    }
    message
}
