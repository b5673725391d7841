//! How good a classifier's answers are.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::scorer::best;

/// One answer: the label it should have had, the one it had, and its probability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) label: usize,
    pub(crate) predicted: usize,
    pub(crate) confidence: f32,
}

impl Answer {
    /// The class with the highest chance, where another may have been right.
    pub(crate) fn best(label: usize, chances: &[f32]) -> Answer {
        let (predicted, confidence) = best(chances);
        Answer {
            label,
            predicted,
            confidence,
        }
    }
}

/// Accuracy at each of these least confidences, and the share of answers that reach it, are reported.
const THRESHOLDS: [f32; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// Bins of equal width for the expected calibration error.
const BINS: usize = 15;

/// All figures, for labels named `names`. Classes without a row are left out, also of the macro mean.
pub(crate) fn report(answers: &[Answer], names: &[&str]) -> Value {
    let classes = names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| Some((*name, class(answers, index)?)));
    let classes: Vec<_> = classes.collect();
    let macro_f1 = ratio(classes.iter().map(|(_, class)| class.f1).sum(), classes.len());
    let per_class: Map<_, _> = classes
        .iter()
        .map(|(name, class)| ((*name).to_owned(), class.json()))
        .collect();
    json!({
        "n": answers.len(),
        "accuracy": accuracy(answers.iter()),
        "macro_f1": macro_f1,
        "per_class": per_class,
        "coverage": THRESHOLDS.map(|threshold| coverage(answers, threshold)),
        "ece": calibration_error(answers),
    })
}

/// Rows and accuracy of each source; those without one are `-`.
pub(crate) fn by_source<'a>(answers: &[Answer], sources: impl Iterator<Item = Option<&'a str>>) -> Value {
    let mut groups: BTreeMap<&str, Vec<&Answer>> = BTreeMap::new();
    for (answer, source) in answers.iter().zip(sources) {
        groups.entry(source.unwrap_or("-")).or_default().push(answer);
    }
    let figures = |group: Vec<&Answer>| json!({"n": group.len(), "accuracy": accuracy(group.into_iter())});
    groups
        .into_iter()
        .map(|(source, group)| (source.to_owned(), figures(group)))
        .collect()
}

/// The area under the ROC curve: the chance that a positive scores above a negative, a tie counting half.
pub(crate) fn area(positives: &[f32], negatives: &[f32]) -> f64 {
    let mut sorted = negatives.to_vec();
    sorted.sort_by(f32::total_cmp);
    let beaten = |score: &f32| {
        let below = sorted.partition_point(|other| other < score);
        let up_to = sorted.partition_point(|other| other <= score);
        (below + up_to) as f64 / 2.0
    };
    let won: f64 = positives.iter().map(beaten).sum();
    ratio(won, positives.len() * negatives.len())
}

/// The share of positives above a threshold that at most `rate` of the negatives exceed.
pub(crate) fn recall_at(positives: &[f32], negatives: &[f32], rate: f64) -> f64 {
    let mut sorted = negatives.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let allowed = (negatives.len() as f64 * rate) as usize;
    let threshold = sorted.get(allowed).copied().unwrap_or(f32::NEG_INFINITY);
    let above = positives.iter().filter(|score| **score > threshold).count();
    ratio(above as f64, positives.len())
}

struct Class {
    n: usize,
    precision: f64,
    recall: f64,
    f1: f64,
}

impl Class {
    fn json(&self) -> Value {
        json!({"n": self.n, "precision": self.precision, "recall": self.recall, "f1": self.f1})
    }
}

fn class(answers: &[Answer], index: usize) -> Option<Class> {
    let n = answers.iter().filter(|answer| answer.label == index).count();
    let claimed = answers.iter().filter(|answer| answer.predicted == index).count();
    let right = answers
        .iter()
        .filter(|answer| answer.predicted == index && answer.label == index)
        .count();
    let (precision, recall) = (ratio(right as f64, claimed), ratio(right as f64, n));
    let f1 = ratio(2.0 * right as f64, claimed + n);
    (n > 0).then_some(Class {
        n,
        precision,
        recall,
        f1,
    })
}

