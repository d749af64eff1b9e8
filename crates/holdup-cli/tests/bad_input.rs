//! Whatever `holdup report` is given: one line on standard error, exit code 1,
//! no panic, no memory without bounds.

mod support;

use std::io::Write;
use std::path::Path;

use flate2::{Compress, Compression, FlushCompress, Status};
use support::{Sample, bytes, gzip, holdup, number, pprof, varint};

/// Runs `holdup report path` and expects a failure in one line that names the file.
fn fails(path: &Path) -> String {
    let output = holdup().arg("report").arg(path).output().unwrap();
    one_line(&output, path)
}

fn one_line(output: &std::process::Output, path: &Path) -> String {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("holdup: cannot read "), "{message}");
    assert!(message.contains(&*path.to_string_lossy()), "{message}");
    assert!(output.stdout.is_empty());
    message
}

fn fails_on(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    fails(file.path())
}

fn good() -> Vec<u8> {
    let samples: [Sample<'_>; 2] = [
        (&["a /a.rs 1", "main /m.rs 2"], &[("lock", "l"), ("kind", "blame")], 3, 4_000),
        (&["b /b.rs 1", "main /m.rs 2"], &[("lock", "l"), ("kind", "blame")], 1, 2_000),
    ];
    pprof(&samples)
}

#[test]
fn a_missing_file() {
    assert!(fails(Path::new("no/such/file")).contains("No such file"));
}

#[test]
fn a_directory() {
    let dir = tempfile::tempdir().unwrap();
    assert!(fails(dir.path()).contains("directory"));
}

#[test]
fn an_empty_file() {
    fails_on(b"");
    fails_on(&gzip(b""));
}

#[test]
fn a_file_that_is_no_profile() {
    fails_on(b"this is a text, and no profile\n");
    fails_on(&gzip(b"this is a compressed text, and no profile\n"));
    fails_on(&[0xff; 4096]);
    fails_on(b"\x1f\x8b\x08\x00garbage that claims to be gzip");
}

#[test]
fn a_profile_that_was_cut_off_anywhere() {
    let compressed = gzip(&good());
    for length in (0..compressed.len()).step_by(7) {
        fails_on(&compressed[..length]);
    }
    // Cut inside of a field, whatever the compression says.
    let plain = good();
    fails_on(&gzip(&plain[..plain.len() - 1]));
}

#[test]
fn a_flipped_byte_never_panics() {
    // Most are noticed by the checksum or the parser, some are just other names.
    let plain = good();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for at in (0..plain.len()).step_by(5) {
        let mut bytes = plain.clone();
        bytes[at] ^= 0xff;
        std::fs::write(file.path(), gzip(&bytes)).unwrap();
        let output = holdup().arg("report").arg(file.path()).output().unwrap();
        match output.status.code() {
            Some(0) => assert!(output.stderr.is_empty()),
            _ => _ = one_line(&output, file.path()),
        }
    }
    file.flush().unwrap();
}

#[test]
fn a_profile_of_something_else() {
    // CPU time in microseconds: no contention in it.
    let mut message = Vec::new();
    let mut value_type = Vec::new();
    number(&mut value_type, 1, 1);
    number(&mut value_type, 2, 2);
    bytes(&mut message, 1, &value_type);
    for string in ["", "cpu", "microseconds"] {
        bytes(&mut message, 6, string.as_bytes());
    }
    fails_on(&gzip(&message));
}

#[test]
fn references_to_what_is_not_there() {
    let mut message = good();
    let mut sample = Vec::new();
    number(&mut sample, 1, 999_999);
    number(&mut sample, 2, 1);
    number(&mut sample, 2, 1);
    bytes(&mut message, 2, &sample);
    fails_on(&gzip(&message));
}

#[test]
fn lengths_that_lie() {
    for length in [1 << 20, u64::from(u32::MAX), u64::MAX / 2, u64::MAX] {
        let mut message = good();
        varint(&mut message, 6 << 3 | 2);
        varint(&mut message, length);
        message.extend_from_slice(b"short");
        fails_on(&gzip(&message));
    }
    // A number that never ends.
    fails_on(&gzip(&[0x80; 4096]));
}

