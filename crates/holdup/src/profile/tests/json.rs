//! What is written as JSON is the profile, whole.

use super::*;
use serde_json::{Value, json};

fn written(profile: &Profile) -> Value {
    let mut bytes = Vec::new();
    profile.write_json(&mut bytes).expect("a vector takes all");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn all_of_a_profile_is_there_and_nothing_is_left_out() {
    let unknown = json!({
        "longest_ns": null, "p50_ns": null, "p90_ns": null, "p99_ns": null, "p999_ns": null,
        "wait_histogram": [], "hold_histogram": [],
    });
    let mut locks = json!([
        {"name": UNNAMED, "contentions": 4, "waits": 4, "waited_ns": 2_010, "blamed_ns": 2_010,
         "handoff_ns": 0, "handoffs": 0, "spun_ns": 0, "spins": 0},
        {"name": "orders", "contentions": 15, "waits": 31, "waited_ns": 3_541_000,
         "blamed_ns": 3_041_000, "handoff_ns": 500_000, "handoffs": 20, "spun_ns": 1_234,
         "spins": 4},
    ]);
    for lock in locks.as_array_mut().unwrap() {
        lock.as_object_mut().unwrap().extend(unknown.as_object().unwrap().clone());
    }
    let row = |kind: &str, lock: u32, stack: Option<u32>, count: u32, delay: u32| {
        json!({"kind": kind, "lock": lock, "stack": stack, "victim": null, "count": count,
               "delay_ns": delay})
    };
    let expected = json!({
        "schema": 1,
        "time_unix_ns": 1_700_000_000_123_456_789_u64,
        "duration_ns": 12_345_000_000_u64,
        "period_ns": 100_000,
        "locks": locks,
        "frames": [
            {"function": "app::prune", "file": "src/index.rs", "line": 120},
            {"function": "app::sweep", "file": "src/index.rs", "line": 80},
            {"function": "app::main", "file": "src/main.rs", "line": 9},
            {"function": "<app::Set<[u8; 4]> as Drop>::drop", "file": "a;b.rs", "line": 7},
            {"function": "libx.so+0x123", "file": null, "line": null},
        ],
        "stacks": [[0, 1, 2], [3, 2], [4]],
        "samples": [
            row("blame", 1, Some(0), 12, 3_000_000),
            row("handoff", 1, None, 20, 500_000),
            row("lost", 1, None, 2, 40_000),
            row("blame", 0, Some(1), 3, 2_000),
            row("blame", 1, Some(2), 1, 999),
            row("blame", 0, None, 1, 10),
        ],
        "longest": [],
        "nested": [],
    });
    assert_eq!(written(&example()), expected);
}

#[test]
fn stacks_that_differ_only_in_addresses_are_one() {
    let at = |address| vec![frame("f", Some(("f.rs", 1)), address, false)];
    let samples = vec![
        sample(at(1), "a", Kind::Blame, 1, 10),
        sample(at(2), "a", Kind::Blame, 1, 9),
        sample(at(2), "b", Kind::Blame, 1, 8),
    ];
    let profile = Profile::from_parts(
        UNIX_EPOCH - Duration::from_nanos(5),
        Duration::ZERO,
        Duration::ZERO,
        Contents::Blame,
        vec![],
        named(samples, vec![]),
    );
    let json = written(&profile);
    assert_eq!(json["stacks"], json!([[0]]));
    assert_eq!(json["time_unix_ns"], -5);
    // Locks without sums have a row, too: samples refer to it.
    assert_eq!(json["locks"].as_array().unwrap().len(), 2);
    assert_eq!(json["locks"][1]["name"], "b");
    assert_eq!(json["locks"][1]["waited_ns"], Value::Null);
    assert_eq!(json["samples"][2]["lock"], 1);
}

#[test]
fn victims_histograms_and_the_longest_waits_are_there() {
    let profile = victims::with_victims();
    let json = written(&profile);
    let samples = json["samples"].as_array().unwrap();
    assert_eq!(samples.len(), profile.pairs().count());
    for (row, pair) in samples.iter().zip(profile.pairs()) {
        assert_eq!(row["victim"].is_null(), pair.victim.is_empty());
        if let Some(stack) = row["victim"].as_u64() {
            let calls = json["stacks"][stack as usize].as_array().unwrap();
            let names = calls.iter().map(|call| {
                json["frames"][call.as_u64().unwrap() as usize]["function"].as_str().unwrap()
            });
            assert!(names.eq(pair.victim.iter().map(|frame| &*frame.function)));
        }
    }
    let lock = &json["locks"][0];
    assert_eq!(lock["wait_histogram"], json!([[20, 4], [927, 4], [2_559, 1]]));
    assert_eq!(lock["longest_ns"], 2_500);
    assert_eq!(lock["p50_ns"], 911);
    let longest = &json["longest"][0];
    assert_eq!(
        (&longest["wait_ns"], &longest["culprit_thread"]),
        (&json!(2_500), &json!("the janitor"))
    );
    assert_eq!(longest["time_unix_ns"], 9_000_000_000_u64);
    assert!(longest["victim"].is_u64() && longest["culprit"].is_u64());
}

#[test]
fn an_error_of_the_writer_is_the_error_returned() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = example().write_json(Full).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}
