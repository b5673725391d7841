//! Runs of characters inside words, hashed: what is left of a word when a typo breaks its token up.

use crate::card::Spelling;
use crate::unigram::SPACE;

/// The characters of every piece, and how they are hashed.
#[derive(Debug)]
pub(crate) struct Speller {
    /// All pieces end to end; a million small strings would cost far more memory.
    characters: Vec<u32>,
    /// Where each piece ends in `characters`.
    ends: Vec<usize>,
    hash: Spelling,
}

impl Speller {
    /// `pieces` are in the order of their ids; those without text are `None`.
    pub(crate) fn new<'a>(hash: &Spelling, pieces: impl Iterator<Item = Option<&'a str>>) -> Self {
        let (mut characters, mut ends) = (Vec::new(), Vec::new());
        for piece in pieces {
            characters.extend(piece.unwrap_or_default().chars().map(u32::from));
            ends.push(characters.len());
        }
        Self {
            characters,
            ends,
            hash: hash.clone(),
        }
    }

    /// Rows of the runs in `tokens`: by first character, then by length, at most `limit` of them.
    pub(crate) fn rows(&self, tokens: &[i64], limit: usize) -> Vec<i64> {
        let mut rows = Vec::with_capacity(limit);
        let mut word = Vec::with_capacity(64);
        for &token in tokens {
            let piece = self.piece(token);
            if piece.is_empty() {
                self.spell(&mut word, limit, &mut rows);
            }
            for &character in piece {
                if character == u32::from(SPACE) {
                    self.spell(&mut word, limit, &mut rows);
                }
                word.push(character);
            }
        }
        self.spell(&mut word, limit, &mut rows);
        rows
    }

    fn piece(&self, token: i64) -> &[u32] {
        let piece = usize::try_from(token).ok().and_then(|id| {
            let start = id
                .checked_sub(1)
                .map_or(Some(0), |before| self.ends.get(before).copied())?;
            self.characters.get(start..*self.ends.get(id)?)
        });
        piece.unwrap_or_default()
    }

    /// Moves the runs of one word to `rows`.
    fn spell(&self, word: &mut Vec<u32>, limit: usize, rows: &mut Vec<i64>) {
        let Spelling {
            a,
            c,
            bits,
            shortest,
            longest,
            wide_from,
            ..
        } = self.hash;
        for first in 0..word.len() {
            let mut hash = 0u32;
            for (size, &character) in (1..=longest).zip(word.iter().skip(first)) {
                hash = hash.wrapping_add(character).wrapping_add(1).wrapping_mul(a);
                let counts =
                    size >= shortest && (size > 2 || word.get(first).is_some_and(|&c| c >= wide_from));
                if counts && rows.len() < limit {
                    let mixed = (hash ^ (hash >> 15)).wrapping_mul(c);
                    rows.push(i64::from((mixed >> (32 - bits)).max(1)));
                }
            }
        }
        word.clear();
    }
}