/// A gzip member of 4 GiB: `unit` again and again. Deflate blocks that were
/// flushed in full do not refer to each other, so one of them can be repeated.
fn bomb(unit: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 8 << 20;
    const TIMES: usize = 512;
    let block: Vec<u8> =
        unit.iter().copied().cycle().take(BLOCK / unit.len() * unit.len()).collect();
    let mut compress = Compress::new(Compression::best(), false);
    let mut deflated = Vec::with_capacity(1 << 20);
    while (compress.total_in() as usize) < block.len() {
        let rest = &block[compress.total_in() as usize..];
        let status = compress.compress_vec(rest, &mut deflated, FlushCompress::Full).unwrap();
        assert_eq!(status, Status::Ok);
    }
    let mut file = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    for _ in 0..TIMES {
        file.extend_from_slice(&deflated);
    }
    file
}

#[test]
#[cfg(target_os = "linux")]
fn a_bomb_is_refused_with_little_memory() {
    let sample = b"\x12\x00";
    let string = b"\x32\x00";
    let location = b"\x22\x00";
    for unit in [&b"\0"[..], sample, string, location, b"\x12\x02\x08\x01", b"\x12\x04\x1a\0\x1a\0"]
    {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bomb(unit)).unwrap();
        // An allocation beyond 2 GB of address space would abort the command.
        let output = assert_cmd::Command::new("bash")
            .args(["-c", r#"ulimit -v 2000000 && exec "$0" report "$1""#])
            .arg(assert_cmd::cargo::cargo_bin("holdup"))
            .arg(file.path())
            .output()
            .unwrap();
        one_line(&output, file.path());
    }
}

#[test]
fn a_name_of_a_file_with_a_line_in_it_is_still_one_line() {
    let output = holdup().args(["report", "no\nsuch\x1b[2Jfile"]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
    assert!(!message.contains('\x1b'));
}

/// All commands that read a profile, with what they need besides it.
const READERS: [&[&str]; 8] = [
    &["report"],
    &["report", "--by", "lock", "--json"],
    &["flamegraph"],
    &["diff", "GOOD"],
    &["merge"],
    &["convert", "--to", "pprof"],
    &["convert", "--to", "folded"],
    &["convert", "--to", "speedscope"],
];

/// Runs each of the readers on a file of `bytes`.
fn each_reader(bytes: &[u8], mut look: impl FnMut(&str, std::process::Output, &Path)) {
    let (bad, right) = (support::file(bytes), support::file(&gzip(&good())));
    for arguments in READERS {
        let arguments = arguments.iter().map(|one| match *one {
            "GOOD" => right.path().as_os_str(),
            other => std::ffi::OsStr::new(other),
        });
        let mut command = holdup();
        command.args(arguments).arg(bad.path());
        look(&format!("{command:?}"), command.output().unwrap(), bad.path());
    }
}

#[test]
fn every_reader_fails_in_one_line_that_names_the_file() {
    let garbage: [&[u8]; 5] =
        [b"", b"\x1f\x8b\x08\x00garbage", &[0xff; 100], &good()[..good().len() - 1], b"<svg/>"];
    for bytes in garbage {
        each_reader(bytes, |_, output, path| _ = one_line(&output, path));
    }
}

#[test]
fn what_another_format_looks_like_is_said() {
    let cases: [(&[u8], &str); 7] = [
        (b"orders;shop::main;shop::sort 600\norders;shop::main 5\n", "it looks like folded stacks"),
        (b"<?xml version=\"1.0\"?><svg></svg>", "it looks like a picture (SVG)"),
        (
            b"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\"}",
            "a file of speedscope",
        ),
        (b"--- mutex:\ncycles/second=1\n", "it looks like Go's profile as text"),
        (b"Lock contention in 1.00 s; call stacks sampled\n", "holdup's report as text"),
        (b"\x7fELF\x02\x01\x01", "it looks like a program"),
        (b"{\"schema\":1,\"locks\":[{\"wait_histogram\":[]}]}", "(holdup web reads that)"),
    ];
    for (bytes, what) in cases {
        each_reader(bytes, |command, output, path| {
            // The one that reads them.
            if command.contains("flamegraph") && what.ends_with("folded stacks") {
                assert!(output.status.success(), "{output:?}");
                return;
            }
            let message = one_line(&output, path);
            assert!(message.contains(what), "{command}: {message}");
        });
    }
}

#[test]
fn folded_stacks_with_a_mistake_are_told_by_the_line() {
    let file = support::file(b"a;b 1\na;c 2\nno number\n");
    // The first lines make it folded stacks; here the third does not, and it is no profile.
    let output = holdup().arg("flamegraph").arg(file.path()).output().unwrap();
    one_line(&output, file.path());
    let many = "a;b 1\n".repeat(200) + "no number\n";
    let file = support::file(many.as_bytes());
    let output = holdup().arg("flamegraph").arg(file.path()).output().unwrap();
    let message = one_line(&output, file.path());
    assert!(message.contains("line 201 is no folded stack"), "{message}");
}

#[test]
fn hostile_names_are_only_names_in_every_output() {
    let names = [
        "</title></text><script>alert(1)</script>",
        "\"><img src=x onerror=alert(2)>",
        "&lt;&#x3c;]]>",
        "a;b 12",
        "# c",
        "\u{1b}[2J\u{202e}\u{ffff}\0",
        "f 99999999999999999999",
        "",
        "\u{9999}\u{1f980}e\u{301}",
    ];
    let stacks: Vec<[&str; 2]> = names.iter().map(|name| [*name, "main"]).collect();
    let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("lock", *name)]).collect();
    let samples: Vec<Sample<'_>> = stacks
        .iter()
        .zip(&labels)
        .map(|(stack, labels)| (&stack[..], &labels[..], 1, 1_000_000))
        .collect();
    let profile = pprof(&samples);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("<script>alert(3)&'.pb");
    std::fs::write(&path, gzip(&profile)).unwrap();
    let diff_svg = dir.path().join("diff.svg");
    holdup().arg("diff").args([&path, &path]).arg("--svg").arg(&diff_svg).assert().success();
    let svg = holdup().arg("flamegraph").arg(&path).assert().success();
    for svg in [svg.get_output().stdout.clone(), std::fs::read(diff_svg).unwrap()] {
        let svg = String::from_utf8(svg).unwrap();
        for markup in ["<script>alert", "<img", "\u{1b}", "\u{202e}", "\u{ffff}", "\0"] {
            assert!(!svg.contains(markup), "{markup:?}");
        }
        // Nothing was taken for a number, a comment, or another name: each is a
        // ninth of all, in a box of its own.
        assert_eq!(svg.matches("main (1,000,000 ns, 11.11%").count(), names.len(), "{svg}");
        let mut elements = 0;
        let mut reader = quick_xml::Reader::from_str(&svg);
        loop {
            match reader.read_event().expect("well-formed XML") {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(_) => elements += 1,
                _ => {}
            }
        }
        assert!(elements > 2 * names.len());
    }
    let terminal_safe =
        |text: &str| !text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}');
    for by in ["function", "line", "lock"] {
        let table = holdup().args(["report", "--by", by]).arg(&path).assert().success();
        assert!(terminal_safe(&String::from_utf8_lossy(&table.get_output().stdout)));
    }
    for arguments in [&["report", "--json"][..], &["convert", "--to", "speedscope"]] {
        let json = holdup().args(arguments).arg(&path).assert().success();
        let text = String::from_utf8(json.get_output().stdout.clone()).unwrap();
        assert!(terminal_safe(&text.replace('\u{202e}', "")), "controls are escaped in JSON");
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
    let folded = holdup().args(["convert", "--to", "folded"]).arg(&path).assert().success();
    let folded = String::from_utf8(folded.get_output().stdout.clone()).unwrap();
    assert_eq!(folded.lines().count(), names.len(), "{folded}");
}

