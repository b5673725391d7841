//! `tools`.

use super::*;

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
