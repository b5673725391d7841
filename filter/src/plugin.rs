//! What one configuration makes of the filter: the policy, the model, and what both count.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use promptswitch_model::Classifier;
use promptswitch_policy::{
    Cache, Diagnostic, Loaded, Mode, Policy, Scorer, Scores, Settings, Severity, Stats,
};

use crate::configuration;
use crate::hold::HoldWatch;
use crate::metrics::Metrics;

/// A configured filter; all requests of a VM that came under this configuration share it.
#[derive(Debug)]
pub struct Plugin {
    pub(crate) policy: Policy,
    pub(crate) metrics: Metrics,
    pub(crate) watch: RefCell<HoldWatch>,
    /// Answers that may be given again.
    pub(crate) cache: RefCell<Cache>,
    /// What was measured of the models.
    pub(crate) stats: RefCell<Stats>,
    classifier: Rc<Classifier>,
    hold_missing: Cell<bool>,
}

impl Plugin {
    /// Parses the configuration and joins it with the model. On success the warnings come along; on failure every
    /// error does.
    pub fn new(
        configuration: &[u8],
        classifier: Rc<Classifier>,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let document = configuration::read(configuration).map_err(refusal)?;
        let mut scorer = ModelScorer {
            classifier: &classifier,
            max_tokens: Settings::default().limits.max_tokens,
        };
        let Loaded { policy, warnings } = Policy::from_value(&document, &mut scorer)?;
        let metrics = Metrics::new(policy.model_names(), policy.decision_names());
        let watch = RefCell::new(HoldWatch::new());
        let cache = RefCell::new(Cache::new(policy.settings().limits.max_cache_bytes));
        Ok((
            Self {
                policy,
                metrics,
                watch,
                cache,
                stats: RefCell::default(),
                classifier,
                hold_missing: Cell::new(false),
            },
            warnings,
        ))
    }

    /// Whether nothing is held: configured so, or found that the host cannot.
    pub fn headers_only(&self) -> bool {
        self.hold_missing.get() || self.policy.settings().mode == Mode::Headers
    }

    pub(crate) fn stop_holding(&self) {
        self.hold_missing.set(true);
    }

    pub(crate) fn scorer(&self) -> ModelScorer<'_> {
        ModelScorer {
            classifier: &self.classifier,
            max_tokens: self.policy.settings().limits.max_tokens,
        }
    }
}

fn refusal(message: String) -> Vec<Diagnostic> {
    vec![Diagnostic {
        severity: Severity::Error,
        path: String::new(),
        message,
    }]
}

/// The model behind the policy's narrow view of it.
#[derive(Debug)]
pub(crate) struct ModelScorer<'a> {
    classifier: &'a Classifier,
    max_tokens: usize,
}

impl Scorer for ModelScorer<'_> {
    fn score(&mut self, text: &str) -> Result<Scores, String> {
        let scores = self.classifier.score(text, self.max_tokens);
        let scores = scores.map_err(|e| e.to_string())?;
        Ok(Scores::new(
            scores.domain,
            scores.guard,
            scores.fact_check,
            scores.feedback,
            scores.embedding,
        ))
    }
}