#[test]
#[cfg(target_os = "linux")]
fn input_without_an_end_is_refused_in_time() {
    for arguments in [READERS[0], READERS[2], READERS[4]] {
        let mut command = assert_cmd::Command::new("bash");
        command
            .args(["-c", r#"ulimit -v 1000000 && exec timeout 300 "$0" "$@""#])
            .arg(assert_cmd::cargo::cargo_bin("holdup"))
            .args(arguments)
            .arg("/dev/zero");
        let output = command.output().unwrap();
        let message = one_line(&output, Path::new("/dev/zero"));
        assert!(message.contains("too large"), "{message}");
    }
}

/// As many distinct stacks as a hostile file may have.
#[test]
#[cfg(target_os = "linux")]
fn a_million_stacks_take_bounded_memory_and_time() {
    let file = support::file(&gzip(&support::many_stacks(1_000_000)));
    for arguments in [READERS[0], READERS[2], READERS[3], READERS[7]] {
        let arguments = arguments
            .iter()
            .map(|one| if *one == "GOOD" { file.path().to_str().unwrap() } else { one });
        let mut command = assert_cmd::Command::new("bash");
        command
            .args(["-c", r#"ulimit -v 4000000 && exec timeout 300 "$0" "$@" >/dev/null"#])
            .arg(assert_cmd::cargo::cargo_bin("holdup"))
            .args(arguments)
            .arg(file.path());
        let output = command.output().unwrap();
        match output.status.code() {
            Some(0) => assert!(output.stderr.is_empty()),
            _ => _ = one_line(&output, file.path()),
        }
    }
}
