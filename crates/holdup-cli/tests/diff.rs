//! `holdup diff` on profiles whose sums are known.

mod support;

use std::fs;

use predicates::prelude::*;
use support::{Sample, class, file, gzip, holdup, ours, pairs, pprof, with_comments};

/// `ours()` after some work: sort is fast now, add is slower, log is new.
fn improved() -> tempfile::NamedTempFile {
    let orders = [("lock", "orders"), ("kind", "blame")];
    let samples: [Sample<'_>; 3] = [
        (&["shop::sort /src/sort.rs 12", "shop::main /src/main.rs 3"], &orders, 4, 50_000_000),
        (&["shop::add /src/add.rs 7", "shop::main /src/main.rs 4"], &orders, 10, 400_000_000),
        (&["shop::log /src/log.rs 1", "shop::main /src/main.rs 4"], &orders, 1, 10_000_000),
    ];
    file(&gzip(&pprof(&samples)))
}

fn diff(
    arguments: &[&str],
    before: &tempfile::NamedTempFile,
    after: &tempfile::NamedTempFile,
) -> Vec<String> {
    let run = holdup().arg("diff").args(arguments).args([before.path(), after.path()]).assert();
    let text = String::from_utf8(run.success().get_output().stdout.clone()).unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect()
}

#[test]
fn the_largest_changes_come_first_whatever_their_sign() {
    let lines = diff(&[], &ours(), &improved());
    assert!(
        lines[0].starts_with("before ") && lines[0].contains(": 1.00 s of waiting"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("after ") && lines[1].contains(": 460 ms of waiting"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "change -540 ms (-54.0 %)");
    let expected = [
        "600 ms 50.0 ms -550 ms -91.7 % shop::sort",
        "300 ms 400 ms +100 ms +33.3 % shop::add",
        "50.0 ms 0 ns -50.0 ms -100.0 % [handoff: nobody held the lock]",
        "50.0 ms 0 ns -50.0 ms -100.0 % [lost: there was no room for the stack]",
        "0 ns 10.0 ms +10.0 ms new shop::log",
    ];
    assert_eq!(lines[5..], expected);
    let lines = diff(&["--by", "line", "--top", "1"], &ours(), &improved());
    assert_eq!(lines[5], "600 ms 50.0 ms -550 ms -91.7 % /src/sort.rs:12 shop::sort");
    assert_eq!(lines[6], "400 ms 410 ms +10.0 ms +2.5 % [5 more rows: --top 0 shows all]");
    let lines = diff(&["--by", "lock"], &ours(), &improved());
    assert_eq!(
        lines[5..],
        ["750 ms 460 ms -290 ms -38.7 % orders", "250 ms 0 ns -250 ms -100.0 % users"]
    );
}

#[test]
fn pairs_are_compared_as_pairs() {
    let lines = diff(&["--by", "pair"], &pairs(), &pairs());
    assert_eq!(lines[5], "60.0 ms 60.0 ms 0 ns 0.0 % orders shop::sort shop::get");
    let output =
        holdup().args(["diff", "--by", "pair"]).args([pairs().path(), ours().path()]).output();
    let message = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(message.contains("it has no stacks of those who waited"), "{message}");
}

#[test]
fn a_profile_is_no_different_from_itself() {
    let lines = diff(&[], &ours(), &ours());
    assert_eq!(lines[2], "change 0 ns (0.0 %)");
    assert!(lines[5..].iter().all(|line| line.contains(" 0 ns 0.0 % ")), "{lines:?}");
}

#[test]
fn rows_add_up_to_the_change_of_what_was_waited() {
    let blame = [("lock", "orders"), ("kind", "blame")];
    let profile = |sampled, waited, blamed| {
        let samples: [Sample<'_>; 1] = [(&["shop::sort /src/sort.rs 12"], &blame, 4, sampled)];
        file(&gzip(&with_comments(&samples, &[class("orders", waited, blamed, 0)])))
    };
    let before = profile(90_000_000, 100_000_000, 100_000_000);
    let after = profile(250_000_000, 300_000_000, 240_000_000);
    let lines = diff(&[], &before, &after);
    assert_eq!(lines[2], "change +200 ms (+200.0 %)");
    let expected = [
        "90.0 ms 250 ms +160 ms +177.8 % shop::sort",
        "10.0 ms -10.0 ms -20.0 ms -200.0 % [not sampled: blame without a stack, or too much with]",
        "0 ns 60.0 ms +60.0 ms new [not charged yet: sections that have not ended]",
    ];
    assert_eq!(lines[5..], expected);
}

#[test]
fn a_longer_run_is_compared_by_the_length_of_the_other() {
    // 2.5 s against twice as long: merged with itself.
    let dir = tempfile::tempdir().unwrap();
    let double = dir.path().join("double");
    let one = ours();
    holdup().arg("merge").args([one.path(), one.path()]).arg("-o").arg(&double).assert().success();
    let double = file(&fs::read(double).unwrap());
    assert_eq!(diff(&[], &double, &one)[2], "change -1.00 s (-50.0 %)");
    let scaled = diff(&["--scale"], &double, &one);
    assert_eq!(scaled[2], "change 0 ns (0.0 %), with what was before times 0.500");
    assert!(scaled[5..].iter().all(|line| line.contains(" 0 ns 0.0 % ")), "{scaled:?}");
}

#[test]
fn the_picture_is_red_where_it_got_worse() {
    let dir = tempfile::tempdir().unwrap();
    let svg = dir.path().join("diff.svg");
    diff(&["--svg", svg.to_str().unwrap()], &ours(), &improved());
    let text = fs::read_to_string(svg).unwrap();
    assert!(text.contains("shop::add (400,000,000 ns, 86.96%; +65.22%)"), "{text}");
    assert!(text.contains("shop::sort (50,000,000 ns, 10.87%; -119.57%)"), "{text}");
}

#[test]
fn json_has_both_sums_of_every_row() {
    let run = holdup().args(["diff", "--json"]).args([ours().path(), improved().path()]).assert();
    let json: serde_json::Value =
        serde_json::from_slice(&run.success().get_output().stdout).unwrap();
    assert_eq!(
        (&json["schema"], &json["by"], &json["scale"]),
        (&1.into(), &"function".into(), &1.0.into())
    );
    assert_eq!(json["before"]["waited_ns"], 1_000_000_000);
    assert_eq!(json["after"]["waited_ns"], 460_000_000);
    let row = &json["rows"][0];
    assert_eq!((&row["name"], &row["change_ns"]), (&"shop::sort".into(), &(-550_000_000).into()));
    assert_eq!(json["rows"].as_array().unwrap().len(), 5);
}

#[test]
fn what_got_worse_and_what_got_better_have_colours_of_their_own() {
    let (before, after) = (ours(), improved());
    let mut run = holdup();
    run.args(["diff", "--color", "always"]).args([before.path(), after.path()]);
    let run = run.assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(
        text.contains("\x1b[31m+100 ms\x1b[0m") && text.contains("\x1b[32m-550 ms\x1b[0m"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_compared_is_told_in_one_line() {
    let fails = |arguments: &[&str]| {
        let output = holdup().arg("diff").args(arguments).write_stdin("").output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
        message
    };
    let profile = ours();
    let path = profile.path().to_str().unwrap();
    assert!(fails(&["-", "-"]).contains("only once"));
    assert!(fails(&[path, "-"]).contains("standard input: the profile is empty"));
    assert!(fails(&[path, path, "--svg", "-"]).contains("name a file with --svg"));
    assert!(fails(&[path, path, "--svg", "no/such/dir/x.svg"]).contains("cannot write"));
    let mut timeless = Vec::new();
    support::number(&mut timeless, 10, 0);
    let timeless = file(&[pprof(&[]), timeless].concat());
    let message = fails(&["--scale", timeless.path().to_str().unwrap(), path]);
    assert!(message.contains("does not say how long it is of"), "{message}");
    holdup().args(["diff", path]).assert().code(2).stderr(predicate::str::contains("AFTER"));
}
