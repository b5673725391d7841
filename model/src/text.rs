//! From a text of any size to a bounded number of tokens.

use std::borrow::Cow;

use tokenizers::Tokenizer;

use crate::spelling::Speller;
use crate::{Card, Error};

/// The tokenizer and the window that it looks through.
#[derive(Debug)]
pub(crate) struct Encoder {
    tokenizer: Tokenizer,
    speller: Speller,
    /// Counting it copies the whole vocabulary.
    vocabulary: u32,
    card: Card,
}

impl Encoder {
    pub(crate) fn new(card: &Card, json: &[u8]) -> Result<Self, Error> {
        let tokenizer = Tokenizer::from_bytes(json).map_err(|e| Error::Asset {
            name: "tokenizer.json",
            why: e.to_string(),
        })?;
        let size = u32::try_from(tokenizer.get_vocab_size(true)).unwrap_or(0);
        let pieces: Vec<Option<String>> = (0..size)
            .map(|id| {
                tokenizer
                    .id_to_token(id)
                    .filter(|_| ![card.pad_id, card.unk_id].contains(&id.into()))
            })
            .collect();
        Ok(Self {
            speller: Speller::new(&card.spelling, pieces.iter().map(Option::as_deref)),
            tokenizer,
            vocabulary: size,
            card: card.clone(),
        })
    }

    /// The head and the tail of the text's tokens; at least one token, at most `max_tokens`.
    pub(crate) fn encode(&self, text: &str, max_tokens: usize) -> Result<Vec<i64>, Error> {
        let text = window(text, self.card.head_bytes, self.card.tail_bytes);
        let encoding = self
            .tokenizer
            .encode_fast(text.as_ref(), false)
            .map_err(|e| Error::Tokenize(e.to_string()))?;
        let ids = encoding.get_ids().iter().map(|&id| i64::from(id));
        let limit = max_tokens.clamp(1, self.card.max_tokens);
        let head = limit * self.card.head_tokens / self.card.max_tokens.max(1);
        let cut = ids.len().saturating_sub(limit);
        let tokens: Vec<i64> = ids
            .enumerate()
            .filter(|(i, _)| *i < head || *i >= head + cut)
            .map(|(_, id)| id)
            .collect();
        Ok(if tokens.is_empty() {
            vec![self.card.unk_id]
        } else {
            tokens
        })
    }
}

impl Encoder {
    /// Whether any of the tokens stands for something: a space and the unknown piece do not.
    pub(crate) fn knows_any(&self, tokens: &[i64]) -> bool {
        let space = self.tokenizer.token_to_id("▁").map(i64::from);
        tokens
            .iter()
            .any(|&token| token != self.card.unk_id && Some(token) != space)
    }

    /// How many tokens there are; ids are below it.
    pub(crate) fn vocabulary(&self) -> u32 {
        self.vocabulary
    }

    /// The spellings of tokens that [`Encoder::encode`] gave, for a bucket of `length` tokens.
    pub(crate) fn spellings(&self, tokens: &[i64], length: usize) -> Vec<i64> {
        self.speller.rows(tokens, length * self.card.spelling.per_token)
    }
}

/// The first `head` and the last `tail` bytes of a longer text, cut inwards at character boundaries and joined by a
/// line break. Tokenising costs time by the byte, and a prompt may be megabytes.
fn window(text: &str, head: usize, tail: usize) -> Cow<'_, str> {
    if text.len() <= head + tail {
        return Cow::Borrowed(text);
    }
    let start = text.get(..text.floor_char_boundary(head)).unwrap_or_default();
    let end = text
        .get(text.ceil_char_boundary(text.len() - tail)..)
        .unwrap_or_default();
    Cow::Owned([start, "\n", end].concat())
}
