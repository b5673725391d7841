//! Documents before v0.3: everything at the top level.

use serde_json::{Map, Value, json};

use super::{Notes, VERSION, categories, models, put, take, take_map};

/// What VSR ran, and what this router does without.
const DROPPED: [(&str, &str); 25] = [
    ("bert_model", "the classifier is built in"),
    ("embedding_models", "the classifier is built in"),
    ("embedding_model", "the classifier is built in"),
    ("hallucination_mitigation", "answers are not judged"),
    ("feedback_detector", "the classifier is built in"),
    ("modality_detector", "the classifier is built in"),
    ("external_models", "the classifier is built in"),
    ("external_services", "the classifier is built in"),
    ("intelligent_routing", "models are chosen by decisions"),
    (
        "model_selection",
        "models are chosen by the algorithm of a decision",
    ),
    (
        "ml_model_selection",
        "models are chosen by the algorithm of a decision",
    ),
    (
        "semantic_cache",
        "answers are reused where a decision has the plugin response_cache",
    ),
    (
        "response_api",
        "requests to /v1/responses are passed on as they are",
    ),
    ("router_replay", "nothing is recorded"),
    ("memory", "there is no memory of users"),
    ("vector_store", "there is no vector store"),
    ("looper", "one request is one call"),
    (
        "tools",
        "tools are not chosen from a database; a decision's plugin tools filters those of a request",
    ),
    ("ratelimit", "use the gateway's rate limits"),
    ("observability", "metrics and logs are the gateway's"),
    ("api", "there is no classification API"),
    (
        "provider_profiles",
        "where models are served is the gateway's to say",
    ),
    ("image_gen_backends", "images are not made"),
    ("batch_classification", "there is no classification API"),
    ("listeners", "the listeners are the gateway's own"),
];

/// Lists of rules, and the section of `routing.signals` that they are now.
const RULES: [(&str, &str); 16] = [
    ("keyword_rules", "keywords"),
    ("embedding_rules", "embeddings"),
    ("fact_check_rules", "fact_check"),
    ("user_feedback_rules", "user_feedbacks"),
    ("reask_rules", "reasks"),
    ("preference_rules", "preferences"),
    ("language_rules", "language"),
    ("context_rules", "context"),
    ("structure_rules", "structure"),
    ("complexity_rules", "complexity"),
    ("modality_rules", "modality"),
    ("role_bindings", "role_bindings"),
    ("jailbreak", "jailbreak"),
    ("pii", "pii"),
    ("events", "events"),
    ("conversation", "conversation"),
];

/// The document in v0.3's form.
pub(super) fn convert(mut old: Map<String, Value>, notes: &mut Notes) -> Value {
    old.shift_remove("version");
    let mut routing = take_map(&mut old, "routing");
    for key in ["strategy", "decisions", "projections"] {
        if let Some(value) = take(&mut old, key) {
            notes.moved(key, &format!("routing.{key}"));
            routing.insert(key.to_owned(), value);
        }
    }
    let mut signals = read_signals(&mut old, notes);
    categories::convert(&mut old, &mut routing, &mut signals, notes);
    let providers = models::convert(&mut old, &mut routing, notes);
    let mut global = read_global(&mut old, notes);
    read_classifier(&mut old, &mut global, notes);
    for (key, why) in DROPPED {
        if take(&mut old, key).is_some() {
            notes.dropped(key, why);
        }
    }
    for key in old.keys() {
        notes.dropped(key, "it is not known");
    }
    if !signals.is_empty() {
        routing.insert("signals".to_owned(), signals.into());
    }
    let mut document = json!({"version": VERSION, "providers": providers, "routing": routing});
    if !global.is_empty() {
        put(&mut document, "global", global);
    }
    document
}

fn read_signals(old: &mut Map<String, Value>, notes: &mut Notes) -> Map<String, Value> {
    let mut signals = match take(old, "signals") {
        Some(Value::Object(signals)) => {
            notes.moved("signals", "routing.signals");
            signals
        }
        _ => Map::new(),
    };
    for (key, section) in RULES {
        if let Some(rules) = take(old, key) {
            notes.moved(key, &format!("routing.signals.{section}"));
            match (signals.get_mut(section), rules) {
                (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
                (_, rules) => drop(signals.insert(section.to_owned(), rules)),
            }
        }
    }
    signals
}

fn read_global(old: &mut Map<String, Value>, notes: &mut Notes) -> Map<String, Value> {
    let mut global = take_map(old, "global");
    let places = [
        ("clear_route_cache", "router"),
        ("auto_model_name", "router"),
        ("auto_model_names", "router"),
        ("authz", "services"),
    ];
    for (key, place) in places {
        if let Some(value) = take(old, key) {
            notes.moved(key, &format!("global.{place}.{key}"));
            let place = global.entry(place).or_insert_with(|| json!({}));
            if let Value::Object(place) = place {
                place.insert(key.to_owned(), value);
            }
        }
    }
    global
}

/// The thresholds of the old classifiers; their models are gone.
fn read_classifier(old: &mut Map<String, Value>, global: &mut Map<String, Value>, notes: &mut Notes) {
    let Some(classifier) = take(old, "classifier") else {
        return;
    };
    if let Some(threshold) = classifier.pointer("/category_model/threshold") {
        notes.moved(
            "classifier.category_model.threshold",
            "global.model_catalog.modules.classifier.domain.threshold",
        );
        let domain = json!({"modules": {"classifier": {"domain": {"threshold": threshold}}}});
        global.insert("model_catalog".to_owned(), domain);
    }
    notes.dropped(
        "classifier",
        "the classifier is built in; only its threshold is kept",
    );
}
