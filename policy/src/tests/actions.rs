//! What a decision does to a request, or instead of it.

mod all;
mod fast_response;
mod headers;
mod reasoning;
mod request_params;
mod response_cache;
mod system_prompt;
mod tools;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fake, body, decision, document, findings, load};
use crate::{Api, Cache, Context, HeaderChange, HeaderOperation, Policy, Reason, Request, Verdict, splice};

/// A document whose one decision always wins and has these plugins.
fn with(plugins: Value) -> Value {
    let mut document = document(json!([decision("d", 1, json!({}))]));
    document["routing"]["decisions"][0]["plugins"] = plugins;
    document
}

fn plugin(kind: &str, configuration: Value) -> Value {
    json!([{"type": kind, "configuration": configuration}])
}

fn judge(policy: &Policy, api: Api, body: &str, headers: &[(&str, &str)]) -> Verdict {
    let request = Request::parse(api, body.as_bytes()).unwrap();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_bytes().to_vec())
    };
    let context = Context {
        headers: &header,
        now_ms: 1_700_000_000_000,
        ..Context::default()
    };
    policy.decide(&request, &context, &mut Fake::default())
}

/// The body after the verdict's edits.
fn after(document: &Value, api: Api, body: &str) -> String {
    let verdict = judge(&load(document), api, body, &[]);
    String::from_utf8(splice(body.as_bytes(), &verdict.edits)).unwrap()
}

/// Checks the members of bodies beside their model and prompt: `(api, before, after)`.
fn check(document: &Value, table: &[(Api, &str, &str)]) {
    for (api, before, expected) in table {
        let prompt = match api {
            _ if before.contains(USER) || before.contains("\"input\"") => "\"x\":1".to_owned(),
            Api::ChatCompletions | Api::Messages => format!("\"messages\":[{USER}]"),
            Api::Completions => "\"prompt\":\"x\"".to_owned(),
            Api::Responses => "\"input\":\"x\"".to_owned(),
        };
        let whole = |model: &str, members: &str| format!(r#"{{"model":"{model}",{members},{prompt}}}"#);
        let before = whole("auto", before);
        assert_eq!(
            after(document, *api, &before),
            whole("org/large-70b", expected),
            "{before}"
        );
    }
}

const USER: &str = r#"{"role":"user","content":"x"}"#;
