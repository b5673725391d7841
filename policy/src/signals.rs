//! What is found out about a request. One file for each kind of signal.

pub(crate) mod authz;
pub(crate) mod bank;
pub(crate) mod complexity;
pub(crate) mod context;
pub(crate) mod conversation;
pub(crate) mod domain;
pub(crate) mod embedding;
pub(crate) mod event;
pub(crate) mod fact_check;
pub(crate) mod jailbreak;
pub(crate) mod kb;
pub(crate) mod keyword;
pub(crate) mod language;
pub(crate) mod metadata;
pub(crate) mod modality;
pub(crate) mod pattern;
pub(crate) mod pii;
pub(crate) mod predicate;
pub(crate) mod preference;
pub(crate) mod reask;
pub(crate) mod structure;
pub(crate) mod user_feedback;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::projections::Projections;
use crate::{Context, Request, Scorer, Scores, Verdict};

/// A kind of signal, as `type` names it in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignalKind {
    /// Words that occur in the text.
    Keyword,
    /// The subject of the text, by the classifier.
    Domain,
    /// Likeness to example sentences.
    Embedding,
    /// The language of the text.
    Language,
    /// The length of the request in tokens.
    Context,
    /// Patterns in the text, counted.
    Structure,
    /// Turns, tools and images of the request, counted.
    Conversation,
    /// Whether facts need to be checked.
    FactCheck,
    /// What the user says of the answer before.
    UserFeedback,
    /// Whether the user asks the same again.
    Reask,
    /// Likeness to examples of what a user prefers.
    Preference,
    /// Whether text or an image is asked for.
    Modality,
    /// Who asks, by identity headers.
    Authz,
    /// Attacks on the model.
    Jailbreak,
    /// Personal data in the text.
    Pii,
    /// The nearest of labelled example banks.
    Kb,
    /// The event that the request reports.
    Event,
    /// The `metadata` of the body.
    Metadata,
    /// Likeness to hard or to easy examples.
    Complexity,
    /// A band of a score that is made of other signals.
    Projection,
}

/// What finding a signal out costs, the cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cost {
    /// Microseconds: it looks at the request itself.
    Rule,
    /// The model runs, once for all signals of this cost.
    Model,
    /// The model runs on more texts than the last user turn.
    ModelAgain,
}

impl SignalKind {
    /// The name that rules use.
    pub const fn as_str(self) -> &'static str {
        match self {
            SignalKind::Keyword => "keyword",
            SignalKind::Domain => "domain",
            SignalKind::Embedding => "embedding",
            SignalKind::Language => "language",
            SignalKind::Context => "context",
            SignalKind::Structure => "structure",
            SignalKind::Conversation => "conversation",
            SignalKind::FactCheck => "fact_check",
            SignalKind::UserFeedback => "user_feedback",
            SignalKind::Reask => "reask",
            SignalKind::Preference => "preference",
            SignalKind::Modality => "modality",
            SignalKind::Authz => "authz",
            SignalKind::Jailbreak => "jailbreak",
            SignalKind::Pii => "pii",
            SignalKind::Kb => "kb",
            SignalKind::Event => "event",
            SignalKind::Metadata => "metadata",
            SignalKind::Complexity => "complexity",
            SignalKind::Projection => "projection",
        }
    }

    /// What finding out costs; a projection costs what its inputs do.
    pub(crate) const fn cost(self) -> Cost {
        match self {
            SignalKind::Keyword
            | SignalKind::Language
            | SignalKind::Context
            | SignalKind::Structure
            | SignalKind::Conversation
            | SignalKind::Modality
            | SignalKind::Authz
            | SignalKind::Pii
            | SignalKind::Event
            | SignalKind::Metadata
            | SignalKind::Projection => Cost::Rule,
            SignalKind::Domain
            | SignalKind::Embedding
            | SignalKind::FactCheck
            | SignalKind::UserFeedback
            | SignalKind::Preference
            | SignalKind::Kb
            | SignalKind::Complexity => Cost::Model,
            SignalKind::Reask | SignalKind::Jailbreak => Cost::ModelAgain,
        }
    }
}

/// All that a document declares of one kind of signal.
pub(crate) trait Signal: fmt::Debug + Send + Sync {
    /// What rules can name, in the order of the confidences. An empty name has been reported as missing.
    fn names(&self) -> Vec<String>;

    /// How sure each is, 0 to 1; None where it does not match.
    ///
    /// # Errors
    /// What the scorer says.
    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String>;

    /// Drops the matches beyond what the kind may have at a time. Called when partitions have chosen among them.
    fn limit(&self, _confidences: &mut [Option<f32>]) {}

    /// Whether there is a measure `metric` of the knowledge base `kb`.
    fn has_metric(&self, _kb: &str, _metric: &str) -> bool {
        false
    }

    /// A measure of a knowledge base; None where it has none for the request.
    ///
    /// # Errors
    /// What the scorer says.
    fn metric(&self, _kb: &str, _metric: &str, _reading: &mut Reading<'_>) -> Result<Option<f32>, String> {
        Ok(None)
    }
}

