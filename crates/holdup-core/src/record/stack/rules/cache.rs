//! The cache of unwind rules: from a return address to its rule.
//!
//! A fixed table of [`ENTRIES`] words, 64 KiB in `.bss`. An address has a place
//! of its own in it, and may also be in the other [`WAYS`] - 1 of the same group:
//!
//! ```text
//! place = address mod 8192             group = the places with the same place / 4
//! word  = key (36 bits) | rule (28 bits)
//! key   = address / 8192 (34 bits) | address mod 4 (2 bits)
//! ```
//!
//! One word holds both the key and the rule, so there is nothing to tear: a
//! reader sees an entry that some thread stored, or none. The key is complete:
//! with the group it gives back the address, so a collision is a miss, never a
//! wrong rule. A zero word is empty: its key would be that of an address below 8192.
//!
//! Entries go only when all go ([`forget`]). After a `dlclose` that nobody told of,
//! code that is loaded later at the same addresses may meet the rules of what was
//! there before, which gives a short or odd stack.

use super::super::arch::ADDRESS_BITS;
use super::rule::{PACKED_BITS, Rule};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const PLACE_BITS: u32 = 13;
const ENTRIES: usize = 1 << PLACE_BITS;
const WAY_BITS: u32 = 2;
const WAYS: usize = 1 << WAY_BITS;

// The key and the rule share a word.
const _: () = assert!(ADDRESS_BITS - PLACE_BITS + WAY_BITS + PACKED_BITS <= u64::BITS);

#[repr(align(64))]
struct Table([AtomicU64; ENTRIES]);

static TABLE: Table = Table([const { AtomicU64::new(0) }; ENTRIES]);

/// The rule for the return address `address`, if it is in its own place: one
/// load. `address` must be that of code
/// ([`super::super::arch::is_code_address`]).
#[inline(always)]
pub(super) fn rule_in_place(address: usize) -> Option<Rule> {
    // Relaxed, here and below: the word is all there is to an entry.
    let word = TABLE.0[address % ENTRIES].load(Ordering::Relaxed);
    (word >> PACKED_BITS == key_of(address)).then(|| Rule::from_packed(word))
}

/// The rule for the return address `address`, from the cache or else from `find`.
/// If that cannot look just now, the walk stops, and nothing is remembered.
pub(super) fn rule_at(address: usize, find: impl FnOnce(usize) -> Option<Rule>) -> Rule {
    let key = key_of(address);
    let cached = group(address)
        .iter()
        .map(|place| place.load(Ordering::Relaxed))
        .find(|word| word >> PACKED_BITS == key);
    match cached {
        Some(word) => Rule::from_packed(word),
        None => find(address).map_or(Rule::STOP, |rule| fill(address, key, rule)),
    }
}

#[inline(always)]
fn key_of(address: usize) -> u64 {
    ((address >> PLACE_BITS << WAY_BITS) | (address % WAYS)) as u64
}

/// The group of places that `address` may be in.
fn group(address: usize) -> &'static [AtomicU64] {
    let first = (address % ENTRIES) & !(WAYS - 1);
    &TABLE.0[first..first + WAYS]
}

/// Stores `rule`, if it can be: in its own place if that is empty, else in an
/// empty one of the group, else in place of another, each in turn.
#[cold]
fn fill(address: usize, key: u64, rule: Rule) -> Rule {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if let Some(bits) = rule.packed() {
        let group = group(address);
        let own = address % WAYS;
        let place = (0..WAYS)
            .map(|way| &group[way ^ own])
            .find(|place| place.load(Ordering::Relaxed) == 0)
            .unwrap_or_else(|| &group[NEXT.fetch_add(1, Ordering::Relaxed) % WAYS]);
        // Another thread may take the same place: one of the two rules is then
        // looked up again.
        place.store(key << PACKED_BITS | bits, Ordering::Relaxed);
    }
    rule
}

/// Removes all entries.
pub(super) fn forget() {
    for place in &TABLE.0 {
        // An untouched page stays so.
        if place.load(Ordering::Relaxed) != 0 {
            place.store(0, Ordering::Relaxed);
        }
    }
}

/// Puts `rule` in place of whatever is cached for `address`, as if other code
/// had been there before.
#[cfg(test)]
pub(super) fn replace(address: usize, rule: Rule) {
    let key = key_of(address);
    let bits = rule.packed().expect("a rule that can be cached");
    for place in group(address) {
        if place.load(Ordering::Relaxed) >> PACKED_BITS == key {
            place.store(0, Ordering::Relaxed);
        }
    }
    TABLE.0[address % ENTRIES].store(key << PACKED_BITS | bits, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::super::rule::Kind;
    use super::*;

    /// Addresses that no code of this process has, so that no capture that
    /// runs at the same time asks for them.
    const BASE: usize = 0x0123_4567_8000;

    fn rule(n: usize) -> Rule {
        Rule::new(Kind::FromStackPointer, 8 * (n as u64 % 1000 + 1), 0).expect("fits")
    }

    #[test]
    fn a_collision_is_a_miss_never_a_wrong_rule() {
        // Many more addresses than the table holds, from several threads: each
        // answer is either remembered or asked for again, and always right.
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..3 {
                        for n in 0..40_000 {
                            let n = (n * 7919 + thread * 31 + round) % 40_000;
                            let address = BASE + n;
                            assert_eq!(rule_at(address, |asked| Some(rule(asked - BASE))), rule(n));
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn a_rule_is_found_once_and_then_remembered() {
        let address = BASE + 0x1000_0000;
        assert_eq!(rule_at(address, |_| Some(rule(5))), rule(5));
        assert_eq!(rule_at(address, |_| panic!("asked again")), rule(5));
    }

    #[test]
    fn a_rule_that_was_forgotten_is_asked_for_again() {
        let address = BASE + 0x4000_0000;
        assert_eq!(rule_at(address, |_| Some(rule(5))), rule(5));
        forget();
        assert_eq!(rule_at(address, |_| Some(rule(6))), rule(6));
    }

    #[test]
    fn a_rule_that_does_not_fit_is_found_each_time() {
        let address = BASE + 0x2000_0000;
        let wide = Rule::new(Kind::FromStackPointer, 1 << 20, 0).expect("fits");
        assert_eq!(wide.packed(), None);
        assert_eq!(rule_at(address, |_| Some(wide)), wide);
        assert_eq!(rule_at(address, |_| Some(rule(1))), rule(1));
    }

    #[test]
    fn what_could_not_be_looked_up_is_asked_for_again() {
        let address = BASE + 0x3000_0000;
        assert_eq!(rule_at(address, |_| None), Rule::STOP);
        assert_eq!(rule_at(address, |_| Some(rule(1))), rule(1));
    }

    #[test]
    fn group_and_key_together_identify_an_address() {
        for near in [0x2000, 0x5555_5555_5000, (1 << ADDRESS_BITS) - 0x2_0000] {
            let mut seen = std::collections::HashSet::new();
            for address in near..near + 0x1_0000 {
                let group = group(address).as_ptr().addr();
                assert!(seen.insert((group, key_of(address))));
                assert!(key_of(address) >> (u64::BITS - PACKED_BITS) == 0);
            }
        }
    }
}
