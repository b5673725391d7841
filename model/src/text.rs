//! From a text of any size to a bounded number of tokens.

use std::borrow::Cow;

use crate::spelling::Speller;
use crate::unigram::{SPACE, Unigram};
use crate::{Card, Error};

/// The tokenizer and the window that it looks through.
#[derive(Debug)]
pub(crate) struct Encoder {
    tokenizer: Unigram,
    speller: Speller,
    /// The piece of a space alone.
    space: Option<i64>,
    card: Card,
}

impl Encoder {
    pub(crate) fn new(card: &Card, json: &[u8]) -> Result<Self, Error> {
        let (tokenizer, pieces) = Unigram::parse(json).map_err(|why| Error::Asset {
            name: "tokenizer.json",
            why,
        })?;
        let spelt = (0..).zip(&pieces).map(|(id, piece)| {
            let has_text = ![card.pad_id, card.unk_id].contains(&id);
            has_text.then_some(piece.as_ref())
        });
        let speller = Speller::new(&card.spelling, spelt);
        let space = pieces.iter().position(|piece| piece.chars().eq([SPACE]));
        let space = space.and_then(|id| i64::try_from(id).ok());
        Ok(Self {
            speller,
            space,
            tokenizer,
            card: card.clone(),
        })
    }

    /// The head and the tail of the text's tokens; at least one token, at most `max_tokens`.
    pub(crate) fn encode(&self, text: &str, max_tokens: usize) -> Vec<i64> {
        let text = window(text, self.card.head_bytes, self.card.tail_bytes);
        let ids = self.tokenizer.encode(&text);
        let limit = max_tokens.clamp(1, self.card.max_tokens);
        let head = limit * self.card.head_tokens / self.card.max_tokens.max(1);
        let cut = ids.len().saturating_sub(limit);
        let kept = ids
            .iter()
            .enumerate()
            .filter(|(i, _)| *i < head || *i >= head + cut);
        let tokens: Vec<i64> = kept.map(|(_, &id)| i64::from(id)).collect();
        if tokens.is_empty() {
            vec![self.card.unk_id]
        } else {
            tokens
        }
    }

    /// Whether any of the tokens stands for something: a space and the unknown piece do not.
    pub(crate) fn knows_any(&self, tokens: &[i64]) -> bool {
        tokens
            .iter()
            .any(|&token| token != self.card.unk_id && Some(token) != self.space)
    }

    /// How many tokens there are; ids are below it.
    pub(crate) fn vocabulary(&self) -> u32 {
        self.tokenizer.len() as u32
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
