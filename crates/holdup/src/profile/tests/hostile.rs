//! Input that means harm, or is damaged.

use super::super::{ReadError, proto};
use super::*;
use proptest::prelude::*;
use prost::Message;

fn read(bytes: &[u8]) -> Result<Profile, ReadError> {
    let result = Profile::read_pprof(bytes);
    if let Err(error) = &result {
        let line = error.to_string();
        assert!(!line.is_empty() && line.len() < 500, "{} bytes", line.len());
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    result
}

fn message(profile: &proto::Profile) -> Result<Profile, ReadError> {
    read(&profile.encode_to_vec())
}

/// The least that is a profile.
fn minimal() -> proto::Profile {
    let texts = ["", "contentions", "count", "delay", "nanoseconds", "f"];
    proto::Profile {
        sample_type: vec![
            proto::ValueType { r#type: 1, unit: 2 },
            proto::ValueType { r#type: 3, unit: 4 },
        ],
        sample: vec![proto::Sample { location_id: vec![1], value: vec![1, 2], label: vec![] }],
        location: vec![proto::Location {
            id: 1,
            line: vec![proto::Line { function_id: 1, line: 3 }],
            ..proto::Location::default()
        }],
        function: vec![proto::Function { id: 1, name: 5, ..proto::Function::default() }],
        string_table: texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        ..proto::Profile::default()
    }
}

/// The least that is a profile, with a comment so many times.
pub(super) fn with_comment(comment: &str, times: usize) -> Result<Profile, ReadError> {
    let mut profile = minimal();
    profile.string_table.push(comment.as_bytes().to_vec());
    profile.comment = vec![profile.string_table.len() as i64 - 1; times];
    message(&profile)
}

/// The same with many comments.
pub(super) fn with_comments(comments: &[String]) -> Result<Profile, ReadError> {
    let mut profile = minimal();
    let first = profile.string_table.len() as i64;
    profile.string_table.extend(comments.iter().map(|text| text.as_bytes().to_vec()));
    profile.comment = (first..first + comments.len() as i64).collect();
    message(&profile)
}

#[test]
fn a_file_cut_at_any_byte_is_an_error() {
    let whole = written(&example());
    for length in 0..whole.len() {
        let error = read(&whole[..length]).expect_err("cut");
        match (length, &error) {
            (0, ReadError::Empty) | (1, ReadError::NotAProfile) => {}
            (2.., ReadError::Truncated) => {}
            _ => panic!("cut at {length}: {error:?}"),
        }
    }
    read(&whole).unwrap();
}

#[test]
fn a_message_cut_at_any_byte_is_an_error_or_less() {
    let whole = unpacked(&written(&example()));
    let mut errors = 0;
    for length in 0..whole.len() {
        // Between two fields nothing tells that more was to come.
        errors += usize::from(read(&whole[..length]).is_err());
    }
    assert!(errors > whole.len() / 2, "{errors} of {}", whole.len());
}

#[test]
fn each_flipped_bit_of_a_file_is_noticed_or_harmless() {
    let whole = written(&example());
    for index in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[index] ^= 1 << bit;
            let _ = read(&damaged);
        }
    }
}

#[test]
fn each_flipped_bit_of_a_message_is_noticed_or_read() {
    let whole = unpacked(&written(&example()));
    for index in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[index] ^= 1 << bit;
            if let Ok(profile) = read(&damaged) {
                // What was read can be written in each form.
                written(&profile);
                profile.write_text(std::io::sink()).unwrap();
                profile.write_folded(std::io::sink()).unwrap();
            }
        }
    }
}

