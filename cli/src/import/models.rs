//! The models of documents before v0.3: `model_config`, `vllm_endpoints`, and the first `providers`.

use serde_json::{Map, Value, json};

use super::{Notes, is_true, take, text};

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
    let mut providers = match take(old, "providers") {
        Some(Value::Object(providers)) => providers,
        _ => Map::new(),
    };
    let mut defaults = match take(&mut providers, "defaults") {
        Some(Value::Object(defaults)) => defaults,
        _ => Map::new(),
    };
    for key in DEFAULTS {
        let inner = take(&mut providers, key);
        if let Some(value) = take(old, key).or(inner) {
            notes.moved(key, &format!("providers.defaults.{key}"));
            defaults.insert(key.to_owned(), value);
        }
    }
    let mut models = Models::default();
    for model in take(&mut providers, "models")
        .iter()
        .filter_map(Value::as_array)
        .flatten()
    {
        models.add(text(model, "name"), model, "providers.models", notes);
    }
    if let Some(Value::Object(config)) = take(old, "model_config") {
        notes.moved("model_config", "providers.models");
        for (name, model) in &config {
            models.add(name, model, "model_config", notes);
        }
    }
    if let Some(endpoints) = take(old, "vllm_endpoints") {
        notes.dropped(
            "vllm_endpoints",
            "where a model is served is the gateway's to say: routes match x-selected-model",
        );
        let named = endpoints
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one.get("models")?.as_array());
        for name in named.flatten().filter_map(Value::as_str) {
            models.need(name, "vllm_endpoints", notes);
        }
    }
    let default = defaults
        .get("default_model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    models.need(default, "default_model", notes);
    for decision in routing
        .get("decisions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        for model in decision
            .get("modelRefs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            models.need(text(model, "model"), "modelRefs", notes);
        }
    }
    if !models.cards.is_empty() && !routing.contains_key("modelCards") {
        routing.insert("modelCards".to_owned(), models.cards.into());
    }
    json!({"defaults": defaults, "models": models.providers})
}

#[derive(Default)]
struct Models {
    providers: Vec<Value>,
    cards: Vec<Value>,
}

impl Models {
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
