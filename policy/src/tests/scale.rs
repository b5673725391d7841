//! Large and wrong documents: every finding at once, and soon.

use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fake, body, document, findings, load};
use crate::{Api, Context, Policy, Request, Severity, splice};

/// A document of `count` keyword rules, scores, mappings and decisions, each of which refers to the one before.
fn large(count: usize) -> Value {
    let mut document = document(json!([]));
    let routing = &mut document["routing"];
    let all = |make: &dyn Fn(usize) -> Value| Value::Array((0..count).map(make).collect());
    routing["signals"]["keywords"] = all(
        &|i| json!({"name": format!("k{i}"), "operator": "OR", "keywords": [format!("word{i}"), format!("other{i}")]}),
    );
    routing["projections"]["scores"] = all(&|i| {
        json!({"name": format!("s{i}"), "method": "weighted_sum", "inputs": [
            {"type": "keyword", "name": format!("k{i}"), "weight": 0.5},
            {"type": "domain", "name": "math", "weight": 0.5, "value_source": "confidence"},
        ]})
    });
    routing["projections"]["mappings"] = all(&|i| {
        json!({"name": format!("m{i}"), "source": format!("s{i}"), "method": "threshold_bands", "outputs": [
            {"name": format!("low{i}"), "lt": 0.5}, {"name": format!("high{i}"), "gte": 0.5},
        ]})
    });
    routing["decisions"] = all(&|i| {
        json!({"name": format!("d{i}"), "priority": i, "modelRefs": [{"model": "large"}], "rules": {
            "operator": "AND", "conditions": [
                {"type": "keyword", "name": format!("k{i}")},
                {"operator": "NOT", "conditions": [{"type": "projection", "name": format!("low{i}")}]},
            ],
        }})
    });
    document
}

/// Each item of the large document is wrong in one way.
fn spoilt(count: usize) -> Value {
    let mut document = large(count);
    let routing = &mut document["routing"];
    for keyword in routing["signals"]["keywords"].as_array_mut().unwrap() {
        keyword["operater"] = json!("OR");
    }
    for score in routing["projections"]["scores"].as_array_mut().unwrap() {
        score["inputs"][0]["name"] = json!("k");
        score["inputs"][1]["weight"] = json!("half");
    }
    for mapping in routing["projections"]["mappings"].as_array_mut().unwrap() {
        mapping["outputs"][0]["gte"] = json!(0.9);
    }
    for decision in routing["decisions"].as_array_mut().unwrap() {
        decision["modelRefs"][0]["model"] = json!("larch");
        decision["priority"] = json!("high");
        decision["rules"]["conditions"][1]["conditions"][0]["name"] = json!("lo");
        decision["tier"] = json!(-1);
    }
    for domain in routing["signals"]["domains"].as_array_mut().unwrap() {
        domain["threshold"] = json!(1.5);
    }
    document
}

#[test]
fn every_mistake_of_a_large_document_is_reported_with_its_path() {
    const COUNT: usize = 2_000;
    let found = findings(&spoilt(COUNT));
    let errors: Vec<_> = found.iter().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), COUNT * 8 + 14, "{:#?}", &errors[..20]);
    let last = COUNT - 1;
    let expected = [
        format!(
            "error: routing.signals.keywords[{last}].operater: unknown key `operater`; did you mean `operator`?"
        ),
        format!(
            "error: routing.projections.scores[{last}].inputs[0].name: there is no signal `k` of type `keyword`"
        ),
        format!(
            "error: routing.projections.scores[{last}].inputs[1].weight: must be a number, found a string"
        ),
        format!(
            "error: routing.projections.mappings[{last}].outputs[0]: holds for no score: 0.9 is not below 0.5"
        ),
        format!("error: routing.decisions[{last}].modelRefs[0].model: `larch` is not in providers.models"),
        format!("error: routing.decisions[{last}].priority: must be a whole number, found a string"),
        format!("error: routing.decisions[{last}].tier: must be 0 to 1000000000, found -1"),
        format!(
            "error: routing.decisions[{last}].rules.conditions[1].conditions[0].name: there is no signal `lo` of type `projection`"
        ),
        "error: routing.signals.domains[13].threshold: must be 0 to 1, found 1.5".to_owned(),
    ];
    for line in expected {
        assert!(found.contains(&line), "{line} is not among {:#?}", &found[..20]);
    }
}

#[test]
fn ten_thousand_rules_decide() {
    let policy = load(&large(10_000));
    let verdict = super::decide(
        &policy,
        &body("auto", "word77 and other77, word9"),
        &mut Fake::sure_of("math"),
    );
    assert_eq!(verdict.decision.as_deref(), Some("d77"));
    assert_eq!(verdict.projections.len(), 1);
}

/// What a long name, in keys and values, makes of a finding: one line that stays short.
#[test]
fn findings_do_not_grow_with_names() {
    let name = "n".repeat(100_000);
    let mut document = large(1);
    document["routing"]["decisions"][0]["rules"] = json!({"type": "projection", "name": name});
    document["routing"]["projections"]["mappings"][0]["source"] = json!(name);
    document["routing"][&name] = json!(1);
    let found = findings(&document);
    assert!(
        found.len() == 3 && found.iter().all(|line| line.len() < 300),
        "{}",
        found.len()
    );
}

