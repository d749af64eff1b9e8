//! From the text of a file to its words.

use std::collections::HashMap;

/// Bytes of the shortest and the longest word worth an entry. Longer ones are
/// encoded data, not words.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=40;

/// The words of `text` and how often each occurs, in the order they appear
/// first. A word is a run of letters, digits and `_` that does not begin with a
/// digit. Differences of case do not count, in ASCII letters; `text` is folded in place.
pub fn count_words(text: &mut str) -> Vec<(&str, u32)> {
    text.make_ascii_lowercase();
    let text: &str = text;
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut words: Vec<(&str, u32)> = Vec::new();
    for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        if !LENGTHS.contains(&word.len()) || word.as_bytes()[0].is_ascii_digit() {
            continue;
        }
        let place = *places.entry(word).or_insert(words.len());
        match words.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_counted_and_kept_in_order() {
        let mut text = "The lock, the LOCK_NAME; x 3rd the Straße.".to_owned();
        let words = count_words(&mut text);
        assert_eq!(words, [("the", 3), ("lock", 1), ("lock_name", 1), ("straße", 1)]);
    }

    #[test]
    fn encoded_data_is_no_word() {
        let mut text = format!("{} ok", "A".repeat(41));
        assert_eq!(count_words(&mut text), [("ok", 1)]);
    }
}
