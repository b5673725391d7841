use serde_json::json;

use super::{Fake, body, decision, document, domain, keyword, load};
use crate::{Api, Context, Request, Tried};

#[test]
fn a_trace_computes_what_deciding_skips_and_says_what_each_decision_lacks() {
    let code = json!({"operator": "AND", "conditions": [keyword("code"), {"operator": "NOT", "conditions": [domain("law")]}]});
    let policy = load(&document(json!([
        decision("urgent", 3, keyword("urgent")),
        decision("code", 2, code),
        decision("law", 1, domain("law")),
    ])));
    let body = body("auto", "rust, and the law, asap");
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let mut scorer = Fake::sure_of("law");
    let trace = policy.trace(&request, &Context::default(), &mut scorer).unwrap();
    let tried = |name: &str, outcome: Result<f32, &str>| Tried {
        name: name.to_owned(),
        models: vec!["large".to_owned()],
        outcome: outcome.map_err(str::to_owned),
    };
    assert_eq!(
        trace.decisions,
        [
            tried("urgent", Ok(0.75)),
            tried("code", Err("domain law matches")),
            tried("law", Ok(0.95)),
        ]
    );
    let names: Vec<_> = trace.matched.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["urgent", "code", "law"]);
}

#[test]
fn nothing_is_traced_of_a_request_that_names_its_model() {
    let policy = load(&document(json!([decision("law", 1, domain("law"))])));
    let body = body("small", "the law");
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    let trace = policy.trace(&request, &Context::default(), &mut Fake::sure_of("law"));
    assert_eq!(trace, Ok(crate::Trace::default()));
}
