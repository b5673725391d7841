//! Words of the text that share runs of characters with a keyword.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::reader::Object;

/// How many different words of a text are looked at.
const MAX_WORDS: usize = 4096;

/// The keywords of a rule, by their n-grams.
#[derive(Debug)]
pub(super) struct Ngram {
    arity: usize,
    threshold: f32,
    case_sensitive: bool,
    /// How many n-grams each keyword has.
    sizes: Vec<usize>,
    /// The keywords that an n-gram is in, and how often.
    grams: BTreeMap<Vec<char>, Vec<(usize, usize)>>,
}

/// Reads `ngram_threshold` and `ngram_arity`.
pub(super) fn read_limits(object: &mut Object<'_>) -> (f32, usize) {
    let threshold = object
        .number("ngram_threshold", 0.0..=1.0)
        .filter(|threshold| *threshold > 0.0);
    let arity = object.integer("ngram_arity", 0..=8).filter(|arity| *arity > 0);
    (
        threshold.unwrap_or(0.4) as f32,
        arity.unwrap_or(3).max(2) as usize,
    )
}

impl Ngram {
    pub(super) fn new(keywords: &[&str], threshold: f32, arity: usize, case_sensitive: bool) -> Ngram {
        let mut ngram = Ngram {
            arity,
            threshold,
            case_sensitive,
            sizes: Vec::new(),
            grams: BTreeMap::new(),
        };
        for (index, keyword) in keywords.iter().enumerate() {
            let (size, grams) = ngram.split(&ngram.folded(keyword));
            ngram.sizes.push(size);
            for (gram, times) in grams {
                ngram.grams.entry(gram).or_default().push((index, times));
            }
        }
        ngram
    }

    /// How many keywords are like a word of the text, or like the text as a whole.
    pub(super) fn count(&self, text: &str) -> usize {
        let text = self.folded(text);
        let mut words = BTreeSet::new();
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
            if !word.is_empty() && words.len() < MAX_WORDS {
                words.insert(word);
            }
        }
        let mut found = vec![false; self.sizes.len()];
        for word in words {
            self.find(word, &mut found);
        }
        // A text much longer than any keyword is like none of them.
        let longest = self.sizes.iter().max().copied().unwrap_or_default();
        let least = self.similarity(longest, text.chars().count() + self.arity - 1);
        if least >= self.threshold {
            self.find(&text, &mut found);
        }
        found.iter().filter(|found| **found).count()
    }

    fn folded(&self, text: &str) -> String {
        if self.case_sensitive {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    }

    fn find(&self, text: &str, found: &mut [bool]) {
        let (size, grams) = self.split(text);
        let mut shared = BTreeMap::new();
        for (gram, times) in &grams {
            for (keyword, others) in self.grams.get(gram).into_iter().flatten() {
                *shared.entry(*keyword).or_insert(0) += times.min(others);
            }
        }
        for (keyword, same) in shared {
            let (Some(other), Some(found)) = (self.sizes.get(keyword), found.get_mut(keyword)) else {
                continue;
            };
            *found |= self.similarity(same, size + other - same) >= self.threshold;
        }
    }

    /// How alike two texts are that share `same` of their `all` n-grams, 0 to 1: 1 - (1 - Jaccard)^2, as VSR has it.
    fn similarity(&self, same: usize, all: usize) -> f32 {
        let (all, same) = (all.max(same) as f32, same as f32);
        let different = all - same;
        (all.powf(2.0) - different.powf(2.0)) / all.powf(2.0)
    }

    /// How many n-grams `text` has, spaces added at both ends, and how often each occurs.
    fn split(&self, text: &str) -> (usize, BTreeMap<Vec<char>, usize>) {
        let pad = || std::iter::repeat_n(' ', self.arity - 1);
        let padded: Vec<char> = pad().chain(text.chars()).chain(pad()).collect();
        let mut grams = BTreeMap::new();
        for gram in padded.windows(self.arity) {
            *grams.entry(gram.to_vec()).or_insert(0) += 1;
        }
        (padded.len() + 1 - self.arity, grams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(keywords: &[&str], threshold: f32, text: &str) -> usize {
        Ngram::new(keywords, threshold, 3, false).count(text)
    }

    #[test]
    fn similarity_is_that_of_the_trigrams() {
        let ngram = Ngram::new(&["urgent"], 0.4, 3, false);
        // 8 trigrams each, 5 of 11 shared: 1 - (6/11)^2.
        let (size, grams) = ngram.split("urgant");
        let same: usize = grams
            .keys()
            .filter(|gram| ngram.grams.contains_key(*gram))
            .count();
        assert_eq!((size, same), (8, 5));
        assert_eq!(ngram.similarity(5, 11), (121.0 - 36.0) / 121.0);
        assert_eq!(ngram.similarity(8, 8), 1.0);
        assert_eq!(ngram.similarity(0, 16), 0.0);
    }

    #[test]
    fn misspelt_words_and_short_phrases_are_found() {
        let table = [
            (0.4, "this is URGANT, please", 1),
            (0.8, "this is urgant, please", 0),
            (0.4, "nothing here", 0),
            (0.4, "step by stepp", 1),
            (0.4, "a single step", 1),
            (
                0.4,
                "by then it was over, and nobody could tell how it had come about",
                0,
            ),
            (0.4, "", 0),
        ];
        for (threshold, text, expected) in table {
            assert_eq!(
                count(&["urgent", "step by step"], threshold, text),
                expected,
                "{text}"
            );
        }
    }
}
