//! All actions together, on any body.

use super::*;

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