/// Reads the items of a section.
type Read = fn(Vec<Object<'_>>, &mut Setup<'_>) -> Box<dyn Signal>;

/// The sections of `routing.signals`, what they declare, and who reads them. A kind may name those before it.
pub(crate) const SECTIONS: [(&str, SignalKind, Read); 19] = [
    ("keywords", SignalKind::Keyword, |objects, _| {
        Box::new(keyword::Keywords::read(objects))
    }),
    ("domains", SignalKind::Domain, |objects, setup| {
        Box::new(domain::Domains::read(objects, setup.domain))
    }),
    ("embeddings", SignalKind::Embedding, embedding::read),
    ("language", SignalKind::Language, language::read),
    ("context", SignalKind::Context, context::read),
    ("structure", SignalKind::Structure, structure::read),
    ("conversation", SignalKind::Conversation, conversation::read),
    ("fact_check", SignalKind::FactCheck, fact_check::read),
    ("user_feedbacks", SignalKind::UserFeedback, user_feedback::read),
    ("reasks", SignalKind::Reask, reask::read),
    ("preferences", SignalKind::Preference, preference::read),
    ("modality", SignalKind::Modality, modality::read),
    ("role_bindings", SignalKind::Authz, authz::read),
    ("jailbreak", SignalKind::Jailbreak, jailbreak::read),
    ("pii", SignalKind::Pii, pii::read),
    ("kb", SignalKind::Kb, kb::read),
    ("events", SignalKind::Event, event::read),
    ("metadata", SignalKind::Metadata, metadata::read),
    ("complexity", SignalKind::Complexity, complexity::read),
];

/// A declared signal: its kind, and its place among those of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalId {
    pub(crate) kind: SignalKind,
    pub(crate) index: usize,
    /// What finding it out costs.
    pub(crate) cost: Cost,
}

/// A signal that a request matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Matched {
    /// The kind.
    pub kind: SignalKind,
    /// The name it was declared with.
    pub name: String,
    /// How sure the signal is, 0 to 1.
    pub confidence: f32,
}

/// All declared signals.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    kinds: BTreeMap<SignalKind, Declared>,
    pub(crate) projections: Projections,
}

#[derive(Debug)]
struct Declared {
    names: Vec<String>,
    /// Where in `names` a name is.
    index: BTreeMap<String, usize>,
    signal: Box<dyn Signal>,
}

impl Signals {
    /// Adds a kind, unless nothing is declared of it. Knowledge bases have measures even if no rule names them.
    pub(crate) fn add(&mut self, kind: SignalKind, signal: Box<dyn Signal>) {
        let names = signal.names();
        if !names.is_empty() || kind == SignalKind::Kb {
            let index = names.iter().cloned().zip(0..).collect();
            let declared = Declared { names, index, signal };
            self.kinds.insert(kind, declared);
        }
    }

    /// The signal of this kind and name.
    pub(crate) fn find(&self, kind: SignalKind, name: &str) -> Option<SignalId> {
        if kind == SignalKind::Projection {
            return self.projections.find(name);
        }
        let index = *self.kinds.get(&kind)?.index.get(name)?;
        let cost = kind.cost();
        Some(SignalId { kind, index, cost })
    }

    /// The names of a kind, in order.
    pub(crate) fn names(&self, kind: SignalKind) -> &[String] {
        if kind == SignalKind::Projection {
            return self.projections.names();
        }
        self.kinds.get(&kind).map_or(&[], |declared| &declared.names)
    }

    /// Whether there is a measure `metric` of the knowledge base `kb`.
    pub(crate) fn has_metric(&self, kb: &str, metric: &str) -> bool {
        let declared = self.kinds.get(&SignalKind::Kb);
        declared.is_some_and(|declared| declared.signal.has_metric(kb, metric))
    }
}

/// The signals of one request, each kind computed when it is first asked for.
pub(crate) struct Reading<'r> {
    signals: &'r Signals,
    request: &'r Request<'r>,
    context: &'r Context<'r>,
    text: &'r str,
    scorer: &'r mut dyn Scorer,
    scores: Option<Scores>,
    category: Option<(&'static str, f32)>,
    confidences: BTreeMap<SignalKind, Vec<Option<f32>>>,
    /// The scores of projections, by index.
    projected: BTreeMap<usize, f64>,
}

impl<'r> Reading<'r> {
    /// `text` is the last user turn.
    pub(crate) fn new(
        signals: &'r Signals,
        request: &'r Request<'r>,
        context: &'r Context<'r>,
        text: &'r str,
        scorer: &'r mut dyn Scorer,
    ) -> Self {
        Reading {
            signals,
            request,
            context,
            text,
            scorer,
            scores: None,
            category: None,
            confidences: BTreeMap::new(),
            projected: BTreeMap::new(),
        }
    }

