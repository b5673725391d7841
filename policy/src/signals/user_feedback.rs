//! `user_feedback`: what the user says of the answer before.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal, read_known_name};

/// What a user can say of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Feedback {
    Satisfied,
    NeedClarification,
    WrongAnswer,
    WantDifferent,
}

const FEEDBACKS: [(&str, Feedback); 4] = [
    ("satisfied", Feedback::Satisfied),
    ("need_clarification", Feedback::NeedClarification),
    ("wrong_answer", Feedback::WrongAnswer),
    ("want_different", Feedback::WantDifferent),
];

/// The declared user_feedback signals, of which one matches at most.
#[derive(Debug)]
struct UserFeedbacks {
    signals: Vec<(String, Option<Feedback>)>,
    /// None where the detector is off.
    threshold: Option<f32>,
}

/// Reads `routing.signals.user_feedbacks`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let warn_off = |object: &Object<'_>| {
        object.warn("name", "never matches: modules.feedback_detector is off");
    };
    if setup.modules.feedback_threshold.is_none() {
        objects.iter().for_each(warn_off);
    }
    let read = |object| read_known_name(object, &mut taken, &FEEDBACKS);
    Box::new(UserFeedbacks {
        signals: objects.into_iter().map(read).collect(),
        threshold: setup.modules.feedback_threshold,
    })
}

impl Signal for UserFeedbacks {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|(name, _)| name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        // There is nothing to say of an answer that was not given.
        let answered = reading.request().roles().assistant > 0;
        let Some(threshold) = self.threshold.filter(|_| answered) else {
            return Ok(vec![None; self.signals.len()]);
        };
        let scores = reading.scores()?.feedback;
        let chances = [
            (Feedback::Satisfied, scores.satisfied),
            (Feedback::NeedClarification, scores.need_clarification),
            (Feedback::WrongAnswer, scores.wrong_answer),
            (Feedback::WantDifferent, scores.want_different),
        ];
        let best = chances
            .into_iter()
            .reduce(|best, next| if next.1 > best.1 { next } else { best });
        // As in VSR, what is not sure enough counts as satisfied, and a signal that matches is sure.
        let said = best
            .filter(|(_, chance)| *chance >= threshold)
            .map_or(Feedback::Satisfied, |(said, _)| said);
        let tell = |(_, known): &(String, Option<Feedback>)| (*known == Some(said)).then_some(1.0);
        Ok(self.signals.iter().map(tell).collect())
    }
}

#[cfg(test)]
mod tests;
