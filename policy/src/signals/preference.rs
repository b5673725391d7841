//! `preference`: likeness to examples of what a user prefers.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::bank::{Bank, Scoring};
use crate::signals::{Reading, Signal, read_name};

/// The declared preference signals, of which one matches at most.
#[derive(Debug)]
struct Preferences {
    signals: Vec<Preference>,
    scoring: Scoring,
}

#[derive(Debug)]
struct Preference {
    name: String,
    /// 0 for none.
    threshold: f32,
    examples: Bank,
}

/// Reads `routing.signals.preferences`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| Preference::read(object, setup, &mut taken);
    Box::new(Preferences {
        signals: objects.into_iter().map(read).collect(),
        scoring: setup.modules.preference,
    })
}

impl Preference {
    fn read<'v>(mut object: Object<'v>, setup: &mut Setup<'_>, taken: &mut BTreeSet<&'v str>) -> Preference {
        let name = read_name(&mut object, taken);
        let threshold = object.number("threshold", 0.0..=1.0).unwrap_or_default();
        let listed = object
            .texts("examples")
            .is_some_and(|examples| !examples.is_empty());
        let examples = if listed {
            setup.bank(&mut object, "examples")
        } else {
            described(&mut object, setup)
        };
        object.ignore(&["description"]);
        object.finish();
        Preference {
            name,
            threshold: threshold as f32,
            examples,
        }
    }
}

/// Without examples the description is one.
fn described(object: &mut Object<'_>, setup: &mut Setup<'_>) -> Bank {
    let Some(text) = object.text("description").filter(|text| !text.is_empty()) else {
        object.error("examples", "lists no example");
        return Bank::default();
    };
    let path = || object.at("description");
    let vector = setup.examples.embed(text, setup.scorer, object.report(), path);
    Bank::new(vector.into_iter().collect())
}

impl Signal for Preferences {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let text = &reading.scores()?.embedding;
        let score = |signal: &Preference| signal.examples.score(text, self.scoring);
        let scores: Vec<_> = self.signals.iter().map(score).collect();
        Ok(self.matches(&scores))
    }
}

impl Preferences {
    /// The best, if it reaches its threshold and is far enough ahead of the second.
    fn matches(&self, scores: &[f32]) -> Vec<Option<f32>> {
        let mut confidences = vec![None; scores.len()];
        let best = (0..scores.len()).reduce(|best, next| {
            if scores.get(next) > scores.get(best) {
                next
            } else {
                best
            }
        });
        let Some((index, signal)) = best.and_then(|index| Some((index, self.signals.get(index)?))) else {
            return confidences;
        };
        let score = scores.get(index).copied().unwrap_or_default();
        let others = scores.iter().enumerate().filter(|(other, _)| *other != index);
        let second = others.map(|(_, score)| *score).fold(0.0, f32::max);
        let reaches = score >= signal.threshold || signal.threshold == 0.0;
        let ahead = score - second >= self.scoring.margin || self.scoring.margin == 0.0;
        if let (true, true, Some(place)) = (reaches, ahead, confidences.get_mut(index)) {
            *place = Some(score.clamp(0.0, 1.0));
        }
        confidences
    }
}

#[cfg(test)]
mod tests;
