//! The Unigram tokenizer of `tokenizer.json`, as the crate `tokenizers` runs it.
//!
//! That crate keeps a map for each node of its trie, a cache and the origin of every byte, none of which a prompt's
//! classification needs: with it a VM takes 126 ms to configure instead of 72, and Envoy with one worker 43 MiB more. The
//! tests hold this one to its answers.

use std::borrow::Cow;
use std::num::NonZeroU32;

use hashbrown::HashMap;
use serde::Deserialize;
use serde_json::{Value, json};
use unicode_normalization_alignments::UnicodeNormalization;

/// Stands for a space in the pieces.
pub(crate) const SPACE: char = '▁';

/// What a character that no piece holds costs more than the rarest piece; `K_UNK_PENALTY` of `tokenizers`.
const UNKNOWN_PENALTY: f64 = 10.0;

/// A trained vocabulary, ready to cut words into its pieces.
#[derive(Debug)]
pub(crate) struct Unigram {
    /// The score of each piece.
    scores: Vec<f64>,
    unknown: u32,
    unknown_score: f64,
    trie: Trie,
}

#[derive(Deserialize)]
struct Definition<'a> {
    normalizer: Value,
    pre_tokenizer: Value,
    added_tokens: Vec<Value>,
    #[serde(borrow)]
    model: Model<'a>,
}

#[derive(Deserialize)]
struct Model<'a> {
    unk_id: u32,
    #[serde(borrow)]
    vocab: Vec<(Piece<'a>, f64)>,
}

/// A piece, where it stands in the file unless it is escaped there.
#[derive(Deserialize)]
struct Piece<'a>(#[serde(borrow)] Cow<'a, str>);

/// The best way to the end of a prefix of a word.
#[derive(Clone, Copy)]
struct Step {
    start: usize,
    id: u32,
    score: f64,
}

impl Unigram {
    /// Reads `tokenizer.json`, and gives its pieces too, in the order of their ids. One that normalises or splits in another
    /// way than this is an error.
    pub(crate) fn parse(json: &[u8]) -> Result<(Self, Vec<Cow<'_, str>>), String> {
        let Definition {
            normalizer,
            pre_tokenizer,
            added_tokens,
            model: Model { unk_id, vocab },
        } = serde_json::from_slice(json).map_err(|e| e.to_string())?;
        let steps = json!({"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Lowercase"}]});
        let split = json!({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}]});
        if normalizer != steps {
            return Err(format!("normalizer: is not {steps}"));
        } else if pre_tokenizer != split {
            return Err(format!("pre_tokenizer: is not {split}"));
        } else if !added_tokens.is_empty() {
            return Err("added_tokens: are not read".into());
        } else if vocab.get(unk_id as usize).is_none() {
            return Err("unk_id: is not in the vocabulary".into());
        }
        let (pieces, scores): (Vec<_>, Vec<_>) =
            vocab.into_iter().map(|(piece, score)| (piece.0, score)).unzip();
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let unigram = Self {
            trie: Trie::new(pieces.iter().map(AsRef::as_ref)),
            unknown: unk_id,
            unknown_score: least - UNKNOWN_PENALTY,
            scores,
        };
        Ok((unigram, pieces))
    }

    /// How many pieces there are.
    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    /// The ids of a text's pieces.
    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        let (mut ids, mut word, mut steps) = (Vec::with_capacity(text.len() / 3), String::new(), Vec::new());
        let characters = text.chars().filter(|&c| !is_removed(c)).map(as_space);
        // Nothing but ASCII is changed by NFKC, nor combines with what follows it unless that is no ASCII.
        if text.is_ascii() {
            self.encode_words(characters, &mut word, &mut steps, &mut ids);
        } else {
            let composed = characters.nfkc().map(|(character, _)| character);
            self.encode_words(composed, &mut word, &mut steps, &mut ids);
        }
        ids
    }

    fn encode_words(
        &self,
        characters: impl Iterator<Item = char>,
        word: &mut String,
        steps: &mut Vec<Option<Step>>,
        ids: &mut Vec<u32>,
    ) {
        // Lowering changes no character to or from white space.
        for character in characters.flat_map(char::to_lowercase) {
            if character.is_whitespace() {
                self.cut(word, steps, ids);
            } else {
                if word.is_empty() {
                    word.push(SPACE);
                }
                word.push(character);
            }
        }
        self.cut(word, steps, ids);
    }

    /// Moves a word's pieces to `ids`: of all ways to cut it the one with the highest sum of scores (Viterbi), with a run
    /// of unknown characters as one piece.
    fn cut(&self, word: &mut String, steps: &mut Vec<Option<Step>>, ids: &mut Vec<u32>) {
        steps.clear();
        steps.resize(word.len() + 1, None);
        for (start, character) in word.char_indices() {
            let before = steps.get(start).copied().flatten().map_or(0.0, |step| step.score);
            let next = start + character.len_utf8();
            let mut is_known = false;
            let mut reach = |end: usize, id, score: f64| {
                let score = before + score;
                if let Some(step) = steps.get_mut(end)
                    && step.is_none_or(|best| score > best.score)
                {
                    *step = Some(Step { start, id, score });
                }
            };
            for (length, id) in self
                .trie
                .prefixes(word.as_bytes().get(start..).unwrap_or_default())
            {
                let score = self
                    .scores
                    .get(id as usize)
                    .copied()
                    .unwrap_or(self.unknown_score);
                is_known |= start + length == next;
                reach(start + length, id, score);
            }
            if !is_known {
                reach(next, self.unknown, self.unknown_score);
            }
        }
        let (first, mut end) = (ids.len(), word.len());
        while let Some(step) = steps.get(end).copied().flatten() {
            if step.id != self.unknown || ids.len() == first || ids.last() != Some(&self.unknown) {
                ids.push(step.id);
            }
            end = step.start;
        }
        if let Some(own) = ids.get_mut(first..) {
            own.reverse();
        }
        word.clear();
    }
}

