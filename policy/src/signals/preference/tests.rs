use serde_json::json;

use crate::tests::meaning::{matches, with};
use crate::tests::{Fake, body, findings, load};

#[test]
fn only_the_nearest_preference_matches_and_only_if_it_is_near_enough() {
    let signals = json!([
        {"name": "brief", "threshold": 0.5, "examples": ["keep it short"]},
        {"name": "deep", "threshold": 0.5, "description": "explain it in depth"},
    ]);
    let mut document = with("preferences", signals, "preference", "brief");
    let policy = load(&document);
    let table = [
        ("keep it short", vec!["brief=1.00"]),
        ("explain it in depth", vec!["deep=1.00"]),
        ("zebra", vec![]),
    ];
    for (text, expected) in table {
        assert_eq!(
            matches(&policy, &body("auto", text), &mut Fake::default()),
            expected,
            "{text}"
        );
    }
    document["global"]["model_catalog"]["modules"]["classifier"]["preference"] =
        json!({"prototype_scoring": {"margin_threshold": 0.9}});
    let found = matches(
        &load(&document),
        &body("auto", "keep it short"),
        &mut Fake::default(),
    );
    assert_eq!(found, [""; 0], "the lead is less than 0.9");
}

#[test]
fn asking_another_model_is_refused() {
    let mut document = with("preferences", json!([{"name": "a"}]), "preference", "a");
    document["global"]["model_catalog"]["modules"]["classifier"]["preference"] =
        json!({"use_contrastive": false});
    let found = findings(&document).join("\n");
    assert!(
        found.contains("preference.use_contrastive: asking another model is not supported"),
        "{found}"
    );
    assert!(
        found.contains("preferences[0].examples: lists no example"),
        "{found}"
    );
}
