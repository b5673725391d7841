//! The models of documents before v0.3: `model_config`, `vllm_endpoints`, and the first `providers`.

use serde_json::{Map, Value, json};

use super::{Notes, is_true, items, take, take_map, text};

/// What of a model's old entry is still said where the models are.
const PROVIDER: [&str; 4] = ["provider_model_id", "reasoning_family", "api_format", "pricing"];

/// What is said on its card now.
const CARD: [&str; 8] = [
    "param_size",
    "context_window_size",
    "description",
    "capabilities",
    "quality_score",
    "modality",
    "tags",
    "loras",
];

/// What was in `providers` and is in `providers.defaults`.
const DEFAULTS: [&str; 3] = ["default_model", "reasoning_families", "default_reasoning_effort"];

/// Where models are served: the gateway's to say.
const SERVED: [&str; 6] = [
    "preferred_endpoints",
    "endpoints",
    "backend_refs",
    "access_key",
    "external_model_ids",
    "reliability",
];

/// `providers`; cards go to `routing`.
pub(super) fn convert(
    old: &mut Map<String, Value>,
    routing: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Value {
    let mut providers = take_map(old, "providers");
    let defaults = read_defaults(old, &mut providers, notes);
    let mut models = Models::default();
    for model in items(providers.get("models")) {
        models.add(text(model, "name"), model, "providers.models", notes);
    }
    models.add_configured(old, notes);
    let default = defaults.get("default_model").and_then(Value::as_str);
    models.need(default.unwrap_or_default(), "default_model", notes);
    for decision in items(routing.get("decisions")) {
        for model in items(decision.get("modelRefs")) {
            models.need(text(model, "model"), "modelRefs", notes);
        }
    }
    if !models.cards.is_empty() && !routing.contains_key("modelCards") {
        routing.insert("modelCards".to_owned(), models.cards.into());
    }
    for key in providers.keys().filter(|key| *key != "models") {
        notes.dropped(&format!("providers.{key}"), "it is not known");
    }
    json!({"defaults": defaults, "models": models.providers})
}

fn read_defaults(
    old: &mut Map<String, Value>,
    providers: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Map<String, Value> {
    let mut defaults = take_map(providers, "defaults");
    for key in DEFAULTS {
        let inner = take(providers, key);
        if let Some(value) = take(old, key).or(inner) {
            notes.moved(key, &format!("providers.defaults.{key}"));
            defaults.insert(key.to_owned(), value);
        }
    }
    defaults
}

#[derive(Default)]
struct Models {
    providers: Vec<Value>,
    cards: Vec<Value>,
}

impl Models {
    /// The models of `model_config` and of `vllm_endpoints`.
    fn add_configured(&mut self, old: &mut Map<String, Value>, notes: &mut Notes) {
        let config = take_map(old, "model_config");
        if !config.is_empty() {
            notes.moved("model_config", "providers.models");
        }
        for (name, model) in &config {
            self.add(name, model, "model_config", notes);
        }
        let endpoints = take(old, "vllm_endpoints");
        if endpoints.is_some() {
            let why = "where a model is served is the gateway's to say: routes match x-selected-model";
            notes.dropped("vllm_endpoints", why);
        }
        let named = items(endpoints.as_ref())
            .iter()
            .flat_map(|one| items(one.get("models")));
        for name in named.filter_map(Value::as_str) {
            self.need(name, "vllm_endpoints", notes);
        }
    }

    /// A model that is declared.
    fn add(&mut self, name: &str, old: &Value, section: &str, notes: &mut Notes) {
        let part = |keys: &[&str]| {
            let mut part = Map::new();
            part.insert("name".to_owned(), name.into());
            for key in keys {
                let value = old.get(key).filter(|value| !value.is_null() && **value != "");
                if let Some(value) = value {
                    part.insert((*key).to_owned(), value.clone());
                }
            }
            part
        };
        self.providers.push(part(&PROVIDER).into());
        let card = part(&CARD);
        if card.len() > 1 {
            self.cards.push(card.into());
        }
        note_rest(name, old, section, notes);
    }

    /// A model that is named elsewhere.
    fn need(&mut self, name: &str, by: &str, notes: &mut Notes) {
        if name.is_empty() || self.providers.iter().any(|model| text(model, "name") == name) {
            return;
        }
        notes.added(&format!("providers.models `{name}`"), &format!("{by} names it"));
        self.providers.push(json!({"name": name}));
    }
}

/// Says what of a model's entry is gone.
fn note_rest(name: &str, old: &Value, section: &str, notes: &mut Notes) {
    let keys = old.as_object().into_iter().flat_map(Map::keys);
    for key in keys
        .filter(|key| *key != "name" && !PROVIDER.contains(&key.as_str()) && !CARD.contains(&key.as_str()))
    {
        let why = match key.as_str() {
            "pii_policy" if is_true(&old["pii_policy"], "allow_by_default") => "it allowed everything",
            "pii_policy" => {
                "models have no policy for personal data; add a signal `pii`, and a decision before the others that uses it"
            }
            key if SERVED.contains(&key) => "where a model is served is the gateway's to say",
            _ => "it is not known",
        };
        notes.dropped(&format!("{section}.{name}.{key}"), why);
    }
}
