//! The commands that write files: flamegraph, merge, convert, and what shells
//! and manuals need.

mod support;

use std::fs;
use std::path::Path;

use holdup::profile::{Contents, Profile};
use predicates::prelude::*;
use support::{Sample, file, holdup, ours, pairs, pprof};

fn read(path: &Path) -> Profile {
    Profile::read_pprof(fs::File::open(path).unwrap()).unwrap()
}

/// The standard output of a command that succeeds and says nothing else.
fn stdout(arguments: &[&str], profile: &Path) -> Vec<u8> {
    let run = holdup().args(arguments).arg(profile).assert().success();
    assert!(run.get_output().stderr.is_empty());
    run.get_output().stdout.clone()
}

#[test]
fn a_flame_graph_shows_locks_stacks_and_shares() {
    let svg = String::from_utf8(stdout(&["flamegraph"], ours().path())).unwrap();
    for title in [
        "orders (750,000,000 ns, 75.00%)",
        "shop::sort (600,000,000 ns, 60.00%)",
        "[handoff: nobody held the lock] (50,000,000 ns, 5.00%)",
        "Threads waited 1.00 s.",
    ] {
        assert!(svg.contains(title), "{title} in {svg}");
    }
    let title = stdout(&["flamegraph", "--title", "a <b> & c"], ours().path());
    assert!(String::from_utf8(title).unwrap().contains("a &lt;b&gt; &amp; c"));
}

#[test]
fn folded_stacks_make_the_same_picture_as_the_profile_they_are_of() {
    let dir = tempfile::tempdir().unwrap();
    let folded = dir.path().join("x.folded");
    fs::write(&folded, stdout(&["convert", "--to", "folded"], ours().path())).unwrap();
    let titles = |path: &Path| -> Vec<String> {
        let svg = String::from_utf8(stdout(&["flamegraph"], path)).unwrap();
        let titles = svg.split("<title>").skip(1).map(|rest| rest.split('<').next().unwrap());
        titles.map(str::to_owned).collect()
    };
    assert_eq!(titles(&folded), titles(ours().path()));
    holdup()
        .args(["flamegraph", "-"])
        .write_stdin("main;work 3\nmain;rest 1\n")
        .assert()
        .success()
        .stdout(predicate::str::contains("work (3 ns, 75.00%)"));
}

#[test]
fn merging_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("merged.pb.gz");
    let (a, b) = (ours(), ours());
    holdup()
        .arg("merge")
        .args([a.path(), b.path(), Path::new("-"), Path::new("-o"), &out])
        .write_stdin(fs::read(ours().path()).unwrap())
        .assert()
        .success()
        .stdout("");
    let (one, merged) = (read(a.path()), read(&out));
    assert_eq!(merged.totals().waited, 3 * one.totals().waited);
    assert_eq!(merged.totals().contentions, 3 * one.totals().contentions);
    assert_eq!(merged.duration(), 3 * one.duration());
    let sums = |profile: &Profile| -> Vec<_> {
        let samples = profile.samples().iter();
        samples.map(|one| (one.stack.clone(), one.lock.clone(), one.count, one.delay)).collect()
    };
    let tripled = sums(&one)
        .into_iter()
        .map(|(stack, lock, count, delay)| (stack, lock, 3 * count, 3 * delay));
    assert_eq!(sums(&merged), tripled.collect::<Vec<_>>());
    // Together with one of Go's.
    let samples: [Sample<'_>; 1] =
        [(&["sync.(*Mutex).Unlock /go/mutex.go 223", "main.work /w/main.go 9"], &[], 3, 9_000)];
    let go = file(&pprof(&samples));
    holdup().arg("merge").args([a.path(), go.path(), Path::new("-o"), &out]).assert().success();
    let merged = read(&out);
    assert_eq!(merged.totals().blamed, one.totals().blamed + read(go.path()).totals().blamed);
    assert_eq!(merged.classes().count(), 3);
}

