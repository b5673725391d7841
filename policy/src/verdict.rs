//! What was decided about a request.

use crate::{
    CachePlan, Edit, HeaderChange, Matched, Placement, ProjectionScore, Reason, Reply, Scores, SignalKind,
};

/// What was decided about a request. Holds names and numbers, and no text of the prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Why the request got its model.
    pub reason: Reason,
    /// The model, by the name that routes match: a declared one's, or the client's if that was passed on.
    pub model: String,
    /// The model, by the name that the upstream knows.
    pub upstream_model: String,
    /// The recipe that decided, where the document has recipes.
    pub recipe: Option<String>,
    /// The decision that won.
    pub decision: Option<String>,
    /// How sure the decision is, 0 to 1; 0 without one.
    pub confidence: f32,
    /// The subject of the prompt, if it was classified.
    pub category: Option<&'static str>,
    /// The probability of `category`; 0 without one.
    pub category_confidence: f32,
    /// The model's scores of the last user turn, if it ran.
    pub scores: Option<Scores>,
    /// The signals that matched among those that were computed.
    pub matched: Vec<Matched>,
    /// The projections whose scores were computed, in the order of the document.
    pub projections: Vec<ProjectionScore>,
    /// The kinds of signal that are declared but were not needed.
    pub skipped: Vec<SignalKind>,
    /// What the classifier said when it failed.
    pub error: Option<String>,
    /// How the model was chosen among those of the decision; empty without one.
    pub algorithm: &'static str,
    /// The types of the decision's plugins that are on, in the order of the document.
    pub plugins: Vec<&'static str>,
    /// Whether the model was told to think, or not to; None without a decision.
    pub reasoning: Option<bool>,
    /// Whether the decision's system prompt was put into the body.
    pub injected_system_prompt: bool,
    /// The order in which the model's endpoints are tried: see [`crate::Policy::place`].
    pub placement: Option<Placement>,
    /// Hashes of the prompt until then.
    pub(crate) prompt_blocks: Vec<u64>,
    /// What to change in the headers that the upstream gets, in this order.
    pub headers: Vec<HeaderChange>,
    /// Hints on how long to keep what is computed, as headers for upstream and, in debug, client.
    pub retention: Vec<(&'static str, String)>,
    /// What to answer in place of the upstream.
    pub reply: Option<Reply>,
    /// Where to look for an answer and to keep a new one; None if the request is not cached.
    pub cache: Option<CachePlan>,
    /// What to change in the body, in order and without overlap; see [`crate::splice`].
    pub edits: Vec<Edit>,
}

impl Verdict {
    /// Answers with `reply`, which [`crate::Cache::get`] had for the request.
    pub fn answer_from_cache(&mut self, reply: Reply) {
        self.reason = Reason::CacheHit;
        self.reply = Some(reply);
    }
}
