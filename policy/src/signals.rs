//! What is found out about a prompt. One file for each kind of signal.

pub(crate) mod domain;
pub(crate) mod keyword;

use crate::Verdict;
use crate::signals::domain::{DomainMatches, Domains, Scorer};
use crate::signals::keyword::Keywords;

/// A kind of signal, as `type` names it in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignalKind {
    /// Words that occur in the text.
    Keyword,
    /// The subject of the text, by the classifier.
    Domain,
}

impl SignalKind {
    /// The name that rules use.
    pub const fn as_str(self) -> &'static str {
        match self {
            SignalKind::Keyword => "keyword",
            SignalKind::Domain => "domain",
        }
    }
}

/// A declared signal: its kind, and its place among those of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalId {
    pub(crate) kind: SignalKind,
    pub(crate) index: usize,
}

/// A signal that a prompt matched.
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
    pub(crate) keywords: Keywords,
    pub(crate) domains: Domains,
}

/// The signals of one prompt, each kind computed when it is first asked for.
pub(crate) struct Reading<'r> {
    signals: &'r Signals,
    text: &'r str,
    scorer: &'r mut dyn Scorer,
    keywords: Option<Vec<Option<f32>>>,
    domains: Option<DomainMatches>,
}

impl<'r> Reading<'r> {
    pub(crate) fn new(signals: &'r Signals, text: &'r str, scorer: &'r mut dyn Scorer) -> Self {
        Reading {
            signals,
            text,
            scorer,
            keywords: None,
            domains: None,
        }
    }

    /// The confidence of a signal, None when it does not match.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn confidence(&mut self, id: SignalId) -> Result<Option<f32>, String> {
        let confidences = match id.kind {
            SignalKind::Keyword => self
                .keywords
                .get_or_insert_with(|| self.signals.keywords.scan(self.text)),
            SignalKind::Domain => {
                if self.domains.is_none() {
                    let scores = self.scorer.domain(self.text)?;
                    self.domains = Some(self.signals.domains.judge(scores));
                }
                match &self.domains {
                    Some(domains) => &domains.confidences,
                    None => return Ok(None),
                }
            }
        };
        Ok(confidences.get(id.index).copied().flatten())
    }

    /// The signals that matched among those computed, in document order.
    fn matched(&self) -> Vec<Matched> {
        let keywords = self.signals.keywords.names().zip(self.keywords.iter().flatten());
        let keywords = keywords.map(|pair| (SignalKind::Keyword, pair));
        let domains = self.domains.as_ref().map(|domains| &domains.confidences);
        let domains = self.signals.domains.names().zip(domains.into_iter().flatten());
        let domains = domains.map(|pair| (SignalKind::Domain, pair));
        let matched = keywords.chain(domains).filter_map(|(kind, (name, confidence))| {
            confidence.map(|confidence| Matched {
                kind,
                name: name.to_owned(),
                confidence,
            })
        });
        matched.collect()
    }

    /// The kinds that are declared but were not needed.
    fn skipped(&self) -> Vec<SignalKind> {
        let kinds = [
            (
                SignalKind::Keyword,
                self.signals.keywords.names().len(),
                self.keywords.is_some(),
            ),
            (
                SignalKind::Domain,
                self.signals.domains.names().len(),
                self.domains.is_some(),
            ),
        ];
        let skipped = kinds
            .into_iter()
            .filter(|(_, declared, computed)| *declared > 0 && !computed);
        skipped.map(|(kind, _, _)| kind).collect()
    }

    /// Writes what was found into a verdict.
    pub(crate) fn report(&self, verdict: &mut Verdict) {
        verdict.matched = self.matched();
        verdict.skipped = self.skipped();
        let Some(domains) = &self.domains else { return };
        verdict.scores = Some(domains.scores);
        if let Some((category, confidence)) = domains.category {
            verdict.category = Some(category);
            verdict.category_confidence = confidence;
        }
    }
}
