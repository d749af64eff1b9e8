//! Profiles that say who waited: pairs, histograms, the longest waits.

use super::super::{Histogram, ReadError, WAITED_FOR};
use super::*;
use holdup_core::record::histogram::{bounds, index};
use proptest::prelude::*;

fn call(function: &str, address: u64) -> Frame {
    frame(function, Some(("src/main.rs", address as u32)), address, false)
}

fn histogram(times: &[(u64, u64)]) -> Histogram {
    let mut histogram = Histogram::default();
    times.iter().for_each(|&(time, count)| histogram.push(index(time), count));
    histogram
}

/// Two culprits, two victims of the first, one of the second, and an unknown one.
pub(super) fn with_victims() -> Profile {
    let (main, janitor) = (call("app::main", 1), vec![call("app::prune", 2), call("app::tidy", 3)]);
    let worker = |function| {
        let inlined = frame("app::take", Some(("C:\\a b.rs", 9)), 4, true);
        vec![inlined, call(function, 4), main.clone()]
    };
    let blame =
        |stack: &[Frame], count, delay| sample(stack.to_vec(), "orders", Kind::Blame, count, delay);
    let long = |wait, second| LongWait {
        lock: "orders".to_owned(),
        wait: Duration::from_nanos(wait),
        time: UNIX_EPOCH + Duration::from_secs(second),
        culprit: janitor.clone(),
        victim: worker("app::serve;=% "),
        culprit_thread: "the janitor".to_owned(),
        victim_thread: String::new(),
    };
    let named = pairs(
        vec![
            (blame(&janitor, 3, 3_000), worker("app::serve")),
            (blame(&janitor, 1, 1_000), worker("app::report")),
            (blame(&janitor, 1, 500), vec![]),
            (blame(&worker("app::serve"), 2, 50), worker("app::report")),
            (sample(vec![], "orders", Kind::Handoff, 9, 90), vec![]),
            (sample(vec![], "orders", Kind::Lost, 1, 10), vec![]),
        ],
        vec![long(2_500, 9), long(900, 7)],
        vec![],
    );
    let sums = Sums { contentions: 8, waits: 9, waited: 4_650, blamed: 4_560, ..Sums::default() };
    let orders = Class {
        name: "orders".to_owned(),
        sums: Sums { handoff: 90, handoffs: 9, ..sums },
        waits: histogram(&[(20, 4), (900, 4), (2_500, 1)]),
        holds: histogram(&[(50, 2), (3_000, 6)]),
        longest: 2_500,
        ..Class::default()
    };
    profile(vec![orders], named)
}

fn written_as(contents: Contents) -> Vec<u8> {
    let mut bytes = Vec::new();
    with_victims().write_pprof_of(contents, &mut bytes).expect("a vector takes all");
    bytes
}

fn folded(contents: Contents) -> String {
    let mut text = Vec::new();
    with_victims().write_folded_of(contents, &mut text).expect("a vector takes all");
    String::from_utf8(text).unwrap()
}

/// What one may ask of a profile.
fn all_of(profile: &Profile) -> impl PartialEq + std::fmt::Debug + use<> {
    let pairs: Vec<_> = profile
        .pairs()
        .map(|pair| {
            (pair.culprit.to_vec(), pair.victim.to_vec(), pair.kind, pair.count, pair.delay)
        })
        .collect();
    (pairs, profile.classes.clone(), profile.longest_waits().to_vec(), profile.contents())
}

#[test]
fn a_file_of_pairs_is_read_back_whole() {
    let read = Profile::read_pprof(&written_as(Contents::Pairs)[..]).unwrap();
    assert_eq!(all_of(&read), all_of(&with_victims()));
    let mut again = Vec::new();
    read.write_pprof_of(Contents::Pairs, &mut again).unwrap();
    assert_eq!(again, written_as(Contents::Pairs));
}

#[test]
fn the_pairs_of_a_culprit_add_up_to_its_blame() {
    let profile = with_victims();
    let blame: Vec<_> = profile
        .samples()
        .iter()
        .map(|one| (one.kind, one.stack.len(), one.count, one.delay.as_nanos()))
        .collect();
    let expected = [
        (Kind::Blame, 2, 5, 4_500),
        (Kind::Handoff, 0, 9, 90),
        (Kind::Blame, 3, 2, 50),
        (Kind::Lost, 0, 1, 10),
    ];
    assert_eq!(blame, expected);
    // And so it is in the file, where nothing says that there were victims.
    let file = Profile::read_pprof(&written_as(Contents::Blame)[..]).unwrap();
    assert_eq!((file.samples(), file.contents()), (profile.samples(), Contents::Blame));
    assert!(file.pairs().all(|pair| pair.victim.is_empty()));
}

