use serde_json::{Value, json};

use super::{Fake, decision, document, domain, findings, keyword, load, shared_yaml};
use crate::Policy;

/// A good document, with the value at `pointer` set.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = document(json!([decision("d", 1, domain("math"))]));
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    if document.pointer(parent).is_none() {
        *ensure(&mut document, parent) = json!({});
    }
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

fn ensure<'d>(document: &'d mut Value, pointer: &str) -> &'d mut Value {
    pointer
        .split('/')
        .skip(1)
        .fold(document, |value, key| &mut value[key])
}

/// Each case is a value for a place in a good document, and what is found then.
#[test]
fn each_finding_has_its_path_and_is_one_line() {
    for case in include_str!("findings.txt").split("\n\n") {
        let (setting, expected) = case.trim().split_once('\n').unwrap();
        let (pointer, value) = setting.split_once(" = ").unwrap();
        let found = findings(&with(pointer, serde_json::from_str(value).unwrap()));
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
        assert!(found.iter().all(|line| !line.contains('\n')), "{found:#?}");
        if expected.starts_with("warning") {
            assert_eq!(found.len(), 1, "{setting}: {found:#?}");
        }
    }
}

#[test]
fn what_is_turned_off_is_passed_over() {
    let mut document = with(
        "/global/stores/response_cache",
        json!({"enabled": false, "backend_type": "memory"}),
    );
    document["global"]["router"] = json!({"clear_route_cache": true, "skip_processing": {"enabled": false}});
    document["listeners"] = json!([]);
    document["routing"]["decisions"][0]["plugins"] =
        json!([{"type": "system_prompt", "configuration": {"enabled": false, "system_prompt": "x"}}]);
    assert_eq!(findings(&document), [""; 0]);
}

#[test]
fn all_findings_come_at_once_and_errors_first() {
    let mut document = with("/listeners", json!([{}]));
    document["routing"]["strategy"] = json!(7);
    document["providers"]["models"][0]["colour"] = json!("red");
    let found = findings(&document);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].starts_with("error: ") && found[2].starts_with("warning: listeners"),
        "{found:#?}"
    );
}

#[test]
fn only_version_0_3_is_read() {
    let table = [
        (
            json!([]),
            "must be a vLLM Semantic Router v0.3 document, found a list",
        ),
        (json!({}), "found no `version` ("),
        (json!({"version": 0.3}), "found a number as `version`"),
        (
            json!({"version": "v0.1", "nonsense": 1}),
            "found `version` `v0.1`",
        ),
        (
            json!({"bert_model": {}, "categories": []}),
            "found no `version`, and `bert_model`, `categories` of the older flat schema",
        ),
    ];
    for (document, expected) in table {
        let found = findings(&document);
        assert!(
            matches!(found.as_slice(), [one] if one.contains(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
    let Err(found) = Policy::from_json(b"{", &mut Fake::default()) else {
        panic!()
    };
    assert!(found[0].message.starts_with("not JSON: "), "{found:?}");
}

#[test]
fn nesting_is_bounded() {
    let nest = |depth: usize| {
        (1..depth).fold(
            domain("math"),
            |rule, _| json!({"operator": "OR", "conditions": [rule]}),
        )
    };
    assert_eq!(findings(&document(json!([decision("d", 1, nest(32))]))), [""; 0]);
    let found = findings(&document(json!([decision("d", 1, nest(33))])));
    assert!(
        found[0].ends_with("is nested deeper than 32 conditions"),
        "{found:?}"
    );
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let Err(found) = Policy::from_json(deep.as_bytes(), &mut Fake::default()) else {
        panic!()
    };
    assert!(found[0].message.contains("recursion limit"), "{found:?}");
}

#[test]
fn whole_floats_are_accepted_as_a_protobuf_struct_has_no_integers() {
    let mut document = with(
        "/promptswitch/limits",
        json!({"max_tokens": 64.0, "max_body_bytes": 1024.0}),
    );
    document["routing"]["decisions"][0]["priority"] = json!(500.0);
    let limits = load(&document).settings().limits;
    assert_eq!((limits.max_tokens, limits.max_body_bytes), (64, 1024));
}

#[test]
fn ten_thousand_decisions_with_a_mistake_each_are_reported() {
    let decisions = (0..10_000).map(|i| {
        let mut decision = decision(
            &format!("d{i}"),
            i,
            json!({"operator": "AND", "conditions": [domain("math"), keyword("code")]}),
        );
        decision["descriptoin"] = json!("x".repeat(100));
        decision
    });
    let json = document(decisions.collect()).to_string();
    let Err(found) = Policy::from_json(json.as_bytes(), &mut Fake::default()) else {
        panic!()
    };
    assert_eq!(found.len(), 10_000);
}

#[test]
fn the_istio_guide_of_vsr_is_accepted_with_warnings() {
    let Some(document) = shared_yaml("istio/config.yaml") else {
        return;
    };
    let loaded =
        Policy::from_value(&document, &mut Fake::default()).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(
        (
            loaded.policy.model_names().len(),
            loaded.policy.decision_names().len()
        ),
        (2, 14)
    );
    let paths: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "global.services.api",
            "global.services.observability",
            "global.stores.memory",
            "global.stores.vector_store",
            "providers.models[0].backend_refs",
            "providers.models[1].backend_refs",
            "routing.decisions[4].modelRefs[0].use_reasoning",
            "routing.decisions[10].modelRefs[0].use_reasoning",
        ]
    );
}

#[test]
fn the_recipes_of_vsr_are_accepted() {
    for recipe in ["balance", "feedback", "knowledge", "privacy"] {
        let Some(document) = shared_yaml(&format!("probes/{recipe}/config.yaml")) else {
            return;
        };
        if let Err(found) = Policy::from_value(&document, &mut Fake::default()) {
            panic!("{recipe} is refused: {found:#?}");
        }
    }
}
