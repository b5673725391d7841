//! From a request to a verdict.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::actions::reasoning::Family;
use crate::decision::Decision;
use crate::headers::is_header_value;
use crate::recipes::Recipe;
use crate::selection::Candidates;
use crate::signals::{Reading, Signals};
use crate::{Context, Diagnostic, Edit, Loaded, Reason, Request, Scorer, Settings, Verdict, config};

/// The longest model name, in bytes, that is taken over from a client into a header.
const MAX_MODEL_BYTES: usize = 256;

/// A validated document, ready to decide. Immutable: one serves any number of requests.
#[derive(Debug)]
pub struct Policy {
    pub(crate) settings: Settings,
    pub(crate) owned_headers: Vec<String>,
    /// Which of `recipes` a model name that asks for a decision leads to.
    pub(crate) entrypoints: BTreeMap<String, usize>,
    /// Whether a client may have its request passed on as it is.
    pub(crate) skip_processing: bool,
    /// Never empty.
    pub(crate) models: Vec<Model>,
    /// Where in `models` a name or an upstream name is.
    pub(crate) model_names: BTreeMap<String, usize>,
    /// Where in `models` the model is that an adapter adapts.
    pub(crate) adapters: BTreeMap<String, usize>,
    /// An index into `models`.
    pub(crate) default_model: usize,
    pub(crate) signals: Signals,
    /// Never empty.
    pub(crate) recipes: Vec<Recipe>,
}

/// A declared model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The name that routes match.
    pub(crate) name: String,
    /// The name that the upstream knows.
    pub(crate) upstream: String,
    /// How it is told to think.
    pub(crate) reasoning: Option<Family>,
    /// What it costs, in whatever the document counts.
    pub(crate) price: Option<f64>,
}

impl Policy {
    /// Reads a document. The scorer embeds the example sentences in it, if there are any.
    ///
    /// # Errors
    /// Everything that is wrong with it, errors first, then warnings.
    pub fn from_json(bytes: &[u8], scorer: &mut dyn Scorer) -> Result<Loaded, Vec<Diagnostic>> {
        config::from_json(bytes, scorer)
    }

    /// Reads a document that has been parsed already. Its numbers may all be floats, as in a protobuf `Struct`.
    ///
    /// # Errors
    /// As [`Policy::from_json`].
    pub fn from_value(value: &Value, scorer: &mut dyn Scorer) -> Result<Loaded, Vec<Diagnostic>> {
        config::from_value(value, scorer)
    }

    /// The `promptswitch:` block.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The request headers, in lower case, that only the filter may set: a client's are removed on every path.
    pub fn owned_headers(&self) -> &[String] {
        &self.owned_headers
    }

    /// The names of the declared models, in the order of the document.
    pub fn model_names(&self) -> Vec<String> {
        self.models.iter().map(|model| model.name.clone()).collect()
    }

    /// The names of the decisions, in the order in which they are tried, one recipe after another.
    pub fn decision_names(&self) -> Vec<String> {
        let decisions = self.recipes.iter().flat_map(|recipe| recipe.decisions.iter());
        decisions.map(|decision| decision.name.clone()).collect()
    }

    /// Whether a decision chooses among its models by what is measured of them: [`Context::stats`].
    pub fn measures_models(&self) -> bool {
        let mut decisions = self.recipes.iter().flat_map(|recipe| recipe.decisions.iter());
        decisions.any(|decision| decision.selection.is_measured())
    }

    /// Decides. Calls the scorer at most once, and not at all when no decision that can still win needs it.
    pub fn decide(&self, request: &Request<'_>, context: &Context<'_>, scorer: &mut dyn Scorer) -> Verdict {
        let verdict = self.route(request, context, scorer);
        Verdict {
            prompt_blocks: self.prompt_blocks(&verdict, request),
            ..verdict
        }
    }

    fn route(&self, request: &Request<'_>, context: &Context<'_>, scorer: &mut dyn Scorer) -> Verdict {
        if self.skip_processing && asks_to_skip(context) {
            return self.passed_on(Reason::SkippedByClient, request);
        }
        let Some(recipe) = self.recipe(request.model()) else {
            return self.explicit(request);
        };
        let mut verdict = self.judge(recipe, request, context, scorer);
        verdict.recipe.clone_from(&recipe.name);
        self.rewritten(verdict, request)
    }

    /// The recipe that a model name leads to, if it asks for a decision.
    pub(crate) fn recipe(&self, model: &str) -> Option<&Recipe> {
        self.recipes.get(*self.entrypoints.get(model)?)
    }

