//! Keywords that the text is about, by BM25: each keyword is a document, and the text is the query.

use std::collections::{BTreeMap, BTreeSet};

use rust_stemmers::{Algorithm, Stemmer};

use crate::config::reader::Object;

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The score from which on a keyword counts, unless the document says otherwise, as in VSR.
const DEFAULT_THRESHOLD: f32 = 0.1;

/// Words that are left out.
const STOP_WORDS: &str = include_str!("stop_words.txt");

/// The keywords of a rule, by their tokens.
#[derive(Debug)]
pub(super) struct Bm25 {
    threshold: f32,
    total: usize,
    /// The weight of a token in each keyword that has it, multiplied by the token's rarity.
    weights: BTreeMap<String, Vec<(usize, f32)>>,
}

/// Reads `bm25_threshold`.
pub(super) fn read_threshold(object: &mut Object<'_>) -> f32 {
    let threshold = object.number("bm25_threshold", 0.0..=1000.0);
    threshold
        .map(|threshold| threshold as f32)
        .filter(|t| *t > 0.0)
        .unwrap_or(DEFAULT_THRESHOLD)
}

impl Bm25 {
    /// Case never counts: tokens are in lower case, as in VSR, whatever `case_sensitive` says.
    pub(super) fn new(keywords: &[&str], threshold: f32, _case_sensitive: bool) -> Bm25 {
        let documents: Vec<_> = keywords.iter().map(|keyword| tokens(keyword)).collect();
        let lengths: usize = documents.iter().map(Vec::len).sum();
        let average = (lengths as f64 / documents.len().max(1) as f64) as f32;
        // As in VSR, which has no average of no tokens.
        let average = if average <= 0.0 { 256.0 } else { average };
        let mut counts: BTreeMap<String, BTreeMap<usize, f32>> = BTreeMap::new();
        for (index, document) in documents.iter().enumerate() {
            for token in document {
                *counts.entry(token.clone()).or_default().entry(index).or_default() += 1.0;
            }
        }
        let weigh = |(index, times): (&usize, &f32), rarity: f32| {
            let length = documents.get(*index).map_or(0, Vec::len) as f32;
            let weight = times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * (length / average)));
            (*index, rarity * weight)
        };
        let weights = counts.into_iter().map(|(token, keywords)| {
            let having = keywords.len() as f32;
            let rarity = (1.0 + (documents.len() as f32 - having + 0.5) / (having + 0.5)).ln();
            (
                token,
                keywords.iter().map(|keyword| weigh(keyword, rarity)).collect(),
            )
        });
        Bm25 {
            threshold,
            total: keywords.len(),
            weights: weights.collect(),
        }
    }

    /// How many keywords reach the threshold. Each time that a token occurs in the text counts.
    pub(super) fn count(&self, text: &str) -> usize {
        self.scores(text)
            .iter()
            .filter(|score| **score >= self.threshold)
            .count()
    }

    fn scores(&self, text: &str) -> Vec<f32> {
        let mut scores = vec![0.0; self.total];
        for token in tokens(text) {
            for (keyword, weight) in self.weights.get(&token).into_iter().flatten() {
                if let Some(score) = scores.get_mut(*keyword) {
                    *score += weight;
                }
            }
        }
        scores
    }
}

/// The stems of the words of a text, in lower case and without stop words.
fn tokens(text: &str) -> Vec<String> {
    let stop: BTreeSet<_> = STOP_WORDS.split_whitespace().collect();
    let stemmer = Stemmer::create(Algorithm::English);
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '_');
    let words = words
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty() && !stop.contains(word));
    words.map(|word| stemmer.stem(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_bm25() {
        let bm25 = Bm25::new(&["code review", "debugging code", "deploy"], 0.1, false);
        // Three keywords of 2, 2 and 1 tokens; `code` is in two of them.
        let average = (5.0f64 / 3.0) as f32;
        let weight = |length: f32| 2.2 / (1.0 + 1.2 * (1.0 - 0.75 + 0.75 * (length / average)));
        let rarity = |having: f32| (1.0 + (3.0 - having + 0.5) / (having + 0.5)).ln();
        let code = rarity(2.0) * weight(2.0);
        let rare = rarity(1.0);
        assert_eq!(bm25.scores("the code"), [code, code, 0.0]);
        assert_eq!(bm25.scores("code, CODE"), [code + code, code + code, 0.0]);
        assert_eq!(bm25.scores("debug it"), [0.0, rare * weight(2.0), 0.0]);
        assert_eq!(
            bm25.scores("deployed reviews"),
            [rare * weight(2.0), 0.0, rare * weight(1.0)]
        );
        assert_eq!(bm25.count("deployed reviews"), 2);
        assert_eq!(bm25.count(""), 0);
    }
}
