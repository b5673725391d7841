//! `event`: what the text reports: types of events, severities, codes of actions, urgency.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::config::setup::Setup;
use crate::signals::words::{Finder, Word};
use crate::signals::{Reading, Signal, read_name};

/// The declared event signals, with the words of all of them in one automaton.
#[derive(Debug, Default)]
struct Events {
    rules: Vec<EventRule>,
    words: Vec<EventWord>,
    /// Finds `words`.
    finder: Finder,
}

#[derive(Debug)]
struct EventRule {
    name: String,
    /// Which of [`CRITERIA`] it has.
    criteria: [bool; 4],
}

/// A word that meets a criterion of a rule.
#[derive(Debug)]
struct EventWord {
    rule: usize,
    criterion: usize,
    word: Word,
}

const SEVERITIES: [&str; 4] = ["critical", "high", "medium", "low"];

/// The criterion of urgency, after the three that are lists.
const URGENT: usize = 3;

/// What makes a text urgent. VSR has any character where these have a space.
const URGENT_WORDS: [&str; 11] = [
    "urgent",
    "immediate",
    "asap",
    "deadline",
    "now",
    "time sensitive",
    "time-sensitive",
    "time_sensitive",
    "critical window",
    "critical-window",
    "critical_window",
];

/// Reads `routing.signals.events`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    Box::new(Events::read(objects))
}

impl Events {
    fn read(objects: Vec<Object<'_>>) -> Events {
        let (mut events, mut taken, mut texts) = (Events::default(), BTreeSet::new(), Vec::new());
        for mut object in objects {
            let name = read_name(&mut object, &mut taken);
            let lists = ["event_types", "severities", "action_codes"].map(|key| read_words(&mut object, key));
            check_severities(&object, &lists);
            let urgent = object.flag("temporal") == Some(true);
            let urgent = if urgent { URGENT_WORDS.as_slice() } else { &[] };
            let [types, severities, actions] = lists.each_ref().map(Vec::as_slice);
            let criteria = [types, severities, actions, urgent];
            if criteria.iter().all(|words| words.is_empty()) {
                let path = object.path().to_owned();
                let message = "needs event_types, severities, action_codes or temporal";
                object.report().error(path, message);
            }
            let rule = events.rules.len();
            for (criterion, words) in criteria.into_iter().enumerate() {
                for text in words {
                    let word = Word::standing(text, false);
                    events.words.push(EventWord {
                        rule,
                        criterion,
                        word,
                    });
                    texts.push(*text);
                }
            }
            events.rules.push(EventRule {
                name,
                criteria: criteria.map(|words| !words.is_empty()),
            });
            object.ignore(&["description"]);
            object.finish();
        }
        events.finder = Finder::new(texts);
        events
    }

    /// The confidence of each rule, in document order, None where it does not match.
    fn scan(&self, text: &str) -> Vec<Option<f32>> {
        let mut met = vec![[false; URGENT + 1]; self.rules.len()];
        self.finder.scan(text, |index, place| {
            if let Some(found) = self.words.get(index)
                && let Some(met) = met
                    .get_mut(found.rule)
                    .and_then(|met| met.get_mut(found.criterion))
                && !*met
            {
                *met = found.word.stands(text, &place);
            }
            ControlFlow::Continue(())
        });
        let confidence = |(rule, met): (&EventRule, [bool; URGENT + 1])| {
            let count = |criteria: [bool; URGENT + 1]| criteria.into_iter().filter(|met| *met).count();
            let (met, all) = (count(met), count(rule.criteria));
            (met > 0).then(|| 0.5 + 0.5 * met as f32 / all.max(1) as f32)
        };
        self.rules.iter().zip(met).map(confidence).collect()
    }
}

impl Signal for Events {
    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(self.scan(reading.text()))
    }
}

fn read_words<'v>(object: &mut Object<'v>, key: &'static str) -> Vec<&'v str> {
    let words = object.texts(key).unwrap_or_default();
    let words = words.into_iter().map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

fn check_severities(object: &Object<'_>, lists: &[Vec<&str>; 3]) {
    let [_, severities, _] = lists;
    for severity in severities {
        if !SEVERITIES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(severity))
        {
            let message = format!("must be of {}, found {}", SEVERITIES.join(", "), quoted(severity));
            object.error("severities", message);
        }
    }
}

#[cfg(test)]
mod tests;
