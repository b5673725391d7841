//! `latency_aware`: the model that has answered fastest.

use super::stats::Metric;
use super::{Candidates, greatest};
use crate::Stats;
use crate::config::reader::Object;
use crate::decision::Choice;

/// Which percentiles are compared.
#[derive(Debug)]
pub(crate) struct LatencyAware {
    metrics: Vec<(Metric, f64)>,
}

/// How many requests at once a model gets that nothing is known of.
const TRIALS: u32 = 4;

/// Reads the algorithm's settings.
pub(super) fn read(mut object: Object<'_>) -> LatencyAware {
    let keys = [
        ("tpot_percentile", Metric::Tpot),
        ("ttft_percentile", Metric::Ttft),
    ];
    let read = |(key, metric)| Some((metric, object.integer(key, 1..=100)? as f64));
    let metrics: Vec<_> = keys.into_iter().filter_map(read).collect();
    if metrics.is_empty() {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "needs tpot_percentile or ttft_percentile");
    }
    object.ignore(&["description"]);
    object.finish();
    LatencyAware { metrics }
}

impl LatencyAware {
    /// As VSR: the mean over the metrics of the ratio to the least. Unlike it, a model that nothing is known of is
    /// tried, a few requests at once; else the first would be the only one ever measured.
    pub(super) fn choose(&self, choices: &[Choice], from: &Candidates<'_>) -> usize {
        let Some(stats) = from.context.stats else {
            return 0;
        };
        let known: Vec<_> = choices
            .iter()
            .map(|choice| self.measured(choice, from, stats))
            .collect();
        let name = |choice: &Choice| {
            from.models
                .get(choice.model)
                .map_or("", |model| model.name.as_str())
        };
        let untried = |(choice, known): (&Choice, &Option<Vec<f64>>)| {
            known.is_none() && stats.in_flight(name(choice)) < TRIALS
        };
        if let Some(index) = choices.iter().zip(&known).position(untried) {
            return index;
        }
        let least = |index: usize| {
            let values = known
                .iter()
                .flatten()
                .filter_map(|values| values.get(index).copied());
            let least = values.fold(f64::INFINITY, f64::min);
            if least > 0.0 { least } else { 1.0 }
        };
        let least: Vec<_> = (0..self.metrics.len()).map(least).collect();
        let score = |values: &Option<Vec<f64>>| match values {
            Some(values) => -values
                .iter()
                .zip(&least)
                .map(|(value, least)| value / least)
                .sum::<f64>(),
            None => f64::NEG_INFINITY,
        };
        greatest(known.iter().map(score)).unwrap_or(0)
    }

    /// All metrics of a model, None if one is missing.
    fn measured(&self, choice: &Choice, from: &Candidates<'_>, stats: &Stats) -> Option<Vec<f64>> {
        let model = from.models.get(choice.model)?;
        let value =
            |(metric, percentile): &(Metric, f64)| stats.percentile(&model.name, *metric, *percentile);
        self.metrics.iter().map(value).collect()
    }
}
