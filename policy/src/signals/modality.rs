//! `modality`: whether text or an image is asked for, by keywords.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::words::Finder;
use crate::signals::{Reading, Signal, read_name};

/// The declared modality signals.
#[derive(Debug)]
struct Modalities {
    signals: Vec<(String, Option<Modality>)>,
    detector: ModalityDetector,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modality {
    /// Text.
    Ar,
    /// An image.
    Diffusion,
    Both,
}

const MODALITIES: [(&str, Modality); 3] = [
    ("AR", Modality::Ar),
    ("DIFFUSION", Modality::Diffusion),
    ("BOTH", Modality::Both),
];

/// `global.model_catalog.modules.modality_detector`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModalityDetector {
    enabled: bool,
    /// Finds the words that ask for an image, then those that ask for text as well.
    finder: std::sync::Arc<Finder>,
    /// How many words ask for an image.
    image_words: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Keyword,
    Hybrid,
    Classifier,
}

impl ModalityDetector {
    /// Reads the section.
    pub(crate) fn read(mut object: Object<'_>) -> ModalityDetector {
        const METHODS: [(&str, Method); 3] = [
            ("keyword", Method::Keyword),
            ("hybrid", Method::Hybrid),
            ("classifier", Method::Classifier),
        ];
        let enabled = object.flag("enabled").unwrap_or(false);
        let method = object.choice("method", &METHODS);
        let words = object.texts("keywords").unwrap_or_default();
        let both = object.texts("both_keywords").unwrap_or_default();
        for key in ["confidence_threshold", "lower_threshold_ratio"] {
            object.number(key, 0.0..=1.0);
        }
        object.ignore(&["classifier"]);
        match method {
            _ if !enabled => {}
            None if object.get("method").is_none() => object.error("method", "is missing: keyword"),
            None => {}
            Some(Method::Classifier) => {
                object.error(
                    "method",
                    "there is no classifier of modalities here; use `keyword`",
                );
            }
            Some(_) if words.is_empty() => object.error("keywords", "must be words, at least one"),
            Some(Method::Hybrid) => {
                object.warn(
                    "method",
                    "the keywords alone decide: there is no classifier of modalities here",
                );
            }
            Some(Method::Keyword) => {}
        }
        object.finish();
        ModalityDetector {
            enabled,
            image_words: words.len(),
            finder: Finder::new(words.into_iter().chain(both)).into(),
        }
    }

    /// What a text asks for. The words need not stand alone, as in VSR.
    fn detect(&self, text: &str) -> Modality {
        let (mut image, mut both) = (false, false);
        self.finder.scan(text, |index, _| {
            let is_image = index < self.image_words;
            (image, both) = (image || is_image, both || !is_image);
            if image && both {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match (image, both) {
            (false, _) => Modality::Ar,
            (true, false) => Modality::Diffusion,
            (true, true) => Modality::Both,
        }
    }
}

/// Reads `routing.signals.modality`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let (mut taken, mut signals) = (BTreeSet::new(), Vec::new());
    for mut object in objects {
        let modality = object.choice("name", &MODALITIES);
        if !setup.modality.enabled {
            object.warn(
                "name",
                "never matches: global.model_catalog.modules.modality_detector is not enabled",
            );
        }
        signals.push((read_name(&mut object, &mut taken), modality));
        object.ignore(&["description"]);
        object.finish();
    }
    Box::new(Modalities {
        signals,
        detector: setup.modality.clone(),
    })
}

impl Signal for Modalities {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|(name, _)| name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let found = self
            .detector
            .enabled
            .then(|| self.detector.detect(reading.text()));
        let matches = |(_, modality): &(String, Option<Modality>)| {
            (found.is_some() && *modality == found).then_some(1.0)
        };
        Ok(self.signals.iter().map(matches).collect())
    }
}

#[cfg(test)]
mod tests;
