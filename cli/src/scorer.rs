//! The model behind the policy's [`Scorer`].

use promptswitch_model::Classifier;
use promptswitch_policy::{DOMAINS, DomainScores, Scorer};

/// Loads the model when it is first asked, since most policies can decide some requests without it.
pub(crate) struct Model {
    classifier: Option<Classifier>,
    max_tokens: usize,
}

impl Model {
    /// A model that reads at most `max_tokens` tokens of a text.
    pub(crate) fn new(max_tokens: usize) -> Self {
        Model {
            classifier: None,
            max_tokens,
        }
    }
}

impl Scorer for Model {
    fn domain(&mut self, text: &str) -> Result<DomainScores, String> {
        let classifier = match self.classifier.take() {
            Some(classifier) => classifier,
            None => load()?,
        };
        let classifier = self.classifier.insert(classifier);
        classifier
            .domain(text, self.max_tokens)
            .map(DomainScores)
            .map_err(|error| error.to_string())
    }
}

/// Loads the model and makes sure that its categories are those of the policy.
pub(crate) fn load() -> Result<Classifier, String> {
    let classifier = Classifier::load().map_err(|error| error.to_string())?;
    if classifier.labels() != DOMAINS {
        return Err("the model's categories are not those of the policy".to_owned());
    }
    Ok(classifier)
}

/// The index of the most probable category, and its probability.
pub(crate) fn best(scores: &[f32]) -> (usize, f32) {
    let better =
        |best: (usize, f32), next: (usize, &f32)| if *next.1 > best.1 { (next.0, *next.1) } else { best };
    scores.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
}

/// The `count` most probable categories, on one line.
pub(crate) fn ranked(scores: &[f32], count: usize) -> String {
    let mut ranked: Vec<_> = DOMAINS.iter().zip(scores).collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let ranked: Vec<_> = ranked
        .iter()
        .take(count)
        .map(|(name, score)| format!("{name} {score:.3}"))
        .collect();
    ranked.join(", ")
}
