//! Reads profiles in pprof's format: holdup's own and Go's.
//!
//! The input may be anything. Its size is limited before and after
//! decompression; what it decodes to is priced by [`wire`] before it is
//! decoded, and what names and stacks expand to before they are copied (a
//! string is stored once in a file, and as often in memory as frames show it).
//! Each index is checked.

use super::classes::Class;
use super::comments::{Comments, from_unix_nanos};
use super::modules::{Has, Mapping};
use super::named::{Builder, Weight};
use super::nested;
use super::pprof::{UNKNOWN_VICTIM, label, placeholder};
use super::wire::{self, Budget, Fault};
use super::{Contents, Frame, Kind, Profile, ReadError, UNNAMED, WAITED_FOR, proto};
use flate2::read::MultiGzDecoder;
use holdup_core::record::Sums;
use prost::Message;
use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::time::Duration;

/// The most that is read.
const MAX_INPUT: u64 = 64 << 20;
/// The most that it may be when it is decompressed.
const MAX_DECOMPRESSED: u64 = 128 << 20;
/// The most memory that the decoded messages may take.
const MAX_DECODED: usize = 256 << 20;
/// The most memory that the samples made of them may take.
const MAX_SAMPLES: usize = 384 << 20;

impl Profile {
    /// Reads a profile in pprof's format, compressed by gzip or not: one that
    /// [`write_pprof`](Profile::write_pprof) or
    /// [`write_pprof_of`](Profile::write_pprof_of) wrote, or a mutex profile of
    /// Go's.
    ///
    /// What Go's profiles do not have is made up from the samples: totals are
    /// those of the samples, the lock is `(unnamed)`, the period zero.
    ///
    /// The input need not be trusted: nothing panics, and memory is bounded
    /// (by about 1 GiB; a usual profile takes a few MiB).
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    ///
    /// ```
    /// use holdup::profile::{self, Profile};
    ///
    /// let mut file = Vec::new();
    /// let profile = profile::snapshot();
    /// profile.write_pprof(&mut file)?;
    /// let read = Profile::read_pprof(&file[..])?;
    /// assert_eq!(read.totals(), profile.totals());
    ///
    /// let error = Profile::read_pprof(&b"something else"[..]).unwrap_err();
    /// assert_eq!(error.to_string(), "this is not a pprof profile");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_pprof(input: impl Read) -> Result<Profile, ReadError> {
        let bytes = decompressed(input)?;
        wire::price(&bytes, &mut Budget::new(MAX_DECODED)).map_err(|fault| match fault {
            Fault::TooLarge => {
                ReadError::TooLarge { what: "its messages", limit: MAX_DECODED as u64 }
            }
            _ if !wire::looks_like_a_profile(&bytes) => ReadError::NotAProfile,
            Fault::Truncated => ReadError::Truncated,
            Fault::Malformed => ReadError::Malformed("not a protocol buffer".to_owned()),
        })?;
        let profile = proto::Profile::decode(&bytes[..])
            .map_err(|error| ReadError::Malformed(one_line(&error.to_string())))?;
        drop(bytes);
        if profile.sample_type.is_empty() {
            return Err(ReadError::NotAProfile);
        }
        Reader::new(&profile)?.profile()
    }
}

/// Reads all of `input`, unpacked if it is packed.
fn decompressed(input: impl Read) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    input.take(MAX_INPUT + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(ReadError::TooLarge { what: "the file", limit: MAX_INPUT });
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        let gzip = MultiGzDecoder::new(&bytes[..]);
        gzip.take(MAX_DECOMPRESSED + 1).read_to_end(&mut unpacked).map_err(|error| match error
            .kind()
        {
            io::ErrorKind::UnexpectedEof => ReadError::Truncated,
            _ => ReadError::Malformed("the gzip data is damaged".to_owned()),
        })?;
        if unpacked.len() as u64 > MAX_DECOMPRESSED {
            let limit = MAX_DECOMPRESSED;
            return Err(ReadError::TooLarge { what: "its decompressed data", limit });
        }
        bytes = unpacked;
    }
    if bytes.is_empty() { Err(ReadError::Empty) } else { Ok(bytes) }
}

