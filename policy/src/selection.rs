//! Which of a decision's models answers. One file for each algorithm.

mod latency_aware;
mod multi_factor;
mod stats;
mod weighted;

use crate::config::reader::Object;
use crate::config::refused;
use crate::decision::{Choice, Decision};
use crate::policy::Model;
use crate::settings::Settings;
use crate::{Context, Request};

pub use stats::Stats;

/// How a decision chooses among its models.
#[derive(Debug, Default)]
pub(crate) enum Selection {
    /// The first.
    #[default]
    Static,
    /// By share; see [`weighted`].
    Weighted,
    /// By measured latency; see [`latency_aware`].
    LatencyAware(latency_aware::LatencyAware),
    /// By quality, latency, cost and load; see [`multi_factor`].
    MultiFactor(multi_factor::MultiFactor),
}

/// What a selection may look at beside the decision.
pub(crate) struct Candidates<'s> {
    pub(crate) models: &'s [Model],
    pub(crate) settings: &'s Settings,
    pub(crate) request: &'s Request<'s>,
    pub(crate) context: &'s Context<'s>,
}

/// Reads a decision's `algorithm`. Without one, weights are obeyed if there are any.
pub(crate) fn read(decision: &mut Object<'_>, weighted: bool) -> Selection {
    let plain = if weighted {
        Selection::Weighted
    } else {
        Selection::Static
    };
    let Some(mut object) = decision.object("algorithm") else {
        return plain;
    };
    let Some(kind) = object.need_text("type") else {
        object.finish();
        return plain;
    };
    let selection = match kind {
        "static" => plain,
        "latency_aware" => {
            Selection::LatencyAware(latency_aware::read(object.object_or_empty("latency_aware")))
        }
        "multi_factor" => Selection::MultiFactor(multi_factor::read(object.object_or_empty("multi_factor"))),
        other => {
            refused::algorithm(&object, other);
            // What else it has belongs to what has been refused.
            return plain;
        }
    };
    object.ignore(&["on_error", "description"]);
    object.finish();
    selection
}

impl Selection {
    /// The name in `x-vsr-selected-algorithm`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Selection::Static => "static",
            Selection::Weighted => "weighted",
            Selection::LatencyAware(_) => "latency_aware",
            Selection::MultiFactor(_) => "multi_factor",
        }
    }

    /// Whether it goes by [`Stats`].
    pub(crate) fn is_measured(&self) -> bool {
        matches!(self, Selection::LatencyAware(_) | Selection::MultiFactor(_))
    }

    /// The model that answers; None if the decision has none.
    pub(crate) fn choose<'d>(&self, decision: &'d Decision, from: &Candidates<'_>) -> Option<&'d Choice> {
        let choices = decision.models.as_slice();
        let index = match self {
            _ if choices.len() < 2 => 0,
            Selection::Static => 0,
            Selection::Weighted => weighted::choose(decision, from),
            Selection::LatencyAware(by) => by.choose(choices, from),
            Selection::MultiFactor(by) => by.choose(choices, from),
        };
        choices.get(index).or(choices.first())
    }
}

/// The index with the greatest score; of equals the first.
fn greatest(scores: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, score) in scores.enumerate() {
        if best.is_none_or(|(_, best)| score > best) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}
