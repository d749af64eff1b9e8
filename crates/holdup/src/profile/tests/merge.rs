//! Several profiles as one.

use super::*;

/// The example as another run of the same program had it, with all code
/// `by` bytes higher.
fn moved(by: u64) -> Profile {
    let example = example();
    let mut builder = Builder::default();
    builder.add_all(example.named(), |frame| frame.address += by);
    let mut mappings = example.named().mappings.clone();
    for mapping in &mut mappings {
        mapping.start += by;
        mapping.limit += by;
    }
    with(example, builder.finish(vec![], mappings))
}

/// The same but for the stacks.
fn with(profile: Profile, named: Named) -> Profile {
    let Profile { time, duration, period, classes, .. } = profile;
    Profile::from_parts(time, duration, period, Contents::Blame, classes, named)
}

/// What stacks are charged with, whatever their addresses.
fn total(profile: &Profile) -> (u64, u128) {
    let samples = profile.samples().iter();
    samples.fold((0, 0), |sum, one| (sum.0 + one.count, sum.1 + one.delay.as_nanos()))
}

#[test]
fn one_profile_alone_stays_as_it_is() {
    assert_eq!(written(&Profile::merge([example()])), written(&example()));
}

#[test]
fn no_profile_is_an_empty_one() {
    let nothing = Profile::merge([]);
    assert!(nothing.samples().is_empty());
    assert_eq!(nothing.totals(), super::super::Totals::default());
    Profile::read_pprof(&written(&nothing)[..]).unwrap();
}

#[test]
fn sums_are_added_up_and_equal_stacks_become_one() {
    let merged = Profile::merge([example(), example(), example()]);
    assert_eq!(merged.samples().len(), example().samples().len());
    assert_eq!(total(&merged), (3 * total(&example()).0, 3 * total(&example()).1));
    assert_eq!(merged.totals_of("orders").unwrap().waits, 3 * 31);
    assert_eq!(merged.totals().waited, 3 * example().totals().waited);
    assert_eq!(merged.duration(), 3 * example().duration());
    assert_eq!((merged.time(), merged.period()), (example().time(), example().period()));
    // And it is a profile like any other.
    let read = Profile::read_pprof(&written(&merged)[..]).unwrap();
    assert_eq!(read.samples(), merged.samples());
}

#[test]
fn the_earliest_time_and_the_coarsest_period_are_those_of_the_whole() {
    let mut other = example();
    other.time += Duration::from_secs(60);
    other.period = Duration::from_millis(1);
    for pair in [[example(), other.clone()], [other, example()]] {
        let merged = Profile::merge(pair);
        assert_eq!(merged.time(), example().time());
        assert_eq!(merged.period(), Duration::from_millis(1));
    }
}

#[test]
fn another_run_of_the_same_program_has_the_same_stacks() {
    let merged = Profile::merge([example(), moved(0x5555_0000_0000)]);
    assert_eq!(merged.samples().len(), example().samples().len());
    assert_eq!(total(&merged), (2 * total(&example()).0, 2 * total(&example()).1));
    assert_eq!(merged.named().mappings, example().named().mappings);
}

#[test]
fn another_program_at_the_same_addresses_is_moved_out_of_the_way() {
    let mut other = example();
    let mut named = other.named().clone();
    named.mappings[0].build_id = "beef".to_owned();
    other = with(other, named);
    let merged = Profile::merge([example(), other]);
    let mappings = &merged.named().mappings;
    assert_eq!(mappings.len(), 3, "the library is the same");
    for (at, one) in mappings.iter().enumerate() {
        for other in &mappings[at + 1..] {
            assert!(one.limit <= other.start || other.limit <= one.start, "{one:?} {other:?}");
        }
    }
    // The offset of each call in its file is what it was.
    let files = |build_id: &str| -> Vec<u64> {
        let mapping = mappings.iter().find(|one| one.build_id == build_id).unwrap();
        let frames = merged.samples().iter().flat_map(|sample| &sample.stack);
        let inside = frames.filter(|frame| mapping.contains(frame.address));
        let mut offsets: Vec<_> = inside.map(|frame| frame.address - mapping.start).collect();
        offsets.sort_unstable();
        offsets
    };
    assert_eq!(files("beef"), files("00c0ffee"));
    assert_eq!(files("beef"), [0x1008, 0x1008, 0x1050, 0x1050, 0x1100]);
}

#[test]
fn where_there_is_no_room_an_address_is_forgotten_not_confused() {
    let with_mapping = |start, limit, file: &str| {
        let call = vec![frame("f", None, start, false)];
        let mapping = Mapping { start, limit, file: file.to_owned(), ..Mapping::default() };
        let named = named(vec![sample(call, "l", Kind::Blame, 1, 5)], vec![mapping]);
        profile(vec![], named)
    };
    let merged = Profile::merge([
        with_mapping(1, u64::MAX, "a"),
        with_mapping(5, 9, "b"),
        with_mapping(9, 5, "c"),
    ]);
    assert_eq!(merged.named().mappings.len(), 1);
    let addresses: Vec<_> = merged.samples().iter().map(|sample| sample.stack[0].address).collect();
    assert_eq!(addresses, [0, 1, 9], "b's is gone, c is no mapping");
}

#[test]
fn victims_histograms_and_the_longest_waits_are_added_up() {
    let one = victims::with_victims();
    let merged = Profile::merge([one.clone(), one.clone()]);
    assert_eq!(merged.contents(), Contents::Pairs);
    assert_eq!(merged.pairs().count(), one.pairs().count());
    assert!(merged.pairs().zip(one.pairs()).all(|(two, one)| two.delay == 2 * one.delay));
    assert_eq!(merged.waits().count(), 2 * one.waits().count());
    assert_eq!(merged.longest_waits().len(), 2 * one.longest_waits().len());
    assert!(merged.longest_waits().is_sorted_by_key(|wait| std::cmp::Reverse(wait.wait)));
    assert_eq!(merged.locks().next().unwrap().longest, one.locks().next().unwrap().longest);
    // With one that knows no victims, theirs are unknown.
    let mixed = Profile::merge([one.clone(), example()]);
    assert_eq!(mixed.contents(), Contents::Pairs);
    assert_eq!(total(&mixed).1, total(&one).1 + total(&example()).1);
}

#[test]
fn many_profiles_take_no_more_than_their_distinct_stacks() {
    let merged = Profile::merge((0..5_000).map(|_| example()));
    assert_eq!(merged.samples().len(), example().samples().len());
    assert_eq!(total(&merged).0, 5_000 * total(&example()).0);
}
