//! Where a profile comes from, and how it becomes the JSON that the page reads.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::program::Program;
use crate::input::{self, MOST_BYTES};

/// What the page is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A file, or - for standard input.
    File(PathBuf),
    /// A program that runs.
    Program(Program),
}

impl Subject {
    /// What `text` on the command line stands for.
    pub fn of(text: &OsStr) -> anyhow::Result<Subject> {
        match text.to_str().filter(|text| text.contains("://")) {
            Some(url) => Program::at(url).map(Subject::Program),
            None => Ok(Subject::File(text.into())),
        }
    }

    /// What to call it.
    pub fn title(&self) -> String {
        match self {
            Subject::File(path) => input::name(path),
            Subject::Program(program) => program.to_string(),
        }
    }

    /// The profile as `Profile::write_json` writes it.
    pub fn json(&self) -> anyhow::Result<String> {
        match self {
            Subject::File(path) => to_json(input::bytes(path)?)
                .with_context(|| format!("cannot read {}", input::name(path))),
            Subject::Program(program) => program.fetch(),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Subject::File(path) => Some(path),
            Subject::Program(_) => None,
        }
    }
}

/// A profile as JSON: as it is, if it is JSON of the form the page knows.
pub fn to_json(bytes: Vec<u8>) -> anyhow::Result<String> {
    if bytes.len() as u64 > MOST_BYTES {
        bail!("it is larger than {} MiB", MOST_BYTES >> 20);
    }
    // No protocol buffer of a profile begins like this: as a tag, it would be field 15.
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        let json = String::from_utf8(bytes).context("it is no UTF-8")?;
        check(&json)?;
        return Ok(json);
    }
    let profile = input::of_bytes(&bytes)?;
    let mut json = Vec::new();
    profile.write_json(&mut json)?;
    Ok(String::from_utf8(json)?)
}

/// Who waits now, as a program says it: as it is, if it is JSON of the form the page knows.
pub fn waiting_json(bytes: Vec<u8>) -> anyhow::Result<String> {
    let json = String::from_utf8(bytes).context("it is no UTF-8")?;
    let form: FormOfWaiting =
        serde_json::from_str(&json).context("this does not say in JSON who waits")?;
    known(form.schema)?;
    Ok(json)
}

/// The parts without which it is something else. The page looks closer.
#[derive(Deserialize)]
struct FormOfWaiting {
    schema: u32,
    #[serde(rename = "locks")]
    _locks: IgnoredAny,
}

/// The same of a profile.
#[derive(Deserialize)]
struct Form {
    schema: u32,
    #[serde(rename = "locks")]
    _locks: IgnoredAny,
    #[serde(rename = "samples")]
    _samples: IgnoredAny,
}

fn check(json: &str) -> anyhow::Result<()> {
    let form: Form = serde_json::from_str(json).context("this is no profile in JSON")?;
    known(form.schema)
}

fn known(schema: u32) -> anyhow::Result<()> {
    if schema != 1 {
        bail!("its form has the version {schema}; this holdup knows 1");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(bytes: &[u8]) -> String {
        format!("{:#}", to_json(bytes.to_vec()).unwrap_err())
    }

    #[test]
    fn json_of_our_form_goes_through_as_it_is() {
        let mut json = Vec::new();
        holdup::profile::snapshot().write_json(&mut json).unwrap();
        assert_eq!(to_json(json.clone()).unwrap().into_bytes(), json);
    }

    #[test]
    fn a_profile_in_pprofs_format_becomes_the_same_json() {
        let profile = holdup::profile::snapshot();
        let (mut pprof, mut json) = (Vec::new(), Vec::new());
        profile.write_pprof(&mut pprof).unwrap();
        profile.write_json(&mut json).unwrap();
        assert_eq!(to_json(pprof).unwrap().into_bytes(), json);
    }

    #[test]
    fn who_waits_goes_through_as_it_is_and_nothing_else_does() {
        let mut json = Vec::new();
        holdup::live().write_json(&mut json).unwrap();
        assert_eq!(waiting_json(json.clone()).unwrap().into_bytes(), json);
        let error = |bytes: &[u8]| format!("{:#}", waiting_json(bytes.to_vec()).unwrap_err());
        assert!(error(b"<html>").starts_with("this does not say in JSON who waits: "));
        assert!(error(b"{\"schema\":1}").contains("missing field `locks`"));
        assert!(error(b"\xff").starts_with("it is no UTF-8"));
        assert_eq!(
            error(br#"{"schema":7,"locks":[]}"#),
            "its form has the version 7; this holdup knows 1"
        );
    }

    #[test]
    fn what_is_no_profile_is_said_in_a_line() {
        assert!(error(b"{}").starts_with("this is no profile in JSON: missing field"));
        assert!(error(b"{\"schema\": 1, \"locks\"").contains("EOF while parsing"));
        assert_eq!(
            error(br#"{"schema":7,"locks":[],"samples":[]}"#),
            "its form has the version 7; this holdup knows 1"
        );
        assert_eq!(
            error(b"{\xff"),
            "it is no UTF-8: invalid utf-8 sequence of 1 bytes from index 1"
        );
        assert_eq!(error(b""), "the profile is empty");
        assert_eq!(error(b"hello"), "this is not a pprof profile; it looks like a text");
        assert_eq!(error(&vec![b' '; MOST_BYTES as usize + 1]), "it is larger than 64 MiB");
    }
}
