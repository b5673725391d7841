//! Signals that ask the model, each in a whole document.

use serde_json::{Value, json};

use super::{Fake, body, decision, document, load};
use crate::{Api, Context, Policy, Request, Verdict};

/// A document whose one decision holds when a signal does.
pub(crate) fn with(section: &str, signals: Value, kind: &str, name: &str) -> Value {
    let mut document = document(json!([decision("d", 1, json!({"type": kind, "name": name}))]));
    document["routing"]["signals"][section] = signals;
    document
}

/// The matches of a kind for a user's prompt, as `name=confidence`.
pub(crate) fn matches(policy: &Policy, body: &str, scorer: &mut Fake) -> Vec<String> {
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let verdict = policy.decide(&request, &Context::default(), scorer);
    shown(&verdict)
}

fn shown(verdict: &Verdict) -> Vec<String> {
    let show = |matched: &crate::Matched| format!("{}={:.2}", matched.name, matched.confidence);
    verdict.matched.iter().map(show).collect()
}

pub(crate) fn messages(turns: &[(&str, &str)]) -> String {
    let turn = |(role, content): &(&str, &str)| json!({"role": role, "content": content});
    json!({"model": "auto", "messages": turns.iter().map(turn).collect::<Vec<_>>()}).to_string()
}

#[test]
fn each_distinct_example_is_embedded_once_for_a_document() {
    let mut document = with(
        "embeddings",
        json!([
            {"name": "a", "threshold": 0.9, "candidates": ["one", "two"]},
            {"name": "b", "threshold": 0.9, "candidates": ["two", " one "]},
        ]),
        "embedding",
        "a",
    );
    document["routing"]["signals"]["preferences"] = json!([{"name": "p", "examples": ["two", "three"]}]);
    let mut fake = Fake::default();
    Policy::from_value(&document, &mut fake).unwrap();
    assert_eq!(fake.calls, 3);
}

#[test]
fn a_scorer_that_fails_on_an_example_is_an_error_with_its_path_told_once() {
    let document = with(
        "embeddings",
        json!([{"name": "a", "threshold": 0.9, "candidates": ["one", "two"]}]),
        "embedding",
        "a",
    );
    let mut broken = Fake {
        fails: true,
        ..Fake::default()
    };
    let findings: Vec<_> = match Policy::from_value(&document, &mut broken) {
        Ok(_) => panic!("a document that cannot be embedded was taken"),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        findings,
        ["error: routing.signals.embeddings[0].candidates[0]: cannot be embedded: out of order"]
    );
}

#[test]
fn all_signals_of_the_last_user_turn_share_one_run_of_the_model() {
    let mut document = with(
        "embeddings",
        json!([{"name": "a", "threshold": 0.9, "candidates": ["one"]}]),
        "embedding",
        "a",
    );
    document["routing"]["signals"]["fact_check"] = json!([{"name": "needs_fact_check"}]);
    document["routing"]["signals"]["jailbreak"] = json!([{"name": "j"}]);
    document["routing"]["signals"]["kb"] = json!([{"name": "k", "kb": "mmlu_kb", "target": {"kind": "label", "value": "math"}, "match": "best"}]);
    let rule =
        |kind: &str, name: &str| json!({"operator": "NOT", "conditions": [{"type": kind, "name": name}]});
    document["routing"]["decisions"] = json!([decision(
        "d",
        1,
        json!({"operator": "AND", "conditions": [
            rule("embedding", "a"), rule("fact_check", "needs_fact_check"), rule("jailbreak", "j"), rule("kb", "k"),
        ]})
    )]);
    let policy = load(&document);
    let mut fake = Fake::sure_of("law");
    let verdict = super::decide(&policy, &body("auto", "two"), &mut fake);
    assert_eq!((verdict.decision.as_deref(), fake.calls), (Some("d"), 1));
}
