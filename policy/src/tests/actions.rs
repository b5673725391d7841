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

#[test]
fn a_system_prompt_is_inserted_before_what_is_there() {
    let document = with(plugin(
        "system_prompt",
        json!({"mode": "insert", "system_prompt": "Be \"brief\"."}),
    ));
    let message = r#"{"role":"system","content":"Be \"brief\"."}"#;
    let chat = |before: &str, expected: &str| {
        let body = |messages: &str| format!(r#""messages":[{messages}]"#);
        check(
            &document,
            &[(Api::ChatCompletions, &body(before), &body(expected))],
        );
    };
    chat(USER, &format!("{message},{USER}"));
    chat(
        &format!(r#" {{ "content" : "old\n" , "role":"system"}} , {USER}"#),
        &format!(r#" {{ "content" : "Be \"brief\".\n\nold\n" , "role":"system"}} , {USER}"#),
    );
    chat(
        &format!(r#"{{"role":"system","content":[{{"type":"text","text":"old"}}]}},{USER}"#),
        &format!(
            r#"{{"role":"system","content":[{{"type":"text","text":"Be \"brief\"."}},{{"type":"text","text":"old"}}]}},{USER}"#
        ),
    );
    chat(
        &format!(r#"{{"role":"system"}},{USER}"#),
        &format!("{message},{USER}"),
    );
    let later = format!(r#"{USER},{{"role":"system","content":"y"}}"#);
    chat(&later, &format!("{message},{later}"));
    let other = [
        (
            Api::Messages,
            r#""system":"old","messages":[{"role":"user","content":"x"}]"#,
            r#""system":"Be \"brief\".\n\nold","messages":[{"role":"user","content":"x"}]"#,
        ),
        (
            Api::Messages,
            r#""system":[],"messages":[{"role":"user","content":"x"}]"#,
            r#""system":[{"type":"text","text":"Be \"brief\"."}],"messages":[{"role":"user","content":"x"}]"#,
        ),
        (
            Api::Responses,
            r#""input":"x","instructions":null"#,
            r#""input":"x","instructions":"Be \"brief\".""#,
        ),
        (
            Api::Responses,
            r#""input":"x","instructions":"old""#,
            r#""input":"x","instructions":"Be \"brief\".\n\nold""#,
        ),
        (Api::Completions, r#""x":1"#, r#""x":1"#),
    ];
    check(&document, &other);
}

#[test]
fn a_system_prompt_that_replaces_leaves_one() {
    let document = with(plugin("system_prompt", json!({"system_prompt": "new"})));
    let message = r#"{"role":"system","content":"new"}"#;
    let table = [
        format!(r#"{{"role":"system","content":"old","name":"n"}},{USER}"#),
        USER.to_owned(),
    ];
    for before in table {
        let expected = format!(r#"{{"model":"org/large-70b","messages":[{message},{USER}]}}"#);
        let body = format!(r#"{{"model":"auto","messages":[{before}]}}"#);
        assert_eq!(after(&document, Api::ChatCompletions, &body), expected);
    }
    let body = r#"{"model":"auto","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(
        after(&document, Api::Messages, body),
        r#"{"system":"new","model":"org/large-70b","messages":[{"role":"user","content":"x"}]}"#
    );
}

#[test]
fn a_second_list_of_messages_cannot_evade_the_system_prompt() {
    let document = with(plugin("system_prompt", json!({"system_prompt": "new"})));
    let body = r#"{"messages":[{"role":"user","content":"evil"}],"model":"auto","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(
        after(&document, Api::ChatCompletions, body),
        r#"{"model":"org/large-70b","messages":[{"role":"system","content":"new"},{"role":"user","content":"x"}]}"#
    );
}

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

#[test]
fn thinking_is_switched_by_the_fields_of_the_family() {
    let kwargs = |value: Value| json!({"chat_template_kwargs": value});
    let flag = json!({"type": "chat_template_kwargs", "parameter": "thinking"});
    let effort = json!({"type": "reasoning_effort", "parameter": "reasoning_effort"});
    let top = json!({"type": "top_level_reasoning_effort", "parameter": "reasoning_effort"});
    let deepseek = json!({"type": "deepseek"});
    let client =
        json!({"reasoning_effort": "max", "chat_template_kwargs": {"a": 1, "reasoning_effort": "x"}});
    let table = [
        (
            &flag,
            None,
            json!({}),
            json!(true),
            kwargs(json!({"thinking": true})),
        ),
        (
            &flag,
            None,
            json!({"reasoning_effort": "low"}),
            json!(false),
            kwargs(json!({"thinking": false})),
        ),
        (
            &flag,
            None,
            kwargs(json!({"a": [1], "thinking": 7})),
            json!(null),
            kwargs(json!({"a": [1], "thinking": false})),
        ),
        (
            &flag,
            None,
            kwargs(json!("odd")),
            json!(true),
            kwargs(json!({"thinking": true})),
        ),
        (
            &effort,
            None,
            json!({}),
            json!(true),
            kwargs(json!({"reasoning_effort": "high"})),
        ),
        (
            &effort,
            None,
            client.clone(),
            json!(false),
            kwargs(json!({"a": 1, "reasoning_effort": "max"})),
        ),
        (
            &effort,
            None,
            json!({}),
            json!(false),
            kwargs(json!({"reasoning_effort": "low"})),
        ),
        (
            &effort,
            Some("https://api.openai.com/v1"),
            client.clone(),
            json!(true),
            json!({"reasoning_effort": "high", "chat_template_kwargs": {"a": 1}}),
        ),
        (
            &top,
            None,
            client.clone(),
            json!(true),
            json!({"reasoning_effort": "high", "chat_template_kwargs": {"a": 1}}),
        ),
        (
            &top,
            None,
            kwargs(json!({"reasoning_effort": "x"})),
            json!(false),
            json!({}),
        ),
        (
            &top,
            None,
            json!({"reasoning_effort": "max"}),
            json!(false),
            json!({"reasoning_effort": "max"}),
        ),
        (
            &deepseek,
            None,
            client.clone(),
            json!(true),
            json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ),
        (
            &flag,
            Some("https://api.deepseek.com"),
            client,
            json!(false),
            json!({"thinking": {"type": "disabled"}}),
        ),
    ];
    for (family, url, before, on, expected) in table {
        let mut document = with(json!([]));
        document["providers"]["defaults"]["reasoning_families"] = json!({"f": family});
        document["providers"]["models"][1]["reasoning_family"] = json!("f");
        document["providers"]["models"][1]["backend_refs"] = json!([{"base_url": url}]);
        document["routing"]["decisions"][0]["modelRefs"] =
            json!([{"model": "large", "use_reasoning": on, "reasoning_effort": "high"}]);
        let mut body = json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut()
            .unwrap()
            .extend(before.as_object().unwrap().clone());
        let found = after(&document, Api::ChatCompletions, &body.to_string());
        let mut found: Value = serde_json::from_str(&found).unwrap();
        found
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !matches!(key.as_str(), "model" | "messages"));
        assert_eq!(found, expected, "{family} {url:?} {before} {on}");
    }
}

#[test]
fn the_effort_is_the_references_else_the_default_else_medium() {
    for (own, default, expected) in [
        (Some("high"), Some("low"), "high"),
        (None, Some("low"), "low"),
        (None, None, "medium"),
    ] {
        let mut document = with(json!([]));
        document["providers"]["defaults"]["reasoning_families"] =
            json!({"f": {"type": "top_level_reasoning_effort"}});
        document["providers"]["defaults"]["default_reasoning_effort"] = json!(default);
        document["providers"]["models"][1]["reasoning_family"] = json!("f");
        document["routing"]["decisions"][0]["modelRefs"] =
            json!([{"model": "large", "use_reasoning": true, "reasoning_effort": own}]);
        let after: Value =
            serde_json::from_str(&after(&document, Api::ChatCompletions, &body("auto", "x"))).unwrap();
        assert_eq!(after["reasoning_effort"], expected);
        let responses = r#"{"model":"auto","input":"x","reasoning":{"summary":"auto"}}"#;
        let after: Value = serde_json::from_str(&self::after(&document, Api::Responses, responses)).unwrap();
        assert_eq!(after["reasoning"], json!({"summary": "auto", "effort": expected}));
    }
}

fn tool(name: &str) -> String {
    format!(r#"{{"type":"function","function":{{"name":"{name}"}}}}"#)
}

#[test]
fn tools_are_filtered_by_name() {
    let (a, b, c) = (tool("a"), tool("b"), tool("c"));
    let allow = with(plugin(
        "tools",
        json!({"enabled": true, "mode": "filtered", "allow_tools": ["a", "b"], "block_tools": ["b"]}),
    ));
    let block = with(plugin(
        "tools",
        json!({"enabled": true, "mode": "filtered", "block_tools": ["b"]}),
    ));
    let none = with(plugin("tools", json!({"enabled": true, "mode": "none"})));
    let pass = with(plugin("tools", json!({"enabled": true, "mode": "passthrough"})));
    let all = format!(r#""tools":[ {a} , {b},{c} ],"tool_choice":"required","x":1"#);
    let named = format!(r#""tools":[{a},{b}],"tool_choice":{b},"parallel_tool_calls":true,"x":1"#);
    let chat = |document: &Value, before: &str, expected: &str| {
        check(document, &[(Api::ChatCompletions, before, expected)])
    };
    chat(
        &allow,
        &all,
        &format!(r#""tools":[ {a} ],"tool_choice":"required","x":1"#),
    );
    chat(
        &block,
        &all,
        &format!(r#""tools":[ {a},{c} ],"tool_choice":"required","x":1"#),
    );
    chat(&none, &all, r#""x":1"#);
    chat(&pass, &all, &all);
    chat(
        &allow,
        &named,
        &format!(r#""tools":[{a}],"parallel_tool_calls":true,"x":1"#),
    );
    chat(
        &allow,
        &format!(r#""tools":[{b},{c}],"tool_choice":"auto","x":1"#),
        r#""x":1"#,
    );
    chat(&allow, r#""tools":{"0":1},"x":1"#, r#""x":1"#);
    chat(
        &none,
        r#""functions":[{"name":"a"}],"function_call":"auto","x":1"#,
        r#""x":1"#,
    );
    chat(
        &block,
        r#""functions":[{"name":"a"},{"name":"b"}],"function_call":{"name":"b"},"x":1"#,
        r#""functions":[{"name":"a"}],"x":1"#,
    );
    chat(
        &block,
        &format!(r#""tools":[{b}],"tools":[{a}]"#),
        &format!(r#""tools":[{a}]"#),
    );
    let twice = r#"{"name":"a","name":"b"}"#;
    check(
        &allow,
        &[
            (
                Api::Messages,
                &format!(r#""tools":[{{"name":"a"}},{{"name":"c"}},{twice}],"tool_choice":{{"type":"any"}}"#),
                r#""tools":[{"name":"a"}],"tool_choice":{"type":"any"}"#,
            ),
            (
                Api::Responses,
                r#""tools":[{"type":"function","name":"a"},{"type":"web_search"}],"x":1"#,
                r#""tools":[{"type":"function","name":"a"}],"x":1"#,
            ),
        ],
    );
}

#[test]
fn earlier_tool_calls_are_stripped() {
    let document = with(plugin(
        "tools",
        json!({"enabled": true, "mode": "none", "strip_tool_history": true}),
    ));
    let call = r#""tool_calls":[{"id":"1"}]"#;
    let chat = format!(
        r#"[{USER},{{"role":"assistant","content":null,{call}}}, {{"role":"tool","content":"r"}},{{"role":"assistant","content":"so",{call}}},{USER}]"#
    );
    let claude = r#"[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"text","text":"t"},{"type":"tool_use","id":"1"}]},{"role":"user","content":[{"type":"tool_result","content":"r"}]},{"role":"user","content":[{"type":"text","text":"y"}]}]"#;
    let table = [
        (
            Api::ChatCompletions,
            "messages",
            chat.as_str(),
            format!(r#"[{USER},{{"role":"assistant","content":"so"}},{USER}]"#),
        ),
        (
            Api::Messages,
            "messages",
            claude,
            r#"[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"text","text":"t"}]},{"role":"user","content":[{"type":"text","text":"y"}]}]"#
                .to_owned(),
        ),
        (
            Api::Responses,
            "input",
            r#"[{"role":"user","content":"x"},{"type":"function_call","name":"f"},{"type":"function_call_output","output":"r"}]"#,
            r#"[{"role":"user","content":"x"}]"#.to_owned(),
        ),
        (Api::Responses, "input", r#""x""#, r#""x""#.to_owned()),
    ];
    for (api, key, before, expected) in table {
        let body = |model: &str, value: &str| format!(r#"{{"model":"{model}","{key}":{value}}}"#);
        assert_eq!(
            after(&document, api, &body("auto", before)),
            body("org/large-70b", &expected)
        );
    }
}

#[test]
fn an_adapter_that_a_client_names_is_routed_as_its_model_and_keeps_its_name() {
    let mut document = with(json!([]));
    document["routing"]["modelCards"] = json!([{"name": "large", "loras": [{"name": "law-expert"}]}]);
    let sent = body("law-expert", "x");
    let verdict = judge(&load(&document), Api::ChatCompletions, &sent, &[]);
    assert_eq!(verdict.reason, Reason::ExplicitModel);
    assert_eq!(
        (verdict.model.as_str(), verdict.upstream_model.as_str()),
        ("large", "law-expert")
    );
    assert_eq!(after(&document, Api::ChatCompletions, &sent), sent);
    let verdict = judge(&load(&document), Api::ChatCompletions, &body("cooking", "x"), &[]);
    assert_eq!(verdict.reason, Reason::UnknownModel);
}

#[test]
fn an_adapter_answers_in_the_place_of_its_model() {
    let mut document = with(json!([]));
    document["routing"]["decisions"][0]["modelRefs"] = json!([{"model": "large", "lora_name": "law-expert"}]);
    let verdict = judge(&load(&document), Api::ChatCompletions, &body("auto", "x"), &[]);
    assert_eq!(
        (verdict.model.as_str(), verdict.upstream_model.as_str()),
        ("large", "law-expert")
    );
    assert!(
        after(&document, Api::ChatCompletions, &body("auto", "x")).starts_with(r#"{"model":"law-expert""#)
    );
    document["routing"]["modelCards"] =
        json!([{"name": "large", "loras": [{"name": "law-expert", "description": "d"}]}]);
    assert_eq!(findings(&document), [""; 0]);
    document["routing"]["modelCards"][0]["loras"][0]["name"] = json!("cooking");
    assert_eq!(
        findings(&document),
        [
            "error: routing.decisions[0].modelRefs[0].lora_name: `law-expert` is not among the loras of the model's card"
        ]
    );
}

#[test]
fn headers_and_hints_are_in_the_verdict() {
    let mut document = with(plugin(
        "header_mutation",
        json!({
            "add": [{"name": "X-Lane", "value": "a"}], "update": [{"name": "x-source", "value": "b"}], "delete": ["X-Old"],
        }),
    ));
    document["routing"]["decisions"][0]["emits"] = json!([{"kind": "retention", "retention": {"drop": false, "ttl_turns": 3, "prefer_prefix_retention": true}}]);
    let policy = load(&document);
    let verdict = judge(&policy, Api::ChatCompletions, &body("auto", "x"), &[]);
    let change = |name: &str, operation| HeaderChange {
        name: name.to_owned(),
        operation,
    };
    assert_eq!(
        verdict.headers,
        [
            change("x-lane", HeaderOperation::Append("a".to_owned())),
            change("x-source", HeaderOperation::Set("b".to_owned())),
            change("x-old", HeaderOperation::Remove),
        ]
    );
    assert_eq!(
        (verdict.plugins.as_slice(), verdict.algorithm, verdict.reasoning),
        (["header_mutation"].as_slice(), "static", Some(false))
    );
    let debug = policy.response_headers(&verdict, true);
    for expected in [
        ("x-vsr-retention-drop", "false"),
        ("x-vsr-retention-ttl-turns", "3"),
        ("x-vsr-retention-prefer-prefix", "true"),
    ] {
        assert!(debug.contains(&(expected.0, expected.1.to_owned())), "{debug:?}");
    }
    let plain = policy.response_headers(&verdict, false);
    assert!(
        plain.iter().all(|(name, _)| !name.starts_with("x-vsr-retention")),
        "{plain:?}"
    );
}

#[test]
fn a_fast_response_speaks_the_clients_api() {
    let mut document = with(plugin("fast_response", json!({"message": "No."})));
    document["routing"]["decisions"][0]["modelRefs"] = json!([]);
    assert_eq!(findings(&document), [""; 0]);
    let policy = load(&document);
    let table = [
        (
            Api::ChatCompletions,
            r#""messages":[{"role":"user","content":"x"}]"#,
            "/choices/0/message/content",
            "/choices/0/delta/content",
        ),
        (
            Api::Completions,
            r#""prompt":"x""#,
            "/choices/0/text",
            "/choices/0/text",
        ),
        (
            Api::Responses,
            r#""input":"x""#,
            "/output/0/content/0/text",
            "/delta",
        ),
        (
            Api::Messages,
            r#""messages":[{"role":"user","content":"x"}]"#,
            "/content/0/text",
            "/delta/text",
        ),
    ];
    for (api, prompt, whole, part) in table {
        let verdict = judge(&policy, api, &format!(r#"{{"model":"auto",{prompt}}}"#), &[]);
        assert_eq!(
            (verdict.reason, verdict.decision.as_deref()),
            (Reason::FastResponse, Some("d"))
        );
        let reply = verdict.reply.unwrap();
        assert_eq!(
            (reply.status, reply.content_type.as_str()),
            (200, "application/json")
        );
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(answer.pointer(whole).unwrap(), "No.", "{api:?}");
        let verdict = judge(
            &policy,
            api,
            &format!(r#"{{"stream":true,"model":"auto",{prompt}}}"#),
            &[],
        );
        let reply = verdict.reply.unwrap();
        assert_eq!(reply.content_type, "text/event-stream");
        let text = String::from_utf8(reply.body).unwrap();
        let events = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let parts = events.filter_map(|event| Some(event.pointer(part)?.as_str()?.to_owned()));
        assert_eq!(parts.collect::<String>(), "No.", "{api:?}");
        let end = if matches!(api, Api::ChatCompletions | Api::Completions) {
            "data: [DONE]\n\n"
        } else {
            "}\n\n"
        };
        assert!(text.ends_with(end), "{text}");
    }
}

#[test]
fn a_fast_response_can_be_an_error() {
    let error = json!({"status": 403, "code": "blocked", "message": "Not here."});
    let policy = load(&with(plugin("fast_response", json!({"error": error}))));
    let verdict = judge(
        &policy,
        Api::ChatCompletions,
        r#"{"stream":true,"model":"auto","messages":[{"role":"user","content":"x"}]}"#,
        &[],
    );
    let headers = policy.response_headers(&verdict, false);
    for expected in [
        ("x-promptswitch-reason", "fast_response"),
        ("x-vsr-response-path", "fast_response"),
        ("x-vsr-selected-decision", "d"),
    ] {
        assert!(
            headers.contains(&(expected.0, expected.1.to_owned())),
            "{headers:?}"
        );
    }
    let reply = verdict.reply.unwrap();
    assert_eq!(reply.status, 403);
    assert_eq!(
        serde_json::from_slice::<Value>(&reply.body).unwrap(),
        json!({"error": {"message": "Not here.", "type": "permission_error", "param": null, "code": "blocked"}})
    );
    let reply = judge(&policy, Api::Messages, &body("auto", "x"), &[])
        .reply
        .unwrap();
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("permission_error"))
    );
}

#[test]
fn an_answer_is_shared_by_equal_requests_of_one_user_alone() {
    let policy = load(&with(plugin(
        "response_cache",
        json!({"enabled": true, "mode": "exact", "ttl_seconds": 10}),
    )));
    let key = |body: &str, user: &str| {
        let verdict = judge(&policy, Api::ChatCompletions, body, &[("x-authz-user-id", user)]);
        verdict.cache.map(|plan| plan.key)
    };
    let one = r#"{"model":"auto","messages":[{"role":"user","content":"a b"}],"temperature":0}"#;
    let same = r#"{ "stream":true,"temperature" : 0,"stream_options":{"include_usage":true}, "messages":[ {"role":"user","content":"a b"}],"model":"MoM" }"#;
    let others = [
        r#"{"model":"auto","messages":[{"role":"user","content":"ab"}],"temperature":0}"#,
        r#"{"model":"auto","messages":[{"role":"user","content":"a b"}],"temperature":1}"#,
        r#"{"model":"auto","messages":[{"role":"user","content":"a b"}],"temperature":0,"tools":[]}"#,
    ];
    assert!(key(one, "ann").is_some());
    assert_eq!(key(one, "ann"), key(same, "ann"));
    assert_ne!(key(one, "ann"), key(one, "bob"));
    assert_eq!(key(one, ""), None);
    for other in others {
        assert_ne!(key(one, "ann"), key(other, "ann"), "{other}");
    }
    let anonymous = judge(&policy, Api::ChatCompletions, one, &[]);
    assert_eq!((anonymous.reason, anonymous.cache), (Reason::Decision, None));
}

#[test]
fn requests_control_their_caching_where_the_plugin_allows_it() {
    let plan = |controls: Value, header: &str| {
        let configuration = json!({"enabled": true, "mode": "exact", "scope": "global", "ttl_seconds": 60, "request_controls": controls});
        let policy = load(&with(plugin("response_cache", configuration)));
        let verdict = judge(
            &policy,
            Api::ChatCompletions,
            &body("auto", "x"),
            &[("x-vsr-cache-control", header)],
        );
        verdict
            .cache
            .map(|plan| (plan.read, plan.write, plan.ttl_ms, plan.max_age_ms))
    };
    let on = json!({"enabled": true});
    let more = json!({"enabled": true, "allowed": ["max-age", "ttl"], "max_ttl_seconds": 30});
    let table = [
        (&on, "", Some((true, true, 60_000, None))),
        (&on, "No-Cache", Some((false, true, 60_000, None))),
        (&on, "no-store", Some((true, false, 60_000, None))),
        (&on, "bypass", None),
        (&on, "no-cache, no-store", None),
        (&on, "ttl=1", Some((true, true, 60_000, None))),
        (
            &more,
            "ttl=5, max-age = 7",
            Some((true, true, 5_000, Some(7_000))),
        ),
        (&more, "ttl=45", Some((true, true, 30_000, None))),
        (&more, "ttl=-1, no-cache", Some((true, true, 60_000, None))),
        (&more, "ttl=0", Some((true, false, 0, None))),
    ];
    for (controls, header, expected) in table {
        assert_eq!(plan(controls.clone(), header), expected, "{controls} {header}");
    }
    assert_eq!(
        plan(json!({"enabled": false}), "bypass"),
        Some((true, true, 60_000, None))
    );
}

#[test]
fn retention_and_the_store_rule_the_cache() {
    let table = [
        (
            json!({"drop": true}),
            json!({"enabled": true}),
            Some((false, 3_600_000)),
        ),
        (
            json!({"ttl_turns": 2}),
            json!({"enabled": true, "ttl_seconds": 5}),
            Some((true, 120_000)),
        ),
        (
            json!({}),
            json!({"enabled": true, "ttl_seconds": 5}),
            Some((true, 5_000)),
        ),
        (json!({}), json!({"enabled": false}), None),
    ];
    for (retention, store, expected) in table {
        let mut document = with(plugin(
            "response_cache",
            json!({"enabled": true, "mode": "exact", "scope": "global"}),
        ));
        document["routing"]["decisions"][0]["emits"] = json!([{"kind": "retention", "retention": retention}]);
        document["global"] = json!({"stores": {"response_cache": store}});
        let plan = judge(&load(&document), Api::ChatCompletions, &body("auto", "x"), &[]).cache;
        assert_eq!(
            plan.map(|plan| (plan.write, plan.ttl_ms)),
            expected,
            "{retention} {store}"
        );
    }
}

#[test]
fn a_cached_answer_says_so() {
    let policy = load(&with(plugin(
        "response_cache",
        json!({"enabled": true, "mode": "exact", "scope": "global"}),
    )));
    let mut verdict = judge(&policy, Api::ChatCompletions, &body("auto", "x"), &[]);
    let plan = verdict.cache.clone().unwrap();
    let mut cache = Cache::new(10_000);
    assert!(cache.put(&plan, 200, "application/json", br#"{"choices":[]}"#.to_vec(), 0));
    verdict.answer_from_cache(cache.get(&plan, 1).unwrap());
    let headers = policy.response_headers(&verdict, false);
    for expected in [
        ("x-promptswitch-reason", "cache_hit"),
        ("x-vsr-response-path", "cache"),
        ("x-vsr-cache-hit", "true"),
    ] {
        assert!(
            headers.contains(&(expected.0, expected.1.to_owned())),
            "{headers:?}"
        );
    }
}

#[test]
fn a_client_that_names_a_model_goes_past_all_actions() {
    let policy = load(&with(plugin("fast_response", json!({"message": "No."}))));
    let verdict = judge(&policy, Api::ChatCompletions, &body("large", "x"), &[]);
    assert_eq!((verdict.reason, verdict.reply), (Reason::ExplicitModel, None));
}

/// A document whose one decision does all that there is to do to a body.
fn everything() -> Value {
    let mut document = with(json!([
        {"type": "system_prompt", "configuration": {"mode": "insert", "system_prompt": "Be brief."}},
        {"type": "tools", "configuration": {"enabled": true, "mode": "filtered", "allow_tools": ["a"]}},
        {"type": "request_params", "configuration": {"blocked_params": ["seed"], "max_tokens_limit": 9, "strip_unknown": true}},
        {"type": "response_cache", "configuration": {"enabled": true, "mode": "exact", "scope": "global"}},
    ]));
    document["providers"]["defaults"]["reasoning_families"] =
        json!({"f": {"type": "chat_template_kwargs", "parameter": "thinking"}});
    document["providers"]["models"][1]["reasoning_family"] = json!("f");
    document
}

const APIS: [Api; 4] = [
    Api::ChatCompletions,
    Api::Completions,
    Api::Responses,
    Api::Messages,
];

fn member() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("messages"),
        Just("system"),
        Just("instructions"),
        Just("tools"),
        Just("functions"),
        Just("tool_choice"),
        Just("seed"),
        Just("max_tokens"),
        Just("chat_template_kwargs"),
        Just("reasoning_effort"),
        Just("x"),
    ];
    let value = prop_oneof![
        Just("null"),
        Just("[]"),
        Just("{}"),
        Just("\"a\""),
        Just("[ 1 , {\"role\":\"system\"}, 3 ]"),
        Just("1e3"),
        Just("[{\"role\":\"system\",\"content\":\"\\u00e9\"}]"),
        Just("[{\"role\":\"system\",\"content\":[{}]}]"),
        Just("[{\"name\":\"a\"},{\"name\":\"b\"}]"),
        Just("{\"thinking\":1,\"thinking\":2}"),
        Just("[[],{\"function\":7}]"),
        Just(
            "[{\"role\":\"system\",\"type\":\"tool_use\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"y\"}]"
        ),
        Just(
            "[{\"role\":\"tool\"},{\"role\":\"user\",\"content\":\"y\"},{\"content\":[{\"type\":\"tool_use\"},{}],\"tool_calls\":1},{\"type\":\"tool_use\"}]"
        ),
    ];
    (key, value, "[ \n]{0,2}")
        .prop_map(|(key, value, space)| format!("{space}\"{key}\"{space}:{space}{value}{space}"))
}

/// As [`everything`], but without any tools.
fn everything_and_no_tools() -> Value {
    let mut document = everything();
    document["routing"]["decisions"][0]["plugins"][1]["configuration"] =
        json!({"enabled": true, "mode": "none", "strip_tool_history": true});
    document
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_body_it_stays_json(members in prop::collection::vec(member(), 0..8), tools in any::<bool>()) {
        let policy = load(&if tools { everything() } else { everything_and_no_tools() });
        let prompt = r#""messages":[{"role":"user","content":"x"}],"input":"x","prompt":"x","model":"auto""#;
        let members: String = members.iter().map(|member| format!("{member},")).collect();
        for body in [format!("{{{members}{prompt}}}"), format!("{{{prompt},{members}\"y\":0}}")] {
            for api in APIS {
                let verdict = judge(&policy, api, &body, &[]);
                let after = splice(body.as_bytes(), &verdict.edits);
                let value: Value = serde_json::from_slice(&after).unwrap_or_else(|error| panic!("{error} {body}"));
                // Without text of the user nothing is decided and nothing changes but the model.
                if verdict.decision.is_some() {
                    prop_assert_eq!(&value["model"], "org/large-70b");
                    prop_assert!(value.get("seed").is_none() && value.get("x").is_none() && value.get("y").is_none());
                    prop_assert!(value.get("max_tokens").is_none_or(|tokens| tokens.as_f64().is_none_or(|n| n <= 9.0)));
                    if api == Api::ChatCompletions {
                        prop_assert_eq!(&value["messages"][0]["role"], "system");
                        prop_assert!(value["messages"][0]["content"].to_string().contains("Be brief."), "{}", value);
                    }
                }
            }
        }
    }
}

#[test]
fn a_hostile_body_costs_time_and_room_in_proportion() {
    let policy = load(&everything());
    let kwargs = format!(r#""chat_template_kwargs":{{"a":"{}"}}"#, "k".repeat(300_000));
    let bodies = [
        format!(r#"{}{kwargs}"#, r#""chat_template_kwargs":{},"#.repeat(10_000)),
        r#""system":1,"messages":[],"#.repeat(20_000) + r#""x":1"#,
        r#""tools":[{"name":"b"}],"functions":[],"#.repeat(10_000) + r#""tools":[]"#,
        format!(
            r#""tools":[{}{{}}]"#,
            r#"{"name":"b","name":"a"},"#.repeat(20_000)
        ),
        format!(r#""tool_choice":{}1{}"#, "[".repeat(100_000), "]".repeat(100_000)),
    ];
    for members in bodies {
        let body = format!(
            r#"{{{members},"messages":[{{"role":"user","content":"x"}}],"input":"x","prompt":"x","model":"auto"}}"#
        );
        for api in APIS {
            let start = std::time::Instant::now();
            let verdict = judge(&policy, api, &body, &[]);
            let after = splice(body.as_bytes(), &verdict.edits);
            assert!(
                after.len() < 3 * body.len(),
                "{} from {}",
                after.len(),
                body.len()
            );
            // An unoptimised build on a busy machine.
            assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
        }
    }
}
