//! Profiles as Go's runtime/pprof writes them.

use super::super::proto;
use super::*;
use prost::Message;

/// What Go 1.22 and later writes for the mutex profile: no labels, no
/// comments, the period's type and the values' in the same order as ours.
fn go_profile() -> proto::Profile {
    let texts = [
        "",
        "contentions",
        "count",
        "delay",
        "nanoseconds",
        "sync.(*Mutex).Unlock",
        "/usr/lib/go/src/sync/mutex.go",
        "main.worker",
        "/src/app/main.go",
        "/src/app/app",
        "abcdef",
    ];
    let location = |id, function_id, line| proto::Location {
        id,
        mapping_id: 1,
        address: 0x46_0000 + id,
        line: vec![proto::Line { function_id, line }],
    };
    proto::Profile {
        sample_type: vec![
            proto::ValueType { r#type: 1, unit: 2 },
            proto::ValueType { r#type: 3, unit: 4 },
        ],
        sample: vec![
            proto::Sample { location_id: vec![1, 2], value: vec![7, 900], label: vec![] },
            proto::Sample { location_id: vec![3], value: vec![1, 50], label: vec![] },
        ],
        mapping: vec![proto::Mapping {
            id: 1,
            memory_start: 0x40_0000,
            memory_limit: 0x50_0000,
            filename: 9,
            build_id: 10,
            has_functions: true,
            ..proto::Mapping::default()
        }],
        location: vec![
            location(1, 1, 223),
            location(2, 2, 40),
            // Not symbolized.
            proto::Location { id: 3, mapping_id: 1, address: 0x46_1234, line: vec![] },
        ],
        function: vec![
            proto::Function { id: 1, name: 5, system_name: 5, filename: 6 },
            proto::Function { id: 2, name: 7, system_name: 7, filename: 8 },
        ],
        string_table: texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        time_nanos: 1_700_000_000_000_000_000,
        period_type: Some(proto::ValueType { r#type: 1, unit: 2 }),
        period: 1,
        ..proto::Profile::default()
    }
}

#[test]
fn a_mutex_profile_of_gos_has_totals_from_its_samples() {
    let profile = Profile::read_pprof(&packed(&go_profile().encode_to_vec())[..]).unwrap();
    let totals = profile.totals();
    assert_eq!((totals.contentions, totals.blamed.as_nanos()), (8, 950));
    assert_eq!((totals.waited, totals.handoff), (totals.blamed, Duration::ZERO));
    assert_eq!(profile.classes().map(|(name, _)| name).collect::<Vec<_>>(), [UNNAMED]);
    assert_eq!(profile.period(), Duration::ZERO);
    let [first, second] = profile.samples() else { panic!("{:?}", profile.samples()) };
    assert_eq!((first.count, first.delay.as_nanos(), first.kind), (7, 900, Kind::Blame));
    let names: Vec<_> = first.stack.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(names, ["sync.(*Mutex).Unlock", "main.worker"]);
    assert_eq!(first.stack[1].file.as_deref(), Some("/src/app/main.go"));
    assert_eq!(first.stack[1].line, Some(40));
    assert_eq!(second.stack[0].function, "app+0x61234", "a place where there is no name");
}

#[test]
fn values_in_another_order_are_found_by_their_types() {
    let mut go = go_profile();
    go.sample_type.reverse();
    go.sample.iter_mut().for_each(|sample| sample.value.reverse());
    let profile = Profile::read_pprof(&go.encode_to_vec()[..]).unwrap();
    assert_eq!(profile.samples()[0].count, 7);
    assert_eq!(profile.samples()[0].delay.as_nanos(), 900);
}

#[test]
fn a_profile_of_something_else_is_refused_by_name() {
    let mut cpu = go_profile();
    cpu.string_table[1] = b"samples".to_vec();
    cpu.string_table[3] = b"cpu".to_vec();
    let error = Profile::read_pprof(&cpu.encode_to_vec()[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is no contention profile: its values are samples/count, cpu/nanoseconds"
    );
}

#[test]
fn names_that_are_no_utf8_are_read_with_replacements() {
    let mut go = go_profile();
    go.string_table[7] = b"main.\xff".to_vec();
    let profile = Profile::read_pprof(&go.encode_to_vec()[..]).unwrap();
    assert_eq!(profile.samples()[0].stack[1].function, "main.\u{fffd}");
}
