//! How models are told to think, or not to.

use super::*;

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
