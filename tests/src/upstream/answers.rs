//! What the mock model server says: each API's answer, whole or as server-sent events.

use serde_json::{Value, json};

const CREATED: u32 = 1_700_000_000;

/// An answer before it is HTTP.
pub(super) enum Answer {
    Json(u16, String),
    Events(Vec<String>),
    Upgraded,
}

/// Answers a request. A body that is no JSON gets an answer too: what arrives is for the test to judge.
pub(super) fn answer(method: &str, path: &str, body: &[u8], model: &str) -> Answer {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let stream = request.get("stream") == Some(&Value::Bool(true));
    let usage = request.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    match (method, path, stream) {
        ("GET", "/v1/models", _) => whole(json!({
            "object": "list",
            "data": [{"id": model, "object": "model", "created": CREATED, "owned_by": "promptswitch"}],
        })),
        ("POST", "/v1/chat/completions", false) => whole(chat(model)),
        ("POST", "/v1/chat/completions", true) => Answer::Events(chat_events(model, usage)),
        ("POST", "/v1/completions", false) => whole(completion(model, "stop", &text(model))),
        ("POST", "/v1/completions", true) => Answer::Events(completion_events(model)),
        ("POST", "/v1/responses", false) => whole(response(model, "completed")),
        ("POST", "/v1/responses", true) => Answer::Events(response_events(model)),
        ("POST", "/v1/messages", false) => {
            whole(message(model, &json!([{"type": "text", "text": text(model)}])))
        }
        ("POST", "/v1/messages", true) => Answer::Events(message_events(model)),
        _ => Answer::Json(
            404,
            json!({"error": {"message": "no such path", "code": 404}}).to_string(),
        ),
    }
}

fn whole(json: Value) -> Answer {
    Answer::Json(200, json.to_string())
}

fn text(model: &str) -> String {
    format!("This is {model}.")
}

fn usage() -> Value {
    json!({"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11})
}

fn data(json: &Value) -> String {
    format!("data: {json}\n\n")
}

fn chat(model: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text(model)},
            "finish_reason": "stop",
        }],
        "usage": usage(),
    })
}

fn chat_events(model: &str, with_usage: bool) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        data(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model,
            "choices": choices, "usage": usage,
        }))
    };
    let delta = |delta: Value, finish: Value| {
        chunk(
            json!([{"index": 0, "delta": delta, "finish_reason": finish}]),
            Value::Null,
        )
    };
    let mut events = vec![
        delta(json!({"role": "assistant", "content": ""}), Value::Null),
        delta(json!({"content": "This is "}), Value::Null),
        delta(json!({"content": model}), Value::Null),
        delta(json!({"content": "."}), Value::Null),
        delta(json!({}), json!("stop")),
    ];
    if with_usage {
        events.push(chunk(json!([]), usage()));
    }
    events.push("data: [DONE]\n\n".into());
    events
}

fn completion(model: &str, finish: &str, text: &str) -> Value {
    json!({
        "id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": model,
        "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": finish}],
        "usage": usage(),
    })
}

fn completion_events(model: &str) -> Vec<String> {
    let pieces = ["This is ", model, "."];
    let mut events: Vec<_> = pieces
        .iter()
        .map(|piece| data(&completion(model, "stop", piece)))
        .collect();
    events.push("data: [DONE]\n\n".into());
    events
}

fn response(model: &str, status: &str) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": CREATED, "status": status, "model": model,
        "output": [{
            "type": "message", "id": "msg_1", "role": "assistant", "status": status,
            "content": [{"type": "output_text", "text": text(model), "annotations": []}],
        }],
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": {
            "input_tokens": 7, "output_tokens": 4, "total_tokens": 11,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
        },
    })
}

fn response_events(model: &str) -> Vec<String> {
    let delta = |n: u32, delta: &str| {
        json!({
            "type": "response.output_text.delta", "sequence_number": n, "item_id": "msg_1",
            "output_index": 0, "content_index": 0, "logprobs": [], "delta": delta,
        })
    };
    named(&[
        json!({"type": "response.created", "sequence_number": 0, "response": response(model, "in_progress")}),
        delta(1, "This is "),
        delta(2, model),
        delta(3, "."),
        json!({"type": "response.completed", "sequence_number": 4, "response": response(model, "completed")}),
    ])
}

fn message(model: &str, content: &Value) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 7, "output_tokens": 4},
    })
}

fn message_events(model: &str) -> Vec<String> {
    let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    named(&[
        json!({"type": "message_start", "message": message(model, &json!([]))}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        delta("This is "),
        delta(model),
        delta("."),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}),
        json!({"type": "message_stop"}),
    ])
}

// Server-sent events whose name is their type, as the responses and messages APIs have them.
fn named(events: &[Value]) -> Vec<String> {
    let name = |event: &Value| {
        event
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string()
    };
    events
        .iter()
        .map(|event| format!("event: {}\n{}", name(event), data(event)))
        .collect()
}
