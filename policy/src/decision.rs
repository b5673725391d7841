//! Decisions, and which of those that match wins.

use std::cmp::{Ordering, Reverse};

use crate::actions::Actions;
use crate::actions::reasoning::Reasoning;
use crate::rule::Rule;
use crate::selection::Selection;
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
    pub(crate) selection: Selection,
    pub(crate) actions: Actions,
}

/// One model of a decision.
#[derive(Debug)]
pub(crate) struct Choice {
    /// An index into the policy's models.
    pub(crate) model: usize,
    /// Its share, if shares are given.
    pub(crate) weight: Option<f64>,
    /// The adapter that the upstream serves in its place.
    pub(crate) lora: Option<String>,
    pub(crate) reasoning: Reasoning,
    /// How good its answers are, above 0 to 1.
    pub(crate) quality: Option<f64>,
}

/// All decisions, ready to find the winner for a request.
///
/// As in VSR, decisions without a tier go before all tiers. Among them the strategy says which wins, unless a
/// decision with a tier matches too: then confidence goes before priority, as within any tier.
#[derive(Debug)]
pub(crate) struct Decisions {
    decisions: Vec<Decision>,
    untiered: Ladder,
    tiered: Ladder,
    /// `untiered` for when a decision with a tier matches; None where that is the same.
    beside_tiers: Option<Ladder>,
}

/// Decisions, in the order in which they are tried.
#[derive(Debug)]
struct Ladder {
    rungs: Vec<Rung>,
}

#[derive(Debug)]
struct Rung {
    /// All that comes before confidence; the lowest goes first.
    band: (i64, Reverse<i64>),
    /// An index into the decisions.
    decision: usize,
    /// Whether the winner among those of the band may depend on its confidence.
    contested: bool,
}

impl Decisions {
    /// Orders `decisions`, whose names must differ.
    pub(crate) fn new(decisions: Vec<Decision>, strategy: Strategy) -> Decisions {
        let places = |tiered: bool| {
            let places = decisions.iter().enumerate();
            places
                .filter(move |(_, decision)| (decision.tier > 0) == tiered)
                .map(|(place, _)| place)
        };
        let by_tier = |decision: &Decision| (decision.tier, Reverse(0));
        let by_strategy = |decision: &Decision| match strategy {
            Strategy::Priority => (0, Reverse(decision.priority)),
            Strategy::Confidence => (0, Reverse(0)),
        };
        let tiered = Ladder::new(&decisions, places(true), by_tier);
        let differs = strategy == Strategy::Priority && !tiered.rungs.is_empty();
        Decisions {
            untiered: Ladder::new(&decisions, places(false), by_strategy),
            beside_tiers: differs.then(|| Ladder::new(&decisions, places(false), by_tier)),
            tiered,
            decisions,
        }
    }

    /// The decisions, in the order in which they are tried.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Decision> {
        let rungs = self.untiered.rungs.iter().chain(&self.tiered.rungs);
        rungs.filter_map(|rung| self.decisions.get(rung.decision))
    }

    /// The decision that wins, and its confidence.
    ///
    /// # Errors
    /// What the scorer says, when a decision that could still win needs it.
    pub(crate) fn winner(&self, reading: &mut Reading<'_>) -> Result<Option<(&Decision, f32)>, String> {
        let Some(winner) = self.untiered.winner(&self.decisions, reading)? else {
            return self.tiered.winner(&self.decisions, reading);
        };
        match &self.beside_tiers {
            Some(ladder) if ladder.rungs.len() > 1 && self.tiered.holds(&self.decisions, reading)? => {
                ladder.winner(&self.decisions, reading)
            }
            _ => Ok(Some(winner)),
        }
    }
}

impl Ladder {
    fn new(
        decisions: &[Decision],
        places: impl Iterator<Item = usize>,
        band: impl Fn(&Decision) -> (i64, Reverse<i64>),
    ) -> Ladder {
        let rung = |place: usize| {
            let decision = decisions.get(place)?;
            let rung = Rung {
                band: band(decision),
                decision: place,
                contested: false,
            };
            Some((rung, decision))
        };
        let mut rungs: Vec<_> = places.filter_map(rung).collect();
        // Within a band, those that spare the classifier go first: they may win before it is needed.
        rungs.sort_by(|(a, one), (b, other)| {
            let costs = one.rule.cost().cmp(&other.rule.cost());
            a.band
                .cmp(&b.band)
                .then(costs)
                .then_with(|| one.rank(one.rule.bound(), other, other.rule.bound()))
        });
        let mut rungs: Vec<_> = rungs.into_iter().map(|(rung, _)| rung).collect();
        for group in rungs.chunk_by_mut(|a, b| a.band == b.band) {
            let contested = group.len() > 1;
            group.iter_mut().for_each(|rung| rung.contested = contested);
        }
        Ladder { rungs }
    }

    fn winner<'d>(
        &self,
        decisions: &'d [Decision],
        reading: &mut Reading<'_>,
    ) -> Result<Option<(&'d Decision, f32)>, String> {
        let mut best: Option<(&Rung, &Decision, f32)> = None;
        for rung in &self.rungs {
            let Some(decision) = decisions.get(rung.decision) else {
                continue;
            };
            if let Some((leader, leading, confidence)) = best {
                if leader.band < rung.band {
                    break;
                }
                if leading.rank(confidence, decision, decision.rule.bound()).is_lt() {
                    continue;
                }
            }
            let Some(confidence) = decision.rule.test(reading, rung.contested)? else {
                continue;
            };
            let wins = best.is_none_or(|(_, leading, best)| decision.rank(confidence, leading, best).is_lt());
            if wins {
                best = Some((rung, decision, confidence));
            }
        }
        Ok(best.map(|(_, decision, confidence)| (decision, confidence)))
    }

    /// Whether any of the decisions matches.
    fn holds(&self, decisions: &[Decision], reading: &mut Reading<'_>) -> Result<bool, String> {
        for decision in self.rungs.iter().filter_map(|rung| decisions.get(rung.decision)) {
            if decision.rule.test(reading, false)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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
