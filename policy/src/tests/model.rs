use serde_json::{Value, json};

use super::{Fake, body, decide, decision, document, domain, load};
use crate::{Api, Context, Reason, Request, splice};

/// The verdict's reason and model, and the body after its edits.
fn outcome(body: &str) -> (Reason, String, String) {
    let policy = load(&document(json!([decision("d", 1, domain("math"))])));
    let verdict = decide(&policy, body, &mut Fake::sure_of("math"));
    let after = splice(body.as_bytes(), &verdict.edits);
    (verdict.reason, verdict.model, String::from_utf8(after).unwrap())
}

#[test]
fn the_body_names_the_model_that_the_upstream_knows() {
    let tail = r#","messages":[{"role":"user","content":"x"}]}"#;
    let table = [
        (
            r#"{"model":"auto""#,
            Reason::Decision,
            "large",
            r#"{"model":"org/large-70b""#,
        ),
        (
            r#"{ "model" : "MoM" "#,
            Reason::Decision,
            "large",
            r#"{ "model" : "org/large-70b" "#,
        ),
        (
            r#"{"mod\u0065l":"\u0061uto""#,
            Reason::Decision,
            "large",
            r#"{"mod\u0065l":"org/large-70b""#,
        ),
        (
            r#"{"model":"Auto""#,
            Reason::UnknownModel,
            "Auto",
            r#"{"model":"Auto""#,
        ),
        (
            r#"{"model":"large""#,
            Reason::ExplicitModel,
            "large",
            r#"{"model":"org/large-70b""#,
        ),
        (
            r#"{"model":"org/large-70b""#,
            Reason::ExplicitModel,
            "large",
            r#"{"model":"org/large-70b""#,
        ),
        (
            r#"{"model":"small""#,
            Reason::ExplicitModel,
            "small",
            r#"{"model":"small""#,
        ),
        (
            r#"{"model":"gpt-4""#,
            Reason::UnknownModel,
            "gpt-4",
            r#"{"model":"gpt-4""#,
        ),
        (
            r#"{"model":"x\r\ny: z""#,
            Reason::UnknownModel,
            "small",
            r#"{"model":"x\r\ny: z""#,
        ),
        (
            r#"{"model":"模型""#,
            Reason::UnknownModel,
            "small",
            r#"{"model":"模型""#,
        ),
        (r#"{"model":"""#, Reason::UnknownModel, "small", r#"{"model":"""#),
        (
            r#"{"model":"gpt","model":"auto""#,
            Reason::Decision,
            "large",
            r#"{"model":"org/large-70b","model":"org/large-70b""#,
        ),
        (
            r#"{"model":"auto","model":"gpt""#,
            Reason::UnknownModel,
            "gpt",
            r#"{"model":"gpt","model":"gpt""#,
        ),
        (
            r#"{"model":["auto"],"model":"small""#,
            Reason::ExplicitModel,
            "small",
            r#"{"model":"small","model":"small""#,
        ),
    ];
    for (head, reason, model, after) in table {
        let expected = (reason, model.to_owned(), format!("{after}{tail}"));
        assert_eq!(outcome(&format!("{head}{tail}")), expected, "{head}");
    }
}

#[test]
fn a_written_model_name_is_escaped_as_json() {
    let mut document = document(json!([]));
    document["providers"]["models"][0]["provider_model_id"] = json!(r#"a"b\c"#);
    let body = body("auto", "x");
    let verdict = decide(&load(&document), &body, &mut Fake::default());
    let after: Value = serde_json::from_slice(&splice(body.as_bytes(), &verdict.edits)).unwrap();
    assert_eq!(after["model"], r#"a"b\c"#);
}

#[test]
fn an_unknown_model_that_is_too_long_gets_the_default_headers() {
    for (length, fits) in [(256, true), (257, false)] {
        let name = "m".repeat(length);
        let verdict = outcome(&body(&name, "x"));
        assert_eq!(verdict.1 == name, fits, "{length}");
    }
}

#[test]
fn without_user_text_or_classifier_the_default_model_answers() {
    let policy = load(&document(json!([decision("d", 1, domain("math"))])));
    let mut broken = Fake {
        fails: true,
        ..Fake::default()
    };
    let cases = [
        (body("auto", " "), Reason::NoUserText, None),
        (body("auto", "x"), Reason::ClassifierError, Some("out of order")),
    ];
    for (body, reason, error) in cases {
        let verdict = decide(&policy, &body, &mut broken);
        assert_eq!((verdict.reason, verdict.error.as_deref()), (reason, error));
        let after: Value = serde_json::from_slice(&splice(body.as_bytes(), &verdict.edits)).unwrap();
        assert_eq!(
            (verdict.model.as_str(), &after["model"]),
            ("small", &json!("small"))
        );
    }
    assert!(policy.fallback(Reason::BadJson).edits.is_empty());
}

#[test]
fn a_conversation_stays_on_one_of_several_models() {
    let mut document = document(json!([decision("d", 1, json!({}))]));
    document["routing"]["decisions"][0]["modelRefs"] =
        json!([{"model": "small", "weight": 1}, {"model": "large", "weight": 1}]);
    let policy = load(&document);
    let model = |sticky: Option<&str>, text: &str| {
        let body = body("auto", text);
        let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
        let headers = |name: &str| sticky.filter(|_| name == "x-session-id").map(|key| key.into());
        let context = Context {
            headers: &headers,
            ..Context::default()
        };
        policy.decide(&request, &context, &mut Fake::default()).model
    };
    let keys: Vec<_> = (0..64).map(|i| format!("session-{i}")).collect();
    for key in &keys {
        assert_eq!(model(Some(key), "a"), model(Some(key), "b"));
        assert_eq!(model(None, key), model(Some(key), "b"));
    }
    assert!(
        keys.iter()
            .any(|key| model(Some(key), "a") != model(Some(&keys[0]), "a")),
        "all on one model"
    );
    document["routing"]["decisions"][0]["modelRefs"] = json!([{"model": "large"}, {"model": "small"}]);
    let policy = load(&document);
    assert!(
        keys.iter()
            .all(|key| decide(&policy, &body("auto", key), &mut Fake::default()).model == "large")
    );
}
