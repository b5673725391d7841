//! Decisions, and which of those that match wins.

use std::cmp::{Ordering, Reverse};

use crate::rule::Rule;
use crate::signals::Reading;

/// How the winner is found among decisions that match and have no tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// By priority, then confidence, then name.
    Priority,
    /// By confidence, then priority, then name.
    Confidence,
}

#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) name: String,
    pub(crate) priority: i64,
    /// 0 for none.
    pub(crate) tier: i64,
    pub(crate) rule: Rule,
    /// The models to choose from; may be empty.
    pub(crate) models: Vec<Choice>,
}

/// One model of a decision.
#[derive(Debug)]
pub(crate) struct Choice {
    /// An index into the policy's models.
    pub(crate) model: usize,
    /// Its share, if shares are given.
    pub(crate) weight: Option<f64>,
}

/// All decisions, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Decisions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    decision: Decision,
    band: (i64, Reverse<i64>),
    /// Whether another decision of the band can win or lose by its confidence.
    contested: bool,
}

impl Decisions {
    /// Orders `decisions`, whose names must differ.
    ///
    /// A tier beats none and a low one a high one. Within a tier, and with [`Strategy::Confidence`], it is
    /// confidence before priority. All that comes before confidence makes a band.
    pub(crate) fn new(decisions: Vec<Decision>, strategy: Strategy) -> Decisions {
        let band = |decision: &Decision| match (decision.tier, strategy) {
            (0, Strategy::Priority) => (i64::MAX, Reverse(decision.priority)),
            (0, Strategy::Confidence) => (i64::MAX, Reverse(0)),
            (tier, _) => (tier, Reverse(0)),
        };
        let entry = |decision| Entry {
            band: band(&decision),
            decision,
            contested: false,
        };
        let mut entries: Vec<_> = decisions.into_iter().map(entry).collect();
        // Within a band, those that spare the classifier go first: they may win before it is needed.
        entries.sort_by(|a, b| {
            let bands = a.band.cmp(&b.band);
            let costs = a.decision.rule.cost().cmp(&b.decision.rule.cost());
            bands
                .then(costs)
                .then_with(|| a.decision.rank(a.bound(), &b.decision, b.bound()))
        });
        for group in entries.chunk_by_mut(|a, b| a.band == b.band) {
            let contested = group.len() > 1;
            group.iter_mut().for_each(|entry| entry.contested = contested);
        }
        Decisions { entries }
    }

    /// The names, in the order in which the decisions are tried.
    pub(crate) fn names(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(|entry| entry.decision.name.clone())
            .collect()
    }

    /// The decisions, in the order in which they are tried.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Decision> {
        self.entries.iter().map(|entry| &entry.decision)
    }

    /// The decision that wins, and its confidence.
    ///
    /// # Errors
    /// What the scorer says, when a decision that could still win needs it.
    pub(crate) fn winner(&self, reading: &mut Reading<'_>) -> Result<Option<(&Decision, f32)>, String> {
        let mut best: Option<(&Entry, f32)> = None;
        for entry in &self.entries {
            if let Some((leader, confidence)) = best {
                if leader.band < entry.band {
                    break;
                }
                if leader
                    .decision
                    .rank(confidence, &entry.decision, entry.bound())
                    .is_lt()
                {
                    continue;
                }
            }
            let Some(confidence) = entry.decision.rule.test(reading, entry.contested)? else {
                continue;
            };
            let wins = best
                .is_none_or(|(leader, best)| entry.decision.rank(confidence, &leader.decision, best).is_lt());
            if wins {
                best = Some((entry, confidence));
            }
        }
        Ok(best.map(|(entry, confidence)| (&entry.decision, confidence)))
    }
}

impl Entry {
    fn bound(&self) -> f32 {
        self.decision.rule.bound()
    }
}

impl Decision {
    /// Orders two decisions of one band, the winner first.
    fn rank(&self, confidence: f32, other: &Decision, others: f32) -> Ordering {
        let by_confidence = others.total_cmp(&confidence);
        by_confidence
            .then(other.priority.cmp(&self.priority))
            .then_with(|| self.name.cmp(&other.name))
    }
}
