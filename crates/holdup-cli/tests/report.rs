//! `holdup report` on profiles whose sums are known.

mod support;

use std::process::Stdio;

use predicates::prelude::*;
use support::{Sample, class, file, gzip, holdup, ours, pairs, pprof, with_comments};

/// The table of a report: the rows after the titles, as words.
fn rows(arguments: &[&str], profile: &tempfile::NamedTempFile) -> Vec<String> {
    let output = holdup().arg("report").args(arguments).arg(profile.path()).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let table = text.lines().skip_while(|line| !line.is_empty()).skip(2);
    table.map(words).collect()
}

#[test]
fn functions_have_flat_and_cumulative_sums() {
    let expected = [
        "600 ms 60.0 % 600 ms 60.0 % 4 shop::sort",
        "300 ms 30.0 % 300 ms 30.0 % 30 shop::add",
        "50.0 ms 5.0 % 50.0 ms 5.0 % 5 [handoff: nobody held the lock]",
        "50.0 ms 5.0 % 50.0 ms 5.0 % 1 [lost: there was no room for the stack]",
        "0 ns 0.0 % 900 ms 90.0 % 34 shop::main",
    ];
    assert_eq!(rows(&[], &ours()), expected);
    assert_eq!(rows(&["--by", "function"], &ours()), expected);
}

#[test]
fn lines_are_told_apart() {
    let rows = rows(&["--by", "line"], &ours());
    assert_eq!(rows[0], "600 ms 60.0 % 600 ms 60.0 % 4 /src/sort.rs:12 shop::sort");
    assert_eq!(rows[1], "200 ms 20.0 % 200 ms 20.0 % 20 /src/add.rs:9 shop::add");
    assert_eq!(rows[2], "100 ms 10.0 % 100 ms 10.0 % 10 /src/add.rs:7 shop::add");
    assert_eq!(rows.len(), 7);
}

#[test]
fn locks_have_their_blame_and_their_handoff() {
    let expected = [
        "750 ms 75.0 % 14 700 ms 50.0 ms 0 ns orders",
        "250 ms 25.0 % 21 250 ms 0 ns 50.0 ms users",
    ];
    assert_eq!(rows(&["--by", "lock"], &ours()), expected);
}

#[test]
fn the_first_line_tells_how_much_in_how_long() {
    holdup()
        .arg("report")
        .arg(ours().path())
        .assert()
        .success()
        .stdout(predicate::str::contains(": 1.00 s of waiting, 35 contentions, in 2.50 s\n"));
}

#[test]
fn top_limits_the_rows_and_says_so() {
    let some = rows(&["--top", "2"], &ours());
    assert_eq!(some.len(), 3);
    assert_eq!(some[2], "100 ms 10.0 % [3 more rows: --top 0 shows all]");
    assert_eq!(rows(&["--top", "0"], &ours()).len(), 5);
    assert_eq!(rows(&["--top", "18446744073709551615"], &ours()).len(), 5);
}

#[test]
fn a_profile_of_go_has_no_names_of_locks_and_reads_all_the_same() {
    let samples: [Sample<'_>; 1] =
        [(&["sync.(*Mutex).Unlock /go/mutex.go 223", "main.work /w/main.go 9"], &[], 3, 9_000)];
    for bytes in [gzip(&pprof(&samples)), pprof(&samples)] {
        let profile = file(&bytes);
        assert_eq!(rows(&[], &profile), ["9.00 µs 100.0 % 9.00 µs 100.0 % 3 main.work"]);
        let locks = rows(&["--by", "lock"], &profile);
        assert_eq!(locks, ["9.00 µs 100.0 % 3 9.00 µs 0 ns (unnamed)"]);
    }
}

/// The sum of the first two columns: nanoseconds and tenths of percent.
fn sums(rows: &[String]) -> (f64, i64) {
    let unit = |unit: &str| match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        other => panic!("{other} in {rows:?}"),
    };
    rows.iter().fold((0.0, 0), |sum, row| {
        let words: Vec<&str> = row.split(' ').collect();
        let amount = words[0].parse::<f64>().unwrap() * unit(words[1]);
        let percent: f64 = words[2].parse().unwrap();
        (sum.0 + amount, sum.1 + (percent * 10.0).round() as i64)
    })
}

