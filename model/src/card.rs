use serde::Deserialize;

use crate::{DOMAINS, Error, FEEDBACK_LABELS, GUARD_LABELS};

/// `model.json`: what the graph and its tokenizer expect, written by the training script.
#[derive(Debug, Clone, Deserialize)]
pub struct Card {
    /// Names this training run; changes whenever a score could.
    pub revision: String,
    /// Domain names in the order of the graph's output.
    pub labels: Vec<String>,
    /// Most tokens the graph reads.
    pub max_tokens: usize,
    /// Of a text with more tokens than are read, the share taken from its start is `head_tokens / max_tokens`.
    pub head_tokens: usize,
    /// Of a text longer than `head_bytes + tail_bytes`, bytes taken from its start.
    pub head_bytes: usize,
    /// Of a text longer than `head_bytes + tail_bytes`, bytes taken from its end.
    pub tail_bytes: usize,
    /// Sequence lengths that the graph is compiled for, ascending; the last is `max_tokens`.
    pub buckets: Vec<usize>,
    /// Token that fills a bucket up; the graph masks it.
    pub pad_id: i64,
    /// Token of an unknown piece, and of the empty text.
    pub unk_id: i64,
    /// How pairs of neighbouring tokens are hashed to rows of the graph's second input.
    pub bigram: Bigram,
    /// How spellings are hashed to rows of the graph's third input.
    pub spelling: Spelling,
    /// The guard's classes in the order of the graph's output.
    pub guard_labels: Vec<String>,
    /// The classes of feedback in the order of the graph's output.
    pub feedback_labels: Vec<String>,
    /// Length of the sentence embedding.
    pub embedding_width: usize,
}

/// Hash of two neighbouring token ids to a row of the graph's table of pairs. All arithmetic is `u32` and wraps:
/// `h = previous * a + current * b; h = (h ^ (h >> 15)) * c; row = max(h >> (32 - bits), 1)`. Row 0 is padding.
#[derive(Debug, Clone, Deserialize)]
pub struct Bigram {
    /// Multiplier of the previous token's id; the first token's previous one is the padding.
    pub a: u32,
    /// Multiplier of the token's own id.
    pub b: u32,
    /// Multiplier of the mixed hash.
    pub c: u32,
    /// The table has `2^bits` rows; 1 to 31.
    pub bits: u32,
}

/// Hash of runs of characters inside a word to rows of the graph's table of spellings. A word is what lies between two
/// `▁` of the pieces. All arithmetic is `u32` and wraps: `h = 0`; for each character `h = (h + character + 1) * a`;
/// `row = max(((h ^ (h >> 15)) * c) >> (32 - bits), 1)`. Row 0 is padding.
#[derive(Debug, Clone, Deserialize)]
pub struct Spelling {
    /// Multiplier of each step.
    pub a: u32,
    /// Multiplier of the mixed hash.
    pub c: u32,
    /// The table has `2^bits` rows; 1 to 31.
    pub bits: u32,
    /// Characters of the shortest run.
    pub shortest: usize,
    /// Characters of the longest run.
    pub longest: usize,
    /// Runs of two characters count only from this code point on.
    pub wide_from: u32,
    /// A bucket of `n` tokens reads at most `n * per_token` runs.
    pub per_token: usize,
}

impl Card {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        let asset = |why: String| Error::Asset {
            name: "model.json",
            why,
        };
        let card: Self = serde_json::from_slice(json).map_err(|e| asset(e.to_string()))?;
        card.check().map_err(asset)?;
        Ok(card)
    }

    fn check(&self) -> Result<(), String> {
        let longest = self.buckets.last().copied().unwrap_or(0);
        let hashes = [self.bigram.bits, self.spelling.bits];
        if self.labels.len() != DOMAINS {
            Err(format!("labels: {} names, not {DOMAINS}", self.labels.len()))
        } else if !self.labels.iter().any(|label| label == "other") {
            Err("labels: none is other".into())
        } else if self.guard_labels != GUARD_LABELS {
            Err(format!("guard_labels: not {GUARD_LABELS:?}"))
        } else if self.feedback_labels != FEEDBACK_LABELS {
            Err(format!("feedback_labels: not {FEEDBACK_LABELS:?}"))
        } else if longest != self.max_tokens || !self.buckets.is_sorted() {
            Err("buckets: must ascend to max_tokens".into())
        } else if self.head_tokens > self.max_tokens {
            Err("head_tokens: more than max_tokens".into())
        } else if hashes.iter().any(|bits| !(1..32).contains(bits)) {
            Err("bits: not in 1..32".into())
        } else if self.spelling.shortest < 2 || self.spelling.shortest > self.spelling.longest {
            Err("spelling: lengths of the runs must ascend from 2 or more".into())
        } else {
            Ok(())
        }
    }
}
