//! What is written is read back, and differences are differences.

use super::*;
use crate::profile;
use proptest::prelude::*;

#[track_caller]
fn assert_same(read: &Profile, written: &Profile) {
    assert_eq!(read.samples(), written.samples());
    assert_eq!(read.named().mappings, written.named().mappings);
    assert_eq!(read.classes().collect::<Vec<_>>(), written.classes().collect::<Vec<_>>());
    assert_eq!(read.totals(), written.totals());
    assert_eq!(
        (read.time(), read.duration(), read.period()),
        (written.time(), written.duration(), written.period())
    );
}

#[test]
fn everything_written_is_read_back() {
    let profile = example();
    let read = Profile::read_pprof(&written(&profile)[..]).unwrap();
    assert_same(&read, &profile);
    assert_eq!(read.totals_of("orders").unwrap().waited, Duration::from_nanos(3_541_000));
    // And what is written again is the same file.
    assert_eq!(written(&read), written(&profile));
}

#[test]
fn a_profile_that_is_not_compressed_is_read_as_well() {
    let profile = example();
    assert_same(&Profile::read_pprof(&unpacked(&written(&profile))[..]).unwrap(), &profile);
}

#[test]
fn the_same_profile_gives_the_same_bytes() {
    assert_eq!(written(&example()), written(&example()));
}

#[test]
fn a_snapshot_of_this_process_survives_the_round_trip() {
    let profile = profile::snapshot();
    let read = Profile::read_pprof(&written(&profile)[..]).unwrap();
    // Also the times: nanoseconds both ways.
    assert_same(&read, &profile);
}

#[test]
fn a_time_before_1970_is_kept() {
    let mut profile = example();
    profile.time = UNIX_EPOCH - Duration::new(3, 5);
    let read = Profile::read_pprof(&written(&profile)[..]).unwrap();
    assert_eq!(read.time(), profile.time);
}

#[test]
fn a_profile_less_itself_is_empty() {
    let profile = example();
    let nothing = profile.since(&profile);
    assert!(nothing.samples().is_empty());
    assert_eq!(nothing.totals(), profile::Totals::default());
    assert_eq!(nothing.classes().count(), 0);
    assert_eq!(nothing.duration(), Duration::ZERO);
}

#[test]
fn a_difference_is_by_stack_class_and_kind_and_never_negative() {
    let later = example();
    let mut samples = example().samples().to_vec();
    for sample in &mut samples {
        match (sample.kind, sample.lock.as_str()) {
            // More than later, less than later, and gone.
            (Kind::Handoff, _) => sample.delay *= 2,
            (Kind::Lost, _) => sample.delay /= 4,
            (Kind::Blame, "orders") => sample.lock = "another".to_owned(),
            (Kind::Blame, _) => {}
        }
    }
    let mut earlier = Profile::from_parts(
        later.time - Duration::from_secs(5),
        later.duration,
        later.period,
        Contents::Blame,
        later.classes.clone(),
        named(samples, vec![]),
    );
    earlier.classes[1].sums.waited -= 1_000;
    earlier.classes[1].sums.blamed += 1_000_000;
    let difference = later.since(&earlier);
    let left: Vec<_> = difference
        .samples()
        .iter()
        .map(|sample| (sample.kind, sample.lock.as_str(), sample.count, sample.delay.as_nanos()))
        .collect();
    assert_eq!(
        left,
        [
            (Kind::Blame, "orders", 12, 3_000_000),
            (Kind::Lost, "orders", 0, 30_000),
            (Kind::Blame, "orders", 1, 999),
        ]
    );
    let totals = difference.totals();
    assert_eq!(totals.waited, Duration::from_nanos(1_000));
    assert_eq!(totals.blamed, Duration::ZERO);
    assert_eq!(difference.duration(), Duration::from_secs(5));
}

#[test]
fn names_that_share_a_class_are_found_by_either() {
    let mut profile = example();
    profile.classes[1].name = "jobs|orders".to_owned();
    assert_eq!(profile.totals_of("jobs"), profile.totals_of("orders"));
    assert_eq!(profile.totals_of("jobs|orders"), profile.totals_of("orders"));
    assert_eq!(profile.totals_of("order"), None);
}

prop_compose! {
    fn any_frame()(
        function in "\\PC{1,20}",
        file in proptest::option::of("\\PC{1,10}"),
        line in proptest::option::of(1..u32::MAX),
        // Zero stands for no address.
        address in 1u64..,
        inlined: bool,
    ) -> Frame {
        let file = file.map(Into::into);
        Frame { function: function.into(), file, line, address, inlined }
    }
}

/// How many samples there are, and the most of each.
const SAMPLES: usize = 12;
const MOST: u64 = i64::MAX as u64 / SAMPLES as u64;

prop_compose! {
    fn any_sample()(
        mut stack in proptest::collection::vec(any_frame(), 0..6),
        lock in "\\PC{0,12}",
        kind in prop_oneof![Just(Kind::Blame), Just(Kind::Handoff), Just(Kind::Lost)],
        // The sums of equal ones, too, are numbers of a file.
        count in 0..=MOST,
        delay in 0..=MOST,
    ) -> Sample {
        // An inlined frame shares its address with the one it is inlined in,
        // and the last one is inlined in nothing.
        let mut address = 1;
        for frame in stack.iter_mut().rev() {
            if frame.inlined && address != 1 {
                frame.address = address;
            } else {
                frame.inlined = false;
                address = frame.address;
            }
        }
        Sample { stack, lock, kind, count, delay: Duration::from_nanos(delay) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_profile_survives_the_round_trip(
        samples in proptest::collection::vec(any_sample(), 0..=SAMPLES),
        names in proptest::collection::btree_set("\\PC{0,12}( class=)?", 1..5),
        numbers: [u64; 8],
        period: u64,
    ) {
        let [contentions, waits, waited, blamed, handoff, handoffs, spins, spun] = numbers;
        let sums = Sums { contentions, waits, waited, blamed, handoff, handoffs, spins, spun };
        let classes = names.into_iter().map(|name| Class { name, sums, ..Class::default() });
        let profile = Profile::from_parts(
            UNIX_EPOCH,
            Duration::ZERO,
            Duration::from_nanos(period),
            Contents::Blame,
            classes.collect(),
            named(samples, vec![]),
        );
        let read = Profile::read_pprof(&written(&profile)[..]).unwrap();
        assert_same(&read, &profile);
    }
}