    fn judge(
        &self,
        recipe: &Recipe,
        request: &Request<'_>,
        context: &Context<'_>,
        scorer: &mut dyn Scorer,
    ) -> Verdict {
        let Some(text) = request.last_user_text() else {
            return self.fallback(Reason::NoUserText);
        };
        let mut reading = Reading::new(&self.signals, request, context, &text, scorer);
        let winner = recipe.decisions.winner(&mut reading);
        let mut verdict = match winner {
            Ok(Some((decision, confidence))) => self.decided(decision, confidence, request, context),
            Ok(None) => self.fallback(Reason::Default),
            Err(error) => Verdict {
                error: Some(error),
                ..self.fallback(Reason::ClassifierError)
            },
        };
        reading.report(&mut verdict);
        verdict
    }

    /// The default model, for a request whose body is not judged. Edits nothing.
    pub fn fallback(&self, reason: Reason) -> Verdict {
        self.verdict(reason, self.default_model)
    }

    fn decided(
        &self,
        decision: &Decision,
        confidence: f32,
        request: &Request<'_>,
        context: &Context<'_>,
    ) -> Verdict {
        let candidates = Candidates {
            models: &self.models,
            settings: &self.settings,
            request,
            context,
        };
        let choice = decision.selection.choose(decision, &candidates);
        let index = choice.map_or(self.default_model, |choice| choice.model);
        let mut verdict = Verdict {
            decision: Some(decision.name.clone()),
            confidence,
            algorithm: decision.selection.name(),
            ..self.verdict(Reason::Decision, index)
        };
        let chosen = choice.zip(self.models.get(index));
        decision.actions.apply(&mut verdict, chosen, request, context);
        verdict
    }

    /// The client named a model: nothing is classified.
    fn explicit(&self, request: &Request<'_>) -> Verdict {
        let sent = request.model();
        if let Some(index) = self.model_names.get(sent) {
            return self.rewritten(self.verdict(Reason::ExplicitModel, *index), request);
        }
        if let Some(index) = self.adapters.get(sent) {
            let verdict = self.verdict(Reason::ExplicitModel, *index);
            let upstream_model = sent.to_owned();
            return self.rewritten(
                Verdict {
                    upstream_model,
                    ..verdict
                },
                request,
            );
        }
        let verdict = self.passed_on(Reason::UnknownModel, request);
        Verdict {
            edits: edits(request, sent),
            ..verdict
        }
    }

    /// The model that the client named, if that can be a header. Edits nothing.
    fn passed_on(&self, reason: Reason, request: &Request<'_>) -> Verdict {
        let sent = request.model();
        let mut verdict = self.fallback(reason);
        if sent.len() <= MAX_MODEL_BYTES && is_header_value(sent) {
            verdict.model = sent.to_owned();
            verdict.upstream_model = sent.to_owned();
        }
        verdict
    }

    /// The verdict with the edits that make the body name its upstream model. A decision's are made already.
    fn rewritten(&self, verdict: Verdict, request: &Request<'_>) -> Verdict {
        if verdict.decision.is_some() {
            return verdict;
        }
        Verdict {
            edits: edits(request, &verdict.upstream_model),
            ..verdict
        }
    }

    fn verdict(&self, reason: Reason, model: usize) -> Verdict {
        let (model, upstream_model) = match self.models.get(model) {
            Some(model) => (model.name.clone(), model.upstream.clone()),
            None => Default::default(),
        };
        Verdict {
            reason,
            model,
            upstream_model,
            recipe: None,
            decision: None,
            confidence: 0.0,
            category: None,
            category_confidence: 0.0,
            scores: None,
            matched: Vec::new(),
            projections: Vec::new(),
            skipped: Vec::new(),
            error: None,
            algorithm: "",
            plugins: Vec::new(),
            reasoning: None,
            injected_system_prompt: false,
            placement: None,
            prompt_blocks: Vec::new(),
            headers: Vec::new(),
            retention: Vec::new(),
            reply: None,
            cache: None,
            edits: Vec::new(),
        }
    }
}

/// Whether the client wants its request to be left alone, as VSR's clients say it.
fn asks_to_skip(context: &Context<'_>) -> bool {
    let value = context.header("x-vsr-skip-processing").unwrap_or_default();
    value.trim_ascii().eq_ignore_ascii_case(b"true")
}

fn edits(request: &Request<'_>, model: &str) -> Vec<Edit> {
    let with = Value::from(model).to_string().into_bytes();
    request
        .models_other_than(model)
        .map(|range| Edit {
            range,
            with: with.clone(),
        })
        .collect()
}
