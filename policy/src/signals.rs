//! What is found out about a request. One file for each kind of signal.

pub(crate) mod authz;
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
pub(crate) mod pii;
pub(crate) mod preference;
pub(crate) mod reask;
pub(crate) mod structure;
pub(crate) mod user_feedback;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::config::reader::Object;
use crate::config::setup::Setup;
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
        }
    }

    /// What finding out costs.
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
            | SignalKind::Metadata => Cost::Rule,
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
}

#[derive(Debug)]
struct Declared {
    names: Vec<String>,
    /// Where in `names` a name is.
    index: BTreeMap<String, usize>,
    signal: Box<dyn Signal>,
}

impl Signals {
    /// Adds a kind, unless nothing is declared of it.
    pub(crate) fn add(&mut self, kind: SignalKind, signal: Box<dyn Signal>) {
        let names = signal.names();
        if !names.is_empty() {
            let index = names.iter().cloned().zip(0..).collect();
            let declared = Declared { names, index, signal };
            self.kinds.insert(kind, declared);
        }
    }

    /// The signal of this kind and name.
    pub(crate) fn find(&self, kind: SignalKind, name: &str) -> Option<SignalId> {
        let index = *self.kinds.get(&kind)?.index.get(name)?;
        Some(SignalId { kind, index })
    }

    /// The names of a kind, in order.
    pub(crate) fn names(&self, kind: SignalKind) -> &[String] {
        self.kinds.get(&kind).map_or(&[], |declared| &declared.names)
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
        if !self.confidences.contains_key(&id.kind) {
            let Some(declared) = self.signals.kinds.get(&id.kind) else {
                return Ok(None);
            };
            let confidences = declared.signal.judge(self)?;
            self.confidences.insert(id.kind, confidences);
        }
        let confidences = self.confidences.get(&id.kind);
        Ok(confidences.and_then(|all| all.get(id.index)).copied().flatten())
    }

    /// Computes every declared kind.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn judge_all(&mut self) -> Result<(), String> {
        let kinds: Vec<_> = self.signals.kinds.keys().copied().collect();
        for kind in kinds {
            self.confidence(SignalId { kind, index: 0 })?;
        }
        Ok(())
    }

    /// The signals that match among those that were computed.
    pub(crate) fn matched(&self) -> Vec<Matched> {
        let all = self.confidences.iter().flat_map(|(kind, confidences)| {
            let names = self.signals.names(*kind).iter();
            names.zip(confidences).map(move |pair| (*kind, pair))
        });
        let matched = all.filter_map(|(kind, (name, confidence))| {
            Some(Matched {
                kind,
                name: name.clone(),
                confidence: (*confidence)?,
            })
        });
        matched.collect()
    }

    /// What a rule calls a signal.
    pub(crate) fn name(&self, id: SignalId) -> &str {
        let names = self.signals.names(id.kind);
        names.get(id.index).map_or("", String::as_str)
    }

    /// Writes what was found into a verdict.
    pub(crate) fn report(self, verdict: &mut Verdict) {
        for kind in self.signals.kinds.keys() {
            if !self.confidences.contains_key(kind) {
                verdict.skipped.push(*kind);
            }
        }
        verdict.matched = self.matched();
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