    /// The last user turn.
    pub(crate) fn text(&self) -> &'r str {
        self.text
    }

    /// The whole request.
    pub(crate) fn request(&self) -> &'r Request<'r> {
        self.request
    }

    /// What else there is to go by.
    pub(crate) fn context(&self) -> &'r Context<'r> {
        self.context
    }

    /// The model's scores of the last user turn; computed once.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn scores(&mut self) -> Result<&Scores, String> {
        let scores = match self.scores.take() {
            Some(scores) => scores,
            None => self.scorer.score(self.text)?,
        };
        Ok(self.scores.insert(scores))
    }

    /// The model's scores of another text; computed each time.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn scores_of(&mut self, text: &str) -> Result<Scores, String> {
        self.scorer.score(text)
    }

    /// Notes the subject of the prompt, for the verdict.
    pub(crate) fn set_category(&mut self, category: Option<(&'static str, f32)>) {
        self.category = category;
    }

    /// The confidence of a signal, None when it does not match.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn confidence(&mut self, id: SignalId) -> Result<Option<f32>, String> {
        if id.kind == SignalKind::Projection {
            return self.signals.projections.confidence(id.index, self);
        }
        if !self.confidences.contains_key(&id.kind) {
            let confidences = self.judge(id.kind)?;
            self.confidences.insert(id.kind, confidences);
        }
        let confidences = self.confidences.get(&id.kind);
        Ok(confidences.and_then(|all| all.get(id.index)).copied().flatten())
    }

    /// Computes every declared signal.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn judge_all(&mut self) -> Result<(), String> {
        let kinds = self.signals.kinds.keys().copied();
        let kinds: Vec<_> = kinds.chain([SignalKind::Projection]).collect();
        for kind in kinds {
            for name in self.signals.names(kind) {
                if let Some(id) = self.signals.find(kind, name) {
                    self.confidence(id)?;
                }
            }
        }
        Ok(())
    }

    /// What a rule calls a signal.
    pub(crate) fn name(&self, id: SignalId) -> &str {
        let names = self.signals.names(id.kind);
        names.get(id.index).map_or("", String::as_str)
    }

    /// All confidences of a kind, after partitions and limits.
    fn judge(&mut self, kind: SignalKind) -> Result<Vec<Option<f32>>, String> {
        let Some(declared) = self.signals.kinds.get(&kind) else {
            return Ok(Vec::new());
        };
        let mut confidences = declared.signal.judge(self)?;
        let defaults = self.signals.projections.partition(kind, &mut confidences);
        declared.signal.limit(&mut confidences);
        for index in defaults {
            if let Some(Some(confidence)) = confidences.get_mut(index) {
                *confidence = 1.0;
            }
        }
        Ok(confidences)
    }

    /// A measure of a knowledge base; None where it has none for the request.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn metric(&mut self, kb: &str, metric: &str) -> Result<Option<f32>, String> {
        match self.signals.kinds.get(&SignalKind::Kb) {
            Some(declared) => declared.signal.metric(kb, metric, self),
            None => Ok(None),
        }
    }

    /// A score of a projection, if it has been computed.
    pub(crate) fn projected(&self, score: usize) -> Option<f64> {
        self.projected.get(&score).copied()
    }

    /// Keeps a score of a projection.
    pub(crate) fn set_projected(&mut self, score: usize, value: f64) {
        self.projected.insert(score, value);
    }

    /// Writes what was found into a verdict.
    pub(crate) fn report(self, verdict: &mut Verdict) {
        for (kind, declared) in &self.signals.kinds {
            let Some(confidences) = self.confidences.get(kind) else {
                if !declared.names.is_empty() {
                    verdict.skipped.push(*kind);
                }
                continue;
            };
            let pairs = declared.names.iter().zip(confidences);
            let matched = pairs.filter_map(|(name, confidence)| {
                Some(Matched {
                    kind: *kind,
                    name: name.clone(),
                    confidence: (*confidence)?,
                })
            });
            verdict.matched.extend(matched);
        }
        let projections = &self.signals.projections;
        if self.projected.is_empty() && !projections.names().is_empty() {
            verdict.skipped.push(SignalKind::Projection);
        }
        verdict.matched.extend(projections.matched(&self.projected));
        verdict.projections = projections.scores(&self.projected);
        if let Some((category, confidence)) = self.category {
            verdict.category = Some(category);
            verdict.category_confidence = confidence;
        }
        verdict.scores = self.scores;
    }
}

/// The `name` of each signal of a section; one that is missing or taken has been reported.
pub(crate) fn read_name<'v>(object: &mut Object<'v>, taken: &mut BTreeSet<&'v str>) -> String {
    let name = object.need_text("name").unwrap_or_default();
    if !name.is_empty() && !taken.insert(name) {
        object.error(
            "name",
            format!("{} is declared twice", crate::config::report::quoted(name)),
        );
    }
    name.to_owned()
}

/// A signal whose name says which of several things it matches; another name has been reported.
pub(crate) fn read_known_name<'v, T: Copy>(
    mut object: Object<'v>,
    taken: &mut BTreeSet<&'v str>,
    known: &[(&str, T)],
) -> (String, Option<T>) {
    let name = read_name(&mut object, taken);
    let found = known
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, what)| *what);
    if found.is_none() && !name.is_empty() {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "must be one of {}, found {}",
            names.join(", "),
            crate::config::report::quoted(&name)
        );
        object.error("name", message);
    }
    object.ignore(&["description"]);
    object.finish();
    (name, found)
}
