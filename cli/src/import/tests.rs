use serde_json::json;

use super::*;

fn converted(yaml: &str) -> (Value, Vec<String>) {
    let (document, notes) = convert(serde_saphyr::from_str(yaml).unwrap());
    (document, notes.0.lines().map(str::to_owned).collect())
}

#[test]
fn scores_become_decisions_for_the_best_model() {
    let (document, _) = converted(
        "categories:\n\
         - name: math\n  system_prompt: Show your work.\n  model_scores:\n\
         \x20 - {model: large, score: 0.4}\n  - {model: small, score: 0.9, use_reasoning: true}\n\
         - {name: other, model_scores: [{model: large, score: 0.7}, {model: small, score: 0.7}]}\n\
         default_model: large\n",
    );
    let decisions = &document["routing"]["decisions"];
    assert_eq!(
        decisions[0]["modelRefs"],
        json!([{"model": "small", "use_reasoning": true}])
    );
    assert_eq!(
        decisions[0]["plugins"][0]["configuration"]["system_prompt"],
        "Show your work."
    );
    assert_eq!(
        (&decisions[0]["priority"], &decisions[1]["priority"]),
        (&json!(10), &json!(5))
    );
    assert_eq!(decisions[1]["modelRefs"], json!([{"model": "large"}]));
    assert_eq!(
        document["providers"]["models"],
        json!([{"name": "large"}, {"name": "small"}])
    );
}

#[test]
fn a_guard_for_all_becomes_a_signal_and_a_decision_that_blocks() {
    let (document, notes) = converted("prompt_guard: {enabled: true, threshold: 0.8, model_id: x}\n");
    let routing = &document["routing"];
    assert_eq!(
        routing["signals"]["jailbreak"],
        json!([{"name": "jailbreak", "threshold": 0.8}])
    );
    assert_eq!(routing["decisions"][0]["plugins"][0]["type"], "fast_response");
    assert_eq!(
        notes[0],
        "moved: prompt_guard -> routing.signals.jailbreak, and the decision `block_jailbreak`"
    );
}

#[test]
fn what_guarded_a_request_is_never_dropped_without_a_word() {
    let (_, notes) = converted(
        "model_config: {m: {pii_policy: {allow_by_default: false}}}\n\
         decisions:\n- {name: d, plugins: [{type: pii, configuration: {enabled: true}}, {type: jailbreak}]}\n",
    );
    let expected = [
        "dropped: model_config.m.pii_policy: models have no policy for personal data; add a signal `pii`, and a \
         decision before the others that uses it",
        "dropped: routing.decisions `d`: plugin pii: what to block is a decision of its own now: a signal `pii`, and \
         the plugin fast_response",
        "dropped: routing.decisions `d`: plugin jailbreak: it was turned off",
    ];
    for line in expected {
        assert!(notes.iter().any(|note| note == line), "{line}\n{notes:#?}");
    }
}

#[test]
fn the_cache_has_its_new_name_wherever_it_is() {
    let (document, notes) = converted(
        "version: v0.3\n\
         routing: {decisions: [{name: d, plugins: [{type: semantic-cache, configuration: {similarity_threshold: 0.9}}]}]}\n\
         recipes: [{name: r, routing: {decisions: [{name: e, plugins: [{type: semantic_cache}]}]}}]\n\
         global: {stores: {semantic_cache: {enabled: false}}}\n",
    );
    let cache =
        json!({"type": "response_cache", "configuration": {"semantic": {"similarity_threshold": 0.9}}});
    assert_eq!(document["routing"]["decisions"][0]["plugins"][0], cache);
    assert_eq!(
        document["recipes"][0]["routing"]["decisions"][0]["plugins"][0]["type"],
        "response_cache"
    );
    assert_eq!(
        document["global"]["stores"],
        json!({"response_cache": {"enabled": false}})
    );
    assert_eq!(notes.len(), 4);
}

#[test]
fn each_section_finds_its_place_and_each_loss_its_line() {
    let (document, notes) = converted(
        "version: v0.1\n\
         signals: {keywords: [{name: k, keywords: [a]}]}\n\
         decisions: [{name: d, rules: {operator: OR, conditions: [{type: keyword, name: k}]}, modelRefs: [{model: m}]}]\n\
         providers: {default_model: m, models: [{name: m, param_size: 8B, endpoints: [{endpoint: x}]}]}\n\
         keyword_rules: [{name: l, keywords: [b]}]\n\
         bert_model: {model_id: x}\nwhat: 1\nclear_route_cache: true\n\
         classifier: {category_model: {threshold: 0.6}}\n",
    );
    let expected = json!({
        "version": "v0.3",
        "providers": {"defaults": {"default_model": "m"}, "models": [{"name": "m"}]},
        "routing": {
            "decisions": [{
                "name": "d",
                "rules": {"operator": "OR", "conditions": [{"type": "keyword", "name": "k"}]},
                "modelRefs": [{"model": "m"}],
            }],
            "modelCards": [{"name": "m", "param_size": "8B"}],
            "signals": {"keywords": [{"name": "k", "keywords": ["a"]}, {"name": "l", "keywords": ["b"]}]},
        },
        "global": {
            "router": {"clear_route_cache": true},
            "model_catalog": {"modules": {"classifier": {"domain": {"threshold": 0.6}}}},
        },
    });
    assert_eq!(document, expected);
    for line in [
        "dropped: bert_model: the classifier is built in",
        "dropped: what: it is not known",
    ] {
        assert!(notes.iter().any(|note| note == line), "{line}\n{notes:#?}");
    }
}
