use serde_json::{Value, json};

use super::{Fake, body, decide, decision, document, domain, keyword, load};
use crate::{Reason, SignalKind};

fn group(operator: &str, conditions: Value) -> Value {
    json!({"operator": operator, "conditions": conditions})
}

/// The decision that wins, and how often the classifier was asked.
fn winner(strategy: &str, decisions: Value, text: &str, subject: &'static str) -> (Option<String>, usize) {
    let mut document = document(decisions);
    document["routing"]["strategy"] = json!(strategy);
    let mut scorer = Fake::sure_of(subject);
    let verdict = decide(&load(&document), &body("auto", text), &mut scorer);
    (verdict.decision, scorer.calls)
}

#[test]
fn rules_are_trees() {
    let table = [
        (domain("math"), "x", Some(0.95)),
        (domain("law"), "x", None),
        (
            group("OR", json!([domain("law"), domain("math")])),
            "x",
            Some(0.95),
        ),
        (
            group("AND", json!([domain("math"), keyword("urgent")])),
            "x",
            None,
        ),
        (
            group("AND", json!([domain("math"), keyword("urgent")])),
            "urgent",
            Some((0.95 + 0.75) / 2.0),
        ),
        (group("NOT", json!([domain("law")])), "x", Some(1.0)),
        (group("NOT", json!([domain("math")])), "x", None),
        (
            group(
                "and",
                json!([group("NOT", json!([keyword("urgent")])), domain("math")]),
            ),
            "x",
            Some(1.95 / 2.0),
        ),
        (json!({}), "x", Some(0.0)),
        (group("AND", json!([])), "x", Some(0.0)),
        (Value::Null, "x", Some(0.0)),
    ];
    for (rules, text, confidence) in table {
        let policy = load(&document(json!([decision("d", 1, rules.clone())])));
        let verdict = decide(&policy, &body("auto", text), &mut Fake::sure_of("math"));
        let expected = if confidence.is_some() {
            Reason::Decision
        } else {
            Reason::Default
        };
        assert_eq!(verdict.reason, expected, "{rules}");
        assert!(
            (verdict.confidence - confidence.unwrap_or(0.0)).abs() < 1e-6,
            "{rules}: {}",
            verdict.confidence
        );
    }
}

#[test]
fn strategies_and_tiers_choose_the_winner() {
    let low = || decision("low", 1, domain("math"));
    let high = || decision("high", 9, keyword("urgent"));
    let tiered = |name: &str, tier: i64, priority: i64, rules: Value| {
        let mut decision = decision(name, priority, rules);
        decision["tier"] = json!(tier);
        decision
    };
    let table = [
        ("priority", json!([low(), high()]), "high"),
        ("confidence", json!([low(), high()]), "low"),
        (
            "priority",
            json!([decision("b", 1, domain("math")), decision("a", 1, domain("math"))]),
            "a",
        ),
        (
            "priority",
            json!([
                decision("a", 1, keyword("urgent")),
                decision("b", 1, domain("math"))
            ]),
            "b",
        ),
        (
            "confidence",
            json!([decision("a", 1, domain("math")), decision("b", 2, domain("math"))]),
            "b",
        ),
        (
            "priority",
            json!([high(), tiered("t", 3, 0, domain("math"))]),
            "high",
        ),
        (
            "priority",
            json!([
                tiered("two", 2, 9, domain("math")),
                tiered("one", 1, 0, keyword("urgent"))
            ]),
            "one",
        ),
        (
            "priority",
            json!([
                tiered("sure", 1, 0, domain("math")),
                tiered("prior", 1, 9, keyword("urgent"))
            ]),
            "sure",
        ),
        (
            "priority",
            json!([tiered("t", 1, 0, domain("law")), low()]),
            "low",
        ),
        // A tier that matches makes confidence count among those without one.
        (
            "priority",
            json!([low(), high(), tiered("t", 1, 0, domain("math"))]),
            "low",
        ),
        (
            "priority",
            json!([low(), high(), tiered("t", 1, 0, domain("law"))]),
            "high",
        ),
    ];
    for (strategy, decisions, expected) in table {
        let (name, _) = winner(strategy, decisions.clone(), "urgent", "math");
        assert_eq!(name.as_deref(), Some(expected), "{strategy} {decisions}");
    }
}

#[test]
fn the_classifier_runs_only_if_a_decision_that_can_win_needs_it() {
    let table = [
        (
            "the winner is above",
            json!([
                decision("k", 9, keyword("code")),
                decision("d", 1, domain("math"))
            ]),
            0,
        ),
        (
            "the keyword is below",
            json!([
                decision("k", 1, keyword("code")),
                decision("d", 9, domain("math"))
            ]),
            1,
        ),
        (
            "no keyword spares it",
            json!([
                decision("k", 9, keyword("urgent")),
                decision("d", 1, domain("math"))
            ]),
            1,
        ),
        ("only keywords", json!([decision("k", 9, keyword("urgent"))]), 0),
        (
            "AND fails before",
            json!([decision(
                "k",
                9,
                group("AND", json!([domain("math"), keyword("urgent")]))
            )]),
            0,
        ),
        (
            "OR holds before",
            json!([decision(
                "k",
                9,
                group("OR", json!([domain("math"), keyword("code")]))
            )]),
            0,
        ),
        (
            "asked once",
            json!([decision("a", 9, domain("law")), decision("b", 8, domain("math"))]),
            1,
        ),
        (
            "a certain one leads",
            json!([
                decision("a", 9, keyword("code")),
                decision("b", 9, domain("math"))
            ]),
            0,
        ),
        (
            "its name leads",
            json!([
                decision("b", 9, keyword("code")),
                decision("a", 9, domain("math"))
            ]),
            1,
        ),
    ];
    for (case, decisions, calls) in table {
        assert_eq!(winner("priority", decisions, "rust", "math").1, calls, "{case}");
    }
}

#[test]
fn confidence_is_exact_where_it_can_settle_the_choice() {
    let either = group("OR", json!([domain("math"), keyword("urgent")]));
    let decisions = json!([decision("either", 1, either), decision("sure", 1, domain("math"))]);
    assert_eq!(
        winner("priority", decisions, "urgent", "math").0.as_deref(),
        Some("either")
    );
}

#[test]
fn a_verdict_says_what_was_found_and_what_was_not_needed() {
    let policy = load(&document(json!([decision("d", 1, domain("math"))])));
    let verdict = decide(&policy, &body("auto", "x"), &mut Fake::sure_of("math"));
    assert_eq!(
        (verdict.category, verdict.category_confidence),
        (Some("math"), 0.95)
    );
    assert_eq!(
        verdict
            .matched
            .iter()
            .map(|m| (m.kind, m.name.as_str()))
            .collect::<Vec<_>>(),
        [(SignalKind::Domain, "math")]
    );
    assert_eq!(verdict.skipped, [SignalKind::Keyword]);
}
