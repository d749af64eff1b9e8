//! What people read and flame graphs are made of.

use super::*;

fn folded(profile: &Profile) -> String {
    let mut bytes = Vec::new();
    profile.write_folded(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn text(profile: &Profile) -> String {
    let mut bytes = Vec::new();
    profile.write_text(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn folded_stacks_begin_with_the_lock_and_end_with_the_culprit() {
    assert_eq!(
        folded(&example()),
        "(unnamed);[blame: the stack is unknown] 10\n\
         (unnamed);app::main;<app::Set<[u8, 4]> as Drop>::drop 2000\n\
         orders;[handoff: nobody held the lock] 500000\n\
         orders;[lost: there was no room for the stack] 40000\n\
         orders;app::main;app::sweep;app::prune 3000000\n\
         orders;libx.so+0x123 999\n"
    );
}

#[test]
fn folded_stacks_of_equal_names_are_added_up_and_empty_ones_left_out() {
    let call = |address| vec![frame("a;b\nc", None, address, false)];
    let samples = vec![
        sample(call(1), "x", Kind::Blame, 1, 5),
        sample(call(2), "x", Kind::Blame, 1, 6),
        sample(call(3), "y", Kind::Blame, 1, 0),
    ];
    let profile = with_samples(samples);
    assert_eq!(folded(&profile), "x;a,b c 11\n");
}

fn with_samples(samples: Vec<Sample>) -> Profile {
    let example = example();
    Profile::from_parts(
        example.time,
        example.duration,
        example.period,
        Contents::Blame,
        example.classes,
        named(samples, vec![]),
    )
}

#[test]
fn the_text_says_all_a_person_asks_for() {
    let expected = "\
Lock contention in 12.3 s; call stacks sampled one per 100 µs of delay

  waited     3.54 ms  in 35 waits
  = blamed   3.04 ms   85.9 %  on 19 critical sections
  + handoff   500 µs   14.1 %  while nobody held the lock
  spun       1.23 µs  in 4 locks without queueing; not part of the above

lock                          contentions        waits     waited     blamed    handoff       spun
orders                                 15           31    3.54 ms    3.04 ms     500 µs    1.23 µs
(unnamed)                               4            4    2.01 µs    2.01 µs          0          0

Who held them up: 3.04 ms by the sampled call stacks, 1.3 % of it without a stack

    delay    share       count  lock              function
  3.00 ms   98.6 %          12  orders            app::prune
                                                  src/index.rs:120
  40.0 µs    1.3 %           2  orders            [lost: there was no room for the stack]
  2.00 µs    0.1 %           3  (unnamed)         <app::Set<[u8; 4]> as Drop>::drop
                                                  a;b.rs:7
   999 ns    0.0 %           1  orders            libx.so+0x123
    10 ns    0.0 %           1  (unnamed)         [blame: the stack is unknown]
";
    assert_eq!(text(&example()), expected);
}

#[test]
fn a_table_fits_100_columns_whatever_the_names_and_numbers_are() {
    let long = "very::long::path::".repeat(20);
    let mut profile = with_samples(vec![sample(
        vec![frame(&long, Some((&long, u32::MAX)), 1, false)],
        &long,
        Kind::Blame,
        u64::MAX,
        u64::MAX,
    )]);
    profile.classes[0].name = "名前の長いロックです".repeat(9);
    let sums = &mut profile.classes[0].sums;
    (sums.contentions, sums.waits, sums.waited) = (u64::MAX, 999_999_999, u64::MAX);
    (sums.blamed, sums.handoff, sums.spun) = (999_998_000_000_000, u64::MAX / 2, u64::MAX);
    for line in text(&profile).lines() {
        // Wide characters take two columns.
        let columns: usize = line.chars().map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum();
        assert!(columns <= 100, "{columns} columns: {line}");
    }
}

#[test]
fn more_culprits_than_fit_are_summed_up() {
    let samples = (1..=25).map(|n| {
        let name = format!("f{n:02}");
        sample(vec![frame(&name, None, n, false)], "x", Kind::Blame, 1, 1000)
    });
    let text = text(&with_samples(samples.collect()));
    assert!(text.contains("f20"), "{text}");
    assert!(!text.contains("f21"), "{text}");
    assert!(text.ends_with("  5.00 µs   20.0 %              and 5 more\n"), "{text}");
}

#[test]
fn an_empty_profile_says_so() {
    let nothing = example().since(&example());
    let text = text(&nothing);
    assert!(text.contains("Nobody waited for a lock."), "{text}");
    assert_eq!(folded(&nothing), "");
}

#[test]
fn a_profile_without_samples_says_whether_sampling_was_off() {
    let mut profile = with_samples(vec![]);
    profile.period = Duration::ZERO;
    let text = text(&profile);
    assert!(text.contains("sampling of call stacks is off"), "{text}");
    assert!(text.ends_with("No call stack was sampled.\n"), "{text}");
}

#[test]
fn waits_that_are_not_over_are_explained() {
    let mut profile = example();
    profile.classes[1].sums.blamed += 1_000_000;
    let text = text(&profile);
    assert!(text.contains("The sums differ by 1.00 ms: some waits were not over"), "{text}");
}
