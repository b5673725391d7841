//! What the filter measures of each model.

use std::collections::{BTreeMap, VecDeque};

/// How many samples of each kind a model has at most.
const SAMPLES: usize = 64;

/// Older samples say nothing any more, in milliseconds.
const FRESH_MS: u64 = 600_000;

/// How many models are measured at most. Clients can name models that nobody declared.
const MODELS: usize = 256;

/// In how much time a model's failures count half, in milliseconds.
const FORGIVE_MS: f64 = 60_000.0;

/// What is known of the models that have answered. Small and bounded; the same calls make the same numbers. Its
/// clock goes on with [`Stats::started`].
#[derive(Debug, Default)]
pub struct Stats {
    models: BTreeMap<String, Measured>,
    now_ms: u64,
}

#[derive(Debug, Default)]
struct Measured {
    in_flight: u32,
    /// Milliseconds to the first byte, and when.
    first_byte: Samples,
    /// Milliseconds for each token after the first.
    per_token: Samples,
    /// The share of requests that failed, of late.
    failures: f64,
    failures_at: u64,
}

/// Values with their times.
#[derive(Debug, Default)]
struct Samples(VecDeque<(u64, f64)>);

/// What a percentile is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Time to first token.
    Ttft,
    /// Time per output token.
    Tpot,
}

impl Stats {
    /// A request has gone to `model`, which is the [`crate::Verdict::model`].
    pub fn started(&mut self, model: &str, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        if self.models.len() < MODELS || self.models.contains_key(model) {
            self.models.entry(model.to_owned()).or_default().in_flight += 1;
        }
    }

    /// The first byte of a good answer has come, `ms` milliseconds after the request went. Not to be called for
    /// errors: a model that fails fast is not fast.
    pub fn first_byte(&mut self, model: &str, ms: u64) {
        let now_ms = self.now_ms;
        if let Some(measured) = self.models.get_mut(model) {
            measured.first_byte.add(now_ms, ms as f64);
        }
    }

    /// A request that was [`Stats::started`] is over. `tokens` is how many came, if that is known, and `ms` how
    /// many milliseconds lay between the first byte and the last.
    pub fn finished(&mut self, model: &str, tokens: Option<u64>, ms: u64, error: bool) {
        let now_ms = self.now_ms;
        let Some(measured) = self.models.get_mut(model) else {
            return;
        };
        measured.in_flight = measured.in_flight.saturating_sub(1);
        let before = measured.failure_rate(now_ms);
        measured.failures = before * 0.9 + if error { 0.1 } else { 0.0 };
        measured.failures_at = now_ms;
        if let Some(tokens) = tokens.filter(|tokens| *tokens > 1 && !error) {
            measured.per_token.add(now_ms, ms as f64 / (tokens - 1) as f64);
        }
    }

    /// How many requests `model` is answering.
    pub fn in_flight(&self, model: &str) -> u32 {
        self.models.get(model).map_or(0, |measured| measured.in_flight)
    }

    /// A percentile (1 to 100) of a metric in milliseconds, longer by the tries that it takes to get an answer.
    /// None if nothing was measured of late.
    pub(crate) fn percentile(&self, model: &str, metric: Metric, percentile: f64) -> Option<f64> {
        let measured = self.models.get(model)?;
        let samples = match metric {
            Metric::Ttft => &measured.first_byte,
            Metric::Tpot => &measured.per_token,
        };
        let value = samples.percentile(percentile, self.now_ms)?;
        Some(value / (1.0 - measured.failure_rate(self.now_ms)).max(0.05))
    }
}

impl Measured {
    fn failure_rate(&self, now_ms: u64) -> f64 {
        let age = now_ms.saturating_sub(self.failures_at) as f64;
        self.failures * (-age / FORGIVE_MS).exp2()
    }
}

impl Samples {
    fn add(&mut self, now_ms: u64, value: f64) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((now_ms, value));
    }

    /// By linear interpolation between the nearest ranks; of one or two samples the mean, as VSR does.
    fn percentile(&self, percentile: f64, now_ms: u64) -> Option<f64> {
        let fresh = self
            .0
            .iter()
            .filter(|(at, _)| now_ms.saturating_sub(*at) <= FRESH_MS);
        let mut values: Vec<f64> = fresh.map(|(_, value)| *value).collect();
        if values.len() < 3 {
            let count = values.len() as f64;
            return (!values.is_empty()).then(|| values.iter().sum::<f64>() / count);
        }
        values.sort_by(f64::total_cmp);
        let rank = percentile / 100.0 * (values.len() - 1) as f64;
        let (low, high) = (
            values.get(rank.floor() as usize)?,
            values.get(rank.ceil() as usize)?,
        );
        Some(low + (high - low) * rank.fract())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_latest_fresh_samples() {
        let mut stats = Stats::default();
        let table: [(&[u64], f64, f64); 5] = [
            (&[30], 95.0, 30.0),
            (&[30, 40], 95.0, 35.0),
            (&[10, 20, 30], 50.0, 20.0),
            (&[30, 10, 20], 75.0, 25.0),
            (&[10, 20, 30], 100.0, 30.0),
        ];
        for (samples, percentile, expected) in table {
            let name = format!("{samples:?}");
            stats.started(&name, 1);
            samples.iter().for_each(|ms| stats.first_byte(&name, *ms));
            assert_eq!(
                stats.percentile(&name, Metric::Ttft, percentile),
                Some(expected),
                "{name}"
            );
        }
        stats.started("[30]", FRESH_MS + 2);
        assert_eq!(stats.percentile("[30]", Metric::Ttft, 50.0), None);
        (0..1000).for_each(|ms| stats.first_byte("[30]", ms));
        let low = stats.percentile("[30]", Metric::Ttft, 1.0).unwrap();
        assert!((low - 936.63).abs() < 1e-9, "{low}");
    }

    #[test]
    fn tokens_after_the_first_are_timed_and_failures_make_them_slower() {
        let mut stats = Stats::default();
        stats.started("m", 0);
        assert_eq!(stats.in_flight("m"), 1);
        stats.finished("m", Some(11), 100, false);
        assert_eq!(
            (stats.in_flight("m"), stats.percentile("m", Metric::Tpot, 50.0)),
            (0, Some(10.0))
        );
        stats.finished("m", Some(1), 100, false);
        stats.finished("m", None, 100, false);
        stats.finished("m", Some(9), 1, true);
        let slower = stats.percentile("m", Metric::Tpot, 50.0).unwrap();
        assert!((slower - 10.0 / 0.9).abs() < 1e-9, "{slower}");
        stats.started("m", 60_000);
        let forgiven = stats.percentile("m", Metric::Tpot, 50.0).unwrap();
        assert!((forgiven - 10.0 / 0.95).abs() < 1e-9, "{forgiven}");
    }

    #[test]
    fn the_number_of_models_is_bounded() {
        let mut stats = Stats::default();
        (0..10_000).for_each(|i| stats.started(&i.to_string(), 0));
        assert_eq!(stats.models.len(), MODELS);
        stats.first_byte("9999", 1);
        stats.finished("9999", Some(2), 1, false);
        assert_eq!((stats.in_flight("9999"), stats.in_flight("7")), (0, 1));
    }
}
