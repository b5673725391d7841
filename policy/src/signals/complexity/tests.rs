use serde_json::json;

use crate::tests::meaning::{matches, with};
use crate::tests::{Fake, body, findings, load};

#[test]
fn the_lead_of_the_hard_over_the_easy_examples_says_the_level() {
    let signals = json!([
        {"name": "c", "threshold": 0.2, "hard": {"candidates": ["prove the theorem"]},
         "easy": {"candidates": ["say the word"]}},
        {"name": "urgent_only", "threshold": 0.2, "hard": {"candidates": ["prove the theorem"]},
         "easy": {"candidates": ["say the word"]},
         "composer": {"operator": "OR", "conditions": [{"type": "keyword", "name": "urgent"}]}},
    ]);
    let policy = load(&with("complexity", signals, "complexity", "c:hard"));
    let table = [
        ("prove the theorem", vec!["c:hard=0.67"]),
        ("say the word", vec!["c:easy=0.67"]),
        ("the", vec!["c:medium=0.00"]),
        (
            "urgent",
            vec!["urgent=0.75", "c:medium=0.00", "urgent_only:medium=0.00"],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(
            matches(&policy, &body("auto", text), &mut Fake::default()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_trained_classifier_images_and_missing_signals_are_refused() {
    let signals = json!([{
        "name": "a:b", "method": "model", "hard": {"candidates": ["x"], "image_candidates": ["y"]},
        "composer": {"operator": "AND", "conditions": [{"type": "keyword", "name": "none"}]},
    }]);
    let found = findings(&with("complexity", signals, "complexity", "a:b:hard")).join("\n");
    for expected in [
        "complexity[0].name: must not have a `:`",
        "complexity[0].method: a classifier of one's own is not supported",
        "complexity[0].hard.image_candidates: images",
        "complexity[0].easy: is missing",
        "complexity[0].composer.conditions[0].name: there is no signal `none`",
    ] {
        assert!(found.contains(expected), "{expected} is not in:\n{found}");
    }
}
