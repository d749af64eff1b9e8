//! Several profiles as one: of several runs, of several processes, of holdup
//! and of Go.

use super::classes::Class;
use super::comments::MAX_LONG_WAITS;
use super::modules::Mapping;
use super::named::Builder;
use super::nested;
use super::{Contents, Frame, Profile};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

/// Mappings that are put elsewhere start at multiples of this.
const PAGE: u64 = 4096;

impl Profile {
    /// All of `profiles` as one: counts, times and durations are added up,
    /// classes of the same name become one, and so do equal call stacks. The
    /// time is that of the earliest, the period that of the coarsest. Where
    /// some have fewer stacks ([`Profile::contents`]) theirs are unknown.
    ///
    /// Profiles of several runs have the same code at other addresses: the
    /// addresses of one program or library (by its build id, or else its path)
    /// are those of the first profile that has it; where two different ones
    /// overlap, the later one is moved.
    ///
    /// Takes the profiles one after the other, and allocates in proportion to
    /// the largest of them and to the number of distinct call stacks.
    ///
    /// ```
    /// use holdup::profile::{self, Profile};
    ///
    /// let (one, other) = (profile::snapshot(), profile::snapshot());
    /// let waits = one.totals().waits + other.totals().waits;
    /// assert_eq!(Profile::merge([one, other]).totals().waits, waits);
    /// ```
    #[must_use]
    pub fn merge(profiles: impl IntoIterator<Item = Profile>) -> Profile {
        let (mut builder, mut mappings) = (Builder::default(), Vec::new());
        let (mut longest, mut contents) = (Vec::new(), None);
        let mut parts = Vec::new();
        let mut classes: BTreeMap<String, Class> = BTreeMap::new();
        let (mut time, mut duration, mut period) = (None, Duration::ZERO, Duration::ZERO);
        for mut profile in profiles {
            time = Some(time.map_or(profile.time, |time| profile.time.min(time)));
            duration = duration.saturating_add(profile.duration);
            period = period.max(profile.period);
            let same = contents.is_none_or(|contents| contents == profile.contents());
            contents = Some(if same { profile.contents() } else { Contents::Pairs });
            let named = profile.named();
            let moves = place(&mut mappings, named.mappings.clone());
            builder.add_all(named, |frame| relocate(frame, &moves));
            for mut wait in named.longest.iter().cloned() {
                let frames = wait.culprit.iter_mut().chain(&mut wait.victim);
                frames.for_each(|frame| relocate(frame, &moves));
                longest.push(wait);
            }
            for mut part in named.nested.iter().cloned() {
                part.frames_mut().for_each(|frame| relocate(frame, &moves));
                parts.push(part);
            }
            longest.sort_by_key(|wait| Reverse(wait.wait));
            longest.truncate(MAX_LONG_WAITS);
            for class in profile.classes.drain(..) {
                match classes.get_mut(&class.name) {
                    Some(whole) => whole.add(&class),
                    None => {
                        classes.insert(class.name.clone(), Class { id: None, ..class });
                    }
                }
            }
        }
        let time = time.unwrap_or(UNIX_EPOCH);
        let contents = contents.unwrap_or_default();
        let (classes, named) = (classes.into_values().collect(), builder.finish(longest, mappings));
        let named = named.with_nested(nested::merged(parts));
        Profile::from_parts(time, duration, period, contents, classes, named)
    }
}

/// Where the addresses of a mapping go.
struct Move {
    from: Mapping,
    /// The new start; `None` if there is no room.
    to: Option<u64>,
}

/// Puts `more` among `known`, whose mappings do not overlap, and says where
/// each of them went.
fn place(known: &mut Vec<Mapping>, more: Vec<Mapping>) -> Vec<Move> {
    let more = more.into_iter().filter(|mapping| mapping.start < mapping.limit);
    let mut moves = Vec::new();
    for from in more {
        let to = match known.iter().find(|known| same_code(known, &from)) {
            Some(known) => Some(known.start),
            None => free(known, &from),
        };
        if let Some(start) = to
            && !known.iter().any(|known| same_code(known, &from))
        {
            let limit = start + (from.limit - from.start);
            known.push(Mapping { start, limit, ..from.clone() });
        }
        moves.push(Move { from, to });
    }
    moves
}

/// Whether both are the same part of the same file.
fn same_code(a: &Mapping, b: &Mapping) -> bool {
    let file = |mapping: &Mapping| match mapping.build_id.as_str() {
        "" => mapping.file.clone(),
        id => id.to_owned(),
    };
    a.offset == b.offset && a.limit - a.start == b.limit - b.start && file(a) == file(b)
}

/// Where `mapping` overlaps none of `known`: where it is, or behind all.
fn free(known: &[Mapping], mapping: &Mapping) -> Option<u64> {
    let overlaps = |known: &Mapping| known.start < mapping.limit && mapping.start < known.limit;
    if !known.iter().any(overlaps) {
        return Some(mapping.start);
    }
    let behind = known.iter().map(|known| known.limit).max().unwrap_or(0);
    let start = behind.checked_next_multiple_of(PAGE)?;
    start.checked_add(mapping.limit - mapping.start).map(|_| start)
}

fn relocate(frame: &mut Frame, moves: &[Move]) {
    if let Some(one) = moves.iter().find(|one| one.from.contains(frame.address)) {
        // An address that means nothing is better than one of other code.
        frame.address = one.to.map_or(0, |start| start + (frame.address - one.from.start));
    }
}
