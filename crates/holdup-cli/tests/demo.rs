//! `holdup demo` on a small tree of its own.

mod support;

use std::fs;
use std::path::Path;

use holdup::profile::{Kind, Profile};
use predicates::prelude::*;
use support::holdup;

/// The planted culprit.
const CULPRIT: &str = "holdup_cli::demo::crew::prune_and_sort";

/// Files with many words, most of them in few files, and some in known ones.
fn tree(dir: &Path, files: u32) {
    for file in 0..files {
        // A small linear congruential generator: the same text each time.
        let mut state = file;
        let mut text = String::from("everywhere\n");
        if file % 10 == 0 {
            text.push_str("mutex thread\n");
        }
        for _ in 0..1500 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push_str(&format!("w{} ", (state >> 8) % 40_000));
        }
        let folder = dir.join(format!("{}", file % 7));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{file}.txt")), text).unwrap();
    }
}

/// What the demonstration prints.
fn demo(dir: &Path, out: &Path) -> String {
    let run = holdup().arg("demo").arg(dir).arg("--out").arg(out).assert().success();
    assert!(run.get_output().stderr.is_empty());
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

#[test]
fn the_pruner_tops_the_profile_and_both_files_tell_so() {
    let dir = tempfile::tempdir().unwrap();
    let (input, out) = (dir.path().join("input"), dir.path().join("new/folder"));
    tree(&input, 250);
    fs::write(input.join("binary"), [0u8; 100]).unwrap();
    fs::write(input.join("large"), vec![b' '; (1 << 20) + 1]).unwrap();
    let text = demo(&input, &out);

    assert!(text.contains("Indexed 250 files ("), "{text}");
    assert!(text.contains("Left out: 1 not text, 1 over 1 MiB."), "{text}");
    assert!(text.contains("\"everywhere\" is in 250 files"), "{text}");
    assert!(text.contains("\"mutex\" and \"thread\" are both in 25 files"), "{text}");
    assert!(text.contains("the books balance"), "{text}");
    let mut table = text.lines().skip_while(|line| !line.starts_with("Who held everybody up"));
    let first = table.nth(2).unwrap();
    assert!(first.contains(CULPRIT) && first.contains(" index "), "{text}");

    let profile = fs::File::open(out.join("holdup.pb.gz")).unwrap();
    let profile = Profile::read_pprof(profile).unwrap();
    let blame = |culprit: bool| -> u128 {
        let mine = profile.samples().iter().filter(|sample| {
            sample.kind == Kind::Blame && (sample.stack[0].function == CULPRIT) == culprit
        });
        mine.map(|sample| sample.delay.as_nanos()).sum()
    };
    assert!(blame(true) > blame(false), "{} against {}", blame(true), blame(false));
    assert!(profile.samples().iter().all(|sample| sample.lock == "index"));

    let svg = fs::read_to_string(out.join("holdup.svg")).unwrap();
    assert!(svg.contains(CULPRIT) && svg.contains("</svg>"));

    holdup()
        .args(["report", "--top", "1"])
        .arg(out.join("holdup.pb.gz"))
        .assert()
        .success()
        .stdout(predicate::str::contains(CULPRIT));
}

#[test]
fn json_has_the_books_the_culprits_and_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("input");
    tree(&input, 30);
    let run = holdup().args(["demo", "--json"]).arg(&input).arg("--out").arg(dir.path()).assert();
    let json: serde_json::Value =
        serde_json::from_slice(&run.success().get_output().stdout).unwrap();
    assert_eq!((&json["schema"], &json["indexed"]["files"]), (&1.into(), &30.into()));
    assert_eq!(json["not_charged_ns"], 0);
    let number = |name: &str| json[name].as_u64().unwrap();
    assert_eq!(number("waited_ns"), number("blamed_ns") + number("handoff_ns"));
    assert_eq!(json["tasks"][0]["task"], "indexing");
    let profile = fs::File::open(json["file"].as_str().unwrap()).unwrap();
    assert_eq!(
        Profile::read_pprof(profile).unwrap().totals().waited.as_nanos(),
        number("waited_ns").into()
    );
    assert!(fs::read_to_string(json["picture"].as_str().unwrap()).unwrap().contains("</svg>"));
    for culprit in json["culprits"].as_array().unwrap() {
        assert_eq!(culprit["lock"], "index");
    }
}

#[test]
fn any_number_of_threads_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("input");
    tree(&input, 30);
    for threads in ["1", "2", "64"] {
        holdup()
            .args(["demo", "--threads", threads])
            .arg(&input)
            .arg("--out")
            .arg(dir.path())
            .assert()
            .success()
            .stdout(predicate::str::contains("Indexed 30 files"))
            .stdout(predicate::str::contains("the books balance"));
    }
}

#[test]
fn a_tree_of_one_file_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("input");
    fs::create_dir(&input).unwrap();
    fs::write(input.join("a"), "just one").unwrap();
    let text = demo(&input, dir.path());
    assert!(text.contains("Indexed 1 file ("), "{text}");
    assert!(text.contains("\"just\" and \"one\" are both in 1 file\n"), "{text}");
}

#[test]
fn without_a_folder_the_repository_around_is_indexed() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("repository/src");
    fs::create_dir_all(&inner).unwrap();
    fs::create_dir(dir.path().join("repository/.git")).unwrap();
    fs::write(dir.path().join("repository/a"), "above").unwrap();
    fs::write(inner.join("b"), "below").unwrap();
    holdup()
        .args(["demo", "--out"])
        .arg(dir.path())
        .current_dir(&inner)
        .env("CARGO_HOME", dir.path().join("none"))
        .assert()
        .success()
        .stdout(predicate::str::contains("Indexed 2 files"));
}

#[test]
fn what_cannot_work_fails_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("file"), "text").unwrap();
    fs::create_dir_all(path("taken/holdup.svg")).unwrap();
    let cases: [(Vec<String>, &str); 5] = [
        (vec![path("none")], "cannot read"),
        (vec![path("file")], "is not a directory"),
        (vec![path("empty"), "--out".into(), path("out")], "found no file to index"),
        (vec![path("taken"), "--out".into(), path("file")], "cannot make the folder"),
        (vec![path("taken"), "--out".into(), path("taken")], "cannot write"),
    ];
    for (arguments, reason) in cases {
        let output = holdup().arg("demo").args(&arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
        assert!(message.starts_with("holdup: ") && message.contains(reason), "{message}");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_exit_code_2() {
    let cases: [&[&str]; 7] = [
        &[],
        &["report"],
        &["report", "--nonsense", "x"],
        &["report", "--by", "colour", "x"],
        &["report", "--top", "-1", "x"],
        &["demo", "--threads", "0"],
        &["demo", "--threads", "1000000"],
    ];
    for arguments in cases {
        holdup()
            .args(arguments)
            .assert()
            .code(2)
            .stderr(predicate::str::contains("--help").or(predicate::str::contains("Usage")));
    }
    holdup().arg("--version").assert().success().stdout(predicate::str::starts_with("holdup "));
    holdup().args(["demo", "--help"]).assert().success();
}
