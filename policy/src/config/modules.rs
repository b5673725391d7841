//! `global.model_catalog`: what of it signals go by.

use super::reader::Object;
use crate::signals::bank::Scoring;
use crate::signals::embedding::EmbeddingDefaults;
use crate::signals::jailbreak::GuardDefaults;

const BUILT_IN: &str = "the classifier is built in";

/// What of `global.model_catalog` signals go by.
#[derive(Clone, Debug)]
pub(crate) struct Modules {
    /// `embeddings.semantic.embedding_config`.
    pub(crate) embedding: EmbeddingDefaults,
    /// `modules.complexity.prototype_scoring`.
    pub(crate) complexity: Scoring,
    /// `modules.classifier.preference.prototype_scoring`.
    pub(crate) preference: Scoring,
    /// `modules.prompt_guard`.
    pub(crate) guard: GuardDefaults,
    /// From which probability on a text needs its facts checked.
    pub(crate) fact_check_threshold: f32,
    /// From which probability on feedback is more than `satisfied`; None where the detector is off.
    pub(crate) feedback_threshold: Option<f32>,
}

impl Default for Modules {
    fn default() -> Self {
        Modules {
            embedding: EmbeddingDefaults::default(),
            complexity: Scoring::default(),
            preference: Scoring::default(),
            guard: GuardDefaults::default(),
            fact_check_threshold: 0.6,
            feedback_threshold: Some(0.7),
        }
    }
}

impl Modules {
    /// Reads `embeddings` of the catalog.
    pub(super) fn read_embeddings(&mut self, object: Option<Object<'_>>) {
        let Some(mut object) = object else { return };
        if let Some(mut semantic) = object.object("semantic") {
            for key in ["embedding_config", "hnsw_config"] {
                if let Some(config) = semantic.object(key) {
                    self.embedding.update(config);
                }
            }
            let own = [
                "endpoint",
                "use_cpu",
                "qwen3_model_path",
                "gemma_model_path",
                "mmbert_model_path",
                "multimodal_model_path",
                "bert_model_path",
                "model_path",
            ];
            for key in own {
                semantic.tuning(key, "the embedding is built in");
            }
            semantic.finish();
        }
        object.tuning("bert", "the embedding is built in");
        object.finish();
    }

    /// Reads the sections of `modules` that are about meaning.
    pub(super) fn read_modules(&mut self, modules: &mut Object<'_>) {
        if let Some(guard) = modules.object("prompt_guard") {
            self.guard = GuardDefaults::read(guard);
        }
        if let Some(mut complexity) = modules.object("complexity") {
            self.complexity = Scoring::read(complexity.object("prototype_scoring"));
            complexity.unsupported(
                "backend",
                "a scorer of one's own is not supported; use hard and easy candidates",
            );
            ignore_model(&mut complexity);
            complexity.finish();
        }
        if let Some(mut detector) = modules.object("feedback_detector") {
            let threshold = threshold(&mut detector).or(self.feedback_threshold);
            let on = detector.flag("enabled").unwrap_or(true);
            self.feedback_threshold = threshold.filter(|_| on);
            detector.tuning("feedback_mapping_path", BUILT_IN);
            ignore_model(&mut detector);
            detector.finish();
        }
        if let Some(mut mitigation) = modules.object("hallucination_mitigation") {
            if let Some(mut fact_check) = mitigation.object("fact_check") {
                if let Some(threshold) = threshold(&mut fact_check) {
                    self.fact_check_threshold = threshold;
                }
                fact_check.tuning("mapping_path", BUILT_IN);
                fact_check.tuning("fact_check_mapping_path", BUILT_IN);
                ignore_model(&mut fact_check);
                fact_check.finish();
            }
            for key in ["detector", "explainer"] {
                mitigation.tuning(key, "answers are not judged");
            }
            mitigation.ignore(&["enabled"]);
            mitigation.finish();
        }
    }

    /// Reads `modules.classifier.preference`.
    pub(super) fn read_preference(&mut self, object: Option<Object<'_>>) {
        let Some(mut object) = object else { return };
        self.preference = Scoring::read(object.object("prototype_scoring"));
        if object.flag("use_contrastive") == Some(false) {
            object.error(
                "use_contrastive",
                "asking another model is not supported; give examples and leave this out",
            );
        }
        object.tuning("embedding_model", "the embedding is built in");
        ignore_model(&mut object);
        object.finish();
    }
}

/// A threshold, where 0 stands for the default as in VSR.
fn threshold(object: &mut Object<'_>) -> Option<f32> {
    let threshold = object.number("threshold", 0.0..=1.0)?;
    (threshold > 0.0).then_some(threshold as f32)
}

/// Which of VSR's models to run and how, which says nothing here.
pub(crate) fn ignore_model(object: &mut Object<'_>) {
    for key in [
        "model_id",
        "model_ref",
        "max_sequence_length",
        "window",
        "variant",
    ] {
        object.tuning(key, BUILT_IN);
    }
    object.ignore(&["use_cpu", "use_modernbert", "use_mmbert_32k"]);
}