/// Control characters that are dropped; the first half of `Nmt`.
fn is_removed(character: char) -> bool {
    matches!(character as u32, 1..=8 | 0x0b | 0x0e..=0x1f | 0x7f | 0x8f | 0x9f)
}

/// Other characters that count as a space; the second half of `Nmt`.
fn as_space(character: char) -> char {
    match character as u32 {
        0x09 | 0x0a | 0x0c | 0x0d | 0x1680 | 0x200b..=0x200f | 0x2028 | 0x2029 | 0x2581 | 0xfeff | 0xfffd => {
            ' '
        }
        _ => character,
    }
}

/// All pieces byte by byte: (node, byte) to the next node, in one table. The root is node 0.
#[derive(Debug)]
struct Trie {
    edges: HashMap<u32, u32>,
    /// The piece that ends at each node: one more than its id.
    ends: Vec<Option<NonZeroU32>>,
}

impl Trie {
    fn new<'a>(pieces: impl Iterator<Item = &'a str>) -> Self {
        let mut trie = Self {
            edges: HashMap::new(),
            ends: vec![None],
        };
        for (end, piece) in (1..).zip(pieces) {
            let mut node = 0;
            for &byte in piece.as_bytes() {
                let next = trie.ends.len() as u32;
                node = *trie.edges.entry(edge(node, byte)).or_insert(next);
                if node == next {
                    trie.ends.push(None);
                }
            }
            if let Some(place) = trie.ends.get_mut(node as usize) {
                *place = NonZeroU32::new(end);
            }
        }
        trie
    }

    /// (bytes, id) of the pieces that `text` starts with, the shortest first.
    fn prefixes(&self, text: &[u8]) -> impl Iterator<Item = (usize, u32)> {
        let nodes = text.iter().scan(0, |node, &byte| {
            *node = *self.edges.get(&edge(*node, byte))?;
            Some(*node)
        });
        (1..).zip(nodes).filter_map(|(length, node)| {
            let end = self.ends.get(node as usize).copied().flatten()?;
            Some((length, end.get() - 1))
        })
    }
}

/// A vocabulary of a few megabytes has far fewer than 2^24 nodes.
fn edge(node: u32, byte: u8) -> u32 {
    node << 8 | u32::from(byte)
}
