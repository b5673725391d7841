//! Lazy evaluation against a plain one that computes everything, sorts what matches, and takes the first.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fake, body, decide, decision, document, load};
use crate::signals::Reading;
use crate::{Api, Context, DOMAINS, Policy, Request, SignalKind};

const SUBJECTS: [&str; 3] = ["math", "law", "physics"];
const KEYWORDS: [&str; 3] = ["urgent", "code", "many"];
const SCORES: usize = 3;

/// By `type:name`, None for no match.
type Facts = BTreeMap<String, Option<f32>>;

fn leaf(kind: &str, name: &str) -> Value {
    json!({"type": kind, "name": name})
}

fn signal() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..SUBJECTS.len()).prop_map(|index| leaf("domain", SUBJECTS[index])),
        (0..KEYWORDS.len()).prop_map(|index| leaf("keyword", KEYWORDS[index])),
    ]
}

/// Of the band `low` or `high` of one of the scores.
fn band() -> impl Strategy<Value = Value> {
    (0..SCORES, prop::bool::ANY).prop_map(|(score, high)| {
        leaf(
            "projection",
            &format!("{}{score}", if high { "high" } else { "low" }),
        )
    })
}

fn rule() -> impl Strategy<Value = Value> {
    prop_oneof![3 => signal(), 2 => band()].prop_recursive(3, 12, 3, |inner| {
        let group = |operator: &'static str| move |conditions: Vec<Value>| json!({"operator": operator, "conditions": conditions});
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(group("AND")),
            prop::collection::vec(inner.clone(), 1..4).prop_map(group("OR")),
            prop::collection::vec(inner, 1).prop_map(group("NOT")),
        ]
    })
}

fn decisions() -> impl Strategy<Value = Vec<Value>> {
    let rules = prop_oneof![9 => rule(), 1 => Just(json!({}))];
    let one = (rules, 0i64..3, prop_oneof![Just(0i64), 0i64..3]);
    prop::collection::vec(one, 0..7).prop_map(|decisions| {
        let named = decisions.into_iter().enumerate();
        let named = named.map(|(index, (rule, priority, tier))| {
            let mut decision = decision(&format!("d{index}"), priority, rule);
            decision["tier"] = json!(tier);
            decision
        });
        named.collect()
    })
}

/// One input of a score; the last is another score, which is taken as the one before.
fn input() -> impl Strategy<Value = Value> {
    let weight = (-10i32..=10).prop_map(|weight| f64::from(weight) / 10.0);
    let source = prop_oneof![Just("binary"), Just("confidence")];
    (
        prop_oneof![4 => signal(), 1 => Just(json!({"type": "projection"}))],
        weight,
        source,
        0u8..3,
    )
        .prop_map(|(mut input, weight, source, miss)| {
            input["weight"] = json!(weight);
            if input["type"] == "projection" {
                input["value_source"] = json!(if source == "binary" { "score" } else { "confidence" });
            } else {
                input["value_source"] = json!(source);
                if source == "binary" {
                    input["miss"] = json!(f64::from(miss) / 4.0);
                }
            }
            input
        })
}

fn projections() -> impl Strategy<Value = Value> {
    let score = (prop::collection::vec(input(), 1..5), -5i32..10, prop::bool::ANY);
    prop::collection::vec(score, SCORES).prop_map(|scores| {
        let (mut declared, mut mappings) = (Vec::new(), Vec::new());
        for (index, (mut inputs, edge, all)) in scores.into_iter().enumerate() {
            inputs.retain(|input| index > 0 || input["type"] != "projection");
            for input in inputs.iter_mut().filter(|input| input["type"] == "projection") {
                let name = if input["value_source"] == "score" { "score" } else { "high" };
                input["name"] = json!(format!("{name}{}", index - 1));
            }
            inputs.push(json!({"type": "keyword", "name": "code", "weight": 0.1}));
            declared.push(json!({"name": format!("score{index}"), "method": "weighted_sum", "inputs": inputs}));
            let edge = f64::from(edge) / 10.0;
            let outputs = json!([{"name": format!("high{index}"), "gte": edge}, {"name": format!("low{index}"), "lt": edge + 0.2}]);
            let method = if all { "multi_emit" } else { "threshold_bands" };
            mappings.push(json!({"name": format!("m{index}"), "source": format!("score{index}"), "method": method, "outputs": outputs}));
        }
        json!({"scores": declared, "mappings": mappings})
    })
}

