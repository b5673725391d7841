//! `system_prompt`.

use super::*;

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
