//! The cache of unwind rules: from an address in the code to its rule.
//!
//! A fixed table of [`SETS`] sets of [`WAYS`] words, 64 KiB in `.bss`. One word
//! holds both the key and the rule, so there is nothing to tear: a reader sees
//! an entry that some thread stored, or none. The key is complete. The set number
//! is the low bits of the address mixed with higher ones, and the word holds all
//! the bits above the low ones, from which the low ones follow:
//!
//! ```text
//! set  = (address ^ address >> 11) mod 2048
//! word = address >> 11 (36 bits) | rule (28 bits)
//! ```
//!
//! so a collision is a miss, never a wrong rule. A zero word is empty: it would
//! stand for an address below 2048.
//!
//! Entries are never removed. After `dlclose`, code that is loaded later at the
//! same addresses may meet the rules of what was there before, which gives a
//! short or odd stack.

use super::super::arch::ADDRESS_BITS;
use super::rule::{PACKED_BITS, Rule};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const SET_BITS: u32 = 11;
const SETS: usize = 1 << SET_BITS;
const WAYS: usize = 4;

// The key and the rule share a word.
const _: () = assert!(ADDRESS_BITS - SET_BITS + PACKED_BITS <= u64::BITS);

#[repr(align(64))]
struct Table([[AtomicU64; WAYS]; SETS]);

static TABLE: Table = Table([const { [const { AtomicU64::new(0) }; WAYS] }; SETS]);

/// The rule for `address`, from the cache or else from `find`. `address` must be
/// that of code ([`super::super::arch::is_code_address`]).
#[inline(always)]
pub(super) fn rule_at(address: usize, find: impl FnOnce(usize) -> Rule) -> Rule {
    let set = set_of(&TABLE, address);
    let key = key_of(address);
    for way in set {
        // Relaxed, here and below: the word is all there is to an entry.
        let rule = way.load(Ordering::Relaxed) ^ key;
        if rule >> PACKED_BITS == 0 {
            return Rule::from_packed(rule);
        }
    }
    fill(set, key, find(address))
}

#[inline(always)]
fn set_of(table: &Table, address: usize) -> &[AtomicU64; WAYS] {
    &table.0[(address ^ (address >> SET_BITS)) % SETS]
}

#[inline(always)]
fn key_of(address: usize) -> u64 {
    ((address >> SET_BITS) as u64) << PACKED_BITS
}

/// Stores `rule`, if it can be, in an empty way of `set` or else in place of
/// another, each in turn.
#[cold]
fn fill(set: &[AtomicU64; WAYS], key: u64, rule: Rule) -> Rule {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if let Some(bits) = rule.packed() {
        let way = set
            .iter()
            .find(|way| way.load(Ordering::Relaxed) == 0)
            .unwrap_or_else(|| &set[NEXT.fetch_add(1, Ordering::Relaxed) % WAYS]);
        // Another thread may take the same way: one of the two rules is then
        // looked up again.
        way.store(key | bits, Ordering::Relaxed);
    }
    rule
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
                            assert_eq!(rule_at(address, |asked| rule(asked - BASE)), rule(n));
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn a_rule_is_found_once_and_then_remembered() {
        let address = BASE + 0x1000_0000;
        assert_eq!(rule_at(address, |_| rule(5)), rule(5));
        assert_eq!(rule_at(address, |_| panic!("asked again")), rule(5));
    }

    #[test]
    fn a_rule_that_does_not_fit_is_found_each_time() {
        let address = BASE + 0x2000_0000;
        let wide = Rule::new(Kind::FromStackPointer, 1 << 20, 0).expect("fits");
        assert_eq!(wide.packed(), None);
        assert_eq!(rule_at(address, |_| wide), wide);
        assert_eq!(rule_at(address, |_| rule(1)), rule(1));
    }

    #[test]
    fn set_and_key_together_identify_an_address() {
        let table = &TABLE;
        for near in [0x1000, 0x5555_5555_5000, (1 << 47) - 0x2_0000] {
            let mut seen = std::collections::HashSet::new();
            for address in near..near + 0x1_0000 {
                let set = set_of(table, address).as_ptr().addr();
                assert!(seen.insert((set, key_of(address))));
            }
        }
    }
}
