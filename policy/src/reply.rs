//! Answers that need no model: a message, an error, or a recorded answer, in the shape of the client's API.

use serde_json::{Value, json};

use crate::{Api, Request};

/// An answer to the client in place of the upstream's.
#[derive(Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// Other headers.
    pub headers: Vec<(&'static str, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENTS: &str = "text/event-stream";

/// A recorded answer may be personal, so `Debug` shows its size alone.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// A reply with a whole JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        Reply {
            status,
            content_type: JSON.to_owned(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    /// A reply with a whole stream of events.
    pub(crate) fn events(body: Vec<u8>) -> Reply {
        Reply {
            status: 200,
            content_type: EVENTS.to_owned(),
            headers: vec![("cache-control", "no-cache".to_owned())],
            body,
        }
    }

    /// A message in the shape of the API, as a stream if the client asked for one. `id` and `now_s` (seconds)
    /// become the answer's.
    pub(crate) fn message(text: &str, request: &Request<'_>, id: u64, now_s: u64) -> Reply {
        let id = format!("{id:016x}");
        let whole = match request.api() {
            Api::ChatCompletions => chat(text, &id, now_s),
            Api::Completions => completion(text, &id, now_s),
            Api::Responses => response(text, &id, now_s),
            Api::Messages => message(text, &id),
        };
        if !request.stream() {
            return Reply::json(200, &whole);
        }
        Reply::events(match request.api() {
            Api::ChatCompletions => chat_events(&whole, false),
            Api::Completions => data(&[whole]),
            Api::Responses => named(&response_events(&whole, text)),
            Api::Messages => named(&message_events(&whole, text)),
        })
    }

    /// An error in the shape of the API.
    pub(crate) fn error(status: u16, code: Option<&str>, message: &str, api: Api) -> Reply {
        let kind = match status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let body = match api {
            Api::Messages => json!({"type": "error", "error": {"type": kind, "message": message}}),
            _ => json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
        };
        Reply::json(status, &body)
    }
}

fn chat(text: &str, id: &str, now_s: u64) -> Value {
    json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": now_s, "model": "router",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    })
}

fn completion(text: &str, id: &str, now_s: u64) -> Value {
    json!({
        "id": format!("cmpl-{id}"), "object": "text_completion", "created": now_s, "model": "router",
        "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    })
}

fn response(text: &str, id: &str, now_s: u64) -> Value {
    json!({
        "id": format!("resp_{id}"), "object": "response", "created_at": now_s, "status": "completed",
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "model": "router",
        "output": [{
            "type": "message", "id": format!("msg_{id}"), "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }],
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": null, "top_p": null,
        "usage": {
            "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
        },
    })
}

fn message(text: &str, id: &str) -> Value {
    json!({
        "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": "router",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    })
}

/// A whole chat completion as the chunks of a stream: for each choice one with the message and one with the
/// reason for its end. With `usage`, a last one says what it took, as clients may ask for.
pub(crate) fn chat_events(whole: &Value, usage: bool) -> Vec<u8> {
    let chunk = |choices: Value| {
        let mut chunk = whole.clone();
        if let Some(chunk) = chunk.as_object_mut() {
            chunk.insert("object".to_owned(), json!("chat.completion.chunk"));
            chunk.insert("choices".to_owned(), choices);
            chunk.remove("usage");
        }
        chunk
    };
    let mut chunks = Vec::new();
    for choice in whole
        .get("choices")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let delta = delta(choice);
        let (index, logprobs, end) = (
            choice.get("index"),
            choice.get("logprobs"),
            choice.get("finish_reason"),
        );
        chunks.push(chunk(
            json!([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": null}]),
        ));
        chunks.push(chunk(
            json!([{"index": index, "delta": {}, "finish_reason": end}]),
        ));
    }
    if usage {
        let mut last = chunk(json!([]));
        if let Some(last) = last.as_object_mut() {
            last.insert(
                "usage".to_owned(),
                whole.get("usage").cloned().unwrap_or_default(),
            );
        }
        chunks.push(last);
    }
    data(&chunks)
}

/// The message of a choice as a chunk has it: calls of tools are numbered.
fn delta(choice: &Value) -> Value {
    let mut delta = choice.get("message").cloned().unwrap_or_default();
    let calls = delta.get_mut("tool_calls").and_then(Value::as_array_mut);
    for (index, call) in calls.into_iter().flatten().enumerate() {
        if let Some(call) = call.as_object_mut() {
            call.insert("index".to_owned(), json!(index));
        }
    }
    delta
}

fn response_events(whole: &Value, text: &str) -> Vec<Value> {
    let mut begun = whole.clone();
    if let Some(begun) = begun.as_object_mut() {
        begun.insert("status".to_owned(), json!("in_progress"));
        begun.insert("output".to_owned(), json!([]));
        begun.insert("usage".to_owned(), Value::Null);
    }
    let item = whole.pointer("/output/0").cloned().unwrap_or_default();
    let id = item.get("id").cloned().unwrap_or_default();
    let mut opened = item.clone();
    if let Some(opened) = opened.as_object_mut() {
        opened.insert("status".to_owned(), json!("in_progress"));
        opened.insert("content".to_owned(), json!([]));
    }
    let part = |text| json!({"type": "output_text", "text": text, "annotations": []});
    let at = |mut event: Value| {
        if let Some(event) = event.as_object_mut() {
            event.insert("item_id".to_owned(), id.clone());
            event.insert("output_index".to_owned(), json!(0));
            event.insert("content_index".to_owned(), json!(0));
        }
        event
    };
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": opened}),
        at(json!({"type": "response.content_part.added", "part": part("")})),
        at(json!({"type": "response.output_text.delta", "delta": text})),
        at(json!({"type": "response.output_text.done", "text": text})),
        at(json!({"type": "response.content_part.done", "part": part(text)})),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": whole}),
    ];
    for (number, event) in events.iter_mut().enumerate() {
        if let Some(event) = event.as_object_mut() {
            event.insert("sequence_number".to_owned(), json!(number));
        }
    }
    events
}

fn message_events(whole: &Value, text: &str) -> Vec<Value> {
    let mut begun = whole.clone();
    if let Some(begun) = begun.as_object_mut() {
        begun.insert("content".to_owned(), json!([]));
        begun.insert("stop_reason".to_owned(), Value::Null);
    }
    vec![
        json!({"type": "message_start", "message": begun}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 0},
        }),
        json!({"type": "message_stop"}),
    ]
}

/// Events without names, and OpenAI's end of a stream.
fn data(events: &[Value]) -> Vec<u8> {
    let mut out: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    out.push_str("data: [DONE]\n\n");
    out.into_bytes()
}

/// Events named by their types.
fn named(events: &[Value]) -> Vec<u8> {
    let name = |event: &Value| {
        event
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let lines = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", name(event)));
    lines.collect::<String>().into_bytes()
}
