use serde_json::{Value, json};

use super::*;
use crate::config::report::Report;
use crate::{Api, Request};

fn tokens(api: Api, body: Value) -> u64 {
    let body = body.to_string();
    estimate::tokens(&Request::parse(api, body.as_bytes()).unwrap())
}

#[test]
fn a_request_is_estimated_from_the_lengths_of_its_parts() {
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let chat = |messages: Value| json!({"model": "m", "messages": messages});
    let with = |key: &str, value: Value| {
        let mut body = chat(user(json!("")));
        body[key] = value;
        body
    };
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAAAAAAAAAA"}});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}});
    let table = [
        // A turn is 4 tokens and 4 bytes of role.
        (chat(user(json!(""))), 4 + 1),
        (chat(user(json!("x".repeat(996)))), 4 + 250),
        (chat(user(json!("x".repeat(997)))), 4 + 251),
        (chat(user(json!("é\n\"中"))), 4 + 3),
        (
            chat(user(json!([{"type": "text", "text": "four"}, image]))),
            4 + 2 + 8192,
        ),
        (
            chat(json!([{"role": "system", "content": "four"}, {"role": "user", "content": "four"}])),
            8 + 5,
        ),
        (
            chat(json!([{"role": "assistant", "content": null, "tool_calls": [call]}])),
            4 + 8 + 20u64.div_ceil(4) + "\"{\\\"a\\\": 1}\"".len() as u64,
        ),
        (
            chat(json!([{"role": "tool", "tool_call_id": "c1", "content": "result"}])),
            4 + 8 + 2 + 8,
        ),
        (with("tools", json!([{"type": "x"}, {}])), 5 + 16 + 12 + 2),
        (with("max_tokens", json!(100)), 5 + 100),
        (with("max_tokens", json!(-1)), 5),
        (with("response_format", json!({"a": 1})), 5 + 7),
    ];
    for (body, expected) in table {
        assert_eq!(tokens(Api::ChatCompletions, body.clone()), expected, "{body}");
    }
}

#[test]
fn all_apis_are_estimated() {
    let anthropic = json!({"model": "m", "system": "four", "max_tokens": 7, "messages": [
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "four"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t2", "name": "f", "input": {"a": 1}}]},
    ]});
    let system = 4 + 6 + 4;
    let text = system + 4 + 2 + 9 + 2 + 8 + 1;
    assert_eq!(
        tokens(Api::Messages, anthropic),
        7 + 12 + 16 + u64::div_ceil(text - 4, 4) + 6 + 7
    );
    let responses = json!({"model": "m", "instructions": "four", "input": "four"});
    assert_eq!(
        tokens(Api::Responses, responses),
        8 + u64::div_ceil(6 + 4 + 4 + 4, 4)
    );
    let items = json!({"model": "m", "input": [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "four"},
    ]});
    assert_eq!(tokens(Api::Responses, items), 8 + 16 + 1 + 4 + 6);
    assert_eq!(
        tokens(Api::Completions, json!({"model": "m", "prompt": "four"})),
        4 + 2
    );
}

fn band(rule: Value) -> (Band, Vec<String>) {
    let report = Report::default();
    let mut rule = rule;
    rule["name"] = json!("b");
    let band = Band::read(
        Object::new("r".to_owned(), rule.as_object().unwrap(), &report),
        &mut BTreeSet::new(),
    );
    let found = report.into_sorted().iter().map(ToString::to_string).collect();
    (band, found)
}

#[test]
fn bands_are_numbers_or_thousands_or_millions() {
    let table = [
        (
            json!({"min_tokens": "32K", "max_tokens": "256k"}),
            32_000,
            256_000,
        ),
        (json!({"min_tokens": "0", "max_tokens": 999}), 0, 999),
        (json!({"max_tokens": "1.5M"}), 0, 1_500_000),
        (json!({"min_tokens": 1000.0, "max_tokens": ""}), 1000, u64::MAX),
    ];
    for (rule, min, max) in table {
        let (band, found) = band(rule.clone());
        assert_eq!((band.min, band.max, found), (min, max, vec![]), "{rule}");
    }
    let table = [
        (json!({}), "error: r.min_tokens: is missing, and so is max_tokens"),
        (
            json!({"min_tokens": "2K", "max_tokens": 100}),
            "error: r.min_tokens: is above max_tokens",
        ),
        (
            json!({"min_tokens": "many"}),
            "error: r.min_tokens: must be a number of tokens",
        ),
        (
            json!({"min_tokens": "NaN"}),
            "error: r.min_tokens: must be a number of tokens",
        ),
        (
            json!({"max_tokens": -1}),
            "error: r.max_tokens: must be a number of tokens",
        ),
        (
            json!({"max_tokens": [1]}),
            "error: r.max_tokens: must be a number of tokens",
        ),
    ];
    for (rule, expected) in table {
        let (_, found) = band(rule);
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
}
