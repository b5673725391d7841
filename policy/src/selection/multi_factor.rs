//! `multi_factor`: quality, latency, cost and load, weighed against each other.

use super::stats::Metric;
use super::{Candidates, greatest};
use crate::Stats;
use crate::config::reader::Object;
use crate::decision::Choice;
use crate::policy::Model;

/// Weights, ceilings, and what to do when no model keeps below them.
#[derive(Debug)]
pub(crate) struct MultiFactor {
    /// Of quality, latency, cost and load; they add up to 1.
    weights: [f64; 4],
    /// 0 for none.
    ceilings: Ceilings,
    percentile: f64,
    /// Which is compared first; the other fills in if `fallback`.
    metric: Metric,
    fallback: bool,
    otherwise: Otherwise,
}

#[derive(Debug, Default)]
struct Ceilings {
    tpot_ms: f64,
    ttft_ms: f64,
    cost_per_1m: f64,
    in_flight: f64,
}

#[derive(Clone, Copy, Debug)]
enum Otherwise {
    Cheapest,
    First,
}

/// Reads the algorithm's settings; the defaults are VSR's.
pub(super) fn read(mut object: Object<'_>) -> MultiFactor {
    let by = [("tpot", (Metric::Tpot, false)), ("ttft", (Metric::Ttft, false))];
    let (metric, fallback) = object
        .choice("latency_metric", &by)
        .unwrap_or((Metric::Tpot, true));
    let weights = object.object("weights").map_or([0.25; 4], read_weights);
    let ceilings = object.object("slo").map(read_ceilings).unwrap_or_default();
    let percentile = object.integer("latency_percentile", 1..=100).unwrap_or(95) as f64;
    if object.text("on_no_candidates") == Some("fail") {
        let why = "`fail` is not supported: some model always answers; use cheapest or first";
        object.error("on_no_candidates", why);
    }
    let policies = [
        ("cheapest", Otherwise::Cheapest),
        ("first", Otherwise::First),
        ("fail", Otherwise::First),
    ];
    let otherwise = object
        .choice("on_no_candidates", &policies)
        .unwrap_or(Otherwise::Cheapest);
    object.unsupported(
        "objective",
        "an order of objectives is not supported; use weights",
    );
    object.unsupported(
        "quality",
        "catalog indices are not supported; use quality_score in routing.modelCards",
    );
    object.ignore(&["description"]);
    object.finish();
    MultiFactor {
        weights,
        ceilings,
        percentile,
        metric,
        fallback,
        otherwise,
    }
}

fn read_weights(mut object: Object<'_>) -> [f64; 4] {
    let mut weights =
        ["quality", "latency", "cost", "load"].map(|key| object.number(key, 0.0..=1e9).unwrap_or(0.0));
    object.finish();
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return [0.25; 4];
    }
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

fn read_ceilings(mut object: Object<'_>) -> Ceilings {
    let mut ceiling = |key| object.number(key, 0.0..=1e9).unwrap_or(0.0);
    let ceilings = Ceilings {
        tpot_ms: ceiling("max_tpot_ms"),
        ttft_ms: ceiling("max_ttft_ms"),
        cost_per_1m: ceiling("max_cost_per_1m"),
        in_flight: ceiling("max_inflight"),
    };
    object.finish();
    ceilings
}

/// What is known of one candidate: quality, latency, cost and load.
type Factors = [Option<f64>; 4];

impl MultiFactor {
    /// As VSR: each factor is scaled to 0..1 over the candidates that keep below the ceilings, the lesser the better
    /// but for quality; the score is the weighted mean of the factors that are known. Quality counts only if that of
    /// all of them is known.
    pub(super) fn choose(&self, choices: &[Choice], from: &Candidates<'_>) -> usize {
        let nothing = Stats::default();
        let stats = from.context.stats.unwrap_or(&nothing);
        let model = |choice: &Choice| from.models.get(choice.model);
        let fits = |choice: &Choice| model(choice).is_some_and(|model| self.fits(model, stats));
        let kept: Vec<_> = (0..choices.len())
            .filter(|index| choices.get(*index).is_some_and(fits))
            .collect();
        if kept.is_empty() {
            return match self.otherwise {
                Otherwise::First => 0,
                Otherwise::Cheapest => cheapest(choices, from),
            };
        }
        let kept_choices = kept.iter().filter_map(|index| choices.get(*index));
        let factors = kept_choices.filter_map(|choice| Some(self.factors(choice, model(choice)?, stats)));
        let mut factors: Vec<_> = factors.collect();
        if factors.iter().any(|[quality, ..]| quality.is_none()) {
            factors.iter_mut().for_each(|[quality, ..]| *quality = None);
        }
        let best = greatest(factors.iter().map(|own| self.score(own, &factors)));
        best.and_then(|best| kept.get(best).copied()).unwrap_or(0)
    }

    fn fits(&self, model: &Model, stats: &Stats) -> bool {
        let latency = |metric| stats.percentile(&model.name, metric, self.percentile);
        let below =
            |ceiling: f64, value: Option<f64>| ceiling <= 0.0 || value.is_none_or(|value| value <= ceiling);
        below(self.ceilings.tpot_ms, latency(Metric::Tpot))
            && below(self.ceilings.ttft_ms, latency(Metric::Ttft))
            && below(self.ceilings.cost_per_1m, model.price)
            && below(self.ceilings.in_flight, Some(stats.in_flight(&model.name).into()))
    }

    fn factors(&self, choice: &Choice, model: &Model, stats: &Stats) -> Factors {
        let latency = |metric| stats.percentile(&model.name, metric, self.percentile);
        let other = || latency(Metric::Ttft).filter(|_| self.fallback);
        [
            choice.quality,
            latency(self.metric).or_else(other),
            model.price,
            Some(stats.in_flight(&model.name).into()),
        ]
    }

    fn score(&self, own: &Factors, all: &[Factors]) -> f64 {
        let (mut score, mut weight) = (0.0, 0.0);
        for (index, (share, value)) in self.weights.iter().zip(own).enumerate() {
            let Some(value) = value else { continue };
            let values = all
                .iter()
                .filter_map(|factors| factors.get(index).copied().flatten());
            let least = values.clone().fold(f64::INFINITY, f64::min);
            let range = values.fold(f64::NEG_INFINITY, f64::max) - least;
            let scaled = if range > 0.0 { (value - least) / range } else { 0.5 };
            score += share * if index == 0 { scaled } else { 1.0 - scaled };
            weight += share;
        }
        if weight > 0.0 { score / weight } else { 0.0 }
    }
}

fn cheapest(choices: &[Choice], from: &Candidates<'_>) -> usize {
    let price = |choice: &Choice| from.models.get(choice.model).and_then(|model| model.price);
    greatest(
        choices
            .iter()
            .map(|choice| -price(choice).unwrap_or(f64::INFINITY)),
    )
    .unwrap_or(0)
}
