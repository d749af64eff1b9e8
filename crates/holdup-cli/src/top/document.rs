//! What programs serve, as it is read: `docs/json.md` describes both forms. What this
//! view does not show is passed over.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The version of both forms that is known here.
const SCHEMA: u32 = 1;

/// A profile, from the program's start.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Profile {
    pub duration_ns: u64,
    pub locks: Vec<Lock>,
    pub frames: Vec<Frame>,
    /// Indexes of frames, innermost first.
    pub stacks: Vec<Vec<usize>>,
    pub samples: Vec<Sample>,
    #[serde(default)]
    pub longest: Vec<Longest>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Lock {
    pub name: String,
    pub contentions: Option<u64>,
    pub waits: Option<u64>,
    pub waited_ns: Option<u64>,
    pub blamed_ns: Option<u64>,
    pub handoff_ns: Option<u64>,
    pub longest_ns: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Frame {
    pub function: String,
    pub file: Option<String>,
    pub line: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Sample {
    pub kind: Kind,
    pub lock: usize,
    pub stack: Option<usize>,
    pub count: u64,
    pub delay_ns: u64,
}

/// What a sample stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Blame,
    Handoff,
    Lost,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Longest {
    pub lock: usize,
    pub wait_ns: u64,
    pub culprit: Option<usize>,
    pub victim: Option<usize>,
    pub culprit_thread: Option<String>,
    pub victim_thread: Option<String>,
}

/// Who waits at a moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Live {
    /// The lock with the longest wait first.
    pub locks: Vec<LiveLock>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct LiveLock {
    pub name: String,
    pub address: String,
    pub held_by: String,
    pub holders: Vec<Holder>,
    /// The longest wait first.
    pub waiters: Vec<Waiter>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Holder {
    pub thread: u32,
    pub os_id: Option<u32>,
    pub thread_name: Option<String>,
    pub held_ns: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Waiter {
    pub thread: u32,
    pub os_id: Option<u32>,
    pub thread_name: Option<String>,
    pub waited_ns: u64,
    pub wants: String,
    pub timed: bool,
    #[serde(default)]
    pub stack: Vec<Frame>,
}

/// Reads either form.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> anyhow::Result<T> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let version: Version =
        serde_json::from_slice(json).context("this is nothing that holdup serves")?;
    if version.schema != SCHEMA {
        bail!("its form has the version {}; this holdup knows {SCHEMA}", version.schema);
    }
    serde_json::from_slice(json).context("this is nothing that holdup serves")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_library_writes_is_read() {
        let mut json = Vec::new();
        holdup::profile::snapshot().write_json(&mut json).unwrap();
        read::<Profile>(&json).unwrap();
        json.clear();
        holdup::live().write_json(&mut json).unwrap();
        read::<Live>(&json).unwrap();
    }

    #[test]
    fn what_is_something_else_is_said() {
        let says = |json: &str| format!("{:#}", read::<Live>(json.as_bytes()).unwrap_err());
        assert!(says("<html>").starts_with("this is nothing that holdup serves"));
        assert!(says("{\"schema\":1}").contains("missing field `locks`"));
        assert_eq!(says("{\"schema\":9}"), "its form has the version 9; this holdup knows 1");
    }
}
