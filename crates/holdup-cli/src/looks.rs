//! What a file looks like that is not what was asked for, so that the message
//! can say it.

use crate::folded;

/// Folded stacks, which some commands read.
pub const FOLDED: &str = "folded stacks (holdup flamegraph reads those)";

/// Formats that are known by how they begin.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"<?xml", "a picture (SVG) or other XML"),
    (b"<svg", "a picture (SVG)"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"\x7fELF", "a program or library (ELF)"),
    (b"PERFILE2", "a recording of Linux perf"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"\xfd7zXZ", "a file compressed by xz"),
    (b"BZh", "a file compressed by bzip2"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"--- mutex:", "Go's profile as text: ask for it without debug=1"),
    (b"--- contention", "Go's profile as text: ask for it without debug=1"),
    (b"Lock contention in ", "holdup's report as text: it is there to be read as it is"),
    (b"go 1.", "an execution trace of Go"),
    (b"# HELP ", "metrics of Prometheus"),
    (b"\x1f\x8b", "a file compressed by gzip with something else inside, or a damaged one"),
];

/// Formats in JSON, by a key they all have.
const JSON: &[(&str, &str)] = &[
    ("speedscope.app/file-format-schema", "a file of speedscope"),
    ("\"traceEvents\"", "a trace of Chrome"),
    ("\"wait_histogram\"", "a profile in holdup's JSON (holdup web reads that)"),
    ("\"waited_ns\"", "a report of holdup in JSON"),
];

/// How much of a file is looked at.
const ENOUGH: usize = 64 << 10;

/// What `bytes` look like; `None` if like nothing that is known.
pub fn like(bytes: &[u8]) -> Option<&'static str> {
    let begin = &bytes[..bytes.len().min(ENOUGH)];
    let known = BEGINNINGS.iter().find(|(magic, _)| begin.starts_with(magic));
    if let Some((_, what)) = known {
        return Some(what);
    }
    let text = String::from_utf8_lossy(begin);
    if text.trim_start().starts_with(['{', '[']) {
        let known = JSON.iter().find(|(key, _)| text.contains(key));
        return Some(known.map_or("JSON", |(_, what)| what));
    }
    if folded::looks_like(bytes) {
        return Some(FOLDED);
    }
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    // The end of what is looked at may be in the midst of a character.
    let printable =
        text.trim_end_matches('\u{fffd}').chars().all(|c| is_text(c) && c != '\u{fffd}');
    (printable && !bytes.is_empty()).then_some("a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_what_is_in_them() {
        let cases: [(&[u8], Option<&str>); 9] = [
            (b"main;work 12\nmain;rest 5\n", Some(FOLDED)),
            (b"orders;core::ops::function::FnOnce::call_once;f<[u8, 4]> 12", Some(FOLDED)),
            (b"just some words\n", Some("a text")),
            (b"chapter 12\nand then it went on\n", Some("a text")),
            (
                b"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\"}",
                Some("a file of speedscope"),
            ),
            (b" [1]", Some("JSON")),
            (b"<svg></svg>", Some("a picture (SVG)")),
            (b"\x00\x01\x02", None),
            (b"", None),
        ];
        for (bytes, what) in cases {
            assert_eq!(like(bytes), what, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
