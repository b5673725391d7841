//! `domain`: the subject of the text, by a classifier of 14 categories.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::signals::{Reading, Signal, read_name};

/// The categories, in the order of [`DomainScores`]. They are those of MMLU-Pro.
pub const DOMAINS: [&str; 14] = [
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
];

/// The probability of each category of [`DOMAINS`]; they add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DomainScores(pub [f32; 14]);

impl DomainScores {
    /// The likeliest category and its probability; the first of several.
    pub fn best(&self) -> (&'static str, f32) {
        let pairs = DOMAINS.into_iter().zip(self.0);
        pairs.fold(
            ("other", 0.0),
            |best, pair| if pair.1 > best.1 { pair } else { best },
        )
    }
}

/// The declared domain signals.
#[derive(Debug)]
pub(crate) struct Domains {
    signals: Vec<DomainSignal>,
    /// From which probability on each category counts.
    thresholds: [f32; 14],
    /// What a prompt is when no category counts.
    fallback: Option<usize>,
}

/// How domains are judged unless a signal says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DomainDefaults {
    pub(crate) threshold: f32,
    /// An index into [`DOMAINS`].
    pub(crate) fallback: Option<usize>,
}

#[derive(Debug)]
struct DomainSignal {
    name: String,
    /// Indices into [`DOMAINS`].
    categories: Vec<usize>,
    threshold: f32,
}

/// What a prompt's scores mean.
#[derive(Debug)]
pub(crate) struct DomainMatches {
    pub(crate) category: Option<(&'static str, f32)>,
    /// By signal, in document order.
    pub(crate) confidences: Vec<Option<f32>>,
}

/// Below this entropy (1 = all categories alike) only the best category counts.
const SINGLE_LABEL_ENTROPY: f32 = 0.4;

impl Default for DomainDefaults {
    fn default() -> Self {
        DomainDefaults {
            threshold: 0.5,
            fallback: index_of("other"),
        }
    }
}

impl Domains {
    /// Reads `routing.signals.domains`.
    pub(crate) fn read(objects: Vec<Object<'_>>, defaults: DomainDefaults) -> Domains {
        let mut taken = BTreeSet::new();
        let read = |object| DomainSignal::read(object, defaults.threshold, &mut taken);
        let signals: Vec<_> = objects.into_iter().map(read).collect();
        let mut thresholds = [None; 14];
        for signal in &signals {
            for (index, lowest) in thresholds.iter_mut().enumerate() {
                if signal.categories.contains(&index) {
                    *lowest = Some(lowest.unwrap_or(f32::INFINITY).min(signal.threshold));
                }
            }
        }
        let thresholds = thresholds.map(|lowest| lowest.unwrap_or(defaults.threshold));
        Domains {
            signals,
            thresholds,
            fallback: defaults.fallback,
        }
    }

    /// A signal matches when one of its categories is a candidate (all of them, or only the best when the scores
    /// are sharp) and reaches the signal's threshold. When no category counts, the fallback category does.
    pub(crate) fn matches(&self, scores: DomainScores) -> DomainMatches {
        let sharp = normalised_entropy(&scores) < SINGLE_LABEL_ENTROPY;
        let score = |index: &usize| scores.0.get(*index).copied().unwrap_or_default();
        let by_score = |a: &usize, b: &usize| score(a).total_cmp(&score(b));
        let best = (0..DOMAINS.len()).max_by(by_score);
        let counts =
            |index: &usize, threshold: f32| (!sharp || Some(*index) == best) && score(index) >= threshold;
        let threshold = |index: &usize| self.thresholds.get(*index).copied().unwrap_or_default();
        let counting = (0..DOMAINS.len()).filter(|index| counts(index, threshold(index)));
        let category = counting.max_by(by_score);
        let fallback = if category.is_some() { None } else { self.fallback };
        let confidence = |signal: &DomainSignal| {
            let matches = |index: &&usize| counts(index, signal.threshold) || fallback == Some(**index);
            signal
                .categories
                .iter()
                .filter(matches)
                .map(score)
                .max_by(f32::total_cmp)
        };
        let named = |index: usize| Some((*DOMAINS.get(index)?, score(&index)));
        DomainMatches {
            category: category.or(fallback).and_then(named),
            confidences: self.signals.iter().map(confidence).collect(),
        }
    }
}

impl Signal for Domains {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let matches = self.matches(reading.scores()?.domain);
        reading.set_category(matches.category);
        Ok(matches.confidences)
    }
}

impl DomainSignal {
    fn read<'v>(mut object: Object<'v>, threshold: f32, taken: &mut BTreeSet<&'v str>) -> DomainSignal {
        let name = read_name(&mut object, taken);
        let threshold = object
            .number("threshold", 0.0..=1.0)
            .map_or(threshold, |threshold| threshold as f32);
        let categories = read_categories(&mut object, &name);
        object.ignore(&["description"]);
        object.unsupported("model_scores", "models are chosen by the modelRefs of decisions");
        object.finish();
        DomainSignal {
            name,
            categories,
            threshold,
        }
    }
}

/// What a signal of this name stands for: the categories that it lists, or the one that it is called after.
fn read_categories(object: &mut Object<'_>, name: &str) -> Vec<usize> {
    let listed = object.texts("mmlu_categories").unwrap_or_default();
    if listed.is_empty() {
        let found = index_of(name);
        if found.is_none() && !name.is_empty() {
            let (name, known) = (quoted(name), list());
            let message =
                format!("{name} is not a category, so mmlu_categories has to list some of: {known}");
            object.error("name", message);
        }
        return found.into_iter().collect();
    }
    let find = |(index, name): (usize, &&str)| {
        let found = index_of(name);
        if found.is_none() {
            let path = format!("{}[{index}]", object.at("mmlu_categories"));
            let message = format!("{} is not one of the categories: {}", quoted(name), list());
            object.report().error(path, message);
        }
        found
    };
    listed.iter().enumerate().filter_map(find).collect()
}

pub(crate) fn index_of(category: &str) -> Option<usize> {
    DOMAINS.iter().position(|known| *known == category)
}

pub(crate) fn list() -> String {
    DOMAINS.join(", ")
}

fn normalised_entropy(scores: &DomainScores) -> f32 {
    let terms = scores.0.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln());
    terms.sum::<f32>() / (scores.0.len() as f32).ln()
}

#[cfg(test)]
mod tests;
