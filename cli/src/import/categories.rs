//! The categories of documents before v0.3, which first chose models themselves and then were names for decisions.

use promptswitch_policy::DOMAINS;
use serde_json::{Map, Value, json};

use super::{Notes, is_true, items, put, take, text};

/// As VSR's own documents have it since v0.1.
const PRIORITY: i64 = 10;
const OTHER_PRIORITY: i64 = 5;
const BLOCK_PRIORITY: i64 = 1000;

/// VSR's default of then.
const GUARD_THRESHOLD: f64 = 0.7;

/// Makes domain signals of the categories and, where there are no decisions yet, decisions of their scores.
pub(super) fn convert(
    old: &mut Map<String, Value>,
    routing: &mut Map<String, Value>,
    signals: &mut Map<String, Value>,
    notes: &mut Notes,
) {
    let categories = take(old, "categories");
    let has_decisions = routing.contains_key("decisions");
    let (mut domains, mut decisions) = (Vec::new(), Vec::new());
    for category in items(categories.as_ref()) {
        let Some(domain) = domain(category, notes) else {
            continue;
        };
        domains.push(domain);
        if has_decisions {
            note_scores(category, notes);
        } else {
            decisions.extend(decision(category, notes));
        }
    }
    if !domains.is_empty() {
        notes.moved("categories", "routing.signals.domains");
        signals.insert("domains".to_owned(), domains.into());
    }
    if let Some(guard) = take(old, "prompt_guard") {
        decisions.extend(read_guard(&guard, has_decisions, signals, notes));
    }
    if !decisions.is_empty() {
        notes.moved(
            "categories[].model_scores",
            "routing.decisions, each with the model of the highest score",
        );
        routing.insert("decisions".to_owned(), decisions.into());
    }
}

/// Before there were decisions, the guard blocked whatever it was sure of.
fn read_guard(
    guard: &Value,
    has_decisions: bool,
    signals: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Option<Value> {
    if has_decisions || !is_true(guard, "enabled") {
        let why = "the classifier is built in, and a decision says what to block";
        notes.dropped("prompt_guard", why);
        return None;
    }
    let threshold = guard.get("threshold").and_then(Value::as_f64);
    let signal = json!({"name": "jailbreak", "threshold": threshold.unwrap_or(GUARD_THRESHOLD)});
    signals.insert("jailbreak".to_owned(), vec![signal].into());
    notes.moved(
        "prompt_guard",
        "routing.signals.jailbreak, and the decision `block_jailbreak`",
    );
    Some(block())
}

/// A signal of the category's name; None if the classifier has no such category.
fn domain(category: &Value, notes: &mut Notes) -> Option<Value> {
    let name = text(category, "name");
    let listed = category.get("mmlu_categories").and_then(Value::as_array);
    let known = listed.is_some_and(|listed| !listed.is_empty()) || DOMAINS.contains(&name);
    if !known {
        notes.dropped(
            &format!("categories `{name}`"),
            "the classifier has no such category, and it lists no mmlu_categories",
        );
        return None;
    }
    let mut domain = json!({"name": name});
    for key in ["description", "mmlu_categories", "threshold"] {
        if let Some(value) = category.get(key) {
            put(&mut domain, key, value.clone());
        }
    }
    Some(domain)
}

/// The decision that a category's scores made; None if it has none.
fn decision(category: &Value, notes: &mut Notes) -> Option<Value> {
    let name = text(category, "name");
    let scores = category.get("model_scores")?.as_array()?;
    let score = |one: &Value| one.get("score").and_then(Value::as_f64).unwrap_or_default();
    let best = scores.iter().rev().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    let mut model = Map::new();
    for key in ["model", "lora_name", "use_reasoning", "reasoning_effort"] {
        let value = best
            .get(key)
            .or_else(|| category.get(key).filter(|_| key.contains("reasoning")));
        if let Some(value) = value {
            model.insert(key.to_owned(), value.clone());
        }
    }
    note_flags(category, notes);
    let mut decision = json!({
        "name": name,
        "priority": if name == "other" { OTHER_PRIORITY } else { PRIORITY },
        "rules": {"operator": "OR", "conditions": [{"type": "domain", "name": name}]},
        "modelRefs": [model],
    });
    let plugins = plugins(category);
    if !plugins.is_empty() {
        put(&mut decision, "plugins", plugins);
    }
    Some(decision)
}

/// What a category said beside its scores and is a plugin now.
fn plugins(category: &Value) -> Vec<Value> {
    let mut plugins = Vec::new();
    if let Some(prompt) = category.get("system_prompt").filter(|prompt| **prompt != "") {
        let enabled = category
            .get("system_prompt_enabled")
            .cloned()
            .unwrap_or(true.into());
        let mode = category
            .get("system_prompt_mode")
            .cloned()
            .unwrap_or("replace".into());
        let configuration = json!({"enabled": enabled, "mode": mode, "system_prompt": prompt});
        plugins.push(json!({"type": "system_prompt", "configuration": configuration}));
    }
    if let Some(enabled) = category.get("semantic_cache_enabled") {
        let mut configuration = json!({"enabled": enabled});
        if let Some(threshold) = category.get("semantic_cache_similarity_threshold") {
            put(&mut configuration, "similarity_threshold", threshold.clone());
        }
        plugins.push(json!({"type": "semantic-cache", "configuration": configuration}));
    }
    plugins
}

fn note_flags(category: &Value, notes: &mut Notes) {
    let name = text(category, "name");
    for key in [
        "jailbreak_enabled",
        "jailbreak_threshold",
        "pii_enabled",
        "pii_threshold",
    ] {
        if category.get(key).is_some() {
            notes.dropped(
                &format!("categories `{name}`.{key}"),
                "what to block is a decision of its own now, with a signal `jailbreak` or `pii`",
            );
        }
    }
}

fn note_scores(category: &Value, notes: &mut Notes) {
    if category.get("model_scores").is_some() {
        notes.dropped(
            &format!("categories `{}`.model_scores", text(category, "name")),
            "the decisions say which model answers",
        );
    }
}

fn block() -> Value {
    json!({
        "name": "block_jailbreak",
        "priority": BLOCK_PRIORITY,
        "rules": {"operator": "OR", "conditions": [{"type": "jailbreak", "name": "jailbreak"}]},
        "plugins": [{
            "type": "fast_response",
            "configuration": {"message": "I cannot help with this request."},
        }],
    })
}
