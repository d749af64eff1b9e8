//! Writes profiles in pprof's format. [`super::read`] is the way back.
//!
//! A profile looks as Go's mutex profile does: the values of a sample are
//! `contentions/count` and `delay/nanoseconds`, in this order, the period is
//! one contention (counts are already scaled to the whole). On top of that:
//!
//! - Samples have the labels `lock`, the lock's class, and `kind`: `blame`,
//!   `handoff` or `lost`. Samples without a stack have one location whose name
//!   says why, so that they show up in every view.
//! - Comments carry what samples cannot, or a field of our own where they would
//!   be too long to be shown: see [`super::comments`].
//! - With the victims' stacks instead of the culprits', or with both, a comment
//!   says so. A stack that has both is the culprit's calls, a location without an
//!   address whose name is [`WAITED_FOR`], and the victim's calls.

use super::comments::{self, unix_nanos};
use super::modules::Mapping;
use super::{Contents, Frame, Kind, Pair, Profile, WAITED_FOR, proto};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

/// What stands for the stack of a victim that is not known.
pub(super) const UNKNOWN_VICTIM: &str = "[victim: the stack is unknown]";

/// What stands for the stack of a sample that has none.
pub(super) fn placeholder(kind: Kind) -> &'static str {
    match kind {
        Kind::Blame => "[blame: the stack is unknown]",
        Kind::Handoff => "[handoff: nobody held the lock]",
        Kind::Lost => "[lost: there was no room for the stack]",
    }
}

/// The label of a kind.
pub(super) fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Blame => "blame",
        Kind::Handoff => "handoff",
        Kind::Lost => "lost",
    }
}

impl Profile {
    /// Writes the profile in pprof's format, compressed by gzip: for
    /// `go tool pprof`, Pyroscope, Parca, speedscope and others. The stacks are
    /// those of [`samples`](Profile::samples): who held others up.
    ///
    /// Looks up names if that was not done before, see
    /// [`samples`](Profile::samples).
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_pprof(&self, out: impl Write) -> io::Result<()> {
        self.write_pprof_of(Contents::Blame, out)
    }

    /// As [`write_pprof`](Profile::write_pprof), with the stacks that `contents`
    /// says. Histograms and the longest waits come with each of them;
    /// [`read_pprof`](Profile::read_pprof) gets back what was written.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    ///
    /// ```
    /// use holdup::profile::{self, Contents, Profile};
    ///
    /// let mut file = Vec::new();
    /// profile::snapshot().write_pprof_of(Contents::Pairs, &mut file)?;
    /// assert_eq!(Profile::read_pprof(&file[..])?.contents(), Contents::Pairs);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_pprof_of(&self, contents: Contents, out: impl Write) -> io::Result<()> {
        let mut gzip = GzEncoder::new(out, Compression::default());
        gzip.write_all(&self.to_proto(contents).encode_to_vec())?;
        gzip.finish()?.flush()
    }

    pub(super) fn to_proto(&self, contents: Contents) -> proto::Profile {
        let named = self.named();
        let mut tables = Tables::new(&named.mappings);
        let sample_type = vec![
            tables.value_type("contentions", "count"),
            tables.value_type("delay", "nanoseconds"),
        ];
        let samples = named.pairs_of(contents);
        let sample = samples.map(|pair| tables.sample(contents, &pair)).collect();
        let written = comments::write(self, contents);
        let mut strings = |lines: &[String]| lines.iter().map(|line| tables.string(line)).collect();
        let (comment, more) = (strings(&written.comments), strings(&written.more));
        proto::Profile {
            sample_type,
            sample,
            comment,
            more,
            time_nanos: unix_nanos(self.time),
            duration_nanos: nanos(self.duration),
            period_type: Some(tables.value_type("contentions", "count")),
            period: 1,
            default_sample_type: tables.string("delay"),
            ..tables.into_proto()
        }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The tables of a profile as they fill; everything is entered once.
struct Tables<'a> {
    strings: HashMap<String, i64>,
    string_table: Vec<Vec<u8>>,
    /// Its place in the table plus one is a mapping's id.
    mappings: &'a [Mapping],
    /// The calls at one address. Calls that were cut from the top of a stack
    /// make another location of the same address.
    locations: HashMap<&'a [Frame], u64>,
    location: Vec<proto::Location>,
    /// By name and file.
    functions: HashMap<(i64, i64), u64>,
    function: Vec<proto::Function>,
    /// By name.
    placeholders: HashMap<&'static str, u64>,
}

