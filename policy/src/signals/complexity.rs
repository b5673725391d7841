//! `complexity`: likeness to hard or to easy examples.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::rules;
use crate::config::setup::Setup;
use crate::rule::Rule;
use crate::signals::bank::{Bank, Scoring};
use crate::signals::{Reading, Signal, read_name};

/// What a text can be, in the order of the names that a signal has.
const LEVELS: [&str; 3] = ["hard", "medium", "easy"];

/// The declared complexity signals.
#[derive(Debug)]
struct Complexities {
    signals: Vec<Complexity>,
    scoring: Scoring,
}

#[derive(Debug)]
struct Complexity {
    name: String,
    threshold: f32,
    hard: Bank,
    easy: Bank,
    /// What has to hold for the signal to match at all.
    composer: Option<Rule>,
}

/// Reads `routing.signals.complexity`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| Complexity::read(object, setup, &mut taken);
    Box::new(Complexities {
        signals: objects.into_iter().map(read).collect(),
        scoring: setup.modules.complexity,
    })
}

impl Complexity {
    fn read<'v>(mut object: Object<'v>, setup: &mut Setup<'_>, taken: &mut BTreeSet<&'v str>) -> Complexity {
        let name = read_name(&mut object, taken);
        if name.contains(':') {
            object.error(
                "name",
                "must not have a `:`, which parts it from the level in rules",
            );
        }
        let threshold = object.number("threshold", 0.0..=1.0).unwrap_or_default();
        let method = object.text("method").unwrap_or("embedding");
        if !["", "embedding", "prototype"].contains(&method) {
            object.error(
                "method",
                "a classifier of one's own is not supported; give hard and easy candidates and leave this out",
            );
        }
        let hard = read_bank(&mut object, "hard", setup);
        let easy = read_bank(&mut object, "easy", setup);
        let composer = object
            .object("composer")
            .map(|composer| rules::read(Some(composer), setup.signals));
        object.ignore(&["description"]);
        object.finish();
        Complexity {
            name,
            threshold: threshold as f32,
            hard,
            easy,
            composer,
        }
    }

    /// Which of [`LEVELS`], and how sure: as VSR does, how far the one bank is ahead of the other.
    fn level(&self, text: &[f32], scoring: Scoring) -> (usize, f32) {
        let margin = self.hard.score(text, scoring) - self.easy.score(text, scoring);
        let level = match margin {
            _ if margin > self.threshold => 0,
            _ if margin < -self.threshold => 2,
            _ => 1,
        };
        (level, margin.abs().min(1.0))
    }
}

fn read_bank(object: &mut Object<'_>, key: &'static str, setup: &mut Setup<'_>) -> Bank {
    if object.get(key).is_none() {
        object.error(key, "is missing: {candidates: [...]}");
        return Bank::default();
    }
    let Some(mut object) = object.object(key) else {
        return Bank::default();
    };
    object.unsupported(
        "image_candidates",
        "images are not embedded; give candidates that are text",
    );
    let bank = setup.bank(&mut object, "candidates");
    object.finish();
    bank
}

impl Signal for Complexities {
    fn names(&self) -> Vec<String> {
        let names = |signal: &Complexity| LEVELS.map(|level| format!("{}:{level}", signal.name));
        self.signals.iter().flat_map(names).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let mut confidences = Vec::new();
        for signal in &self.signals {
            let mut levels = [None; 3];
            let holds = match &signal.composer {
                Some(composer) => composer.test(reading, false)?.is_some(),
                None => true,
            };
            if holds {
                let (level, confidence) = signal.level(&reading.scores()?.embedding, self.scoring);
                if let Some(place) = levels.get_mut(level) {
                    *place = Some(confidence);
                }
            }
            confidences.extend(levels);
        }
        Ok(confidences)
    }
}

#[cfg(test)]
mod tests;
