//! The bytes of a written profile, read by field number as published, by the
//! walker and not by the decoder that shares its definitions with the encoder.

use super::super::wire::{Fields, Value};
use super::*;

/// All contents of the field `tag`, in order.
fn all(message: &[u8], tag: u64) -> Vec<Value<'_>> {
    let fields = Fields(message).map(|field| field.expect("well-formed"));
    fields.filter(|(number, _)| *number == tag).map(|(_, value)| value).collect()
}

fn messages(message: &[u8], tag: u64) -> Vec<&[u8]> {
    all(message, tag)
        .into_iter()
        .map(|value| match value {
            Value::Bytes(bytes) => bytes,
            other => panic!("field {tag} is {other:?}, not a message"),
        })
        .collect()
}

/// A number; absent means zero, as in proto3.
fn number(message: &[u8], tag: u64) -> u64 {
    match all(message, tag)[..] {
        [] => 0,
        [Value::Varint(number)] => number,
        ref other => panic!("field {tag} is {other:?}, not one number"),
    }
}

/// The numbers of a packed field.
fn numbers(message: &[u8], tag: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for packed in messages(message, tag) {
        let (mut number, mut shift) = (0u64, 0);
        for byte in packed {
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                numbers.push(number);
                (number, shift) = (0, 0);
            }
        }
    }
    numbers
}

/// A profile on the wire.
struct Wire(Vec<u8>);

impl Wire {
    fn of(profile: &Profile) -> Wire {
        Wire(unpacked(&written(profile)))
    }

    fn text(&self, index: u64) -> String {
        let strings = messages(&self.0, 6);
        String::from_utf8(strings[index as usize].to_vec()).unwrap()
    }

    /// Type and unit of a ValueType.
    fn value_type(&self, message: &[u8]) -> (String, String) {
        (self.text(number(message, 1)), self.text(number(message, 2)))
    }

    /// The one entry of the table `tag` with that id.
    fn entry(&self, tag: u64, id: u64) -> &[u8] {
        let found: Vec<_> =
            messages(&self.0, tag).into_iter().filter(|entry| number(entry, 1) == id).collect();
        assert_eq!(found.len(), 1, "field {tag} has {} entries of id {id}", found.len());
        found[0]
    }

    /// The names of the calls of a sample, inlined ones joined by `<`.
    fn stack(&self, sample: &[u8]) -> Vec<String> {
        let location = |id: &u64| {
            let lines = messages(self.entry(4, *id), 4);
            let names = lines.iter().map(|line| {
                let function = self.entry(5, number(line, 1));
                let (name, file) = (number(function, 2), number(function, 4));
                format!("{}@{}:{}", self.text(name), self.text(file), number(line, 2))
            });
            names.collect::<Vec<_>>().join(" < ")
        };
        numbers(sample, 1).iter().map(location).collect()
    }

    fn labels(&self, sample: &[u8]) -> Vec<(String, String)> {
        messages(sample, 3).into_iter().map(|label| self.value_type(label)).collect()
    }
}

#[test]
fn values_are_contentions_and_delay_in_gos_order_and_the_period_is_one_contention() {
    let wire = Wire::of(&example());
    let types: Vec<_> = messages(&wire.0, 1).iter().map(|one| wire.value_type(one)).collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(types, [pair("contentions", "count"), pair("delay", "nanoseconds")]);
    let period = messages(&wire.0, 11);
    assert_eq!(
        period.iter().map(|one| wire.value_type(one)).collect::<Vec<_>>(),
        [types[0].clone()]
    );
    assert_eq!(number(&wire.0, 12), 1);
    assert_eq!(wire.text(number(&wire.0, 14)), "delay", "what is shown first");
    assert_eq!(wire.text(0), "", "the string table begins with the empty string");
}

#[test]
fn time_and_duration_are_in_nanoseconds() {
    let wire = Wire::of(&example());
    assert_eq!(number(&wire.0, 9), 1_700_000_000_123_456_789);
    assert_eq!(number(&wire.0, 10), 12_345_000_000);
}

