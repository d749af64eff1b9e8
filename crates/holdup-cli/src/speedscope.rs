//! Writes profiles for speedscope, in its own published format
//! (<https://www.speedscope.app/file-format-schema.json>).

use std::collections::HashMap;

use holdup::profile::{Contents, Pair, Profile};
use serde::Serialize;

use crate::stacks::{self, Part};

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// What speedscope reads.
#[derive(Serialize)]
pub struct File<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    name: &'a str,
    exporter: &'static str,
    #[serde(rename = "activeProfileIndex")]
    active_profile_index: usize,
    shared: Shared<'a>,
    profiles: [Sampled; 2],
}

#[derive(Serialize)]
struct Shared<'a> {
    frames: Vec<Function<'a>>,
}

#[derive(Serialize, PartialEq, Eq, Hash, Clone, Copy)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

/// One of the values of each sample.
#[derive(Serialize)]
struct Sampled {
    r#type: &'static str,
    name: &'static str,
    unit: &'static str,
    #[serde(rename = "startValue")]
    start_value: u64,
    #[serde(rename = "endValue")]
    end_value: u64,
    /// Outermost first, as indexes of the functions.
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

impl<'a> File<'a> {
    /// The stacks of `profile` that `contents` says, under the name `name`:
    /// delays and, as a second profile in the same file, contentions. The
    /// outermost name of a stack is the lock.
    pub fn new(profile: &'a Profile, contents: Contents, name: &'a str) -> File<'a> {
        let mut frames = Frames::default();
        let pairs = stacks::pairs(profile, contents);
        let stacks: Vec<Vec<usize>> =
            pairs.iter().map(|pair| frames.stack(pair, contents)).collect();
        let sampled = |name, unit, value: fn(&Pair<'_>) -> u64| {
            let weighed = pairs.iter().zip(&stacks);
            let weighed = weighed.map(|(pair, stack)| (stack.clone(), value(pair)));
            let (samples, weights): (Vec<_>, Vec<_>) =
                weighed.filter(|(_, weight)| *weight > 0).unzip();
            let end_value = weights.iter().fold(0, |sum: u64, weight| sum.saturating_add(*weight));
            Sampled { r#type: "sampled", name, unit, start_value: 0, end_value, samples, weights }
        };
        let nanoseconds =
            |pair: &Pair<'_>| u64::try_from(pair.delay.as_nanos()).unwrap_or(u64::MAX);
        let profiles = [
            sampled("delay", "nanoseconds", nanoseconds),
            sampled("contentions", "none", |pair| pair.count),
        ];
        File {
            schema: SCHEMA,
            name,
            exporter: concat!("holdup ", env!("CARGO_PKG_VERSION")),
            active_profile_index: 0,
            shared: Shared { frames: frames.functions },
            profiles,
        }
    }
}

/// The functions of all stacks, each once.
#[derive(Default)]
struct Frames<'a> {
    index: HashMap<Function<'a>, usize>,
    functions: Vec<Function<'a>>,
}

impl<'a> Frames<'a> {
    fn stack(&mut self, pair: &Pair<'a>, contents: Contents) -> Vec<usize> {
        let function = |part: Part<'a>| match part {
            Part::Text(name) => Function { name, file: None },
            Part::Call(frame) => Function { name: &frame.function, file: frame.file.as_deref() },
        };
        let parts = stacks::parts(pair, contents, true);
        parts.into_iter().map(|part| self.of(function(part))).collect()
    }

    fn of(&mut self, function: Function<'a>) -> usize {
        *self.index.entry(function).or_insert_with(|| {
            self.functions.push(function);
            self.functions.len() - 1
        })
    }
}
