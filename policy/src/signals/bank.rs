//! Banks of example sentences, and how like them a text is.

use std::sync::Arc;

use crate::config::reader::Object;

/// The meaning of an example: a vector of length 1, shared by all that name the sentence.
pub(crate) type Vector = Arc<[f32]>;

/// Examples of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bank {
    vectors: Vec<Vector>,
}

/// How the cosines with a bank's examples become one score: a share of the best, and the mean of the best few for
/// the rest, as VSR's prototype scoring does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scoring {
    /// The share of the best cosine, 0 to 1.
    pub(crate) best_weight: f32,
    /// How many of the best make the mean; 0 for all.
    pub(crate) top: usize,
    /// How far the best of several banks has to be ahead of the second, where that is asked for.
    pub(crate) margin: f32,
}

impl Default for Scoring {
    fn default() -> Self {
        Scoring {
            best_weight: 0.75,
            top: 2,
            margin: 0.0,
        }
    }
}

impl Scoring {
    /// The plain mean.
    pub(crate) const MEAN: Scoring = Scoring {
        best_weight: 0.0,
        top: 0,
        margin: 0.0,
    };

    /// Reads a `prototype_scoring`. As in VSR, 0 stands for the default.
    pub(crate) fn read(object: Option<Object<'_>>) -> Scoring {
        let default = Scoring::default();
        let Some(mut object) = object else { return default };
        let share = object.number("best_weight", 0.0..=1.0).unwrap_or_default() as f32;
        let top = object.integer("top_m", 0..=1000).unwrap_or_default();
        let margin = object.number("margin_threshold", 0.0..=1.0).unwrap_or_default();
        for key in ["cluster_similarity_threshold", "max_prototypes"] {
            object.tuning(key, "every example is kept");
        }
        object.ignore(&["enabled"]);
        object.finish();
        Scoring {
            best_weight: if share > 0.0 { share } else { default.best_weight },
            top: usize::try_from(top)
                .ok()
                .filter(|top| *top > 0)
                .unwrap_or(default.top),
            margin: margin as f32,
        }
    }
}

impl Bank {
    pub(crate) fn new(vectors: Vec<Vector>) -> Bank {
        Bank { vectors }
    }

    /// The highest cosine with an example, -1 to 1; 0 without examples.
    pub(crate) fn best(&self, text: &[f32]) -> f32 {
        let cosines = self.vectors.iter().map(|example| cosine(example, text));
        cosines.max_by(f32::total_cmp).unwrap_or(0.0)
    }

    /// The score of a text, -1 to 1; 0 without examples.
    pub(crate) fn score(&self, text: &[f32], scoring: Scoring) -> f32 {
        let mut cosines: Vec<_> = self.vectors.iter().map(|example| cosine(example, text)).collect();
        cosines.sort_by(|a, b| b.total_cmp(a));
        let Some(best) = cosines.first().copied() else {
            return 0.0;
        };
        let counted = match scoring.top {
            0 => cosines.len(),
            top => top.min(cosines.len()),
        };
        let mean = cosines.iter().take(counted).sum::<f32>() / counted as f32;
        scoring.best_weight * best + (1.0 - scoring.best_weight) * mean
    }
}

/// The cosine of two vectors of length 1.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_three_quarters_the_best_and_one_quarter_the_mean_of_the_best_two() {
        let bank = Bank::new(vec![[1.0, 0.0].into(), [0.6, 0.8].into(), [0.0, 1.0].into()]);
        let table = [
            (Scoring::default(), 0.75 + 0.25 * 0.8),
            (Scoring::MEAN, 1.6 / 3.0),
            (
                Scoring {
                    best_weight: 1.0,
                    ..Scoring::default()
                },
                1.0,
            ),
        ];
        for (scoring, expected) in table {
            let score = bank.score(&[1.0, 0.0], scoring);
            assert!((score - expected).abs() < 1e-6, "{scoring:?}: {score}");
        }
        assert_eq!(bank.best(&[1.0, 0.0]), 1.0);
        assert_eq!(Bank::default().score(&[1.0], Scoring::default()), 0.0);
        let one = Bank::new(vec![[0.6, 0.8].into()]);
        assert!((one.score(&[1.0, 0.0], Scoring::default()) - 0.6).abs() < 1e-6);
    }
}
