use serde_json::{Value, json};

use super::*;
use crate::Api;
use crate::config::report::Report;

fn read(rule: &Value) -> (MetadataRule, Vec<String>) {
    let report = Report::default();
    let object = Object::new("r".to_owned(), rule.as_object().unwrap(), &report);
    let rule = MetadataRule::read(object, &mut BTreeSet::new());
    (
        rule,
        report.into_sorted().iter().map(ToString::to_string).collect(),
    )
}

fn matches(predicate: &Value, metadata: &Value) -> bool {
    let (rule, found) = read(&json!({"name": "m", "key": "tier", "predicate": predicate}));
    assert_eq!(found, [""; 0], "{predicate}");
    let body = json!({"model": "m", "metadata": metadata}).to_string();
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    rule.matches(&entries(&request))
}

#[test]
fn a_key_is_compared_as_a_string() {
    let gold = json!({"tier": "gold", "other": "x"});
    let table = [
        (json!({"equals": "gold"}), gold.clone(), true),
        (json!({"equals": "Gold"}), gold.clone(), false),
        (json!({"equals": ""}), json!({"tier": ""}), true),
        (json!({"in": ["silver", "gold"]}), gold.clone(), true),
        (json!({"in": ["silver"]}), gold.clone(), false),
        (json!({"exists": true}), gold.clone(), true),
        (json!({"exists": false}), gold, false),
        (json!({"exists": false}), json!({"other": "x"}), true),
        (json!({"exists": true}), json!({"tier": 1}), false),
        (json!({"exists": true}), json!("tier"), false),
        (json!({"exists": true}), json!(null), false),
        (json!({"exists": true}), json!({"tier": "x".repeat(1024)}), true),
        (json!({"exists": true}), json!({"tier": "x".repeat(1025)}), false),
    ];
    for (predicate, metadata, expected) in table {
        assert_eq!(matches(&predicate, &metadata), expected, "{predicate} {metadata}");
    }
    let mut many: serde_json::Map<_, _> = (0..31).map(|i| (format!("k{i:02}"), json!("x"))).collect();
    many.insert("tier".to_owned(), json!("gold"));
    assert!(matches(&json!({"exists": true}), &json!(many)));
    many.shift_remove("tier");
    many.extend([("k".to_owned(), json!("x")), ("tier".to_owned(), json!("gold"))]);
    assert!(!matches(&json!({"exists": true}), &json!(many)));
}

#[test]
fn exactly_one_comparison_is_needed() {
    let table = [
        (
            json!({"name": "m", "key": "k"}),
            "error: r.predicate: needs one of",
        ),
        (
            json!({"name": "m", "key": "k", "predicate": {"in": []}}),
            "error: r.predicate: needs one of",
        ),
        (
            json!({"name": "m", "key": "k", "predicate": {"equals": "a", "exists": true}}),
            "error: r.predicate: needs one of",
        ),
        (
            json!({"name": "m", "predicate": {"exists": true}}),
            "error: r.key: is missing",
        ),
        (
            json!({"name": "m", "key": "k", "predicate": {"equal": "a"}}),
            "error: r.predicate.equal: unknown key",
        ),
        (
            json!({"name": "m", "key": "k", "predicate": {"in": ["x".repeat(1025)]}}),
            "error: r.predicate: has a value longer",
        ),
    ];
    for (rule, expected) in table {
        let (_, found) = read(&rule);
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
}
