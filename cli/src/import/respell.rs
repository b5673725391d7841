//! Old spellings inside a v0.3 document.

use serde_json::{Value, json};

use super::{Notes, is_true, put, take, text};

/// Renames what has another name now, in place.
pub(super) fn document(document: &mut Value, notes: &mut Notes) {
    decisions(document.pointer_mut("/routing/decisions"), "routing", notes);
    let recipes = document.get_mut("recipes").and_then(Value::as_array_mut);
    for recipe in recipes.into_iter().flatten() {
        let path = format!("recipes `{}`.routing", text(recipe, "name"));
        decisions(recipe.pointer_mut("/routing/decisions"), &path, notes);
    }
    if let Some(Value::Object(stores)) = document.pointer_mut("/global/stores")
        && let Some(store) = take(stores, "semantic_cache")
    {
        notes.moved("global.stores.semantic_cache", "global.stores.response_cache");
        stores.insert("response_cache".to_owned(), store);
    }
}

fn decisions(decisions: Option<&mut Value>, path: &str, notes: &mut Notes) {
    for decision in decisions.and_then(Value::as_array_mut).into_iter().flatten() {
        let path = format!("{path}.decisions `{}`", text(decision, "name"));
        let Some(plugins) = decision.get_mut("plugins").and_then(Value::as_array_mut) else {
            continue;
        };
        plugins.retain(|plugin| !is_old_guard(plugin, &path, notes));
        plugins.iter_mut().for_each(|one| plugin(one, &path, notes));
    }
}

/// Up to v0.2 a decision's own plugin blocked attacks and personal data.
fn is_old_guard(plugin: &Value, path: &str, notes: &mut Notes) -> bool {
    let kind = text(plugin, "type");
    let is_guard = matches!(kind, "jailbreak" | "pii");
    if is_guard {
        let on = plugin.get("configuration").is_some_and(|c| is_true(c, "enabled"));
        let why = if on {
            format!(
                "what to block is a decision of its own now: a signal `{kind}`, and the plugin fast_response"
            )
        } else {
            "it was turned off".to_owned()
        };
        notes.dropped(&format!("{path}: plugin {kind}"), &why);
    }
    is_guard
}

fn plugin(plugin: &mut Value, path: &str, notes: &mut Notes) {
    let old = text(plugin, "type").to_owned();
    let new = match old.as_str() {
        "semantic-cache" | "semantic_cache" | "response-cache" => "response_cache".to_owned(),
        other => other.replace('-', "_"),
    };
    if new != old {
        notes.moved(&format!("{path}: plugin {old}"), &format!("plugin {new}"));
        put(plugin, "type", new.as_str());
    }
    let Some(Value::Object(settings)) = plugin.get_mut("configuration") else {
        return;
    };
    if new == "response_cache"
        && let Some(threshold) = take(settings, "similarity_threshold")
    {
        notes.moved(
            &format!("{path}: response_cache.similarity_threshold"),
            "response_cache.semantic.similarity_threshold",
        );
        // The new spelling wins where there are both.
        let semantic = settings.entry("semantic");
        semantic.or_insert_with(|| json!({"similarity_threshold": threshold}));
    }
}
