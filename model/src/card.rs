use serde::Deserialize;

use crate::{DOMAINS, Error};

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
    /// How pairs of neighbouring tokens are hashed, where the graph has a second input for them.
    pub bigram: Option<Bigram>,
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

impl Card {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        let asset = |why: String| Error::Asset {
            name: "model.json",
            why,
        };
        let card: Card = serde_json::from_slice(json).map_err(|e| asset(e.to_string()))?;
        let longest = card.buckets.last().copied().unwrap_or(0);
        if card.labels.len() != DOMAINS {
            Err(asset(format!(
                "labels: {} names, not {DOMAINS}",
                card.labels.len()
            )))
        } else if longest != card.max_tokens || !card.buckets.is_sorted() {
            Err(asset("buckets: must ascend to max_tokens".into()))
        } else if card.head_tokens > card.max_tokens {
            Err(asset("head_tokens: more than max_tokens".into()))
        } else if card
            .bigram
            .as_ref()
            .is_some_and(|bigram| !(1..32).contains(&bigram.bits))
        {
            Err(asset("bigram.bits: not in 1..32".into()))
        } else {
            Ok(card)
        }
    }
}
