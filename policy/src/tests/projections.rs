use serde_json::{Value, json};

use super::{Fake, body, decide, decision, document, domain, findings, keyword, load};
use crate::{SignalKind, Verdict};

fn projection(name: &str) -> Value {
    json!({"type": "projection", "name": name})
}

/// 0.5 if it is of code, up to 0.4 for urgency, less the certainty of its being maths.
fn projections() -> Value {
    json!({
        "scores": [{"name": "weight", "method": "weighted_sum", "inputs": [
            {"type": "keyword", "name": "code", "weight": 0.5},
            {"type": "keyword", "name": "urgent", "weight": 0.4, "value_source": "confidence"},
            {"type": "domain", "name": "math", "weight": -1.0, "value_source": "confidence"},
        ]}],
        "mappings": [{
            "name": "band", "source": "weight", "method": "threshold_bands",
            "calibration": {"method": "sigmoid_distance", "slope": 10},
            "outputs": [{"name": "heavy", "gte": 0.8}, {"name": "middle", "gte": 0.4}, {"name": "light", "lt": 0.4}],
        }],
    })
}

fn policy_with(decisions: Value, projections: Value) -> Value {
    let mut document = document(decisions);
    document["routing"]["projections"] = projections;
    document
}

fn verdict(decisions: Value, projections: Value, text: &str, scorer: &mut Fake) -> Verdict {
    decide(
        &load(&policy_with(decisions, projections)),
        &body("auto", text),
        scorer,
    )
}

/// The decision `d` asks for the band.
fn in_band(band: &str, projections: Value, text: &str, subject: &'static str) -> Option<f32> {
    let decisions = json!([decision("d", 1, projection(band))]);
    let verdict = verdict(decisions, projections, text, &mut Fake::sure_of(subject));
    verdict.decision.map(|_| verdict.confidence)
}

#[test]
fn rules_ask_for_the_bands_of_a_weighted_sum() {
    let sigmoid = |distance: f32| 1.0 / (1.0 + (-10.0 * distance).exp());
    let table = [
        ("heavy", "rust, urgent and asap", "law", Some(0.9 - 0.8)),
        ("middle", "rust, urgent and asap", "law", None),
        ("middle", "rust", "law", Some(0.1)),
        ("light", "rust", "law", None),
        ("light", "asap", "law", Some(0.4 - 0.3)),
        ("light", "rust, urgent and asap", "math", Some(0.4 + 0.05)),
        ("heavy", "", "math", None),
    ];
    for (band, text, subject, distance) in table {
        let found = in_band(band, projections(), &format!("{text}!"), subject);
        let expected = distance.map(sigmoid);
        let close = found.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-6);
        assert!(
            close && found.is_some() == expected.is_some(),
            "{band} {text} {subject}: {found:?} {expected:?}"
        );
    }
}

#[test]
fn binary_inputs_have_a_value_for_a_match_and_one_for_a_miss() {
    let table = [
        (json!({}), "rust", 1.0),
        (json!({}), "x", 0.0),
        (json!({"match": 3, "miss": -2}), "rust", 3.0),
        (json!({"match": 3, "miss": -2}), "x", -2.0),
        (
            json!({"match": 0, "miss": 0.5, "value_source": "binary"}),
            "rust",
            1.0,
        ),
    ];
    for (extra, text, expected) in table {
        let mut input = json!({"type": "keyword", "name": "code", "weight": 1});
        input
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let projections = json!({
            "scores": [{"name": "s", "method": "weighted_sum", "inputs": [input]}],
            "mappings": [{"name": "m", "source": "s", "outputs": [{"name": "any", "gte": -100}]}],
        });
        let decisions = json!([decision("d", 1, projection("any"))]);
        let verdict = verdict(decisions, projections, text, &mut Fake::default());
        assert_eq!(verdict.projections[0].score, expected, "{extra} {text}");
    }
}

#[test]
fn scores_build_on_scores_and_on_the_confidence_of_bands() {
    let input = |name: &str, source: &str| json!({"type": "projection", "name": name, "weight": 2, "value_source": source});
    let projections = json!({
        "scores": [
            {"name": "both", "method": "weighted_sum", "inputs": [input("base", "score"), input("hit", "confidence"), input("missed", "confidence")]},
            {"name": "base", "method": "weighted_sum", "inputs": [{"type": "keyword", "name": "code", "weight": 0.25}]},
        ],
        "mappings": [
            {"name": "of_base", "source": "base", "outputs": [{"name": "missed", "lt": 0.25}, {"name": "hit", "gte": 0.25}]},
            {"name": "of_both", "source": "both", "outputs": [{"name": "top", "gte": 1.5}]},
        ],
    });
    let decisions = json!([decision("d", 1, projection("top"))]);
    let verdict = verdict(decisions, projections, "rust", &mut Fake::default());
    let scores: Vec<_> = verdict
        .projections
        .iter()
        .map(|p| (p.name.as_str(), p.score))
        .collect();
    assert_eq!(scores, [("both", 1.5), ("base", 0.25)]);
    assert_eq!(verdict.decision.as_deref(), Some("d"));
}

