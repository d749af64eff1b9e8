//! The inverted index: for each word, the files it is in.
//!
//! It is kept small by *lossy counting* (G. S. Manku, R. Motwani, "Approximate
//! Frequency Counts over Data Streams", VLDB 2002): pruning number `k` drops
//! the words found in at most `k` files, and a word entered after it may have
//! been in up to `k` files before. So each answer comes with the most it can
//! be short by; while there was no pruning, that is nothing.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// The map's hasher, as std's, but without a random key so that it is const.
type Hasher = BuildHasherDefault<DefaultHasher>;

/// Where a word is.
#[derive(Debug, Default)]
struct Entry {
    /// (number of the file, occurrences there), by file after a sort.
    files: Vec<(u32, u32)>,
    /// Files that may be missing, because the word was pruned before.
    missed: u32,
}

/// A word's answer: it is in `files` files, and in at most `missed` more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Files known to hold the word.
    pub files: usize,
    /// The most this can be short by.
    pub missed: u32,
}

/// What the statistics say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Files merged completely.
    pub files: u32,
    /// Words in the index.
    pub words: usize,
    /// Pairs of a word and a file.
    pub postings: usize,
    /// Occurrences of all words.
    pub occurrences: u64,
    /// How often the index was pruned.
    pub prunings: u32,
}

/// The index.
#[derive(Debug)]
pub struct Index {
    words: HashMap<Arc<str>, Entry, Hasher>,
    /// All words, those in most files first; as of the last sort.
    ranking: Vec<(usize, Arc<str>)>,
    files: u32,
    prunings: u32,
}

impl Index {
    /// An empty index. Allocates nothing.
    pub const fn new() -> Index {
        Index {
            words: HashMap::with_hasher(Hasher::new()),
            ranking: Vec::new(),
            files: 0,
            prunings: 0,
        }
    }

    /// Enters some words of `file` with their occurrences. A word may come
    /// only once for each file.
    pub fn merge(&mut self, file: u32, words: &[(&str, u32)]) {
        for &(word, occurrences) in words {
            if let Some(entry) = self.words.get_mut(word) {
                entry.files.push((file, occurrences));
            } else {
                let entry = Entry { files: vec![(file, occurrences)], missed: self.prunings };
                self.words.insert(word.into(), entry);
            }
        }
    }

    /// Counts a file whose words have all been merged.
    pub fn finish_file(&mut self) {
        self.files += 1;
    }

    /// Drops the rarest words, if there are more than `limit`.
    pub fn prune(&mut self, limit: usize) {
        if self.words.len() > limit {
            self.prunings += 1;
            let least = self.prunings;
            self.words.retain(|_, entry| {
                entry.files.len() as u64 + u64::from(entry.missed) > u64::from(least)
            });
        }
    }

    /// Sorts each word's files, and ranks the words.
    pub fn sort(&mut self) {
        for entry in self.words.values_mut() {
            // Mostly sorted already: the runs are found and merged.
            entry.files.sort_unstable();
        }
        self.ranking.clear();
        self.ranking
            .extend(self.words.iter().map(|(word, entry)| (entry.files.len(), word.clone())));
        self.ranking.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    }

    /// Walks the whole index and adds up.
    pub fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            files: self.files,
            words: self.words.len(),
            prunings: self.prunings,
            ..Statistics::default()
        };
        for entry in self.words.values() {
            statistics.postings += entry.files.len();
            statistics.occurrences += entry.files.iter().map(|file| u64::from(file.1)).sum::<u64>();
        }
        statistics
    }

    /// The `n` words in most files, as of the last sort.
    pub fn top(&self, n: usize) -> impl Iterator<Item = &str> {
        self.ranking.iter().take(n).map(|(_, word)| &**word)
    }

    /// In how many files `word` is.
    pub fn find(&self, word: &str) -> Found {
        match self.words.get(word) {
            Some(entry) => Found { files: entry.files.len(), missed: entry.missed },
            None => Found { files: 0, missed: self.prunings },
        }
    }

    /// How many files hold both words, of those known; as of the last sort.
    pub fn find_both(&self, one: &str, other: &str) -> usize {
        let (Some(one), Some(other)) = (self.words.get(one), self.words.get(other)) else {
            return 0;
        };
        let mut count = 0;
        let mut others = other.files.iter().map(|file| file.0).peekable();
        for (file, _) in &one.files {
            while others.next_if(|other| other < file).is_some() {}
            count += usize::from(others.peek() == Some(file));
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_words_are_found_in_the_files_that_hold_both() {
        let mut index = Index::new();
        for file in (0..60).rev() {
            index.merge(file, &[("all", 1)]);
            if file % 3 == 0 {
                index.merge(file, &[("three", 1)]);
            }
            if file % 4 == 0 {
                index.merge(file, &[("four", 2)]);
            }
            index.finish_file();
        }
        index.sort();
        assert_eq!(index.find_both("three", "four"), 5);
        assert_eq!(index.find_both("all", "four"), 15);
        assert_eq!(index.find_both("all", "none"), 0);
        assert_eq!(index.find("three"), Found { files: 20, missed: 0 });
        assert_eq!(index.top(9).collect::<Vec<_>>(), ["all", "three", "four"]);
        let expected =
            Statistics { files: 60, words: 3, postings: 95, occurrences: 110, prunings: 0 };
        assert_eq!(index.statistics(), expected);
    }

    #[test]
    fn an_answer_is_never_short_by_more_than_it_says() {
        // Word w is in each file whose number w divides: the rare ones come
        // and go, while the index is held to 40 words.
        let mut index = Index::new();
        for file in 1..=2000 {
            for word in (1..=file).filter(|word| file % word == 0) {
                index.merge(file, &[(&word.to_string(), 1)]);
            }
            index.finish_file();
            if file % 100 == 0 {
                index.prune(40);
            }
        }
        assert!(index.statistics().prunings > 2);
        for word in 1..=2000 {
            let truth = 2000 / word;
            let found = index.find(&word.to_string());
            let missed = truth - found.files;
            assert!(missed <= found.missed as usize, "{word}: {found:?} of {truth}");
        }
        assert_eq!(index.find("1"), Found { files: 2000, missed: 0 });
    }

    #[test]
    fn a_small_index_is_never_pruned() {
        let mut index = Index::new();
        index.merge(0, &[("once", 1)]);
        index.prune(1);
        assert_eq!(index.find("once").files, 1);
        index.merge(0, &[("twice", 1)]);
        index.prune(1);
        assert_eq!(index.statistics().words, 0);
        assert_eq!(index.find("once"), Found { files: 0, missed: 1 });
    }
}
