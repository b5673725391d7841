use proptest::prelude::*;

use super::*;
use crate::splice;

fn parse(api: Api, body: &str) -> Request<'_> {
    Request::parse(api, body.as_bytes()).unwrap_or_else(|reason| panic!("{reason}: {body}"))
}

fn chat(messages: &str) -> Option<String> {
    let body = format!(r#"{{"model":"auto","messages":{messages}}}"#);
    parse(Api::ChatCompletions, &body)
        .last_user_text()
        .map(Cow::into_owned)
}

#[test]
fn the_last_user_message_that_is_not_blank_is_the_text() {
    let table = [
        (r#"[{"role":"user","content":"a"}]"#, Some("a")),
        (
            r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#,
            Some("a"),
        ),
        (
            r#"[{"role":"user","content":"a"},{"role":"user","content":"b"}]"#,
            Some("b"),
        ),
        (
            r#"[{"role":"user","content":"a"},{"role":"user","content":" \n "}]"#,
            Some("a"),
        ),
        (r#"[{"content":"a","role":"user"}]"#, Some("a")),
        (r#"[{"role":"user","content":null},{"role":"user"}]"#, None),
        (
            r#"[{"role":"user","content":5},{"role":"user","content":{"text":"x"}}]"#,
            None,
        ),
        (
            r#"[{"role":"system","content":"a"},{"role":"tool","content":"b"}]"#,
            None,
        ),
        (
            r#"[{"role":"USER","content":"a"},{"role":7,"content":"a"},{"content":"a"},"user"]"#,
            None,
        ),
        (
            r#"[{"role":"us\u0065r","cont\u0065nt":"\u4e2d\ud83d"}]"#,
            Some("\u{4e2d}\u{fffd}"),
        ),
        (r#"[{"role":"assistant","content":"b","role":"user"}]"#, Some("b")),
        (r#"[{"role":"user","content":"a\u0000b"}]"#, Some("a\0b")),
        ("[]", None),
        ("null", None),
        (r#""text""#, None),
        (r#"{"role":"user","content":"a"}"#, None),
    ];
    for (messages, expected) in table {
        assert_eq!(chat(messages).as_deref(), expected, "{messages}");
    }
}

#[test]
fn text_parts_are_joined_by_newlines_and_others_left_out() {
    let table = [
        (
            r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}},{"text":"b","type":"text"}]"#,
            Some("a\nb"),
        ),
        (r#"[{"type":"input_text","text":"a"}]"#, Some("a")),
        (r#"[{"type":"tool_result","content":"a","text":"b"}]"#, None),
        (
            r#"[{"type":"text","text":null},{"type":null,"text":"a"},{"text":"a"},null,[[]]]"#,
            None,
        ),
    ];
    for (content, expected) in table {
        let messages = format!(r#"[{{"role":"user","content":{content}}}]"#);
        assert_eq!(chat(&messages).as_deref(), expected, "{content}");
    }
}

#[test]
fn every_api_has_its_own_place_for_the_prompt() {
    use Api::*;
    let table = [
        (Completions, r#""prompt":"a""#, Some("a")),
        (Completions, r#""prompt":["a","b"]"#, Some("a\nb")),
        (Completions, r#""prompt":[1,2,[3]]"#, None),
        (Completions, r#""messages":[{"role":"user","content":"a"}]"#, None),
        (Responses, r#""input":"a""#, Some("a")),
        (Responses, r#""input":[{"role":"user","content":"a"}]"#, Some("a")),
        (
            Responses,
            r#""input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"function_call_output","output":"b"}]"#,
            Some("a"),
        ),
        (
            Messages,
            r#""system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]"#,
            Some("a"),
        ),
        (
            Messages,
            r#""system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"q"},{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"r"}]}]}]"#,
            Some("q"),
        ),
    ];
    for (api, fields, expected) in table {
        let body = format!(r#"{{"model":"auto",{fields}}}"#);
        assert_eq!(
            parse(api, &body).last_user_text().as_deref(),
            expected,
            "{api:?} {fields}"
        );
    }
}

#[test]
fn what_is_no_request_has_a_reason() {
    let table = [
        ("", Reason::NoBody),
        (" ", Reason::BadJson),
        ("{", Reason::BadJson),
        (r#"{"model":"auto"} x"#, Reason::BadJson),
        (r#"{"model":"auto""#, Reason::BadJson),
        (
            r#"{"model":"auto","messages":[{"role":"user","content":"a]}]}"#,
            Reason::BadJson,
        ),
        ("[]", Reason::NotAnObject),
        ("7 ", Reason::NotAnObject),
        ("7 7", Reason::BadJson),
        ("{}", Reason::NoModel),
        (r#"{"messages":[{"model":"auto"}]}"#, Reason::NoModel),
        (r#"{"model":null}"#, Reason::ModelNotString),
        (r#"{"model":"auto","model":{"a":[]}}"#, Reason::ModelNotString),
    ];
    for (body, reason) in table {
        assert_eq!(
            Request::parse(Api::ChatCompletions, body.as_bytes()).err(),
            Some(reason),
            "{body}"
        );
    }
}

#[test]
fn every_model_key_is_found_however_it_is_spelled() {
    let body = r#" {"model" : "a" , "mod\u0065l":7,"x":{"model":"b"},"model":"\u0061uto"} "#;
    let request = parse(Api::ChatCompletions, body);
    assert_eq!(request.model(), "auto");
    let places = |wanted| {
        request
            .models_other_than(wanted)
            .filter_map(|range| body.get(range))
            .collect::<Vec<_>>()
    };
    assert_eq!(places("auto"), [r#""a""#, "7"]);
    assert_eq!(places("b"), [r#""a""#, "7", r#""\u0061uto""#]);
}

#[test]
fn roles_stream_and_tools_are_seen() {
    let body = r#"{"stream":true,"tools":[{}],"messages":[{"role":"system"},{"role":"developer"},{"role":"user"},
        {"role":"assistant","content":null,"tool_calls":[]},{"role":"tool"},{"role":"function"}],"model":"m"}"#;
    let request = parse(Api::ChatCompletions, body);
    let roles = Roles {
        system: 1,
        developer: 1,
        user: 1,
        assistant: 1,
        tool: 2,
    };
    assert_eq!(
        (request.stream(), request.has_tools(), request.roles()),
        (true, true, roles)
    );
    let request = parse(
        Api::ChatCompletions,
        r#"{"stream":"true","tools":[],"model":"m"}"#,
    );
    assert_eq!((request.stream(), request.has_tools()), (false, false));
}

#[test]
fn the_last_of_two_messages_keys_counts() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"messages":[{"role":"user","content":"b"}]}"#;
    let request = parse(Api::ChatCompletions, body);
    assert_eq!(
        (request.roles().user, request.first_user_text().as_deref()),
        (1, Some("b"))
    );
}

#[test]
fn text_that_is_not_utf8_is_read_all_the_same() {
    let body =
        b"{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"a\xff\"}],\"x\xfe\":\"\xfd\"}";
    let request = Request::parse(Api::ChatCompletions, body).unwrap();
    assert_eq!(request.last_user_text().as_deref(), Some("a\u{fffd}"));
}

#[test]
fn ten_thousand_messages_and_deep_nesting_are_fine() {
    let messages = vec![r#"{"role":"user","content":[{"type":"text","text":"a"}]}"#; 10_000].join(",");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"x":{deep},"messages":[{deep},{messages}],"model":"m"}}"#);
    assert_eq!(parse(Api::ChatCompletions, &body).roles().user, 10_000);
}

#[test]
fn no_text_is_shown_by_debug() {
    let body = r#"{"model":"auto","messages":[{"role":"user","content":"secret"}]}"#;
    let shown = format!("{:?}", parse(Api::ChatCompletions, body));
    assert!(!shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn random_bytes_never_make_parsing_panic(bytes in any::<Vec<u8>>()) {
        let _ = Request::parse(Api::ChatCompletions, &bytes);
    }

    #[test]
    fn a_cut_or_changed_body_never_makes_parsing_panic(cut in 0usize..90, byte: u8) {
        let mut body = br#"{"model":"au\u0074o","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#.to_vec();
        body[cut] = byte;
        let _ = Request::parse(Api::ChatCompletions, &body);
        let _ = Request::parse(Api::ChatCompletions, &body[..cut]);
    }

    #[test]
    fn it_agrees_with_serde_json_on_the_text(texts in prop::collection::vec(any::<String>(), 0..5)) {
        let messages: Vec<_> = texts.iter().map(|t| serde_json::json!({"role": "user", "content": t})).collect();
        let body = serde_json::json!({"model": "auto", "messages": messages}).to_string();
        let request = parse(Api::ChatCompletions, &body);
        let expected = texts.iter().rfind(|t| !t.trim().is_empty()).map(String::as_str);
        let text = request.last_user_text();
        prop_assert_eq!(text.as_deref(), expected);
    }

    #[test]
    fn splicing_the_models_changes_nothing_else(model in any::<String>(), tail in any::<String>()) {
        let body = serde_json::json!({"a": tail, "model": model, "z": [tail]}).to_string();
        let request = parse(Api::ChatCompletions, &body);
        let edits: Vec<_> = request
            .models_other_than("chosen")
            .map(|range| crate::Edit { range, with: br#""chosen""#.to_vec() })
            .collect();
        let after: serde_json::Value = serde_json::from_slice(&splice(body.as_bytes(), &edits)).unwrap();
        prop_assert_eq!(after, serde_json::json!({"a": tail, "model": "chosen", "z": [tail]}));
    }
}
