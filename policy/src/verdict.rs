//! What was decided about a request.

use crate::{Edit, Matched, ProjectionScore, Reason, Scores, SignalKind};

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
    /// What to change in the body, in order and without overlap; see [`crate::splice`].
    pub edits: Vec<Edit>,
}