/// The best of several times, in milliseconds: other work on the machine only adds.
fn best(runs: usize, mut work: impl FnMut()) -> f64 {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    });
    times.fold(f64::INFINITY, f64::min)
}

/// `cargo test --release -p promptswitch-policy --lib -- --ignored --nocapture time_to`
#[test]
#[ignore = "measures"]
fn time_to_validate_large_documents() {
    for (name, document) in [("right", large(10_000)), ("wrong", spoilt(10_000))] {
        let json = document.to_string();
        let load = || Policy::from_json(json.as_bytes(), &mut Fake::default());
        let time = best(10, || drop(load()));
        let findings = load().err().map_or(0, |found| found.len());
        println!(
            "10,000 rules, {name}: {} KB, {findings} findings, {time:.0} ms",
            json.len() / 1024
        );
    }
    let policy = load(&large(10_000));
    let body = body("auto", "word77");
    let time = best(50, || drop(super::decide(&policy, &body, &mut Fake::default())));
    println!("10,000 rules, one request: {time:.2} ms");
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3i32..12).prop_map(|n| json!(f64::from(n) / 10.0)),
        Just(json!(1)),
        Just(json!("x"))
    ]
}

fn name() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just("a"),
        Just("b"),
        Just("math"),
        Just("code"),
        Just("low"),
        Just("")
    ]
    .prop_map(|name| json!(name))
}

/// One of the kinds of signal, also such as are unknown.
fn kind() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just("keyword"),
        Just("domain"),
        Just("projection"),
        Just("kb_metric"),
        Just("mood")
    ]
    .prop_map(|kind| json!(kind))
}

prop_compose! {
    /// A routing block that may or may not be right.
    fn routing()(
        inputs in prop::collection::vec((kind(), name(), number(), prop_oneof![Just("binary"), Just("confidence"), Just("score")]), 0..4),
        edges in prop::collection::vec((name(), prop_oneof![Just("lt"), Just("gte")], number()), 0..4),
        members in prop::collection::vec(name(), 0..4),
        decisions in prop::collection::vec((name(), kind(), name(), -1i64..3, prop_oneof![Just("AND"), Just("OR"), Just("NOT"), Just("XOR")]), 0..4),
        strategy in prop_oneof![Just("priority"), Just("confidence")],
    ) -> Value {
        let inputs: Vec<_> = inputs.into_iter()
            .map(|(kind, name, weight, source)| json!({"type": kind, "name": name, "weight": weight, "value_source": source}))
            .collect();
        let outputs: Vec<_> = edges.into_iter().map(|(name, edge, at)| json!({"name": name, edge: at})).collect();
        let decisions: Vec<_> = decisions.into_iter().map(|(name, kind, signal, tier, operator)| json!({
            "name": name, "tier": tier, "modelRefs": [{"model": "large"}],
            "rules": {"operator": operator, "conditions": [{"type": kind, "name": signal}]},
        })).collect();
        let mut routing = json!({
            "strategy": strategy,
            "signals": {"keywords": [{"name": "a", "operator": "NOR", "keywords": ["x"]}], "domains": [{"name": "math"}, {"name": "law"}]},
            "decisions": decisions,
        });
        if !inputs.is_empty() {
            routing["projections"]["scores"] = json!([{"name": "a", "method": "weighted_sum", "inputs": inputs}]);
        }
        if !outputs.is_empty() {
            routing["projections"]["mappings"] = json!([{"name": "m", "source": "a", "outputs": outputs}]);
        }
        if members.len() > 1 {
            routing["projections"]["partitions"] = json!([{"name": "p", "semantics": "exclusive", "members": members, "default": members[0]}]);
        }
        routing
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_validates_also_decides(
        routing in routing(),
        text in "(a|x|rust| ){0,6}",
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        model in prop_oneof![Just("auto"), Just("small"), Just("m")],
        skip in prop::bool::ANY,
    ) {
        let mut document = document(json!([]));
        document["routing"] = routing;
        document["entrypoints"] = json!([{"recipe": "default", "model_names": ["m"]}]);
        document["global"]["router"]["skip_processing"]["enabled"] = json!(skip);
        match Policy::from_value(&document, &mut Fake::default()) {
            Err(found) => prop_assert!(found.iter().any(|finding| finding.severity == Severity::Error)),
            Ok(loaded) => for body in [body(model, &text).into_bytes(), bytes] {
                let Ok(request) = Request::parse(Api::ChatCompletions, &body) else { continue };
                let headers = |_: &str| Some(b"true".to_vec());
                let context = Context { headers: &headers, ..Context::default() };
                let verdict = loaded.policy.decide(&request, &context, &mut Fake::sure_of("math"));
                prop_assert_eq!(&verdict.error, &None);
                prop_assert!((0.0..=1.0).contains(&verdict.confidence), "{}", verdict.confidence);
                splice(&body, &verdict.edits);
                loaded.policy.response_headers(&verdict, true);
            },
        }
    }
}
