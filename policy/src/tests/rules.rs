use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fake, body, decide, document, load};
use crate::{Api, Context, Policy, Request};

/// A document with a signal of every kind that is a rule, and a decision for each.
fn all_rules() -> Value {
    let signals = json!({
        "keywords": [
            {"name": "words", "keywords": ["urgent", "内部"]},
            {"name": "expressions", "method": "regex", "keywords": ["a+b", "plain"]},
            {"name": "misspelt", "fuzzy_match": true, "keywords": ["deploy"]},
            {"name": "bm25", "method": "bm25", "keywords": ["code review"]},
            {"name": "ngram", "method": "ngram", "keywords": ["refactor"]},
        ],
        "language": [{"name": "en"}, {"name": "zh"}],
        "context": [{"name": "long", "min_tokens": "1K"}],
        "structure": [
            {"name": "questions", "feature": {"type": "count", "source": {"type": "regex", "pattern": "[?？]"}}, "predicate": {"gte": 2}},
            {"name": "dense", "feature": {"type": "density", "source": {"type": "keyword_set", "keywords": ["json"]}}, "predicate": {"gt": 0.3}},
            {"name": "ordered", "feature": {"type": "sequence", "source": {"type": "sequence", "sequences": [["first", "then"]]}}},
        ],
        "conversation": [{"name": "loop", "feature": {"type": "exists", "source": {"type": "active_tool_loop"}}}],
        "metadata": [{"name": "gold", "key": "tier", "predicate": {"equals": "gold"}}],
        "events": [{"name": "outage", "event_types": ["outage"]}],
        "role_bindings": [{"name": "b", "role": "admin", "subjects": [{"kind": "User", "name": "root"}]}],
    });
    let types = [
        ("keyword", "keywords"),
        ("language", "language"),
        ("context", "context"),
        ("structure", "structure"),
        ("conversation", "conversation"),
        ("metadata", "metadata"),
        ("event", "events"),
    ];
    let mut decisions = Vec::new();
    for (kind, section) in types {
        for signal in signals[section].as_array().unwrap() {
            let rules = json!({"type": kind, "name": signal["name"]});
            let name = format!("{kind} {}", signal["name"].as_str().unwrap());
            let priority = if kind == "language" { 1 } else { 2 };
            decisions.push(json!({"name": name, "priority": priority, "rules": rules, "modelRefs": [{"model": "large"}]}));
        }
    }
    let mut document = document(json!(decisions));
    document["routing"]["signals"] = signals;
    document["global"] = json!({"services": {"authz": {"fail_open": true}}});
    document
}

fn winner(policy: &Policy, body: &str) -> Option<String> {
    decide(
        policy,
        body,
        &mut Fake {
            fails: true,
            ..Fake::default()
        },
    )
    .decision
}

#[test]
fn a_signal_of_every_kind_leads_to_its_decision() {
    let policy = load(&all_rules());
    let table = [
        ("this is urgent", "keyword words"),
        ("这是内部文件", "keyword words"),
        ("xaaby", "keyword expressions"),
        ("dploy it", "keyword misspelt"),
        ("reviewed it", "keyword bm25"),
        ("refactr it", "keyword ngram"),
        ("why? how?", "structure questions"),
        ("json json please", "structure dense"),
        ("First this, then that thing over there", "structure ordered"),
        ("there was an outage", "event outage"),
        ("what is the weather", "language en"),
        ("今天天气怎么样", "language zh"),
    ];
    for (text, decision) in table {
        assert_eq!(
            winner(&policy, &body("auto", text)).as_deref(),
            Some(decision),
            "{text}"
        );
    }
    let long = body("auto", &"lorem ipsum ".repeat(400));
    assert_eq!(winner(&policy, &long).as_deref(), Some("context long"));
    let user = json!({"role": "user", "content": "go on"});
    let result = json!({"role": "tool", "content": "42"});
    let looping = json!({"model": "auto", "messages": [user, result]});
    assert_eq!(
        winner(&policy, &looping.to_string()).as_deref(),
        Some("conversation loop")
    );
    let gold = json!({"model": "auto", "messages": [user], "metadata": {"tier": "gold"}});
    assert_eq!(
        winner(&policy, &gold.to_string()).as_deref(),
        Some("metadata gold")
    );
}

proptest! {
    #[test]
    fn rules_never_fail_whatever_the_request(
        text in any::<String>(),
        more in "([a-z中?!. \\\\\"]|urgent|json|first|then){0,200}",
        metadata in any::<String>(),
        role in "user|assistant|tool|developer|[a-z]{0,3}",
    ) {
        static POLICY: LazyLock<Policy> = LazyLock::new(|| load(&all_rules()));
        let parts = json!([{"type": "text", "text": text}, {"type": "image_url"}, {"type": "tool_result", "content": more}, 7, null]);
        let body = json!({
            "model": "auto", "max_tokens": 1, "metadata": {&metadata: &text}, "tools": [{}, 1], "system": more,
            "messages": [{"role": "user", "content": more}, {"role": role, "content": parts, "tool_calls": [{}, 3]}],
            "input": [{"role": "user", "content": more}, {"type": "function_call_output", "output": parts}, 1],
            "prompt": [text, 1],
        });
        let body = body.to_string();
        for api in [Api::ChatCompletions, Api::Completions, Api::Responses, Api::Messages] {
            let Ok(request) = Request::parse(api, body.as_bytes()) else { continue };
            let verdict = POLICY.decide(&request, &Context::default(), &mut Fake { fails: true, ..Fake::default() });
            prop_assert_eq!(verdict.error, None);
        }
    }
}
