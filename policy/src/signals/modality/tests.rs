use serde_json::{Value, json};

use crate::tests::{Fake, body, decide, document, findings, load};

fn with(detector: Value) -> Value {
    let decision = |name: &str| json!({"name": name, "priority": 1, "rules": {"type": "modality", "name": name}, "modelRefs": [{"model": "large"}]});
    let names = ["AR", "DIFFUSION", "BOTH"];
    let mut document = document(json!(names.map(decision)));
    document["routing"]["signals"]["modality"] = json!(names.map(|name| json!({"name": name})));
    document["global"] = json!({"model_catalog": {"modules": {"modality_detector": detector}}});
    document
}

#[test]
fn keywords_tell_what_is_asked_for() {
    let policy = load(&with(json!({
        "enabled": true, "method": "keyword",
        "keywords": ["draw", "picture of"], "both_keywords": ["and explain"],
    })));
    let table = [
        ("what is the time", "AR"),
        ("Drawing a cat", "DIFFUSION"),
        ("a PICTURE OF a cat and explain it", "BOTH"),
        ("sing and explain", "AR"),
    ];
    for (text, decision) in table {
        let verdict = decide(&policy, &body("auto", text), &mut Fake::default());
        assert_eq!(verdict.decision.as_deref(), Some(decision), "{text}");
    }
}

#[test]
fn what_keywords_cannot_do_is_said() {
    let path = "global.model_catalog.modules.modality_detector";
    let table = [
        (
            json!({"enabled": true, "method": "classifier", "classifier": {"model_path": "m"}}),
            format!("error: {path}.method: there is no classifier"),
        ),
        (
            json!({"enabled": true, "method": "hybrid", "keywords": ["draw"]}),
            format!("warning: {path}.method: the keywords alone"),
        ),
        (
            json!({"enabled": true, "method": "keyword"}),
            format!("error: {path}.keywords: must be words"),
        ),
        (
            json!({"enabled": true, "keywords": ["draw"]}),
            format!("error: {path}.method: is missing"),
        ),
        (
            json!({"enabled": false}),
            "warning: routing.signals.modality[0].name: never matches".to_owned(),
        ),
    ];
    for (detector, expected) in table {
        let found = findings(&with(detector));
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
    let mut document = with(json!({"enabled": true, "method": "keyword", "keywords": ["draw"]}));
    document["routing"]["signals"]["modality"][0]["name"] = json!("VIDEO");
    let found = findings(&document);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("error: routing.signals.modality[0].name: must be one of AR,")),
        "{found:#?}"
    );
}