#[test]
fn victims_have_all_that_culprits_are_blamed_for() {
    for profile in
        [with_victims(), Profile::read_pprof(&written_as(Contents::Victims)[..]).unwrap()]
    {
        let name = |one: &Sample| one.stack.get(1).map(|frame| frame.function.clone());
        let victims: Vec<_> = profile
            .victims()
            .iter()
            .map(|one| (name(one), one.kind, one.count, one.delay.as_nanos()))
            .collect();
        let known = |name: &str| Some(name.into());
        let expected = [
            (known("app::serve"), Kind::Blame, 3, 3_000),
            (known("app::report"), Kind::Blame, 3, 1_050),
            (None, Kind::Blame, 1, 500),
            (None, Kind::Handoff, 9, 90),
            (None, Kind::Lost, 1, 10),
        ];
        assert_eq!(victims, expected);
        let sum = |samples: &[Sample]| samples.iter().map(|one| one.delay).sum::<Duration>();
        assert_eq!(sum(profile.victims()), sum(profile.samples()));
    }
}

#[test]
fn folded_pairs_have_the_culprit_on_top_of_the_victim() {
    let expected = format!(
        "orders;[handoff: nobody held the lock] 90\n\
         orders;[lost: there was no room for the stack] 10\n\
         orders;[victim: the stack is unknown];{WAITED_FOR};app::tidy;app::prune 500\n\
         orders;app::main;app::report;app::take;{WAITED_FOR};app::main;app::serve;app::take 50\n\
         orders;app::main;app::report;app::take;{WAITED_FOR};app::tidy;app::prune 1000\n\
         orders;app::main;app::serve;app::take;{WAITED_FOR};app::tidy;app::prune 3000\n"
    );
    assert_eq!(folded(Contents::Pairs), expected);
    let victims = "\
orders;[handoff: nobody held the lock] 90
orders;[lost: there was no room for the stack] 10
orders;[victim: the stack is unknown] 500
orders;app::main;app::report;app::take 1050
orders;app::main;app::serve;app::take 3000
";
    assert_eq!(folded(Contents::Victims), victims);
}