#[test]
fn samples_have_stack_values_and_labels() {
    let wire = Wire::of(&example());
    let samples: Vec<_> = messages(&wire.0, 2)
        .into_iter()
        .map(|sample| {
            let labels = wire.labels(sample);
            let [(lock, lock_name), (kind, kind_name)] = &labels[..] else { panic!("{labels:?}") };
            assert_eq!((lock.as_str(), kind.as_str()), ("lock", "kind"));
            let key = format!("{lock_name} {kind_name}");
            (key, numbers(sample, 2), wire.stack(sample))
        })
        .collect();
    let sample = |key: &str, values: [u64; 2], stack: &[&str]| {
        let stack = stack.iter().map(|call| (*call).to_owned()).collect();
        (key.to_owned(), values.to_vec(), stack)
    };
    assert_eq!(
        samples,
        [
            sample(
                "orders blame",
                [12, 3_000_000],
                &[
                    "app::prune@src/index.rs:120 < app::sweep@src/index.rs:80",
                    "app::main@src/main.rs:9",
                ]
            ),
            sample("orders handoff", [20, 500_000], &["[handoff: nobody held the lock]@:0"]),
            sample("orders lost", [2, 40_000], &["[lost: there was no room for the stack]@:0"]),
            sample(
                "(unnamed) blame",
                [3, 2_000],
                &["<app::Set<[u8; 4]> as Drop>::drop@a;b.rs:7", "app::main@src/main.rs:9"]
            ),
            sample("orders blame", [1, 999], &["libx.so+0x123@:0"]),
            sample("(unnamed) blame", [1, 10], &["[blame: the stack is unknown]@:0"]),
        ]
    );
}

#[test]
fn mappings_say_file_build_id_and_what_is_known_and_locations_refer_to_them() {
    let wire = Wire::of(&example());
    let mappings: Vec<_> = messages(&wire.0, 3)
        .into_iter()
        .map(|mapping| {
            let range = [2, 3, 4].map(|tag| number(mapping, tag));
            let texts = [5, 6].map(|tag| wire.text(number(mapping, tag)));
            (number(mapping, 1), range, texts, [7, 8, 9, 10].map(|tag| number(mapping, tag)))
        })
        .collect();
    let texts = |file: &str, id: &str| [file.to_owned(), id.to_owned()];
    assert_eq!(
        mappings,
        [
            (1, [0x40_0000, 0x50_0000, 0x1000], texts("/opt/app", "00c0ffee"), [1; 4]),
            (2, [0x7f00_0000, 0x7f01_0000, 0], texts("/lib/libx.so", ""), [0; 4]),
        ]
    );
    let mut locations: Vec<_> = messages(&wire.0, 4)
        .into_iter()
        .map(|location| (number(location, 3), number(location, 2)))
        .collect();
    locations.sort_unstable();
    // The three placeholders have no address; `main` is there once.
    let expected =
        [(0, 0), (0, 0), (0, 0), (0x40_1008, 1), (0x40_1050, 1), (0x40_1100, 1), (0x7f00_0123, 2)];
    assert_eq!(locations, expected);
}

#[test]
fn comments_carry_the_period_and_the_exact_totals() {
    let wire = Wire::of(&example());
    let comments: Vec<_> = numbers(&wire.0, 13).into_iter().map(|index| wire.text(index)).collect();
    assert_eq!(
        comments,
        [
            "holdup: period_ns=100000",
            "holdup: contentions=4 waits=4 waited_ns=2010 blamed_ns=2010 handoff_ns=0 handoffs=0 \
             spun_ns=0 spins=0 class=(unnamed)",
            "holdup: contentions=15 waits=31 waited_ns=3541000 blamed_ns=3041000 \
             handoff_ns=500000 handoffs=20 spun_ns=1234 spins=4 class=orders",
        ]
    );
}

#[test]
fn functions_have_no_system_name_by_which_pprof_would_shorten_them() {
    let wire = Wire::of(&example());
    let functions = messages(&wire.0, 5);
    assert!(functions.len() >= 5);
    assert!(functions.iter().all(|function| number(function, 3) == 0));
}
