//! `request_params`.

use super::*;

#[test]
fn parameters_are_blocked_and_capped() {
    let document = with(plugin(
        "request_params",
        json!({"blocked_params": ["logit_bias"], "max_tokens_limit": 100, "max_n": 2}),
    ));
    check(
        &document,
        &[
            (
                Api::ChatCompletions,
                r#""logit_bias":{"a":1},"max_tokens":101,"n":2"#,
                r#""max_tokens":100,"n":2"#,
            ),
            (
                Api::ChatCompletions,
                r#""a":[],"max_tokens":1e9,"n":3.5"#,
                r#""a":[],"max_tokens":100"#,
            ),
            (
                Api::ChatCompletions,
                r#""max_completion_tokens":1000,"n":"9""#,
                r#""max_completion_tokens":100,"n":"9""#,
            ),
            (
                Api::Responses,
                r#""max_output_tokens":99,"x":1"#,
                r#""max_output_tokens":99,"x":1"#,
            ),
            (
                Api::ChatCompletions,
                r#""max_tokens":1,"max_tokens":500,"x":1"#,
                r#""max_tokens":100,"max_tokens":100,"x":1"#,
            ),
        ],
    );
}

#[test]
fn unknown_parameters_are_stripped_but_not_what_the_decision_writes() {
    let mut document = with(plugin("request_params", json!({"strip_unknown": true})));
    document["providers"]["defaults"]["reasoning_families"] =
        json!({"q": {"type": "chat_template_kwargs", "parameter": "enable_thinking"}});
    document["providers"]["models"][1]["reasoning_family"] = json!("q");
    let body = r#"{"model":"auto","messages":[{"role":"user","content":"x"}],"top_k":5,"stream_options":{}}"#;
    let after: Value = serde_json::from_str(&after(&document, Api::ChatCompletions, body)).unwrap();
    assert_eq!(
        after,
        json!({
            "model": "org/large-70b", "messages": [{"role": "user", "content": "x"}], "stream_options": {},
            "chat_template_kwargs": {"enable_thinking": false},
        })
    );
}