#[test]
fn what_is_converted_to_pprof_is_the_same_profile() {
    for profile in [ours(), file(&fs::read(ours().path()).unwrap())] {
        let written = stdout(&["convert", "--to", "pprof"], profile.path());
        let (before, after) = (read(profile.path()), Profile::read_pprof(&written[..]).unwrap());
        assert_eq!(after.samples(), before.samples());
        assert_eq!(after.totals(), before.totals());
    }
}

#[test]
fn every_format_has_the_stacks_that_are_asked_for() {
    let folded = |arguments: &[&str]| {
        let arguments = [&["convert", "--to", "folded"], arguments].concat();
        String::from_utf8(stdout(&arguments, pairs().path())).unwrap()
    };
    let culprit = "shop::main;shop::sort";
    let victim = "orders;shop::serve;shop::get";
    assert!(folded(&[]).contains(&format!("orders;{culprit} 95000000\n")));
    assert!(folded(&["--stacks", "victims"]).contains(&format!("{victim} 60000000\n")));
    let both = format!("{victim};[waited for];{culprit} 60000000\n");
    assert!(folded(&["--stacks", "pairs"]).contains(&both));
    let picture = |stacks: &str| {
        let svg = stdout(&["flamegraph", "--stacks", stacks], pairs().path());
        String::from_utf8(svg).unwrap()
    };
    for (stacks, title, boxes) in [
        ("blame", "Who held everybody up", &["shop::sort (95,000,000 ns"][..]),
        ("victims", "Who was held up", &["shop::get (60,000,000 ns"]),
        ("pairs", "Who held up whom", &["shop::get (60,000,000 ns", "shop::sort (60,000,000 ns"]),
    ] {
        let svg = picture(stacks);
        assert!(svg.contains(title) && boxes.iter().all(|one| svg.contains(one)), "{svg}");
    }
    let speedscope =
        stdout(&["convert", "--to", "speedscope", "--stacks", "victims"], pairs().path());
    assert!(String::from_utf8(speedscope).unwrap().contains(r#""name":"shop::get""#));
}

#[test]
fn victims_and_pairs_survive_conversion_and_merging() {
    let dir = tempfile::tempdir().unwrap();
    let [victims, merged] = ["victims", "merged"].map(|name| dir.path().join(name));
    let (profile, blame) = (pairs(), ours());
    let converted = stdout(&["convert", "--to", "pprof"], profile.path());
    let converted = Profile::read_pprof(&converted[..]).unwrap();
    let before = read(profile.path());
    assert_eq!(converted.contents(), Contents::Pairs);
    assert!(converted.pairs().eq(before.pairs()));
    assert_eq!(converted.waits(), before.waits());
    holdup()
        .args(["convert", "--to", "pprof", "--stacks", "victims"])
        .args([profile.path(), Path::new("-o"), &victims])
        .assert()
        .success();
    assert_eq!(read(&victims).contents(), Contents::Victims);
    // Reports and pictures of it are of victims without being told so.
    let table = String::from_utf8(stdout(&["report"], &victims)).unwrap();
    assert!(table.contains("shop::get") && table.contains("Of those who waited"), "{table}");
    assert!(
        String::from_utf8(stdout(&["flamegraph"], &victims)).unwrap().contains("Who was held up")
    );
    let run = holdup().args(["flamegraph", "--stacks", "pairs"]).arg(&victims).assert().code(1);
    let message = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(message.contains("it has the stacks of those who waited alone"), "{message}");
    holdup()
        .arg("merge")
        .args([profile.path(), blame.path(), Path::new("-o"), &merged])
        .assert()
        .success();
    assert_eq!(read(&merged).contents(), Contents::Pairs);
    assert_eq!(
        read(&merged).totals().waited,
        before.totals().waited + read(blame.path()).totals().waited
    );
}

#[test]
fn a_speedscope_file_has_both_values_of_every_sample() {
    let written = stdout(&["convert", "--to", "speedscope"], ours().path());
    let json: serde_json::Value = serde_json::from_slice(&written).unwrap();
    let frames = json["shared"]["frames"].as_array().unwrap();
    let [delay, contentions] = &json["profiles"].as_array().unwrap()[..] else { panic!("{json}") };
    assert_eq!((&delay["unit"], &contentions["unit"]), (&"nanoseconds".into(), &"none".into()));
    assert_eq!(delay["endValue"], 1_000_000_000);
    assert_eq!(contentions["endValue"], 40);
    for profile in [delay, contentions] {
        let (samples, weights) = (profile["samples"].as_array(), profile["weights"].as_array());
        let (samples, weights) = (samples.unwrap(), weights.unwrap());
        assert_eq!((samples.len(), weights.len()), (5, 5));
        let names = |at: usize| -> Vec<&str> {
            let stack = samples[at].as_array().unwrap().iter();
            stack
                .map(|at| frames[at.as_u64().unwrap() as usize]["name"].as_str().unwrap())
                .collect()
        };
        assert_eq!(names(0), ["orders", "shop::main", "shop::sort"]);
    }
    assert_eq!(
        frames.iter().find(|frame| frame["name"] == "shop::sort").unwrap()["file"],
        "/src/sort.rs"
    );
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let profile = ours();
    let writes: [&[&str]; 4] = [
        &["flamegraph"],
        &["merge"],
        &["convert", "--to", "folded"],
        &["convert", "--to", "speedscope"],
    ];
    for arguments in writes {
        let out = dir.path().join("out");
        fs::write(&out, "before").unwrap();
        // A bad input leaves what was there.
        let bad = file(b"no profile");
        holdup().args(arguments).arg(bad.path()).arg("-o").arg(&out).assert().code(1);
        assert_eq!(fs::read(&out).unwrap(), b"before");
        // A good one replaces it, and nothing else is in the folder.
        holdup().args(arguments).arg(profile.path()).arg("-o").arg(&out).assert().success();
        assert_ne!(fs::read(&out).unwrap(), b"before");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        // Where no file can be, one line says so.
        let nowhere = dir.path().join("none/out");
        let run = holdup().args(arguments).arg(profile.path()).arg("-o").arg(&nowhere).assert();
        let message = String::from_utf8(run.code(1).get_output().stderr.clone()).unwrap();
        assert!(message.starts_with("holdup: cannot write "), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_what_was_there() {
    // A file may have a few bytes only: every larger write fails.
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::write(&out, "before").unwrap();
    let output = assert_cmd::Command::new("bash")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1; exec "$0" flamegraph "$1" -o "$2""#])
        .arg(assert_cmd::cargo::cargo_bin("holdup"))
        .args([ours().path(), &out])
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
    assert!(message.contains("cannot write"), "{message}");
    assert_eq!(fs::read(&out).unwrap(), b"before");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = holdup().args(["completions", shell]).assert().success();
        let script = String::from_utf8(script.get_output().stdout.clone()).unwrap();
        for word in ["report", "flamegraph", "diff", "merge", "convert", "by"] {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
    // It is a script that bash takes.
    let script = holdup().args(["completions", "bash"]).assert().success();
    let complete = r"
        COMP_WORDS=(holdup convert x --to spe) COMP_CWORD=4
        _holdup holdup spe --to
        echo ${COMPREPLY[@]}";
    let script = [&script.get_output().stdout[..], complete.as_bytes()].concat();
    assert_cmd::Command::new("bash").write_stdin(script).assert().success().stdout("speedscope\n");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("new/man1");
    holdup().arg("man").arg(&pages).assert().success().stdout("");
    for name in ["holdup", "holdup-report", "holdup-flamegraph", "holdup-diff", "holdup-merge"] {
        let page = fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".TH ") && page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    let page = holdup().arg("man").assert().success();
    assert_eq!(page.get_output().stdout, fs::read(pages.join("holdup.1")).unwrap());
}
