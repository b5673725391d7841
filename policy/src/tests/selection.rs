use serde_json::{Value, json};

use super::{Fake, body, decision, document, load};
use crate::{Api, Context, Policy, Request, Stats};

/// A document with models a, b and c, and one decision that chooses among them.
fn policy(algorithm: Value) -> Policy {
    let mut document = document(json!([decision("d", 1, json!({}))]));
    document["providers"]["models"] = json!([
        {"name": "small"},
        {"name": "a", "pricing": {"prompt_per_1m": 9}},
        {"name": "b", "pricing": {"prompt_per_1m": 1, "completion_per_1m": 50}},
        {"name": "c", "pricing": {"completion_per_1m": 5}},
    ]);
    document["routing"]["modelCards"] = json!([
        {"name": "a", "quality_score": 0.9}, {"name": "b", "quality_score": 0.5}, {"name": "c", "quality_score": 0.8},
    ]);
    document["routing"]["decisions"][0]["modelRefs"] =
        json!([{"model": "a"}, {"model": "b"}, {"model": "c"}]);
    document["routing"]["decisions"][0]["algorithm"] = algorithm;
    load(&document)
}

fn chosen(policy: &Policy, stats: Option<&Stats>) -> String {
    let body = body("auto", "x");
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let context = Context {
        stats,
        ..Context::default()
    };
    policy.decide(&request, &context, &mut Fake::default()).model
}

/// Stats of `(model, requests in flight, milliseconds to the first byte, milliseconds a token)`.
fn stats(measured: &[(&str, usize, u64, u64)]) -> Stats {
    let mut stats = Stats::default();
    for (model, in_flight, ttft, tpot) in measured {
        (0..*in_flight).for_each(|_| stats.started(model, 1));
        for _ in 0..5 {
            stats.started(model, 1);
            stats.first_byte(model, *ttft);
            stats.finished(model, Some(11), tpot * 10, false);
        }
    }
    stats
}

#[test]
fn the_fastest_model_answers() {
    let both = policy(
        json!({"type": "latency_aware", "latency_aware": {"tpot_percentile": 50, "ttft_percentile": 90}}),
    );
    let first = policy(json!({"type": "latency_aware", "latency_aware": {"ttft_percentile": 50}}));
    type Measured = &'static [(&'static str, usize, u64, u64)];
    let table: [(&Policy, Measured, &str); 5] = [
        (
            &both,
            &[("a", 0, 300, 10), ("b", 0, 100, 40), ("c", 0, 200, 10)],
            "c",
        ),
        (
            &first,
            &[("a", 0, 300, 10), ("b", 0, 100, 40), ("c", 0, 200, 10)],
            "b",
        ),
        (
            &both,
            &[("a", 0, 100, 10), ("b", 0, 100, 10), ("c", 0, 100, 10)],
            "a",
        ),
        (&both, &[("a", 0, 1, 1), ("c", 0, 1, 1)], "b"),
        (&both, &[("a", 0, 9, 9), ("c", 0, 1, 1)], "b"),
    ];
    for (policy, measured, expected) in table {
        assert_eq!(chosen(policy, Some(&stats(measured))), expected, "{measured:?}");
    }
    assert_eq!(chosen(&both, None), "a");
    assert_eq!(chosen(&both, Some(&Stats::default())), "a");
    let mut busy = stats(&[("a", 0, 9, 9), ("c", 0, 1, 1)]);
    (0..4).for_each(|_| busy.started("b", 1));
    assert_eq!(
        chosen(&both, Some(&busy)),
        "c",
        "enough trials of b are under way"
    );
}

#[test]
fn factors_are_weighed_against_each_other() {
    let weigh = |weights: Value, more: Value| {
        let mut settings = json!({"weights": weights});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        policy(json!({"type": "multi_factor", "multi_factor": settings}))
    };
    let measured: &[(&str, usize, u64, u64)] = &[("a", 0, 300, 30), ("b", 2, 100, 10), ("c", 1, 50, 20)];
    let even = json!({"quality": 1, "latency": 1, "cost": 1, "load": 1});
    let table = [
        (json!({"quality": 1}), json!({}), "a"),
        (json!({"latency": 1}), json!({}), "b"),
        (json!({"latency": 1}), json!({"latency_metric": "ttft"}), "c"),
        (json!({"cost": 1}), json!({}), "b"),
        (json!({"load": 1}), json!({}), "a"),
        // a: 1, 0, 0, 1; b: 0, 1, 1, 0; c: 0.75, 0.5, 0.5, 0.5.
        (even.clone(), json!({}), "c"),
        (json!({}), json!({}), "c"),
        (json!({"quality": 3, "cost": 1}), json!({}), "a"),
        (json!({"quality": 1}), json!({"slo": {"max_ttft_ms": 299}}), "c"),
        (json!({"quality": 1}), json!({"slo": {"max_tpot_ms": 15}}), "b"),
        (json!({"quality": 1}), json!({"slo": {"max_cost_per_1m": 5}}), "c"),
        (json!({"cost": 1}), json!({"slo": {"max_inflight": 1}}), "c"),
        (json!({"quality": 1}), json!({"slo": {"max_tpot_ms": 1}}), "b"),
        (
            json!({"cost": 1}),
            json!({"slo": {"max_tpot_ms": 1}, "on_no_candidates": "first"}),
            "a",
        ),
    ];
    for (weights, more, expected) in table {
        let policy = weigh(weights.clone(), more.clone());
        assert_eq!(
            chosen(&policy, Some(&stats(measured))),
            expected,
            "{weights} {more}"
        );
    }
    assert_eq!(
        chosen(&weigh(even, json!({})), None),
        "c",
        "by quality and cost alone"
    );
}

#[test]
fn weights_hold_for_what_is_configured() {
    let model = |sticky: Value, header: Option<&str>, random: u64| {
        let mut document = document(json!([decision("d", 1, json!({}))]));
        document["routing"]["decisions"][0]["modelRefs"] =
            json!([{"model": "small", "weight": 1}, {"model": "large", "weight": 1}]);
        document["promptswitch"] = sticky;
        let policy = load(&document);
        let body = body("auto", "x");
        let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
        let headers = |name: &str| {
            header
                .filter(|_| name == "x-tenant")
                .map(|value| value.as_bytes().to_vec())
        };
        let context = Context {
            headers: &headers,
            random,
            ..Context::default()
        };
        let verdict = policy.decide(&request, &context, &mut Fake::default());
        assert_eq!(verdict.algorithm, "weighted");
        verdict.model
    };
    let spread = |choices: Vec<String>| choices.iter().filter(|model| *model == "large").count();
    let numbers = || (0..64u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    assert!(matches!(
        spread(numbers().map(|random| model(json!({}), None, random)).collect()),
        0 | 64
    ));
    let by_chance = numbers()
        .map(|random| model(json!({"sticky": "request"}), None, random))
        .collect();
    assert!((16..48).contains(&spread(by_chance)));
    let header = json!({"sticky_header": "X-Tenant"});
    let by_header = numbers()
        .map(|name| model(header.clone(), Some(&name.to_string()), 0))
        .collect();
    assert!((16..48).contains(&spread(by_header)));
}
