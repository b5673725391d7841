//! The policy of the shipped Envoy configuration, and changes to it.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

const POLICY: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value";

/// `envoy/envoy.yaml` as data.
pub fn shipped_envoy() -> Result<Value> {
    let path = crate::root().join("envoy/envoy.yaml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).context("envoy/envoy.yaml")
}

/// The policy in `envoy/envoy.yaml`: that of VSR's Istio guide.
pub fn guide() -> Result<Value> {
    shipped_envoy()?
        .pointer(POLICY)
        .cloned()
        .context("envoy/envoy.yaml holds no policy")
}

/// Applies a JSON merge patch (RFC 7386).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_guide_sends_math_to_phi4_mini_and_defaults_to_llama3_8b() {
        let guide = guide().unwrap();
        assert_eq!(guide["providers"]["defaults"]["default_model"], "llama3-8b");
        let decisions = guide["routing"]["decisions"].as_array().unwrap();
        let math = decisions
            .iter()
            .find(|decision| decision["name"] == "math")
            .unwrap();
        assert_eq!(math["modelRefs"][0]["model"], "phi4-mini");
    }

    #[test]
    fn a_merge_patch_adds_replaces_and_removes() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        merge(&mut value, &json!({"a": {"b": null, "e": 3}, "d": [4]}));
        assert_eq!(value, json!({"a": {"c": 2, "e": 3}, "d": [4]}));
    }
}