fn accuracy<'a>(answers: impl Iterator<Item = &'a Answer>) -> f64 {
    let (mut right, mut n) = (0.0, 0);
    for answer in answers {
        right += f64::from(u8::from(answer.label == answer.predicted));
        n += 1;
    }
    ratio(right, n)
}

fn coverage(answers: &[Answer], threshold: f32) -> Value {
    let reach = || answers.iter().filter(|answer| answer.confidence >= threshold);
    // The nearest double of 0.1f32 is not 0.1.
    let threshold = (f64::from(threshold) * 100.0).round() / 100.0;
    json!({"threshold": threshold, "coverage": ratio(reach().count() as f64, answers.len()), "accuracy": accuracy(reach())})
}

/// How far confidence is from accuracy: the mean over the bins, weighted by their size.
fn calibration_error(answers: &[Answer]) -> f64 {
    let mut bins = [(0.0f64, 0.0f64); BINS];
    for answer in answers {
        let bin = ((answer.confidence * BINS as f32) as usize).min(BINS - 1);
        if let Some((confidence, right)) = bins.get_mut(bin) {
            *confidence += f64::from(answer.confidence);
            *right += f64::from(u8::from(answer.label == answer.predicted));
        }
    }
    ratio(
        bins.iter()
            .map(|(confidence, right)| (confidence - right).abs())
            .sum(),
        answers.len(),
    )
}

fn ratio(part: f64, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(label: usize, predicted: usize, confidence: f32) -> Answer {
        Answer {
            label,
            predicted,
            confidence,
        }
    }

    #[test]
    fn the_figures_are_those_worked_out_by_hand() {
        let answers = [
            answer(0, 0, 0.92),
            answer(0, 1, 0.55),
            answer(1, 1, 0.72),
            answer(1, 1, 0.92),
        ];
        let report = report(&answers, &["a", "b", "c"]);
        let close = |pointer: &str, expected: f64| {
            let value = report.pointer(pointer).and_then(Value::as_f64).unwrap();
            assert!((value - expected).abs() < 1e-6, "{pointer}: {value}");
        };
        close("/n", 4.0);
        close("/accuracy", 0.75);
        close("/per_class/a/precision", 1.0);
        close("/per_class/a/recall", 0.5);
        close("/per_class/a/f1", 2.0 / 3.0);
        close("/per_class/b/f1", 0.8);
        close("/macro_f1", (2.0 / 3.0 + 0.8) / 2.0);
        assert!(report.pointer("/per_class/c").is_none());
        close("/coverage/9/threshold", 0.9);
        close("/coverage/9/coverage", 0.5);
        close("/coverage/9/accuracy", 1.0);
        close("/ece", (0.16 + 0.55 + 0.28) / 4.0);
    }

    #[test]
    fn areas_and_recalls_are_those_worked_out_by_hand() {
        let (positives, negatives) = ([0.9, 0.5, 0.2], [0.5, 0.1]);
        assert!((area(&positives, &negatives) - (2.0 + 1.5 + 1.0) / 6.0).abs() < 1e-9);
        assert!((recall_at(&positives, &negatives, 0.0) - 1.0 / 3.0).abs() < 1e-9);
        assert!((recall_at(&positives, &negatives, 0.5) - 1.0).abs() < 1e-9);
        assert_eq!((area(&[], &[]), recall_at(&[], &[], 0.01)), (0.0, 0.0));
    }

    #[test]
    fn sources_are_told_apart() {
        let answers = [answer(0, 0, 0.5), answer(0, 1, 0.5), answer(1, 1, 0.5)];
        let sources = [Some("a"), Some("a"), None];
        assert_eq!(
            by_source(&answers, sources.into_iter()),
            json!({"-": {"n": 1, "accuracy": 1.0}, "a": {"n": 2, "accuracy": 0.5}})
        );
    }

    #[test]
    fn no_answers_give_zeros() {
        let report = report(&[], &["a"]);
        assert_eq!(
            (&report["n"], &report["accuracy"], &report["ece"]),
            (&json!(0), &json!(0.0), &json!(0.0))
        );
    }
}
