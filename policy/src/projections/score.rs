//! `routing.projections.scores`: weighted sums.

use crate::signals::{Cost, SignalId};

/// A weighted sum of inputs.
#[derive(Debug)]
pub(crate) struct Score {
    pub(crate) name: String,
    /// In the order of the document.
    pub(crate) inputs: Vec<Input>,
    /// That of the dearest input.
    pub(crate) cost: Cost,
}

/// One term of a sum.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) weight: f64,
    pub(crate) source: Source,
    pub(crate) cost: Cost,
    /// The least that the term can add.
    pub(crate) low: f64,
    /// The most that the term can add.
    pub(crate) high: f64,
}

/// Where the value of an input comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// One value if the signal matches, another if not.
    Binary { id: SignalId, matched: f64, miss: f64 },
    /// The confidence of the signal, 0 if it does not match.
    Confidence(SignalId),
    /// A measure of a knowledge base.
    Metric { kb: String, metric: String },
    /// Another score, by its index.
    Score(usize),
    /// The confidence of a band of another score, 0 outside of it.
    Band {
        score: usize,
        mapping: usize,
        band: usize,
    },
}

/// Beyond what any measure of a knowledge base can be.
const METRIC_RANGE: (f64, f64) = (-1e6, 1e6);

impl Source {
    /// The least and the greatest value; `score` says it of another score.
    pub(crate) fn range(&self, score: impl Fn(usize) -> (f64, f64)) -> (f64, f64) {
        match self {
            Source::Binary { matched, miss, .. } => (matched.min(*miss), matched.max(*miss)),
            Source::Confidence(_) | Source::Band { .. } => (0.0, 1.0),
            Source::Metric { .. } => METRIC_RANGE,
            Source::Score(index) => score(*index),
        }
    }

    /// The score that has to be known first.
    pub(crate) fn needs(&self) -> Option<usize> {
        match self {
            Source::Score(score) | Source::Band { score, .. } => Some(*score),
            Source::Binary { .. } | Source::Confidence(_) | Source::Metric { .. } => None,
        }
    }

    /// What finding it out costs; `score` says it of another score.
    pub(crate) fn cost(&self, score: impl Fn(usize) -> Cost) -> Cost {
        match self {
            Source::Binary { id, .. } | Source::Confidence(id) => id.cost,
            Source::Metric { .. } => Cost::Model,
            Source::Score(index) | Source::Band { score: index, .. } => score(*index),
        }
    }
}

impl Score {
    /// The least and the greatest sum.
    pub(crate) fn range(&self) -> (f64, f64) {
        let inputs = self.inputs.iter();
        inputs.fold((0.0, 0.0), |(low, high), input| {
            (low + input.low, high + input.high)
        })
    }

    /// More than rounding, also that of confidences, can add to a sum.
    pub(crate) fn slack(&self) -> f64 {
        let largest = self
            .inputs
            .iter()
            .map(|input| input.low.abs().max(input.high.abs()));
        1e-6 * (1.0 + largest.sum::<f64>())
    }

    /// The inputs, each with its place in `parts`, those that spare the classifier first.
    pub(crate) fn cheapest_first<'s, 'p>(&'s self, parts: &'p mut [f64]) -> Vec<(&'s Input, &'p mut f64)> {
        let mut pairs: Vec<_> = self.inputs.iter().zip(parts).collect();
        pairs.sort_by_key(|(input, _)| input.cost);
        pairs
    }
}