#[test]
fn nothing_text_and_other_files_have_errors_of_their_own() {
    assert!(matches!(read(b""), Err(ReadError::Empty)));
    assert!(matches!(read(&packed(b"")), Err(ReadError::Empty)));
    for text in ["hello, world", "\n", "<html></html>", "{\"a\": 1}", "\x7fELF\x02\x01\x01"] {
        assert!(matches!(read(text.as_bytes()), Err(ReadError::NotAProfile)), "{text}");
        assert!(matches!(read(&packed(text.as_bytes())), Err(ReadError::NotAProfile)), "{text}");
    }
    assert!(matches!(
        read(&[0x1f, 0x8b, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(ReadError::Malformed(_))
    ));
}

#[test]
fn an_error_of_the_reader_is_passed_on() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let error = Profile::read_pprof(Broken).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the profile: the disk is on fire");
}

#[test]
fn a_bomb_is_not_unpacked() {
    // Four times what is allowed, in some 500 kB: gzip files may be strung
    // together.
    let bomb = packed(&vec![0; 1 << 20]).repeat(512);
    assert!(bomb.len() < 4 << 20, "{}", bomb.len());
    let error = read(&bomb).unwrap_err();
    assert_eq!(error.to_string(), "the profile is too large: its decompressed data over 128 MiB");
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let error = Profile::read_pprof(std::io::repeat(b'x')).unwrap_err();
    assert_eq!(error.to_string(), "the profile is too large: the file over 64 MiB");
}

#[test]
fn tiny_messages_that_become_large_ones_are_refused_before_they_are_decoded() {
    // 8 MB of empty samples would be some 600 MB of structures.
    let mut bytes = minimal().encode_to_vec();
    bytes.extend([0x12, 0x00].repeat(4 << 20));
    let error = read(&packed(&bytes)).unwrap_err();
    assert_eq!(error.to_string(), "the profile is too large: its messages over 256 MiB");
}

#[test]
fn a_string_that_each_frame_repeats_is_refused_before_it_is_copied() {
    // 1 MB of name on 4,000 frames would be 4 GB.
    let mut profile = minimal();
    profile.string_table[5] = vec![b'x'; 1 << 20];
    profile.sample[0].location_id = vec![1; 4000];
    let error = message(&profile).unwrap_err();
    assert_eq!(error.to_string(), "the profile is too large: its samples over 384 MiB");
    // The same by lines of one location, by labels, and by comments.
    let mut profile = minimal();
    profile.string_table[5] = vec![b'x'; 1 << 20];
    profile.location[0].line = vec![proto::Line { function_id: 1, line: 1 }; 4000];
    assert!(matches!(message(&profile), Err(ReadError::TooLarge { .. })));
    let mut profile = minimal();
    profile.string_table[5] = vec![b'x'; 1 << 20];
    profile.string_table.push(b"lock".to_vec());
    profile.sample[0].label = vec![proto::Label { key: 6, str: 5 }];
    profile.sample = vec![profile.sample[0].clone(); 4000];
    assert!(matches!(message(&profile), Err(ReadError::TooLarge { .. })));
    let mut profile = minimal();
    profile.string_table[5] = [&b"holdup: class="[..], &[b'x'; 1 << 20]].concat();
    profile.comment = vec![5; 4000];
    assert!(message(&profile).is_ok_and(|profile| profile.classes().count() == 1));
}

#[test]
fn an_index_that_leads_nowhere_names_the_table_and_the_entry() {
    let check = |change: fn(&mut proto::Profile), expected: &str| {
        let mut profile = minimal();
        change(&mut profile);
        let error = message(&profile).expect_err(expected);
        assert_eq!(error.to_string(), format!("the profile is malformed: {expected}"));
    };
    message(&minimal()).unwrap();
    check(|p| p.sample[0].location_id[0] = 77, "location 77 does not exist");
    check(|p| p.sample[0].location_id[0] = 0, "location 0 does not exist");
    check(
        |p| p.location[0].line[0].function_id = u64::MAX,
        &format!("function {} does not exist", u64::MAX),
    );
    check(|p| p.location[0].mapping_id = 1, "mapping 1 does not exist");
    check(|p| p.function[0].name = 6, "string 6 does not exist");
    check(|p| p.function[0].filename = -1, "string -1 does not exist");
    check(|p| p.sample_type[0].unit = i64::MAX, &format!("string {} does not exist", i64::MAX));
    check(|p| p.comment.push(i64::MIN), &format!("string {} does not exist", i64::MIN));
    check(|p| p.sample[0].label.push(proto::Label { key: 99, str: 0 }), "string 99 does not exist");
    check(
        |p| p.mapping.push(proto::Mapping { id: 1, filename: 9, ..Default::default() }),
        "string 9 does not exist",
    );
}

#[test]
fn broken_rules_of_the_format_are_named() {
    let check = |change: fn(&mut proto::Profile), expected: &str| {
        let mut profile = minimal();
        change(&mut profile);
        let error = message(&profile).expect_err(expected);
        assert_eq!(error.to_string(), format!("the profile is malformed: {expected}"));
    };
    check(|p| p.sample[0].value.push(1), "a sample has 3 values where 2 are declared");
    check(|p| p.sample[0].value.clear(), "a sample has 0 values where 2 are declared");
    check(|p| p.sample[0].value[1] = -1, "a sample has a negative value");
    check(|p| p.string_table[0] = vec![b'x'], "the first string is not empty");
    check(|p| p.location.push(p.location[0].clone()), "location 1 is not unique");
    check(|p| p.function[0].id = 0, "function 0 is reserved");
    check(|p| p.mapping = vec![proto::Mapping::default()], "mapping 0 is reserved");
}

#[test]
fn a_name_in_an_error_is_short_and_without_codes() {
    let mut profile = minimal();
    profile.string_table[1] = b"\x1b[2J\n".repeat(1 << 20);
    let line = message(&profile).unwrap_err().to_string();
    assert!(line.starts_with("this is no contention profile"), "{line}");
}

#[test]
fn extreme_numbers_are_kept_in_bounds() {
    let mut profile = minimal();
    profile.sample[0].value = vec![i64::MAX, i64::MAX];
    profile.sample = vec![profile.sample[0].clone(); 3];
    profile.location[0].address = u64::MAX;
    profile.location[0].line[0].line = i64::MIN;
    profile.mapping = vec![proto::Mapping { id: 1, memory_start: u64::MAX, ..Default::default() }];
    profile.location[0].mapping_id = 1;
    profile.time_nanos = i64::MIN;
    profile.duration_nanos = i64::MIN;
    let read = message(&profile).unwrap();
    assert_eq!(read.totals().contentions, u64::MAX);
    assert_eq!(read.duration(), Duration::ZERO);
    assert_eq!(read.samples()[0].stack[0].line, None);
    read.write_text(std::io::sink()).unwrap();
    super::super::Profile::read_pprof(&written(&read)[..]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read(&bytes);
        let _ = read(&packed(&bytes));
    }

    #[test]
    fn random_bytes_after_a_good_beginning_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut message = minimal().encode_to_vec();
        message.extend(bytes);
        let _ = read(&message);
    }

    #[test]
    fn random_numbers_in_random_tables_never_panic(
        ids in proptest::collection::vec(0u64..6, 0..8),
        texts in proptest::collection::vec(-1i64..9, 8),
        values in proptest::collection::vec(any::<i64>(), 1..3),
    ) {
        let mut profile = minimal();
        profile.sample[0].location_id = ids.clone();
        profile.sample[0].value = values;
        profile.sample[0].label = vec![proto::Label { key: texts[0], str: texts[1] }];
        for (id, &other) in ids.iter().zip(&ids) {
            profile.location.push(proto::Location {
                id: id + 2,
                mapping_id: other,
                address: *id,
                line: vec![proto::Line { function_id: other, line: texts[2] }],
            });
        }
        profile.mapping.push(proto::Mapping { id: 1, filename: texts[3], ..Default::default() });
        profile.comment = texts;
        let _ = message(&profile);
    }
}
