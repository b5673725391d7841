//! `embedding`: likeness to example sentences.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::bank::{Bank, Scoring};
use crate::signals::{Reading, Signal, read_name};

/// How embedding signals are judged, as in `embedding_config`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EmbeddingDefaults {
    /// How many signals match at most, the best first; 0 for any number.
    top_k: usize,
    /// Where no signal reaches its threshold: from which score on it matches nevertheless; None for never.
    soft: Option<f32>,
    /// What becomes of `soft` when it is turned on.
    min_score: f32,
    scoring: Scoring,
}

/// The declared embedding signals.
#[derive(Debug)]
struct Embeddings {
    signals: Vec<EmbeddingSignal>,
    defaults: EmbeddingDefaults,
}

#[derive(Debug)]
struct EmbeddingSignal {
    name: String,
    threshold: f32,
    examples: Bank,
    scoring: Scoring,
}

#[derive(Clone, Copy)]
enum Aggregation {
    Best,
    Mean,
}

const AGGREGATIONS: [(&str, Aggregation); 3] = [
    ("max", Aggregation::Best),
    ("any", Aggregation::Best),
    ("mean", Aggregation::Mean),
];

impl Default for EmbeddingDefaults {
    fn default() -> Self {
        EmbeddingDefaults {
            top_k: 1,
            soft: Some(0.5),
            min_score: 0.5,
            scoring: Scoring::default(),
        }
    }
}

impl EmbeddingDefaults {
    /// Reads `embedding_config`.
    pub(crate) fn update(&mut self, mut object: Object<'_>) {
        if let Some(top_k) = object.integer("top_k", 0..=1000) {
            self.top_k = usize::try_from(top_k).unwrap_or(self.top_k);
        }
        let min_score = object.number("min_score_threshold", 0.0..=1.0);
        if let Some(min_score) = min_score.filter(|score| *score > 0.0) {
            self.min_score = min_score as f32;
        }
        let soft = object.flag("enable_soft_matching").unwrap_or(self.soft.is_some());
        self.soft = soft.then_some(self.min_score);
        if let Some(scoring) = object.object("prototype_scoring") {
            self.scoring = Scoring::read(Some(scoring));
        }
        for key in [
            "backend",
            "model_type",
            "target_dimension",
            "target_layer",
            "full_context",
        ] {
            object.tuning(key, "the embedding is built in");
        }
        object.ignore(&["preload_embeddings"]);
        object.finish();
    }
}

/// Reads `routing.signals.embeddings`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| EmbeddingSignal::read(object, setup, &mut taken);
    Box::new(Embeddings {
        signals: objects.into_iter().map(read).collect(),
        defaults: setup.modules.embedding,
    })
}

impl EmbeddingSignal {
    fn read<'v>(
        mut object: Object<'v>,
        setup: &mut Setup<'_>,
        taken: &mut BTreeSet<&'v str>,
    ) -> EmbeddingSignal {
        let name = read_name(&mut object, taken);
        let threshold = object.number("threshold", 0.0..=1.0);
        if object.get("threshold").is_none() {
            object.error("threshold", "is missing, and without it every text would match");
        }
        let own = object
            .object("prototype_scoring")
            .map(|scoring| Scoring::read(Some(scoring)));
        let scoring = match object.choice("aggregation_method", &AGGREGATIONS) {
            Some(Aggregation::Mean) => Scoring::MEAN,
            _ => own.unwrap_or(setup.modules.embedding.scoring),
        };
        if object
            .text("query_modality")
            .is_some_and(|modality| !modality.eq_ignore_ascii_case("text"))
        {
            object.error(
                "query_modality",
                "only text is embedded; images and audio are not supported",
            );
        }
        for key in ["image_candidates", "negative_image_candidates"] {
            object.unsupported(key, "images are not embedded; give candidates that are text");
        }
        object.unsupported(
            "negative_candidates",
            "is not supported; use a complexity signal, which weighs two lists against each other",
        );
        let examples = setup.bank(&mut object, "candidates");
        object.ignore(&["description"]);
        object.finish();
        EmbeddingSignal {
            name,
            threshold: threshold.unwrap_or(1.0) as f32,
            examples,
            scoring,
        }
    }
}

impl Signal for Embeddings {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let text = &reading.scores()?.embedding;
        let score = |signal: &EmbeddingSignal| signal.examples.score(text, signal.scoring);
        let scores: Vec<_> = self.signals.iter().map(score).collect();
        Ok(self.matches(&scores))
    }

    /// The best stay, and of equals those whose names come first.
    fn limit(&self, confidences: &mut [Option<f32>]) {
        if self.defaults.top_k == 0 {
            return;
        }
        let mut order: Vec<_> = confidences
            .iter()
            .copied()
            .zip(&self.signals)
            .enumerate()
            .collect();
        order.sort_by(|(_, (a, one)), (_, (b, other))| {
            let by_score = b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0));
            by_score.then_with(|| one.name.cmp(&other.name))
        });
        let rest: Vec<_> = order
            .into_iter()
            .skip(self.defaults.top_k)
            .map(|(index, _)| index)
            .collect();
        for index in rest {
            if let Some(place) = confidences.get_mut(index) {
                *place = None;
            }
        }
    }
}

impl Embeddings {
    /// Those that reach their thresholds, or if none does the lower one for all.
    fn matches(&self, scores: &[f32]) -> Vec<Option<f32>> {
        let reach = |threshold: &dyn Fn(&EmbeddingSignal) -> f32| -> Vec<Option<f32>> {
            let scored = scores.iter().zip(&self.signals);
            scored
                .map(|(score, signal)| (*score >= threshold(signal)).then_some(score.clamp(0.0, 1.0)))
                .collect()
        };
        let found = reach(&|signal| signal.threshold);
        match self.defaults.soft {
            Some(soft) if found.iter().all(Option::is_none) => reach(&|_| soft),
            _ => found,
        }
    }
}

#[cfg(test)]
mod tests;
