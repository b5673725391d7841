use serde_json::{Value, json};

use super::{folder, run, shared, write, yaml};

const OCTOBER_2025: &str = r#"
bert_model: {model_id: sentence-transformers/all-MiniLM-L12-v2, threshold: 0.6}
semantic_cache: {enabled: false, similarity_threshold: 0.8}
tools: {enabled: false, top_k: 3}
prompt_guard: {enabled: true, threshold: 0.8, use_modernbert: true}
vllm_endpoints:
  - {name: one, address: 192.0.2.1, port: 8000, models: [small, tiny], weight: 1}
model_config:
  small: {preferred_endpoints: [one], pii_policy: {allow_by_default: true}}
  large: {preferred_endpoints: [one], reasoning_family: qwen3, pricing: {prompt_per_1m: 2}}
reasoning_families: {qwen3: {type: chat_template_kwargs, parameter: enable_thinking}}
classifier:
  category_model: {model_id: m, threshold: 0.6, use_cpu: true}
categories:
  - name: math
    model_scores: [{model: small, score: 0.3}, {model: large, score: 1.0, use_reasoning: true}]
  - {name: other, model_scores: [{model: small, score: 0.7}]}
  - {name: gardening, model_scores: [{model: small, score: 0.7}]}
default_model: small
default_reasoning_effort: high
clear_route_cache: true
"#;

const V0_1: &str = r#"
version: v0.1
default_model: small
model_config: {small: {}, large: {}}
categories: [{name: math}, {name: physics, description: nature}]
keyword_rules: [{name: sums, operator: OR, keywords: [sum]}]
strategy: priority
decisions:
  - name: numbers
    priority: 10
    rules: {operator: OR, conditions: [{type: domain, name: math}, {type: keyword, name: sums}]}
    modelRefs: [{model: large, use_reasoning: false}]
    plugins:
      - {type: semantic-cache, configuration: {enabled: false, similarity_threshold: 0.9}}
      - {type: system_prompt, configuration: {enabled: false, system_prompt: Count.}}
"#;

const OLD_SPELLINGS: &str = r#"
version: v0.3
providers: {defaults: {default_model: small}, models: [{name: small}]}
routing:
  signals: {keywords: [{name: sums, keywords: [sum]}]}
  decisions:
    - name: numbers
      rules: {type: keyword, name: sums}
      modelRefs: [{model: small}]
      plugins: [{type: semantic_cache, configuration: {enabled: false}}]
global: {stores: {semantic_cache: {enabled: false}}}
"#;

/// The document that an old one becomes, and the notes.
fn import(test: &str, old: &str) -> (Value, String) {
    let folder = folder(test);
    let old = write(&folder, "old.yaml", old);
    let new = folder.join("new.yaml");
    let (status, out, notes) = run(&["import", &old, "--output", new.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (0, ""), "{notes}");
    let (status, _, errors) = run(&["validate", new.to_str().unwrap()]);
    assert_eq!(status, 0, "{errors}");
    (yaml(&new), notes)
}

#[test]
fn a_document_of_october_2025_becomes_one_of_today() {
    let (new, notes) = import("import_flat", OCTOBER_2025);
    let decisions = &new["routing"]["decisions"];
    assert_eq!(decisions.as_array().unwrap().len(), 3);
    assert_eq!(
        decisions[0]["modelRefs"],
        json!([{"model": "large", "use_reasoning": true}])
    );
    assert_eq!(new["providers"]["defaults"]["default_model"], "small");
    let names: Vec<_> = new["providers"]["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["name"])
        .collect();
    assert_eq!(names, ["small", "large", "tiny"]);
    assert_eq!(
        new.pointer("/global/model_catalog/modules/classifier/domain/threshold"),
        Some(&json!(0.6))
    );
    assert_eq!(decisions[2]["plugins"][0]["type"], "fast_response");
    for line in [
        "dropped: categories `gardening`: the classifier has no such category, and it lists no mmlu_categories",
        "dropped: vllm_endpoints: where a model is served is the gateway's to say: routes match x-selected-model",
        "dropped: bert_model: the classifier is built in",
        "moved: default_model -> providers.defaults.default_model",
    ] {
        assert!(notes.lines().any(|note| note == line), "{line}\n{notes}");
    }
}

#[test]
fn a_document_of_v0_1_keeps_its_decisions() {
    let (new, notes) = import("import_v01", V0_1);
    assert_eq!(new["routing"]["decisions"][0]["name"], "numbers");
    assert_eq!(
        new["routing"]["decisions"][0]["plugins"][0]["type"],
        "response_cache"
    );
    assert_eq!(
        new["routing"]["signals"]["domains"],
        json!([{"name": "math"}, {"name": "physics", "description": "nature"}])
    );
    assert!(
        notes.contains("moved: keyword_rules -> routing.signals.keywords\n"),
        "{notes}"
    );
}

#[test]
fn old_spellings_are_renamed_and_all_else_stays() {
    let (new, notes) = import("import_spellings", OLD_SPELLINGS);
    let renamed = OLD_SPELLINGS.replace("semantic_cache", "response_cache");
    assert_eq!(new, serde_saphyr::from_str::<Value>(&renamed).unwrap());
    assert_eq!(notes.lines().count(), 2, "{notes}");
}

#[test]
fn a_result_that_is_no_policy_is_written_and_its_errors_are_shown() {
    let old = write(
        &folder("import_wrong"),
        "old.yaml",
        &V0_1.replace("{type: keyword, name: sums}", "{type: keyword, name: none}"),
    );
    let (status, out, notes) = run(&["import", &old]);
    assert_eq!(status, 1);
    assert!(out.starts_with("version: v0.3\n"), "{out}");
    assert!(
        notes.contains("error: routing.decisions[0].rules.conditions[1].name: there is no signal `none`"),
        "{notes}"
    );
}

#[test]
fn the_guide_of_today_needs_no_import() {
    let Some(guide) = shared("istio/config.yaml") else {
        return;
    };
    let (status, out, notes) = run(&["import", guide.to_str().unwrap()]);
    assert_eq!(status, 0, "{notes}");
    let new: Value = serde_saphyr::from_str(&out).unwrap();
    assert_eq!(new["providers"], yaml(&guide)["providers"]);
    assert!(
        notes.lines().all(|note| note.contains("similarity_threshold")),
        "{notes}"
    );
}
