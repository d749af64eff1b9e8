//! Sums of samples that are known by hand.

use std::time::Duration;

use holdup::profile::{Contents, Frame, Kind, Pair, Sample};

use super::*;

fn sample(stack: &[&str], lock: &str, kind: Kind, count: u64, delay: u64) -> Sample {
    let frame = |name: &&str| Frame {
        function: (*name).into(),
        file: Some(format!("{name}.rs").into()),
        line: Some(7),
        address: 0x10,
        inlined: false,
    };
    Sample {
        stack: stack.iter().map(frame).collect(),
        lock: lock.to_owned(),
        kind,
        count,
        delay: Duration::from_nanos(delay),
    }
}

fn example() -> Vec<Sample> {
    vec![
        sample(&["unlock", "work", "main"], "a", Kind::Blame, 2, 100),
        sample(&["work", "work", "main"], "b", Kind::Blame, 1, 50),
        sample(&[], "a", Kind::Handoff, 3, 7),
        sample(&[], "b", Kind::Lost, 1, 5),
    ]
}

/// Each sample as a pair without a victim.
fn pairs(samples: &[Sample]) -> Vec<Pair<'_>> {
    fn of(sample: &Sample) -> Pair<'_> {
        let Sample { stack, lock, kind, count, delay } = sample;
        Pair { culprit: stack, victim: &[], lock, kind: *kind, count: *count, delay: *delay }
    }
    samples.iter().map(of).collect()
}

fn culprits(samples: &[Sample], key: fn(&Frame) -> RowKey) -> Vec<(RowKey, Entry)> {
    by_frame(&pairs(samples), Contents::Blame, key)
}

#[test]
fn a_recursive_function_counts_once_in_the_cumulative_sum() {
    let rows = culprits(&example(), function_key);
    let of = |name: &str| rows.iter().find(|row| row.0.name == name).unwrap().1;
    assert_eq!(of("unlock").flat, Cost { delay: 100, count: 2 });
    assert_eq!(of("work").flat, Cost { delay: 50, count: 1 });
    assert_eq!(of("work").cum, Cost { delay: 150, count: 3 });
    assert_eq!(of("main").flat, Cost::default());
    assert_eq!(of("main").cum, Cost { delay: 150, count: 3 });
}

#[test]
fn flat_sums_add_up_to_the_whole_profile() {
    let samples = example();
    let whole = Cost::sum(pairs(&samples).iter().map(Cost::of));
    for rows in [culprits(&samples, function_key), culprits(&samples, line_key)] {
        assert_eq!(Cost::sum(rows.iter().map(|row| row.1.flat)), whole);
    }
    assert_eq!(Cost::sum(by_culprit(&samples).iter().map(|row| row.1)), whole);
}

#[test]
fn the_lock_of_go_is_not_charged_with_what_its_caller_did() {
    let samples = [sample(&["sync.(*Mutex).Unlock", "main.work"], "x", Kind::Blame, 1, 9)];
    let rows = culprits(&samples, function_key);
    assert_eq!((rows.len(), &*rows[0].0.name), (1, "main.work"));
    assert_eq!(by_culprit(&samples)[0].0.0, "main.work");
}

#[test]
fn a_pair_is_a_culprit_a_victim_and_a_lock() {
    let stacks = [
        sample(&["evict", "main"], "a", Kind::Blame, 1, 30),
        sample(&["get", "serve"], "a", Kind::Blame, 1, 30),
    ];
    let mut known = pairs(&stacks)[0];
    known.victim = &stacks[1].stack;
    let mut unknown = known;
    unknown.victim = &[];
    let handoff = sample(&[], "a", Kind::Handoff, 3, 7);
    let all = [known, known, unknown, pairs(std::slice::from_ref(&handoff))[0]];
    let rows = by_pair(&all);
    let text = |key: &RowKey| (key.name.clone(), key.victim.clone().unwrap_or_default());
    let rows: Vec<_> = rows.iter().map(|(key, cost)| (text(key), cost.delay)).collect();
    let expected = [
        (("evict", "get"), 60),
        (("evict", "[victim: the stack is unknown]"), 30),
        (("[handoff: nobody held the lock]", ""), 7),
    ];
    let expected = expected.map(|((a, b), delay)| ((a.to_owned(), b.to_owned()), delay));
    assert_eq!(rows, expected);
    // By the other end.
    let victims = by_frame(&all, Contents::Victims, function_key);
    let flat: Vec<_> = victims.iter().map(|row| (&*row.0.name, row.1.flat.delay)).collect();
    assert_eq!(flat[..2], [("get", 60), ("[victim: the stack is unknown]", 30)]);
    assert_eq!(flat[2..], [("[handoff: nobody held the lock]", 7), ("serve", 0)]);
}

#[test]
fn blame_without_a_stack_says_so() {
    let rows = culprits(&[sample(&[], "a", Kind::Blame, 1, 1)], function_key);
    assert_eq!(rows[0].0.name, "[blame: the stack is unknown]");
}

#[test]
fn absurd_numbers_saturate() {
    let mut absurd = sample(&["f"], "a", Kind::Blame, u64::MAX, 0);
    absurd.delay = Duration::MAX;
    let rows = culprits(&[absurd.clone(), absurd], function_key);
    assert_eq!(rows[0].1.flat.count, u64::MAX);
    assert_eq!(rows[0].1.flat.delay, 2 * Duration::MAX.as_nanos());
    let most = Books { waited: u128::MAX, sampled: u128::MAX, ..Books::default() };
    assert_eq!((most.not_charged(), most.not_sampled()), (i128::MAX, -i128::MAX));
}

#[test]
fn the_rest_makes_sampled_rows_add_up_to_what_was_waited() {
    for (waited, blamed, handoff, sampled) in
        [(100, 80, 20, 95), (100, 80, 20, 105), (100, 0, 0, 0), (50, 80, 20, 100), (9, 9, 0, 9)]
    {
        let books = Books { waited, blamed, handoff, sampled, ..Books::default() };
        let rest: i128 = books.rest().map(|row| row.1).sum();
        assert_eq!(sampled as i128 + rest, waited as i128);
        assert!(books.rest().all(|row| row.1 != 0));
    }
    let unfinished = Books { waited: 100, ..Books::default() };
    let names: Vec<_> = unfinished.rest().map(|row| row.0).collect();
    assert_eq!(names, ["[not charged yet: sections that have not ended]"]);
}

#[test]
fn changes_are_sorted_by_their_size_whatever_their_sign() {
    let cost = |delay| Cost { delay, count: 1 };
    let before =
        [("same", cost(5)), ("gone", cost(30)), ("worse", cost(10)), ("none", Cost::default())];
    let after = [("same", cost(5)), ("worse", cost(30)), ("new", cost(7))];
    let rows = difference(before, after);
    let changes: Vec<_> = rows.iter().map(|(key, change)| (*key, change.delay())).collect();
    assert_eq!(changes, [("gone", -30), ("worse", 20), ("new", 7), ("same", 0)]);
}
