//! Adapters, headers and hints.

use super::*;

#[test]
fn an_adapter_that_a_client_names_is_routed_as_its_model_and_keeps_its_name() {
    let mut document = with(json!([]));
    document["routing"]["modelCards"] = json!([{"name": "large", "loras": [{"name": "law-expert"}]}]);
    let sent = body("law-expert", "x");
    let verdict = judge(&load(&document), Api::ChatCompletions, &sent, &[]);
    assert_eq!(verdict.reason, Reason::ExplicitModel);
    assert_eq!(
        (verdict.model.as_str(), verdict.upstream_model.as_str()),
        ("large", "law-expert")
    );
    assert_eq!(after(&document, Api::ChatCompletions, &sent), sent);
    let verdict = judge(&load(&document), Api::ChatCompletions, &body("cooking", "x"), &[]);
    assert_eq!(verdict.reason, Reason::UnknownModel);
}

#[test]
fn an_adapter_answers_in_the_place_of_its_model() {
    let mut document = with(json!([]));
    document["routing"]["decisions"][0]["modelRefs"] = json!([{"model": "large", "lora_name": "law-expert"}]);
    let verdict = judge(&load(&document), Api::ChatCompletions, &body("auto", "x"), &[]);
    assert_eq!(
        (verdict.model.as_str(), verdict.upstream_model.as_str()),
        ("large", "law-expert")
    );
    assert!(
        after(&document, Api::ChatCompletions, &body("auto", "x")).starts_with(r#"{"model":"law-expert""#)
    );
    document["routing"]["modelCards"] =
        json!([{"name": "large", "loras": [{"name": "law-expert", "description": "d"}]}]);
    assert_eq!(findings(&document), [""; 0]);
    document["routing"]["modelCards"][0]["loras"][0]["name"] = json!("cooking");
    assert_eq!(
        findings(&document),
        [
            "error: routing.decisions[0].modelRefs[0].lora_name: `law-expert` is not among the loras of the model's card"
        ]
    );
}

#[test]
fn headers_and_hints_are_in_the_verdict() {
    let mut document = with(plugin(
        "header_mutation",
        json!({
            "add": [{"name": "X-Lane", "value": "a"}], "update": [{"name": "x-source", "value": "b"}], "delete": ["X-Old"],
        }),
    ));
    document["routing"]["decisions"][0]["emits"] = json!([{"kind": "retention", "retention": {"drop": false, "ttl_turns": 3, "prefer_prefix_retention": true}}]);
    let policy = load(&document);
    let verdict = judge(&policy, Api::ChatCompletions, &body("auto", "x"), &[]);
    let change = |name: &str, operation| HeaderChange {
        name: name.to_owned(),
        operation,
    };
    assert_eq!(
        verdict.headers,
        [
            change("x-lane", HeaderOperation::Append("a".to_owned())),
            change("x-source", HeaderOperation::Set("b".to_owned())),
            change("x-old", HeaderOperation::Remove),
        ]
    );
    assert_eq!(
        (verdict.plugins.as_slice(), verdict.algorithm, verdict.reasoning),
        (["header_mutation"].as_slice(), "static", Some(false))
    );
    let debug = policy.response_headers(&verdict, true);
    for expected in [
        ("x-vsr-retention-drop", "false"),
        ("x-vsr-retention-ttl-turns", "3"),
        ("x-vsr-retention-prefer-prefix", "true"),
    ] {
        assert!(debug.contains(&(expected.0, expected.1.to_owned())), "{debug:?}");
    }
    let plain = policy.response_headers(&verdict, false);
    assert!(
        plain.iter().all(|(name, _)| !name.starts_with("x-vsr-retention")),
        "{plain:?}"
    );
}