/// Text of the input in a message: no line breaks, no escape codes, not long.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().flat_map(char::escape_debug).take(100).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}

/// The tables of a decoded profile, checked.
struct Reader<'a> {
    profile: &'a proto::Profile,
    strings: Vec<Cow<'a, str>>,
    mappings: HashMap<u64, &'a proto::Mapping>,
    functions: HashMap<u64, &'a proto::Function>,
    budget: RefCell<Budget>,
}

impl<'a> Reader<'a> {
    fn new(profile: &'a proto::Profile) -> Result<Reader<'a>, ReadError> {
        if profile.string_table.first().is_some_and(|first| !first.is_empty()) {
            return Err(ReadError::Malformed("the first string is not empty".to_owned()));
        }
        let strings = profile.string_table.iter().map(|text| String::from_utf8_lossy(text));
        Ok(Reader {
            profile,
            strings: strings.collect(),
            mappings: by_id("mapping", &profile.mapping, |mapping| mapping.id)?,
            functions: by_id("function", &profile.function, |function| function.id)?,
            budget: RefCell::new(Budget::new(MAX_SAMPLES)),
        })
    }

    fn profile(self) -> Result<Profile, ReadError> {
        let (count, delay) = self.values()?;
        let comments = self.comments()?;
        let mut classes = comments.classes;
        let mut builder = Builder::default();
        let sums = self.samples(count, delay, comments.contents, &mut builder)?;
        if !classes.values().any(|(_, has_sums)| *has_sums) {
            for (name, sums) in sums {
                self.take(size_of::<Class>() + name.len())?;
                let class = || (Class { name: name.to_owned(), ..Class::default() }, true);
                classes.entry(name.to_owned()).or_insert_with(class).0.sums = sums;
            }
        }
        let mut longest = comments.longest;
        longest.sort_by_key(|wait| Reverse(wait.wait));
        let named = builder.finish(longest, self.mappings()?);
        let named = named.with_nested(nested::merged(comments.nested));
        let duration = u64::try_from(self.profile.duration_nanos).unwrap_or(0);
        Ok(Profile::from_parts(
            from_unix_nanos(self.profile.time_nanos),
            Duration::from_nanos(duration),
            Duration::from_nanos(comments.period),
            comments.contents,
            classes.into_values().map(|(class, _)| class).collect(),
            named,
        ))
    }

    /// Which values are the count and the delay.
    fn values(&self) -> Result<(usize, usize), ReadError> {
        let mut types = Vec::new();
        for value in &self.profile.sample_type {
            types.push((self.string(value.r#type)?, self.string(value.unit)?));
        }
        let find = |wanted| types.iter().position(|&found| found == wanted);
        match (find(("contentions", "count")), find(("delay", "nanoseconds"))) {
            (Some(count), Some(delay)) => Ok((count, delay)),
            _ => {
                let types = types.iter().take(4);
                let types =
                    types.map(|(name, unit)| format!("{}/{}", one_line(name), one_line(unit)));
                Err(ReadError::NotContention(types.collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// Enters the samples, and adds up what they say of each lock.
    fn samples(
        &self,
        count: usize,
        delay: usize,
        contents: Contents,
        builder: &mut Builder,
    ) -> Result<BTreeMap<&str, Sums>, ReadError> {
        let profile = self.profile;
        by_id("location", &profile.location, |location| location.id)?;
        let mut stacks = HashMap::new();
        for location in &profile.location {
            let frames = self.frames(location)?;
            stacks.insert(location.id, frames);
        }
        let mut sums = BTreeMap::new();
        for sample in &profile.sample {
            if sample.value.len() != profile.sample_type.len() {
                let (has, needs) = (sample.value.len(), profile.sample_type.len());
                let why = format!("a sample has {has} values where {needs} are declared");
                return Err(ReadError::Malformed(why));
            }
            let value = |index: usize| {
                u64::try_from(sample.value[index])
                    .map_err(|_| ReadError::Malformed("a sample has a negative value".to_owned()))
            };
            let weight = Weight { count: value(count)?, delay: value(delay)? };
            let (lock, kind) = self.labels(sample)?;
            let mut stack = Vec::new();
            for id in &sample.location_id {
                let frames: &(Vec<Frame>, usize) = stacks.get(id).ok_or_else(|| {
                    ReadError::OutOfRange { table: "location", entry: i128::from(*id) }
                })?;
                self.take(frames.1)?;
                stack.extend_from_slice(&frames.0);
            }
            // For the entry, its stacks' places, and their lock's if it is new.
            self.take(4 * size_of::<Vec<Frame>>() + lock.len())?;
            let (culprit, victim) = split(stack, contents, kind);
            let (culprit, victim) = (builder.stack(culprit), builder.stack(victim));
            let number = builder.lock(lock);
            builder.add(culprit, victim, number, kind, weight);
            add(sums.entry(lock).or_default(), kind, weight);
        }
        Ok(sums)
    }

    /// The calls at a location, and what a copy of them costs.
    fn frames(&self, location: &proto::Location) -> Result<(Vec<Frame>, usize), ReadError> {
        let mapping = match location.mapping_id {
            0 => None,
            id => Some(
                *self
                    .mappings
                    .get(&id)
                    .ok_or(ReadError::OutOfRange { table: "mapping", entry: i128::from(id) })?,
            ),
        };
        let mut frames = Vec::new();
        let mut cost = 0;
        for (index, line) in location.line.iter().enumerate() {
            let function = self.functions.get(&line.function_id).ok_or({
                ReadError::OutOfRange { table: "function", entry: i128::from(line.function_id) }
            })?;
            let (name, file) = (self.string(function.name)?, self.string(function.filename)?);
            let size = size_of::<Frame>() + name.len() + file.len();
            self.take(size)?;
            cost += size;
            frames.push(Frame {
                function: name.into(),
                file: (!file.is_empty()).then(|| file.into()),
                line: u32::try_from(line.line).ok().filter(|&line| line != 0),
                address: location.address,
                inlined: index + 1 < location.line.len(),
            });
        }
        if frames.is_empty() {
            let frame = self.unnamed(location.address, mapping)?;
            cost = size_of::<Frame>() + frame.function.len();
            self.take(cost)?;
            frames.push(frame);
        }
        Ok((frames, cost))
    }

    /// A call that the profile has no name for.
    fn unnamed(&self, address: u64, mapping: Option<&proto::Mapping>) -> Result<Frame, ReadError> {
        let file = mapping.map_or(Ok(""), |mapping| self.string(mapping.filename))?;
        let function = match (file.rsplit('/').next(), mapping) {
            (Some(file), Some(mapping)) if !file.is_empty() => {
                let offset = address.wrapping_sub(mapping.memory_start);
                format!("{file}+{:#x}", offset.wrapping_add(mapping.file_offset))
            }
            _ => format!("{address:#x}"),
        };
        let function = function.into();
        Ok(Frame { function, file: None, line: None, address, inlined: false })
    }

    fn labels(&self, sample: &proto::Sample) -> Result<(&str, Kind), ReadError> {
        let (mut lock, mut kind) = (UNNAMED, Kind::Blame);
        for one in &sample.label {
            let (key, text) = (self.string(one.key)?, self.string(one.str)?);
            match key {
                "lock" => lock = text,
                "kind" => {
                    let named = [Kind::Blame, Kind::Handoff, Kind::Lost];
                    kind = named.into_iter().find(|&kind| label(kind) == text).unwrap_or(kind);
                }
                _ => {}
            }
        }
        Ok((lock, kind))
    }

    fn mappings(&self) -> Result<Vec<Mapping>, ReadError> {
        let mut mappings = Vec::new();
        for mapping in &self.profile.mapping {
            let file = self.string(mapping.filename)?;
            let build_id = self.string(mapping.build_id)?;
            self.take(size_of::<Mapping>() + file.len() + build_id.len())?;
            mappings.push(Mapping {
                start: mapping.memory_start,
                limit: mapping.memory_limit,
                offset: mapping.file_offset,
                file: file.to_owned(),
                build_id: build_id.to_owned(),
                has: Has {
                    functions: mapping.has_functions,
                    filenames: mapping.has_filenames,
                    lines: mapping.has_line_numbers,
                    inlined: mapping.has_inline_frames,
                },
            });
        }
        Ok(mappings)
    }

    /// What the comments say. One that comes again says nothing new.
    fn comments(&self) -> Result<Comments, ReadError> {
        let mut comments = Comments::default();
        let mut read = HashSet::new();
        for &index in self.profile.comment.iter().chain(&self.profile.more) {
            if read.insert(index) {
                comments.read(self.string(index)?, &|bytes| self.take(bytes))?;
            }
        }
        Ok(comments)
    }

    fn string(&self, index: i64) -> Result<&str, ReadError> {
        match usize::try_from(index).ok().and_then(|index| self.strings.get(index)) {
            Some(text) => Ok(text),
            // A table without any string still has the empty one.
            None if index == 0 => Ok(""),
            None => Err(ReadError::OutOfRange { table: "string", entry: i128::from(index) }),
        }
    }

    fn take(&self, bytes: usize) -> Result<(), ReadError> {
        let limit = MAX_SAMPLES as u64;
        let too_large = |_| ReadError::TooLarge { what: "its samples", limit };
        self.budget.borrow_mut().take(bytes).map_err(too_large)
    }
}

/// A table by its entries' ids.
fn by_id<'a, T>(
    table: &'static str,
    entries: &'a [T],
    id: impl Fn(&T) -> u64,
) -> Result<HashMap<u64, &'a T>, ReadError> {
    let mut found = HashMap::with_capacity(entries.len());
    for entry in entries {
        let id = id(entry);
        if id == 0 || found.insert(id, entry).is_some() {
            let why =
                format!("{table} {id} is {}", if id == 0 { "reserved" } else { "not unique" });
            return Err(ReadError::Malformed(why));
        }
    }
    Ok(found)
}

/// The culprit's and the victim's calls in a stack of a profile with such
/// contents.
fn split(stack: Vec<Frame>, contents: Contents, kind: Kind) -> (Vec<Frame>, Vec<Frame>) {
    let is = |frame: &Frame, name: &str| frame.address == 0 && frame.function == *name;
    let or_none = |stack: Vec<Frame>, name: &str| match &stack[..] {
        [frame] if is(frame, name) => Vec::new(),
        _ => stack,
    };
    let mut culprit = stack;
    let mut victim = Vec::new();
    if contents == Contents::Victims && kind == Kind::Blame {
        victim = std::mem::take(&mut culprit);
    } else if contents == Contents::Pairs
        && let Some(place) = culprit.iter().position(|frame| is(frame, WAITED_FOR))
    {
        victim = culprit.split_off(place + 1);
        culprit.pop();
    }
    (or_none(culprit, placeholder(kind)), or_none(victim, UNKNOWN_VICTIM))
}

/// Adds a sample to the sums of its lock, for a profile that does not say them.
fn add(sums: &mut Sums, kind: Kind, weight: Weight) {
    let (count, time) = match kind {
        Kind::Blame | Kind::Lost => (&mut sums.contentions, &mut sums.blamed),
        Kind::Handoff => (&mut sums.handoffs, &mut sums.handoff),
    };
    *count = count.saturating_add(weight.count);
    *time = time.saturating_add(weight.delay);
    sums.waited = sums.blamed.saturating_add(sums.handoff);
}
