//! `reask`: whether the user asks the same again.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::request::Role;
use crate::signals::bank::cosine;
use crate::signals::{Reading, Signal, read_name};

/// How far back a signal may look: each turn is one more run of the model.
const MAX_LOOKBACK: i64 = 8;

/// The declared reask signals.
#[derive(Debug)]
struct Reasks {
    signals: Vec<Reask>,
    /// The furthest that any looks back.
    lookback: usize,
    /// The lowest threshold of any: a turn below it ends every streak.
    lowest: f32,
}

#[derive(Debug)]
struct Reask {
    name: String,
    threshold: f32,
    /// How many of the user's turns before the last have to be like it.
    lookback: usize,
}

/// Reads `routing.signals.reasks`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let signals: Vec<_> = objects
        .into_iter()
        .map(|object| Reask::read(object, &mut taken))
        .collect();
    Box::new(Reasks {
        lookback: signals
            .iter()
            .map(|signal| signal.lookback)
            .max()
            .unwrap_or_default(),
        lowest: signals.iter().map(|signal| signal.threshold).fold(1.0, f32::min),
        signals,
    })
}

impl Reask {
    fn read<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> Reask {
        let name = read_name(&mut object, taken);
        // As in VSR, 0 stands for the default.
        let threshold = object
            .number("threshold", 0.0..=1.0)
            .filter(|threshold| *threshold > 0.0);
        let lookback = object.integer("lookback_turns", 0..=MAX_LOOKBACK);
        object.ignore(&["description"]);
        object.finish();
        Reask {
            name,
            threshold: threshold.unwrap_or(0.8) as f32,
            lookback: lookback
                .and_then(|turns| usize::try_from(turns).ok())
                .unwrap_or_default()
                .max(1),
        }
    }
}

impl Signal for Reasks {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let likeness = self.likeness(reading)?;
        let furthest = |signal: &Reask| streak(&likeness, signal).map(|_| signal.lookback);
        // As in VSR, of those that match only the ones that look back furthest are told.
        let furthest = self.signals.iter().filter_map(furthest).max();
        let tell = |signal: &Reask| streak(&likeness, signal).filter(|_| Some(signal.lookback) == furthest);
        Ok(self.signals.iter().map(tell).collect())
    }
}

/// The least likeness of the turns that a signal looks back on, None if one is not like enough.
fn streak(likeness: &[f32], signal: &Reask) -> Option<f32> {
    let turns = likeness.get(..signal.lookback)?;
    let least = turns.iter().copied().fold(1.0, f32::min);
    (least >= signal.threshold).then_some(least)
}

impl Reasks {
    /// How like the last user turn is to those before it, the latest first, up to one that no signal would pass.
    fn likeness(&self, reading: &mut Reading<'_>) -> Result<Vec<f32>, String> {
        let turns = reading.request().turns();
        let user = turns.iter().rev().filter(|turn| turn.role == Some(Role::User));
        let texts = user
            .map(|turn| turn.text())
            .filter(|text| !text.trim().is_empty());
        let earlier: Vec<_> = texts.skip(1).take(self.lookback).collect();
        let current = normalised(reading.text());
        let mut likeness = Vec::new();
        for text in earlier {
            let like = if normalised(&text) == current {
                1.0
            } else {
                let before = reading.scores_of(&text)?;
                cosine(&before.embedding, &reading.scores()?.embedding)
            };
            likeness.push(like.clamp(0.0, 1.0));
            if like < self.lowest {
                break;
            }
        }
        Ok(likeness)
    }
}

/// A text without what makes no difference to its meaning: case and spacing.
fn normalised(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
