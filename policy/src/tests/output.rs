use serde_json::json;

use super::{Fake, body, decide, decision, document, domain, load};
use crate::{Api, DOMAINS, Reason};

#[test]
fn outputs_are_rendered_and_empty_ones_left_out() {
    let mut document = document(json!([decision("d", 1, domain("math"))]));
    document["promptswitch"] = json!({
        "objective": "chat",
        "outputs": [
            {"header": "X-Model", "value": "{model}"},
            {"header": "x-up", "value": "{upstream_model};{category}"},
            {"header": "x-decision", "value": "{decision}"},
            {"header": "x-objective", "value": "{objective}"},
            {"header": "x-namespace", "value": "{namespace}"},
        ],
        "strip": ["X-Other", "x-up"],
    });
    let policy = load(&document);
    assert_eq!(
        policy.owned_headers(),
        [
            "x-decision",
            "x-model",
            "x-namespace",
            "x-objective",
            "x-other",
            "x-up"
        ]
    );
    let verdict = decide(&policy, &body("auto", "x"), &mut Fake::sure_of("math"));
    let expected = [
        ("x-model", "large"),
        ("x-up", "org/large-70b;math"),
        ("x-decision", "d"),
        ("x-objective", "chat"),
    ];
    assert_eq!(
        policy.request_headers(&verdict, &()),
        expected.map(|(name, value)| (name, value.to_owned()))
    );
    let fallback = policy.fallback(Reason::NotChatPath);
    let expected = [("x-model", "small"), ("x-up", "small;"), ("x-objective", "chat")];
    assert_eq!(
        policy.request_headers(&fallback, &()),
        expected.map(|(name, value)| (name, value.to_owned()))
    );
}

#[test]
fn responses_tell_the_decision_and_more_on_demand() {
    let policy = load(&document(json!([decision("d", 1, domain("math"))])));
    let verdict = decide(&policy, &body("auto", "x"), &mut Fake::sure_of("math"));
    let mut expected = vec![
        ("x-promptswitch-reason", "decision".to_owned()),
        ("x-vsr-schema-version", "2".to_owned()),
        ("x-vsr-response-path", "upstream".to_owned()),
        ("x-vsr-selected-model", "large".to_owned()),
        ("x-vsr-selected-algorithm", "static".to_owned()),
        ("x-vsr-selected-decision", "d".to_owned()),
        ("x-vsr-selected-confidence", "0.9500".to_owned()),
    ];
    assert_eq!(policy.response_headers(&verdict, false), expected);
    let score = |name: &&str| format!("{name}={}", if *name == "math" { "0.95000" } else { "0.00357" });
    expected.extend([
        ("x-vsr-selected-category", "math".to_owned()),
        ("x-vsr-selected-reasoning", "off".to_owned()),
        ("x-vsr-injected-system-prompt", "false".to_owned()),
        ("x-vsr-matched-domains", "math".to_owned()),
        (
            "x-promptswitch-domain-scores",
            DOMAINS.iter().map(score).collect::<Vec<_>>().join(","),
        ),
        ("x-promptswitch-skipped-signals", "keyword".to_owned()),
    ]);
    assert_eq!(policy.response_headers(&verdict, true), expected);
}

#[test]
fn a_request_turned_away_at_the_gate_gets_its_reason_alone() {
    let policy = load(&document(json!([])));
    let gate = policy.response_headers(&policy.fallback(Reason::NotPost), true);
    assert_eq!(gate, [("x-promptswitch-reason", "not_post".to_owned())]);
    let parsed = policy.response_headers(&policy.fallback(Reason::BadJson), false);
    assert!(
        parsed.contains(&("x-vsr-selected-model", "small".to_owned())),
        "{parsed:?}"
    );
    assert!(
        parsed.iter().all(|(name, _)| *name != "x-vsr-selected-decision"),
        "{parsed:?}"
    );
}

#[test]
fn response_headers_can_be_turned_off() {
    let mut document = document(json!([]));
    document["promptswitch"] = json!({"response_headers": false});
    let policy = load(&document);
    assert!(
        policy
            .response_headers(&policy.fallback(Reason::Default), true)
            .is_empty()
    );
}

#[test]
fn the_longest_path_suffix_counts() {
    let mut document = document(json!([]));
    document["promptswitch"] = json!({
        "paths": ["/chat/completions", "/v1beta/completions", {"suffix": "/special/chat/completions", "api": "messages"}],
        "limits": {"max_body_bytes": "512KiB"},
    });
    let policy = load(&document);
    let table: [(&str, Option<Api>); 4] = [
        (
            "/openai/deployments/x/chat/completions?v=1",
            Some(Api::ChatCompletions),
        ),
        ("/v1beta/completions", Some(Api::Completions)),
        ("/special/chat/completions", Some(Api::Messages)),
        ("/v1/messages", None),
    ];
    for (path, api) in table {
        assert_eq!(policy.settings().api_for_path(path.as_bytes()), api, "{path}");
    }
    assert_eq!(policy.settings().limits.max_body_bytes, 512 * 1024);
}