#[test]
fn a_chain_of_scores_has_an_end() {
    let chain = |length: usize| {
        let scores = (0..length).map(|index| {
            let input = match index {
                0 => json!({"type": "keyword", "name": "code", "weight": 1}),
                _ => json!({"type": "projection", "name": format!("s{}", index - 1), "weight": 1}),
            };
            json!({"name": format!("s{index}"), "method": "weighted_sum", "inputs": [input]})
        });
        json!({"scores": scores.rev().collect::<Vec<_>>()})
    };
    assert_eq!(findings(&policy_with(json!([]), chain(32))), [""; 0]);
    for length in [33, 10_000] {
        let found = findings(&policy_with(json!([]), chain(length)));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].ends_with("builds on more than 32 scores in a row"),
            "{found:?}"
        );
    }
}

#[test]
fn only_scores_that_a_rule_asks_for_are_computed_and_the_classifier_is_spared_where_it_cannot_matter() {
    let table: [(&str, Value, &str, usize, &[&str]); 5] = [
        (
            "another decision wins",
            json!([
                decision("a", 9, keyword("code")),
                decision("b", 1, projection("light"))
            ]),
            "rust",
            0,
            &[],
        ),
        (
            "its input is needed",
            json!([decision("b", 1, projection("light"))]),
            "rust",
            1,
            &["weight"],
        ),
        (
            "no subject can make it heavy",
            json!([decision("b", 1, projection("heavy"))]),
            "rust",
            0,
            &[],
        ),
        (
            "a subject can make it light",
            json!([decision("b", 1, projection("heavy"))]),
            "rust urgent asap",
            1,
            &["weight"],
        ),
        (
            "once for two bands",
            json!([
                decision("b", 2, projection("heavy")),
                decision("c", 1, projection("middle"))
            ]),
            "rust urgent asap",
            1,
            &["weight"],
        ),
    ];
    for (case, decisions, text, calls, computed) in table {
        let mut scorer = Fake::sure_of("law");
        let verdict = verdict(decisions, projections(), text, &mut scorer);
        let names: Vec<_> = verdict.projections.iter().map(|p| p.name.as_str()).collect();
        assert_eq!((scorer.calls, names.as_slice()), (calls, computed), "{case}");
        assert_eq!(
            verdict.skipped.contains(&SignalKind::Projection),
            computed.is_empty(),
            "{case}"
        );
    }
}

#[test]
fn the_classifier_is_spared_where_it_could_only_add_to_what_is_too_much() {
    let mut adding = projections();
    adding["scores"][0]["inputs"][2]["weight"] = json!(1.0);
    for (text, calls) in [("rust", 0), ("x", 1)] {
        let mut scorer = Fake::sure_of("law");
        let decisions = json!([decision("d", 1, projection("light"))]);
        verdict(decisions, adding.clone(), text, &mut scorer);
        assert_eq!(scorer.calls, calls, "{text}");
    }
}

#[test]
fn a_partition_of_domains_leaves_one_to_all_rules() {
    let decisions = json!([
        decision("law", 9, domain("law")),
        decision("math", 8, domain("math")),
        decision("fallback", 7, domain("health")),
    ]);
    let partition = |semantics: &str| {
        json!({"partitions": [{
            "name": "p", "semantics": semantics, "temperature": 0.1, "members": ["law", "math", "health"], "default": "health",
        }]})
    };
    type Case = (&'static str, &'static [(&'static str, f32)], &'static str, f32);
    let cases: [Case; 4] = [
        ("exclusive", &[("math", 0.5), ("law", 0.4)], "math", 0.5),
        // 1 / (1 + e^(-0.1 / 0.1))
        (
            "softmax_exclusive",
            &[("math", 0.5), ("law", 0.4)],
            "math",
            0.731_058_6,
        ),
        ("softmax_exclusive", &[("math", 0.95)], "math", 0.95),
        ("softmax_exclusive", &[("physics", 0.95)], "fallback", 1.0),
    ];
    for (semantics, domains, winner, confidence) in cases {
        let mut document = policy_with(decisions.clone(), partition(semantics));
        for signal in document["routing"]["signals"]["domains"].as_array_mut().unwrap() {
            signal["threshold"] = json!(0.3);
        }
        let mut scorer = Fake {
            domains: domains.to_vec(),
            ..Fake::default()
        };
        let verdict = decide(&load(&document), &body("auto", "x"), &mut scorer);
        assert_eq!(
            verdict.decision.as_deref(),
            Some(winner),
            "{semantics} {domains:?}"
        );
        assert!(
            (verdict.confidence - confidence).abs() < 1e-6,
            "{semantics} {domains:?}: {}",
            verdict.confidence
        );
    }
}

#[test]
fn a_verdict_lists_the_scores_and_the_response_their_bands() {
    let policy = load(&policy_with(
        json!([decision("d", 1, projection("middle"))]),
        projections(),
    ));
    let verdict = decide(&policy, &body("auto", "rust"), &mut Fake::sure_of("law"));
    assert_eq!(verdict.projections[0].bands, ["middle"]);
    let headers = policy.response_headers(&verdict, true);
    let found = headers
        .iter()
        .find(|(name, _)| *name == "x-vsr-matched-projections");
    assert_eq!(found.map(|(_, value)| value.as_str()), Some("middle"));
}
