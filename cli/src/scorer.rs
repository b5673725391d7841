//! The model behind the policy's [`Scorer`].

use std::collections::BTreeMap;

use promptswitch_model::Classifier;
use promptswitch_policy::{DOMAINS, Limits, Scorer, Scores, Settings};

/// Loads the model when it is first asked, since most policies can decide some requests without it, and remembers
/// what it said of a text.
pub(crate) struct Model {
    classifier: Option<Classifier>,
    max_tokens: usize,
    known: BTreeMap<String, Scores>,
}

impl Model {
    /// A model that reads as much of a text as a policy's defaults allow.
    pub(crate) fn new() -> Self {
        let Limits { max_tokens, .. } = Settings::default().limits;
        Model {
            classifier: None,
            max_tokens,
            known: BTreeMap::new(),
        }
    }

    /// Reads at most `max_tokens` tokens of a text from now on.
    pub(crate) fn set_max_tokens(&mut self, max_tokens: usize) {
        if self.max_tokens != max_tokens {
            self.max_tokens = max_tokens;
            self.known.clear();
        }
    }
}

impl Scorer for Model {
    fn score(&mut self, text: &str) -> Result<Scores, String> {
        if let Some(scores) = self.known.get(text) {
            return Ok(scores.clone());
        }
        let classifier = match self.classifier.take() {
            Some(classifier) => classifier,
            None => load()?,
        };
        let scores = score(self.classifier.insert(classifier), text, self.max_tokens)?;
        self.known.insert(text.to_owned(), scores.clone());
        Ok(scores)
    }
}

/// What the model says of a text, of which it reads at most `max_tokens` tokens.
pub(crate) fn score(classifier: &Classifier, text: &str, max_tokens: usize) -> Result<Scores, String> {
    let scores = classifier
        .score(text, max_tokens)
        .map_err(|error| error.to_string())?;
    Ok(Scores::new(
        scores.domain,
        scores.guard,
        scores.fact_check,
        scores.feedback,
        scores.embedding,
    ))
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