fn whole(decisions: &[Value], projections: &Value, strategy: &str) -> Value {
    let mut document = document(json!(decisions));
    document["routing"]["strategy"] = json!(strategy);
    document["routing"]["projections"] = projections.clone();
    let keywords = document["routing"]["signals"]["keywords"].as_array_mut().unwrap();
    keywords.push(json!({"name": "many", "operator": "OR", "keywords": ["one", "two", "rust", "asap"]}));
    document
}

/// What every base signal says; read kind by kind, and so not lazily.
fn base_facts(policy: &Policy, text: &str, scorer: &mut Fake) -> Facts {
    let body = body("auto", text);
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let context = Context::default();
    let mut reading = Reading::new(&policy.signals, &request, &context, text, scorer);
    let mut facts = Facts::new();
    for kind in [SignalKind::Keyword, SignalKind::Domain] {
        for name in policy.signals.names(kind) {
            let id = policy.signals.find(kind, name).unwrap();
            facts.insert(
                format!("{}:{name}", kind.as_str()),
                reading.confidence(id).unwrap(),
            );
        }
    }
    facts
}

/// Adds the scores, which build on those before them, and the bands.
fn add_projections(projections: &Value, facts: &mut Facts) {
    let mut scores = BTreeMap::new();
    // A score is made of confidences as they are, not as they are told.
    let mut exact = BTreeMap::new();
    let lists = projections["scores"].as_array().unwrap().iter();
    for (score, mapping) in lists.zip(projections["mappings"].as_array().unwrap()) {
        let mut total = 0.0;
        for input in score["inputs"].as_array().unwrap() {
            let (kind, name) = (input["type"].as_str().unwrap(), input["name"].as_str().unwrap());
            let fact = facts.get(&format!("{kind}:{name}")).copied().flatten();
            let value = match (kind, input["value_source"].as_str()) {
                ("projection", Some("score")) => scores[name],
                ("projection", Some("confidence")) => exact.get(name).copied().unwrap_or_default(),
                (_, Some("confidence")) => fact.map_or(0.0, f64::from),
                _ if fact.is_some() => 1.0,
                _ => input["miss"].as_f64().unwrap_or(0.0),
            };
            total += input["weight"].as_f64().unwrap() * value;
        }
        scores.insert(score["name"].as_str().unwrap(), total);
        let mut taken = false;
        for band in mapping["outputs"].as_array().unwrap() {
            let edge = band["gte"].as_f64().or(band["lt"].as_f64()).unwrap();
            let holds = if band["gte"].is_null() {
                total < edge
            } else {
                total >= edge
            };
            let emits = holds && !(taken && mapping["method"] == "threshold_bands");
            taken |= emits;
            let confidence = 1.0 / (1.0 + (-12.0 * (total - edge).abs()).exp());
            let name = band["name"].as_str().unwrap();
            exact.extend(emits.then_some((name, confidence)));
            facts.insert(format!("projection:{name}"), emits.then_some(confidence as f32));
        }
    }
}

fn test(rule: &Value, facts: &Facts) -> Option<f32> {
    if let Some(kind) = rule["type"].as_str() {
        return facts[&format!("{kind}:{}", rule["name"].as_str().unwrap())];
    }
    let conditions = rule["conditions"].as_array().into_iter().flatten();
    let found: Vec<_> = conditions.map(|rule| test(rule, facts)).collect();
    match rule["operator"].as_str() {
        Some("AND") => {
            let all: Option<Vec<f32>> = found.iter().copied().collect();
            let all = all?;
            Some((all.iter().map(|c| f64::from(*c)).sum::<f64>() / all.len() as f64) as f32)
        }
        Some("OR") => found.into_iter().flatten().max_by(f32::total_cmp),
        Some(_) => found[0].is_none().then_some(1.0),
        None => Some(0.0),
    }
}

