//! Words of the text that are nearly a keyword.

use std::collections::BTreeSet;

use super::MethodName;
use crate::config::reader::Object;

/// How many different words of a text are looked at; each is compared with each keyword.
const MAX_WORDS: usize = 4096;

/// How many characters may differ unless the document says otherwise, as in VSR.
const DEFAULT_DISTANCE: usize = 2;

/// The keywords of a rule that may be misspelt.
#[derive(Debug)]
pub(super) struct Fuzzy {
    /// In lower case.
    keywords: Vec<Vec<char>>,
    /// How many insertions, deletions and replacements of characters may lie between word and keyword.
    distance: usize,
}

/// Reads `fuzzy_match` and `fuzzy_threshold`; None where nothing may be misspelt.
pub(super) fn read(object: &mut Object<'_>, method: MethodName, keywords: &[&str]) -> Option<Fuzzy> {
    let wanted = object.flag("fuzzy_match");
    let distance = object.integer("fuzzy_threshold", 0..=100).unwrap_or(0) as usize;
    let has_words = !matches!(method, MethodName::Bm25 | MethodName::Ngram);
    let on = wanted.unwrap_or(method == MethodName::Fuzzy);
    if on && !has_words {
        object.warn("fuzzy_match", "has no effect with this method");
    }
    if on && has_words && distance > 9 {
        let message =
            format!("{distance} differing characters make nearly all words match: it is no percentage");
        object.warn("fuzzy_threshold", message);
    }
    (on && has_words).then(|| Fuzzy {
        keywords: keywords
            .iter()
            .map(|word| word.to_lowercase().chars().collect())
            .collect(),
        distance: if distance == 0 { DEFAULT_DISTANCE } else { distance },
    })
}

/// The different words of a text in lower case: runs of letters and digits.
pub(super) fn distinct_words(text: &str) -> Vec<Vec<char>> {
    let mut distinct = BTreeSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() && distinct.len() < MAX_WORDS {
            distinct.insert(word.to_lowercase());
        }
    }
    distinct.iter().map(|word| word.chars().collect()).collect()
}

impl Fuzzy {
    /// How many keywords beside those `found` are nearly one of `words`.
    pub(super) fn count(&self, found: &[bool], words: &[Vec<char>]) -> usize {
        let is_near = |keyword: &[char]| words.iter().any(|word| self.is_near(keyword, word));
        let missing = self.keywords.iter().zip(found).filter(|(_, found)| !**found);
        missing.filter(|(keyword, _)| is_near(keyword)).count()
    }

    fn is_near(&self, keyword: &[char], word: &[char]) -> bool {
        keyword.len().abs_diff(word.len()) <= self.distance && distance(keyword, word) <= self.distance
    }
}

/// How many insertions, deletions and replacements make `a` into `b` (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    // The distances of the prefixes of `b` to the prefix of `a` so far.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, y) in cells.zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_insertions_deletions_and_replacements() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("urgent", "urgnet", 2),
            ("flaw", "lawn", 2),
            ("naïve", "naive", 1),
        ];
        for (a, b, expected) in table {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
            assert_eq!(distance(&chars(b), &chars(a)), expected, "{b} {a}");
        }
    }
}
