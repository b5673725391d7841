use serde_json::{Value, json};

use super::*;
use crate::Api;
use crate::config::report::Report;

fn facts(api: Api, body: &Value) -> Facts {
    let body = body.to_string();
    Facts::of(&Request::parse(api, body.as_bytes()).unwrap())
}

#[test]
fn all_apis_tell_the_same_facts() {
    let image = json!({"type": "image_url", "image_url": {"url": "x"}});
    let chat = json!({"model": "m", "tools": [{}, {}], "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, image, image]},
        {"role": "assistant", "tool_calls": [{"id": "1"}, {"id": "2"}]},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "tool", "tool_call_id": "2", "content": "two"},
    ]});
    let expected = Facts {
        user: 1,
        assistant: 1,
        system: 1,
        tool: 2,
        tool_definitions: 2,
        tool_calls: 2,
        tool_results: 2,
        images: 2,
        ends_with_result: true,
        ..Facts::default()
    };
    assert_eq!(facts(Api::ChatCompletions, &chat), expected);
    let image = json!({"type": "image", "source": {"type": "base64", "data": "x"}});
    let anthropic = json!({"model": "m", "tools": [{}, {}], "system": "s", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "look"}, image, image]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1"}, {"type": "tool_use", "id": "2"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "one"},
                                     {"type": "tool_result", "tool_use_id": "2"}]},
    ]});
    let expected_there = Facts {
        user: 2,
        tool: 0,
        ..expected
    };
    assert_eq!(facts(Api::Messages, &anthropic), expected_there);
    let image = json!({"type": "input_image", "image_url": "x"});
    let responses = json!({"model": "m", "tools": [{}, {}], "instructions": "s", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "look"}, image, image]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "one"},
        {"type": "function_call_output", "call_id": "2", "output": []},
    ]});
    let expected_there = Facts {
        assistant: 2,
        ..expected
    };
    assert_eq!(facts(Api::Responses, &responses), expected_there);
    let prompt = json!({"model": "m", "prompt": "hello"});
    assert_eq!(
        facts(Api::Completions, &prompt),
        Facts {
            user: 1,
            ..Facts::default()
        }
    );
}

#[test]
fn tools_are_at_work_until_the_answer_to_their_results() {
    let call = json!({"role": "assistant", "tool_calls": [{"id": "1"}]});
    let result = json!({"role": "tool", "tool_call_id": "1", "content": "r"});
    let user = json!({"role": "user", "content": "u"});
    let reply = json!({"role": "assistant", "content": "a"});
    let table = [
        (vec![&user], 0),
        (vec![&user, &call], 1),
        (vec![&user, &call, &result], 1),
        (vec![&user, &call, &result, &user], 1),
        (vec![&user, &call, &result, &user, &user], 0),
        (vec![&user, &call, &result, &reply], 0),
        (vec![&user, &call, &result, &reply, &user], 0),
        (vec![&user, &call, &reply, &user], 1),
    ];
    for (messages, active) in table {
        let facts = facts(Api::ChatCompletions, &json!({"model": "m", "messages": messages}));
        assert_eq!(facts.count(Source::ActiveToolLoop), active, "{messages:?}");
    }
}

fn read(rule: &Value) -> (ConversationRule, Vec<String>) {
    let report = Report::default();
    let object = Object::new("r".to_owned(), rule.as_object().unwrap(), &report);
    let rule = ConversationRule::read(object, &mut BTreeSet::new());
    (
        rule,
        report.into_sorted().iter().map(ToString::to_string).collect(),
    )
}

#[test]
fn sources_are_counted_and_predicates_applied() {
    let facts = Facts {
        user: 3,
        assistant: 2,
        system: 1,
        developer: 1,
        tool: 4,
        tool_definitions: 5,
        tool_calls: 6,
        tool_results: 4,
        images: 0,
        ..Facts::default()
    };
    let message = |role: &str| json!({"type": "message", "role": role});
    let table = [
        (json!({"type": "message"}), 11),
        (message("user"), 3),
        (message("assistant"), 2),
        (message("system"), 1),
        (message("developer"), 1),
        (message("tool"), 4),
        (message("non_user"), 8),
        (json!({"type": "tool_definition"}), 5),
        (json!({"type": "assistant_tool_call"}), 6),
        (json!({"type": "assistant_tool_cycle"}), 4),
        (json!({"type": "active_tool_loop"}), 1),
        (json!({"type": "image_content"}), 0),
    ];
    for (source, count) in table {
        let rule = |feature: &str, predicate: Value| {
            let (rule, found) = read(
                &json!({"name": "c", "feature": {"type": feature, "source": source}, "predicate": predicate}),
            );
            assert_eq!(found, [""; 0]);
            rule.matches(&facts)
        };
        assert!(rule("count", json!({"gte": count, "lte": count})), "{source}");
        assert!(!rule("count", json!({"gt": count})), "{source}");
        assert!(rule("count", Value::Null), "{source}");
        assert_eq!(rule("exists", Value::Null), count > 0, "{source}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let table = [
        (json!({"name": "c"}), "error: r.feature.type: is missing"),
        (
            json!({"name": "c", "feature": {"type": "density"}}),
            "error: r.feature.type: must be one of count, exists",
        ),
        (
            json!({"name": "c", "feature": {"type": "count", "source": {"type": "turns"}}}),
            "error: r.feature.source.type: must be one of message,",
        ),
        (
            json!({"name": "c", "feature": {"type": "count", "source": {"type": "message", "role": "bot"}}}),
            "error: r.feature.source.role: must be one of user,",
        ),
        (
            json!({"name": "c", "feature": {"type": "count", "source": {"type": "image_content", "role": "user"}}}),
            "error: r.feature.source.role: goes with",
        ),
        (
            json!({"name": "c", "feature": {"type": "exists", "source": {"type": "message"}}, "predicate": {"gt": 1}}),
            "error: r.predicate: does not go with",
        ),
    ];
    for (rule, expected) in table {
        let (_, found) = read(&rule);
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
}