fn winner(decisions: &[Value], strategy: &str, facts: &Facts) -> Option<String> {
    let mut matching: Vec<_> = decisions
        .iter()
        .filter_map(|decision| Some((decision, test(&decision["rules"], facts)?)))
        .collect();
    let tiered = matching.iter().any(|(decision, _)| decision["tier"] != 0);
    let number = |decision: &Value, key: &str| decision[key].as_i64().unwrap();
    matching.sort_by(|(a, a_confidence), (b, b_confidence)| {
        let tiers = number(a, "tier").cmp(&number(b, "tier"));
        let confidences = b_confidence.total_cmp(a_confidence);
        let priorities = number(b, "priority").cmp(&number(a, "priority"));
        let names = a["name"].as_str().cmp(&b["name"].as_str());
        let first = if tiered { tiers } else { Ordering::Equal };
        let rest = if tiered || strategy == "confidence" {
            confidences.then(priorities)
        } else {
            priorities.then(confidences)
        };
        first.then(rest).then(names)
    });
    Some(matching.first()?.0["name"].as_str()?.to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_winner_is_the_first_of_all_that_match(
        decisions in decisions(),
        projections in projections(),
        strategy in prop_oneof![Just("priority"), Just("confidence")],
        text in "(urgent |rust |asap |x |one |two ){1,5}",
        subject in 0..DOMAINS.len(),
        share in 0.3f32..0.6,
    ) {
        let policy = load(&whole(&decisions, &projections, strategy));
        let text = format!("{text}!");
        let mut scorer = Fake { domains: vec![(DOMAINS[subject], share), (DOMAINS[(subject + 3) % 14], 0.35)], ..Fake::default() };
        let mut facts = base_facts(&policy, &text, &mut scorer);
        add_projections(&projections, &mut facts);
        scorer.calls = 0;
        let verdict = decide(&policy, &body("auto", &text), &mut scorer);
        prop_assert_eq!(verdict.decision, winner(&decisions, strategy, &facts));
        prop_assert!(scorer.calls <= 1);
        for projected in verdict.projections {
            for band in projected.bands {
                prop_assert!(facts[&format!("projection:{band}")].is_some(), "{}", band);
            }
        }
    }
}

/// A rule of one signal repeated at every level, deeper than any stack.
fn deep(depth: usize) -> Value {
    (0..depth).fold(leaf("keyword", "code"), |rule, _| {
        let mut group = json!({"operator": "NOT"});
        // `json!` would copy the rule, and so recurse.
        group["conditions"] = Value::Array(vec![rule]);
        group
    })
}

fn drop_deep(mut value: Value) {
    while let Some(inner) = value.pointer_mut("/conditions/0").map(Value::take) {
        value = inner;
    }
}

#[test]
fn rules_deeper_than_the_limit_are_an_error_and_no_overflow() {
    for depth in [32, 1_000, 200_000] {
        let mut document = document(json!([decision("d", 1, json!({}))]));
        document["routing"]["decisions"][0]["rules"] = deep(depth);
        let found = super::findings(&document);
        assert_eq!(found.len(), 1, "{depth}: {found:#?}");
        assert!(
            found[0].ends_with("is nested deeper than 32 conditions"),
            "{depth}: {found:?}"
        );
        drop_deep(document["routing"]["decisions"][0]["rules"].take());
    }
    let mut document = document(json!([decision("d", 1, deep(31))]));
    assert_eq!(super::findings(&document), [""; 0]);
    document["recipes"] =
        json!([{"name": "r", "routing": {"signals": {"keywords": [{"name": "code", "operator": "OR"}]}}}]);
    document["recipes"][0]["routing"]["signals"]["keywords"][0]["keywords"] = deep(200_000);
    document["routing"]["signals"]["keywords"][1]["keywords"] = deep(200_000);
    assert!(!super::findings(&document).is_empty());
    drop_deep(document["recipes"][0]["routing"]["signals"]["keywords"][0]["keywords"].take());
    drop_deep(document["routing"]["signals"]["keywords"][1]["keywords"].take());
}

#[test]
fn text_nested_too_deep_is_refused_before_it_becomes_a_value() {
    let rules = format!(
        "{}{}",
        r#"{"operator":"NOT","conditions":["#.repeat(100_000),
        "]}".repeat(100_000)
    );
    let json = document(json!([])).to_string().replace(
        r#""decisions":[]"#,
        &format!(r#""decisions":[{{"rules":{rules}}}]"#),
    );
    let Err(found) = Policy::from_json(json.as_bytes(), &mut Fake::default()) else {
        panic!()
    };
    assert!(found[0].message.contains("recursion limit"), "{found:?}");
}