#[test]
fn rows_add_up_to_the_exact_sums_whatever_was_sampled() {
    // Sampled blame is 800, 1000 or 1100 ms, exact is 1000; once more is waited for
    // sections that have not ended, once less than was charged.
    let stack = &["shop::sort /src/sort.rs 12"][..];
    let blame = [("lock", "orders"), ("kind", "blame")];
    for sampled in [800_000_000, 1_000_000_000, 1_100_000_000] {
        for waited in [900_000_000, 1_000_000_000, 1_250_000_000_u64] {
            let samples: [Sample<'_>; 1] = [(stack, &blame, 4, sampled)];
            let comments = [class("orders", waited, 1_000_000_000, 0)];
            let profile = file(&gzip(&with_comments(&samples, &comments)));
            for by in ["function", "line"] {
                let rows = rows(&["--by", by], &profile);
                let json = holdup().args(["report", "--json"]).arg(profile.path()).assert();
                let json = json.success().get_output().stdout.clone();
                let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
                let flat = json["rows"].as_array().unwrap().iter().map(|row| &row["flat_ns"]);
                let parts = flat.chain([&json["not_sampled_ns"], &json["not_charged_ns"]]);
                let sum: i64 = parts.map(|part| part.as_i64().unwrap()).sum();
                assert_eq!(sum, waited as i64);
                let (amount, percent) = sums(&rows);
                assert!((amount - waited as f64).abs() < 1.0, "{rows:?}");
                assert!((percent - 1000).abs() <= 1, "{rows:?}");
                let named = |text: &str| rows.iter().any(|row| row.contains(text));
                assert_eq!(named("[not sampled"), sampled < 1_000_000_000, "{rows:?}");
                assert_eq!(named("[sampled: "), sampled > 1_000_000_000, "{rows:?}");
                assert_eq!(named("[not charged yet"), waited > 1_000_000_000, "{rows:?}");
                assert_eq!(named("[charged before"), waited < 1_000_000_000, "{rows:?}");
            }
            assert_eq!(sums(&self::rows(&["--by", "lock"], &profile)).1, 1000);
        }
    }
}

#[test]
fn rows_that_are_not_shown_are_one_row_and_the_sum_stays() {
    for top in ["1", "2", "3"] {
        assert_eq!(sums(&rows(&["--top", top], &ours())), (1e9, 1000));
    }
    let locks = rows(&["--by", "lock", "--top", "1"], &ours());
    assert_eq!(locks[1], "250 ms 25.0 % 21 250 ms 0 ns 50.0 ms [1 more row: --top 0 shows all]");
}

#[test]
fn waits_for_a_section_that_has_not_ended_are_told() {
    // Five waits timed out; their holder holds on.
    let comments = [class("orders", 5_000_000, 0, 0)];
    let profile = file(&gzip(&with_comments(&[], &comments)));
    let name = "[not charged yet: sections that have not ended]";
    assert_eq!(rows(&[], &profile), [format!("5.00 ms 100.0 % {name}")]);
    assert_eq!(rows(&["--by", "lock"], &profile), ["5.00 ms 100.0 % 0 0 ns 0 ns orders"]);
}

#[test]
fn what_was_only_spun_for_is_told() {
    let comments = ["holdup: contentions=0 spun_ns=7000 spins=3 class=orders".to_owned()];
    let profile = file(&gzip(&with_comments(&[], &comments)));
    holdup().arg("report").arg(profile.path()).assert().success().stdout(predicate::str::contains(
        "No thread queued for a lock; 3 lock calls spun for 7.00 µs",
    ));
}

#[test]
fn pairs_tell_who_held_up_whom() {
    let expected = [
        "60.0 ms 60.0 % 3 orders shop::sort shop::get",
        "25.0 ms 25.0 % 2 orders shop::sort shop::put",
        "10.0 ms 10.0 % 1 orders shop::sort [victim: the stack is unknown]",
        "5.00 ms 5.0 % 6 orders [handoff: nobody held the lock]",
    ];
    assert_eq!(rows(&["--by", "pair"], &pairs()), expected);
    let top = rows(&["--by", "pair", "--top", "1"], &pairs());
    assert_eq!(top[1], "40.0 ms 40.0 % [3 more rows: --top 0 shows all]");
    // By either end.
    assert_eq!(rows(&[], &pairs())[0], "95.0 ms 95.0 % 95.0 ms 95.0 % 6 shop::sort");
    let expected = [
        "60.0 ms 60.0 % 60.0 ms 60.0 % 3 /src/get.rs:5 shop::get",
        "25.0 ms 25.0 % 25.0 ms 25.0 % 2 /src/put.rs:6 shop::put",
        "10.0 ms 10.0 % 10.0 ms 10.0 % 1 [victim: the stack is unknown]",
        "5.00 ms 5.0 % 5.00 ms 5.0 % 6 [handoff: nobody held the lock]",
        "0 ns 0.0 % 85.0 ms 85.0 % 5 shop::serve",
    ];
    assert_eq!(rows(&["--victims", "--by", "line"], &pairs()), expected);
}

#[test]
fn locks_have_percentiles_where_the_profile_knows_them() {
    let expected = ["100 ms 100.0 % 6 95.0 ms 5.00 ms 32 ns 32 ns 61.0 ms orders"];
    assert_eq!(rows(&["--by", "lock"], &pairs()), expected);
    let output = holdup().args(["report", "--json", "--by", "lock"]).arg(pairs().path()).assert();
    let json = &output.success().get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(json).unwrap();
    let row = &json["rows"][0];
    assert_eq!((&row["wait"]["p50_ns"], &row["hold"]["p999_ns"]), (&32.into(), &7.into()));
    assert_eq!((&row["longest_wait_ns"], &row["waits"]), (&61_000_000.into(), &5.into()));
}

#[test]
fn stacks_that_a_profile_has_not_are_asked_for_in_vain() {
    let cases: [(&[&str], &str); 3] = [
        (&["--by", "pair"], "it has no stacks of those who waited"),
        (&["--victims"], "it has no stacks of those who waited"),
        (&["--victims", "--by", "lock"], "--victims is for rows by function or by line"),
    ];
    for (arguments, why) in cases {
        let output = holdup().arg("report").args(arguments).arg(ours().path()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn json_has_every_row_and_the_sums() {
    let report = |arguments: &[&str]| -> serde_json::Value {
        let output =
            holdup().args(["report", "--json"]).args(arguments).arg(ours().path()).assert();
        serde_json::from_slice(&output.success().get_output().stdout).unwrap()
    };
    let json = report(&[]);
    assert_eq!((&json["schema"], &json["by"]), (&1.into(), &"function".into()));
    assert_eq!(json["waited_ns"], 1_000_000_000);
    assert_eq!(json["duration_ns"], 2_500_000_000_u64);
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0]["function"], "shop::sort");
    assert_eq!(rows[4]["cum_ns"], 900_000_000);
    let flat: u64 = rows.iter().map(|row| row["flat_ns"].as_u64().unwrap()).sum();
    assert_eq!(flat, 1_000_000_000);
    let json = report(&["--top", "2"]);
    assert_eq!((json["rows"].as_array().unwrap().len(), &json["more_rows"]), (2, &3.into()));
    let json = report(&["--by", "line"]);
    assert_eq!(json["rows"][0]["place"], "/src/sort.rs:12");
    let json = report(&["--by", "lock"]);
    assert_eq!(json["rows"][0]["lock"], "orders");
    assert_eq!(json["rows"][1]["lost_ns"], 50_000_000);
}

#[test]
fn colour_comes_when_it_is_asked_for() {
    let coloured = |color: &str| {
        let output = holdup().args(["report", "--color", color]).arg(ours().path()).assert();
        String::from_utf8_lossy(&output.success().get_output().stdout).contains("\x1b[1m")
    };
    assert_eq!([coloured("always"), coloured("never"), coloured("auto")], [true, false, false]);
}

#[test]
fn a_profile_without_contention_says_so() {
    holdup()
        .arg("report")
        .arg(file(&gzip(&pprof(&[]))).path())
        .assert()
        .success()
        .stdout(predicate::str::contains("It holds no contention"));
}

#[test]
fn standard_input_is_a_profile_too() {
    let profile = std::fs::read(ours().path()).unwrap();
    holdup()
        .args(["report", "-"])
        .write_stdin(profile)
        .assert()
        .success()
        .stdout(predicate::str::starts_with("standard input: 1.00 s of waiting"));
}

#[test]
fn what_is_no_terminal_gets_no_colour_and_no_name_can_give_orders_to_one() {
    let samples: [Sample<'_>; 1] = [(&["\x1b[2Jf\n\u{202e}g"], &[("lock", "\x1b]0;x\x07")], 1, 1)];
    let profile = file(&gzip(&pprof(&samples)));
    for by in ["function", "line", "lock"] {
        let output = holdup().args(["report", "--by", by]).arg(profile.path()).assert().success();
        let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        let orders = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(orders), "{text:?}");
        assert_eq!(text.lines().count(), 4, "{text:?}");
    }
}

#[test]
fn a_reader_who_stops_reading_is_no_failure() {
    // More than a pipe holds, so that the command must notice.
    let names: Vec<String> = (0..3000).map(|i| format!("function_number_{i}_of_many")).collect();
    let stacks: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let samples: Vec<Sample<'_>> = stacks.iter().map(|stack| (&stack[..], &[][..], 1, 1)).collect();
    let profile = file(&gzip(&pprof(&samples)));
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("holdup"));
    command.args(["report", "--top", "0"]).arg(profile.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_a_failure_in_one_line() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("holdup"));
    let output = command.arg("report").arg(ours().path()).stdout(full).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(message.starts_with("holdup: cannot write to standard output: "), "{message}");
    assert_eq!(message.lines().count(), 1);
}
