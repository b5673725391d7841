//! What one configuration makes of the filter: the policy, the model, and what both count.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use promptswitch_model::Classifier;
use promptswitch_policy::{
    Cache, Diagnostic, Endpoints, Loaded, MetricsSource, Mode, Placed, Policy, Scorer, Scores, Settings,
    Severity, Stats, Verdict,
};

use crate::configuration;
use crate::examples::Examples;
use crate::hold::HoldWatch;
use crate::host::Host;
use crate::metrics::Metrics;
use crate::offload::{Answer, Outcome, Questions};

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
    /// What is known of the endpoints.
    pub(crate) endpoints: RefCell<Endpoints>,
    /// What the companion has been asked.
    pub(crate) questions: RefCell<Questions>,
    classifier: Rc<Classifier>,
    hold_missing: Cell<bool>,
    /// What was wrong with the latest report on endpoints.
    report_failure: RefCell<Option<String>>,
}

impl Plugin {
    /// Parses the configuration and joins it with the model. On success the warnings come along; on failure every
    /// error does.
    pub fn new(
        configuration: &[u8],
        classifier: Rc<Classifier>,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        Self::with_examples(configuration, classifier, &mut Examples::default())
    }

    /// [`Plugin::new`], but the model is not asked of example sentences that another configuration had.
    pub fn with_examples(
        configuration: &[u8],
        classifier: Rc<Classifier>,
        examples: &mut Examples,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let document = configuration::read(configuration).map_err(refusal)?;
        let max_tokens = Settings::default().limits.max_tokens;
        let mut scorer = ExampleScorer {
            classifier: &classifier,
            max_tokens,
            examples,
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
                endpoints: RefCell::default(),
                questions: RefCell::default(),
                classifier,
                hold_missing: Cell::new(false),
                report_failure: RefCell::default(),
            },
            warnings,
        ))
    }

    /// Whether nothing is held: configured so, or found that the host cannot.
    pub fn headers_only(&self) -> bool {
        self.hold_missing.get() || self.policy.settings().mode == Mode::Headers
    }

    /// Chooses endpoints for a request that goes on `now`, in nanoseconds.
    pub(crate) fn place(&self, verdict: &mut Verdict, now: u64) -> Option<Placed> {
        self.policy
            .place(verdict, &mut self.endpoints.borrow_mut(), now / 1_000_000)
    }

    /// The response's headers have come.
    pub(crate) fn served(&self, placed: &mut Placed, host: &dyn Host) {
        let address = host.upstream_address().unwrap_or_default();
        let now_ms = host.now() / 1_000_000;
        self.policy
            .served(placed, &address, &mut self.endpoints.borrow_mut(), now_ms);
    }

    /// Where to ask how busy the endpoints are, if anywhere.
    pub(crate) fn endpoint_metrics(&self) -> Option<&MetricsSource> {
        self.policy.settings().endpoints.as_ref()?.metrics()
    }

    /// The companion has been heard on how busy the endpoints are, or has not. A failure is logged when it begins.
    pub fn on_report(&self, answer: Result<&Answer, Outcome>, now: u64) {
        let body = answer
            .and_then(Answer::body)
            .map_err(|outcome| outcome.as_str().to_owned());
        let read = body.and_then(|body| {
            let mut endpoints = self.endpoints.borrow_mut();
            self.policy.report(body, &mut endpoints, now / 1_000_000)
        });
        let failure = read.err();
        let before = self.report_failure.replace(failure.clone());
        if let Some(failure) = failure.filter(|failure| before.as_ref() != Some(failure)) {
            log::warn!("the companion does not say how busy the endpoints are: {failure}");
        }
    }

    pub(crate) fn stop_holding(&self) {
        self.hold_missing.set(true);
    }
}

fn refusal(message: String) -> Vec<Diagnostic> {
    vec![Diagnostic {
        severity: Severity::Error,
        path: String::new(),
        message,
    }]
}

/// The model's answers to the texts of one request, so that deciding twice does not run it twice.
#[derive(Default)]
pub(crate) struct Remembering {
    answers: Vec<(u64, Scores)>,
}

impl Remembering {
    /// The model, which is asked only what it has not answered yet.
    pub(crate) fn scorer<'a>(&'a mut self, plugin: &'a Plugin) -> impl Scorer + 'a {
        RememberingScorer {
            model: ModelScorer {
                classifier: &plugin.classifier,
                max_tokens: plugin.policy.settings().limits.max_tokens,
            },
            // Without a companion nothing is decided twice.
            answers: plugin
                .policy
                .settings()
                .offload
                .is_some()
                .then_some(&mut self.answers),
        }
    }

    /// Has the model say something else of a text.
    pub(crate) fn replace(&mut self, text: &str, scores: Scores) {
        let key = key(text);
        self.answers.retain(|(known, _)| *known != key);
        self.answers.push((key, scores));
    }
}

struct RememberingScorer<'a> {
    model: ModelScorer<'a>,
    answers: Option<&'a mut Vec<(u64, Scores)>>,
}

impl Scorer for RememberingScorer<'_> {
    fn score(&mut self, text: &str) -> Result<Scores, String> {
        let Some(answers) = &mut self.answers else {
            return self.model.score(text);
        };
        let key = key(text);
        if let Some((_, scores)) = answers.iter().find(|(known, _)| *known == key) {
            return Ok(scores.clone());
        }
        let scores = self.model.score(text)?;
        answers.push((key, scores.clone()));
        Ok(scores)
    }
}

/// SipHash with fixed keys: a client that finds two texts alike has judged one as the other, in its own request.
fn key(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
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
        scores.map(view).map_err(|e| e.to_string())
    }
}

/// The model while a policy is read.
struct ExampleScorer<'a> {
    classifier: &'a Classifier,
    max_tokens: usize,
    examples: &'a mut Examples,
}

impl Scorer for ExampleScorer<'_> {
    fn score(&mut self, text: &str) -> Result<Scores, String> {
        let compute = || {
            self.classifier
                .score(text, self.max_tokens)
                .map_err(|e| e.to_string())
        };
        self.examples.get(key(text), compute).map(view)
    }
}

fn view(scores: promptswitch_model::Scores) -> Scores {
    Scores::new(
        scores.domain,
        scores.guard,
        scores.fact_check,
        scores.feedback,
        scores.embedding,
    )
}
