//! `routing.modelCards`: what models are good for.

use std::collections::{BTreeMap, BTreeSet};

use super::providers::Providers;
use super::reader::Object;
use super::report::quoted;

/// What a card says that matters here.
#[derive(Default)]
pub(super) struct Card {
    /// The names of the adapters that are served with the model.
    pub(super) loras: Vec<String>,
    /// Above 0, to 1.
    pub(super) quality: Option<f64>,
}

/// Reads the cards, by model.
pub(super) fn read(objects: Vec<Object<'_>>, providers: &Providers) -> BTreeMap<usize, Card> {
    let (mut cards, mut names) = (BTreeMap::new(), BTreeSet::new());
    for mut object in objects {
        let name = object.unique_name("name", &mut names);
        let model = providers.declared(name);
        if model.is_none() && !name.is_empty() {
            object.warn(
                "name",
                format!("has no effect: {} is not in providers.models", quoted(name)),
            );
        }
        let loras = object
            .objects("loras")
            .into_iter()
            .filter_map(read_lora)
            .collect();
        let quality = object
            .number("quality_score", 0.0..=1.0)
            .filter(|score| *score > 0.0);
        object.ignore(&[
            "backends",
            "capabilities",
            "context_window_size",
            "cost",
            "description",
            "display_name",
            "family",
            "image_gen_backend",
            "license",
            "max_output_tokens",
            "modality",
            "param_size",
            "provider",
            "release_date",
            "tags",
        ]);
        object.finish();
        if let Some(model) = model {
            cards.insert(model, Card { loras, quality });
        }
    }
    cards
}

/// The models of all adapters, by their names; of several models with one adapter the first.
pub(super) fn adapters(cards: &BTreeMap<usize, Card>) -> BTreeMap<String, usize> {
    let mut adapters = BTreeMap::new();
    for (model, card) in cards {
        for name in &card.loras {
            adapters.entry(name.clone()).or_insert(*model);
        }
    }
    adapters
}

fn read_lora(mut object: Object<'_>) -> Option<String> {
    let name = object.need_text("name");
    object.ignore(&["description"]);
    object.finish();
    name.map(str::to_owned)
}