impl<'a> Tables<'a> {
    fn new(mappings: &'a [Mapping]) -> Tables<'a> {
        Tables {
            strings: HashMap::from([(String::new(), 0)]),
            string_table: vec![Vec::new()],
            mappings,
            locations: HashMap::new(),
            location: Vec::new(),
            functions: HashMap::new(),
            function: Vec::new(),
            placeholders: HashMap::new(),
        }
    }

    fn string(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.strings.get(text) {
            return index;
        }
        let index = self.string_table.len() as i64;
        self.string_table.push(text.as_bytes().to_vec());
        self.strings.insert(text.to_owned(), index);
        index
    }

    fn value_type(&mut self, name: &str, unit: &str) -> proto::ValueType {
        proto::ValueType { r#type: self.string(name), unit: self.string(unit) }
    }

    fn sample(&mut self, contents: Contents, pair: &Pair<'a>) -> proto::Sample {
        let mut location_id = Vec::new();
        if contents != Contents::Victims {
            self.stack(pair.culprit, placeholder(pair.kind), &mut location_id);
        } else if pair.kind != Kind::Blame {
            location_id.push(self.placeholder(placeholder(pair.kind)));
        }
        if contents != Contents::Blame && pair.kind == Kind::Blame {
            if contents == Contents::Pairs {
                location_id.push(self.placeholder(WAITED_FOR));
            }
            self.stack(pair.victim, UNKNOWN_VICTIM, &mut location_id);
        }
        let labels = [("lock", pair.lock), ("kind", label(pair.kind))];
        let labels = labels
            .map(|(key, text)| proto::Label { key: self.string(key), str: self.string(text) });
        proto::Sample {
            location_id,
            value: vec![i64::try_from(pair.count).unwrap_or(i64::MAX), nanos(pair.delay)],
            label: labels.to_vec(),
        }
    }

    /// The locations of a stack, or the one that stands for it.
    fn stack(&mut self, stack: &'a [Frame], placeholder: &'static str, locations: &mut Vec<u64>) {
        if stack.is_empty() {
            locations.push(self.placeholder(placeholder));
        }
        // One location for each frame that is not inlined, with the ones that
        // are inlined into it.
        for frames in stack.split_inclusive(|frame| !frame.inlined) {
            locations.push(self.location(frames));
        }
    }

    fn location(&mut self, frames: &'a [Frame]) -> u64 {
        if let Some(&id) = self.locations.get(frames) {
            return id;
        }
        let lines = frames.iter().map(|frame| proto::Line {
            function_id: self.function(&frame.function, frame.file.as_deref().unwrap_or("")),
            line: i64::from(frame.line.unwrap_or(0)),
        });
        let line = lines.collect();
        let address = frames[0].address;
        let mapping = self.mappings.iter().position(|mapping| mapping.contains(address));
        let mapping_id = mapping.map_or(0, |index| index as u64 + 1);
        let id = self.add_location(proto::Location { id: 0, mapping_id, address, line });
        self.locations.insert(frames, id);
        id
    }

    /// A location without an address, for what is no call.
    fn placeholder(&mut self, name: &'static str) -> u64 {
        if let Some(&id) = self.placeholders.get(name) {
            return id;
        }
        let function_id = self.function(name, "");
        let line = vec![proto::Line { function_id, line: 0 }];
        let id = self.add_location(proto::Location { id: 0, mapping_id: 0, address: 0, line });
        self.placeholders.insert(name, id);
        id
    }

    fn add_location(&mut self, location: proto::Location) -> u64 {
        let id = self.location.len() as u64 + 1;
        self.location.push(proto::Location { id, ..location });
        id
    }

    fn function(&mut self, name: &str, file: &str) -> u64 {
        let key = (self.string(name), self.string(file));
        *self.functions.entry(key).or_insert_with(|| {
            let id = self.function.len() as u64 + 1;
            let (name, filename) = key;
            // No system name: where it equals the name, pprof takes the name
            // for one that was not demangled and strips what is in `<>`.
            self.function.push(proto::Function { id, name, system_name: 0, filename });
            id
        })
    }

    fn into_proto(mut self) -> proto::Profile {
        let mappings = self.mappings;
        let mapping = mappings.iter().enumerate().map(|(index, mapping)| proto::Mapping {
            id: index as u64 + 1,
            memory_start: mapping.start,
            memory_limit: mapping.limit,
            file_offset: mapping.offset,
            filename: self.string(&mapping.file),
            build_id: self.string(&mapping.build_id),
            has_functions: mapping.has.functions,
            has_filenames: mapping.has.filenames,
            has_line_numbers: mapping.has.lines,
            has_inline_frames: mapping.has.inlined,
        });
        let mapping = mapping.collect();
        proto::Profile {
            mapping,
            location: self.location,
            function: self.function,
            string_table: self.string_table,
            ..proto::Profile::default()
        }
    }
}