#[test]
fn the_text_says_how_long_they_waited_and_for_whom() {
    let mut text = Vec::new();
    with_victims().write_text(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for line in [
        "How long each waited               p50       p90       p99     p99.9   longest   held p50   held p99",
        "orders                          911 ns   2.50 µs   2.50 µs   2.50 µs   2.50 µs    3.01 µs    3.01 µs",
        "    delay    share  lock              who waited                      for whom",
        "  4.00 µs   87.9 %  orders            app::take                       app::prune",
        "  longest  lock              who waited                          for whom",
        "  2.50 µs  orders            app::take                           the janitor: app::prune",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn differences_keep_pairs_apart_and_leave_what_is_new() {
    let later = with_victims();
    let mut earlier = with_victims();
    let mut file = Vec::new();
    // One that has less of one pair, one wait, and one of the long ones.
    earlier.classes[0].waits = histogram(&[(20, 4), (900, 4)]);
    earlier.classes[0].longest = 900;
    earlier.write_pprof_of(Contents::Pairs, &mut file).unwrap();
    let earlier = Profile::read_pprof(&file[..]).unwrap();
    let difference = later.since(&earlier);
    assert_eq!(difference.pairs().count(), 0);
    let lock = difference.locks().next().unwrap();
    assert_eq!((lock.waits.count(), lock.holds.count()), (1, 0));
    assert_eq!(lock.longest, Duration::from_nanos(2_500), "exact, for it is new");
    assert!(difference.longest_waits().is_empty(), "both have them");
    // Without a new longest one, the histogram says it within its error.
    let class = |longest, waits: &[(u64, u64)]| Class {
        longest,
        waits: histogram(waits),
        ..Class::default()
    };
    let left = class(5_000, &[(1_000, 2), (5_000, 1)]).minus(&class(5_000, &[(5_000, 1)]));
    assert_eq!(left.longest, bounds(index(1_000)).1);
}

#[test]
fn comments_are_short_enough_to_be_shown_to_people() {
    let bytes = unpacked(&written(&with_victims()));
    let proto = <super::super::proto::Profile as prost::Message>::decode(&bytes[..]).unwrap();
    let text = |index: &i64| String::from_utf8_lossy(&proto.string_table[*index as usize]);
    let (comments, more) = (proto.comment.iter().map(text), proto.more.iter().map(text));
    for comment in comments {
        assert!(comment.len() < 400, "{comment}");
        assert!(!comment.contains("histogram") && !comment.contains("culprit="), "{comment}");
    }
    let more: Vec<_> = more.collect();
    assert!(more.iter().any(|line| line.starts_with("holdup: wait_histogram=")), "{more:?}");
    assert!(more.iter().any(|line| line.starts_with("holdup: long_wait_ns=")), "{more:?}");
}

#[test]
fn bad_comments_are_one_clear_error() {
    for (comment, error) in [
        ("wait_histogram=9:2,x class=a", "its histograms: a bucket is not two numbers"),
        ("wait_histogram= class=a", "its histograms: a bucket is not two numbers"),
        ("wait_histogram=9:-1 class=a", "its histograms: a bucket is not two numbers"),
        ("hold_histogram=9:2,9:2 class=a", "its histograms: no bucket ends with 9 here"),
        ("hold_histogram=9:2,3:2 class=a", "its histograms: no bucket ends with 3 here"),
        ("hold_histogram=32:2 class=a", "its histograms: no bucket ends with 32 here"),
        ("long_wait_ns=x class=a", "its longest waits: invalid digit found in string"),
        ("long_wait_ns=1 culprit=f class=a", "its longest waits: a bad call"),
        ("long_wait_ns=1 culprit=f@g@h class=a", "its longest waits: a bad call"),
        ("long_wait_ns=1 victim=%zz@@0 class=a", "its longest waits: a bad call"),
        ("long_wait_ns=1 victim_thread=% class=a", "its longest waits: a bad escape"),
        ("long_wait_ns=1 victim_thread=%ff class=a", "its longest waits: a bad escape"),
        ("contents=all", "its contents: it is none of blame, victims, pairs"),
    ] {
        let found = hostile::with_comment(&format!("holdup: {comment}"), 1).unwrap_err();
        assert_eq!(found.to_string(), format!("the profile is malformed: {error}"), "{comment}");
    }
}

#[test]
fn what_comments_do_not_say_is_unknown() {
    for comment in ["", "holdup: ", "holdup: later=1", "holdup: x=1 y class=a", "another: x"] {
        let read = hostile::with_comment(comment, 1).unwrap();
        assert_eq!(read.contents(), Contents::Blame);
        assert!(read.waits().is_empty() && read.longest_waits().is_empty());
        // Sums are those of the samples.
        assert_eq!(read.totals().blamed, Duration::from_nanos(2), "{comment}");
    }
}

#[test]
fn a_comment_that_comes_a_million_times_is_read_once() {
    let long = format!("holdup: long_wait_ns=1 culprit={} class=a", "f@@0;".repeat(9_999) + "f@@0");
    let read = hostile::with_comment(&long, 1_000_000).unwrap();
    assert_eq!(read.longest_waits().len(), 1);
}

#[test]
fn more_of_the_longest_waits_than_there_may_be_are_refused() {
    let comments: Vec<_> =
        (0..1_025).map(|wait| format!("holdup: long_wait_ns={wait} class=a")).collect();
    assert_eq!(hostile::with_comments(&comments[1..]).unwrap().longest_waits().len(), 1_024);
    assert!(matches!(hostile::with_comments(&comments), Err(ReadError::Malformed(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_histogram_and_any_long_wait_survive_the_round_trip(
        times in proptest::collection::btree_map(any::<u64>(), any::<u64>(), 0..40),
        function in "\\PC{0,20}",
        file in proptest::option::of("\\PC{1,10}(:[0-9])?"),
        line in proptest::option::of(1..u32::MAX),
        thread in ".{0,15}",
        numbers: (u64, u32, u64, bool),
    ) {
        let (wait, time, address, inlined) = numbers;
        let mut waits = std::collections::BTreeMap::new();
        for (time, count) in times {
            *waits.entry(index(time)).or_insert(0_u64) |= count;
        }
        let mut histogram = Histogram::default();
        waits.into_iter().for_each(|(index, count)| histogram.push(index, count));
        let class = Class {
            name: "a class=b".to_owned(),
            waits: histogram.clone(),
            holds: histogram,
            ..Class::default()
        };
        let long = LongWait {
            lock: "a class=b".to_owned(),
            wait: Duration::from_nanos(wait),
            time: UNIX_EPOCH + Duration::from_nanos(time.into()),
            culprit: vec![Frame { function: function.into(), file: file.map(Into::into), line, address, inlined }],
            victim: vec![],
            culprit_thread: thread,
            victim_thread: "x".to_owned(),
        };
        let profile = profile(vec![class], pairs(vec![], vec![long], vec![]));
        let mut bytes = Vec::new();
        profile.write_pprof_of(Contents::Pairs, &mut bytes).unwrap();
        prop_assert_eq!(all_of(&Profile::read_pprof(&bytes[..]).unwrap()), all_of(&profile));
    }
}
