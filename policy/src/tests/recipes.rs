use serde_json::{Value, json};

use super::{Fake, body, decide, decision, document, domain, keyword, load};
use crate::{Api, Context, Policy, Reason, Request, splice};

/// `auto` goes by the top-level routing, `fast` and `quick` by the recipe `fast`.
fn recipes() -> Value {
    let mut document = document(json!([decision("maths", 1, domain("math"))]));
    document["recipes"] = json!([{
        "name": "fast",
        "description": "no classifier",
        "routing": {
            "signals": {"keywords": [
                {"name": "code", "operator": "OR", "keywords": ["rust"]},
                {"name": "now", "operator": "OR", "keywords": ["now"]},
            ]},
            "decisions": [decision("coding", 1, keyword("code")), decision("pressing", 2, keyword("now"))],
        },
    }]);
    document["entrypoints"] = json!([{"recipe": "fast", "model_names": ["fast", " quick "]}]);
    document
}

#[test]
fn the_model_that_a_client_names_picks_the_recipe() {
    let table = [
        (
            "auto",
            "rust",
            Reason::Decision,
            Some("default"),
            Some("maths"),
            1,
        ),
        ("fast", "rust", Reason::Decision, Some("fast"), Some("coding"), 0),
        (
            "quick",
            "rust now",
            Reason::Decision,
            Some("fast"),
            Some("pressing"),
            0,
        ),
        ("fast", "x", Reason::Default, Some("fast"), None, 0),
        ("fast", " ", Reason::NoUserText, Some("fast"), None, 0),
        ("small", "rust", Reason::ExplicitModel, None, None, 0),
        ("slow", "rust", Reason::UnknownModel, None, None, 0),
    ];
    let policy = load(&recipes());
    assert_eq!(policy.decision_names(), ["maths", "pressing", "coding"]);
    for (model, text, reason, recipe, decision, calls) in table {
        let mut scorer = Fake::sure_of("math");
        let verdict = decide(&policy, &body(model, text), &mut scorer);
        let found = (
            verdict.reason,
            verdict.recipe.as_deref(),
            verdict.decision.as_deref(),
            scorer.calls,
        );
        assert_eq!(found, (reason, recipe, decision, calls), "{model} {text}");
        let headers = policy.response_headers(&verdict, false);
        let header = headers.iter().find(|(name, _)| *name == "x-vsr-selected-recipe");
        assert_eq!(header.map(|(_, value)| value.as_str()), recipe, "{model} {text}");
    }
}

#[test]
fn a_recipe_named_default_takes_the_place_of_the_top_level_routing() {
    let mut document = recipes();
    let routing = document["routing"].take();
    document["routing"] = json!({});
    document["recipes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "default", "routing": routing}));
    let verdict = decide(&load(&document), &body("auto", "x"), &mut Fake::sure_of("math"));
    assert_eq!(
        (verdict.recipe.as_deref(), verdict.decision.as_deref()),
        (Some("default"), Some("maths"))
    );
}

#[test]
fn without_recipes_there_is_none_to_tell() {
    let verdict = decide(
        &load(&document(json!([]))),
        &body("auto", "x"),
        &mut Fake::default(),
    );
    assert_eq!(verdict.recipe, None);
}

#[test]
fn a_recipe_may_have_a_strategy_of_its_own() {
    let mut document = document(json!([]));
    let decisions = json!([
        decision("prior", 9, keyword("urgent")),
        decision("sure", 1, keyword("code"))
    ]);
    document["recipes"] =
        json!([{"name": "r", "routing": {"strategy": "confidence", "decisions": decisions}}]);
    document["entrypoints"] = json!([{"recipe": "r", "model_names": ["m"]}]);
    let verdict = decide(&load(&document), &body("m", "rust asap"), &mut Fake::default());
    assert_eq!(verdict.decision.as_deref(), Some("sure"));
}

/// The verdict on a request that asks to be left alone, with the body after its edits.
fn skipping(enabled: bool, value: &'static str, model: &str) -> (Reason, String, String) {
    let mut document = recipes();
    document["global"]["router"] = json!({"skip_processing": {"enabled": enabled}});
    let policy: Policy = load(&document);
    let body = body(model, "rust");
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let headers = |name: &str| (name == "x-vsr-skip-processing").then(|| value.into());
    let context = Context {
        headers: &headers,
        ..Context::default()
    };
    let verdict = policy.decide(&request, &context, &mut Fake::sure_of("math"));
    let tells_reason_alone = policy.response_headers(&verdict, true).len() == 1;
    assert_eq!(tells_reason_alone, verdict.reason == Reason::SkippedByClient);
    let after = splice(body.as_bytes(), &verdict.edits);
    let after: Value = serde_json::from_slice(&after).unwrap();
    (
        verdict.reason,
        verdict.model,
        after["model"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn a_client_skips_routing_only_where_the_document_lets_it() {
    let table = [
        (true, "true", "auto", Reason::SkippedByClient, "auto", "auto"),
        (true, " TRUE", "large", Reason::SkippedByClient, "large", "large"),
        (true, "1", "auto", Reason::Decision, "large", "org/large-70b"),
        (false, "true", "auto", Reason::Decision, "large", "org/large-70b"),
    ];
    for (enabled, value, model, reason, routed, sent) in table {
        let expected = (reason, routed.to_owned(), sent.to_owned());
        assert_eq!(
            skipping(enabled, value, model),
            expected,
            "{enabled} {value} {model}"
        );
    }
}
