use serde_json::{Value, json};

use crate::tests::meaning::{matches, with};
use crate::tests::{Fake, body, findings, load};

fn matched(config: Value, text: &str) -> Vec<String> {
    let mut document = with(
        "embeddings",
        json!([
            {"name": "ship", "threshold": 0.9, "candidates": ["where is my parcel", "track the parcel"]},
            {"name": "pay", "threshold": 0.95, "candidates": ["where is my refund"]},
            {"name": "other", "threshold": 0.2, "candidates": ["tell me a joke"]},
        ]),
        "embedding",
        "ship",
    );
    document["global"]["model_catalog"]["embeddings"]["semantic"]["embedding_config"] = config;
    matches(&load(&document), &body("auto", text), &mut Fake::default())
}

#[test]
fn the_best_of_those_that_reach_their_thresholds_match_and_without_any_those_above_the_lower_one() {
    let table = [
        // 0.75 x 1 + 0.25 x (1 + 1 / sqrt(12)) / 2: the second example shares a word.
        (json!({}), "where is my parcel", vec!["ship=0.91"]),
        (json!({"top_k": 0}), "where is my parcel", vec!["ship=0.91"]),
        (json!({}), "where is my", vec!["pay=0.87"]),
        (json!({"top_k": 0}), "where is my", vec!["ship=0.76", "pay=0.87"]),
        (json!({"enable_soft_matching": false}), "where is my", vec![]),
        (
            json!({"min_score_threshold": 0.8, "top_k": 0}),
            "where is my",
            vec!["pay=0.87"],
        ),
        (
            json!({"prototype_scoring": {"best_weight": 1}}),
            "where is my parcel",
            vec!["ship=1.00"],
        ),
        (json!({}), "zebra", vec![]),
    ];
    for (config, text, expected) in table {
        assert_eq!(matched(config.clone(), text), expected, "{config} {text}");
    }
}

#[test]
fn what_cannot_be_embedded_or_compared_is_refused_by_path() {
    let document = with(
        "embeddings",
        json!([{
            "name": "a", "candidates": ["x", ""], "query_modality": "image", "image_candidates": ["u"],
            "negative_candidates": ["n"], "aggregation_method": "median",
        }, {"name": "b", "threshold": 1.5, "candidates": []}]),
        "embedding",
        "a",
    );
    let found = findings(&document).join("\n");
    for expected in [
        "embeddings[0].threshold: is missing",
        "embeddings[0].candidates[1]: is empty",
        "embeddings[0].query_modality: only text",
        "embeddings[0].image_candidates: images are not embedded",
        "embeddings[0].negative_candidates: is not supported",
        "embeddings[0].aggregation_method: must be one of",
        "embeddings[1].threshold: must be 0 to 1",
        "embeddings[1].candidates: lists no example",
    ] {
        assert!(found.contains(expected), "{expected} is not in:\n{found}");
    }
}
