use serde_json::json;

use super::*;

fn plan(key: u8, stream: bool) -> CachePlan {
    CachePlan {
        key: CacheKey([key; 32]),
        ttl_ms: 1000,
        read: true,
        write: true,
        max_age_ms: None,
        api: Api::ChatCompletions,
        stream,
        usage: false,
    }
}

const WHOLE: &[u8] = br#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"hi","tool_calls":[{"id":"t"}]},"finish_reason":"stop"}],"usage":{"total_tokens":3}}"#;
const EVENTS_BODY: &[u8] = b"data: {\"id\":\"1\"}\n\ndata: [DONE]\n\n";

#[test]
fn an_answer_is_given_again_until_it_expires() {
    let mut cache = Cache::new(10_000);
    assert_eq!(cache.get(&plan(1, false), 0), None);
    assert!(cache.put(
        &plan(1, false),
        200,
        "application/json; charset=utf-8",
        WHOLE.to_vec(),
        100
    ));
    let reply = cache.get(&plan(1, false), 1099).unwrap();
    assert_eq!(
        (reply.status, reply.content_type.as_str(), reply.body.as_slice()),
        (200, "application/json; charset=utf-8", WHOLE)
    );
    assert_eq!(cache.get(&plan(2, false), 200), None);
    let young = CachePlan {
        max_age_ms: Some(50),
        ..plan(1, false)
    };
    assert!(cache.get(&young, 150).is_some() && cache.get(&young, 151).is_none());
    let fresh = CachePlan {
        read: false,
        ..plan(1, false)
    };
    assert_eq!(cache.get(&fresh, 150), None);
    assert_eq!(cache.get(&plan(1, false), 1100), None);
    assert_eq!((cache.len(), cache.bytes()), (0, 0));
}

#[test]
fn only_whole_successes_are_kept() {
    let json = "application/json";
    let events = "text/event-stream";
    let table: [(bool, u16, &str, &[u8], bool); 14] = [
        (false, 200, json, WHOLE, true),
        (false, 201, json, WHOLE, false),
        (false, 500, json, WHOLE, false),
        (false, 200, "text/plain", WHOLE, false),
        (false, 200, json, br#"{"choices":["#, false),
        (false, 200, json, br#"{"a":1}{"b":2}"#, false),
        (false, 200, json, br#"{"error":{"message":"x"}}"#, false),
        (false, 200, json, br#"{"error":null}"#, true),
        (false, 200, events, EVENTS_BODY, false),
        (true, 200, events, EVENTS_BODY, true),
        (true, 200, events, b"data: {\"id\":\"1\"}\n\n", false),
        (
            true,
            200,
            events,
            b"data: {\"error\":{}}\n\ndata: [DONE]\n\n",
            false,
        ),
        (true, 200, events, b"data: {}\r\n\r\ndata: [DONE]\r\n\r\n", true),
        (true, 200, json, WHOLE, true),
    ];
    for (stream, status, kind, body, kept) in table {
        let mut cache = Cache::new(10_000);
        let found = cache.put(&plan(1, stream), status, kind, body.to_vec(), 0);
        assert_eq!(
            found,
            kept,
            "{stream} {status} {kind} {}",
            String::from_utf8_lossy(body)
        );
        assert_eq!(cache.len(), usize::from(kept));
    }
    let private = CachePlan {
        write: false,
        ..plan(1, false)
    };
    assert!(!Cache::new(10_000).put(&private, 200, json, WHOLE.to_vec(), 0));
    let ends = [
        (Api::Responses, "response.completed"),
        (Api::Messages, "message_stop"),
    ];
    for (api, end) in ends {
        let plan = CachePlan { api, ..plan(1, true) };
        let body = |last: &str| {
            format!("event: a\ndata: {{\"text\":\"event: {end}\"}}\n\nevent: {last}\ndata: {{}}\n\n")
                .into_bytes()
        };
        assert!(
            Cache::new(10_000).put(&plan, 200, events, body(end), 0),
            "{api:?}"
        );
        assert!(
            !Cache::new(10_000).put(&plan, 200, events, body("b"), 0),
            "{api:?}"
        );
    }
}

#[test]
fn a_stream_is_given_to_streams_alone_and_a_whole_answer_to_both() {
    let mut cache = Cache::new(10_000);
    cache.put(&plan(1, true), 200, "text/event-stream", EVENTS_BODY.to_vec(), 0);
    assert_eq!(cache.get(&plan(1, true), 1).unwrap().body, EVENTS_BODY);
    assert_eq!(cache.get(&plan(1, false), 1), None);
    let usage = CachePlan {
        usage: true,
        ..plan(1, true)
    };
    assert_eq!(cache.get(&usage, 1), None);
    cache.put(&plan(2, false), 200, "application/json", WHOLE.to_vec(), 0);
    let chunks = |plan: &CachePlan, cache: &mut Cache| {
        let reply = cache.get(plan, 1).unwrap();
        assert_eq!(reply.content_type, "text/event-stream");
        let text = String::from_utf8(reply.body).unwrap();
        let lines: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(str::to_owned)
            .collect();
        assert_eq!(lines.last().unwrap(), "[DONE]");
        let chunks = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        chunks.collect::<Vec<_>>()
    };
    let found = chunks(&plan(2, true), &mut cache);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (&found[0]["object"], &found[0]["id"], found[0].get("usage")),
        (&json!("chat.completion.chunk"), &json!("1"), None)
    );
    assert_eq!(
        found[0]["choices"][0]["delta"]["tool_calls"][0],
        json!({"id": "t", "index": 0})
    );
    assert_eq!(
        (
            &found[0]["choices"][0]["delta"]["content"],
            &found[1]["choices"][0]["finish_reason"]
        ),
        (&json!("hi"), &json!("stop"))
    );
    let found = chunks(
        &CachePlan {
            usage: true,
            ..plan(2, true)
        },
        &mut cache,
    );
    assert_eq!(
        (
            found.len(),
            &found[2]["usage"]["total_tokens"],
            &found[2]["choices"]
        ),
        (3, &json!(3), &json!([]))
    );
    let other = CachePlan {
        api: Api::Messages,
        ..plan(2, true)
    };
    assert_eq!(cache.get(&other, 1), None);
}

#[test]
fn the_bytes_are_bounded_and_the_least_used_go_first() {
    let size = WHOLE.len() + "application/json".len() + OVERHEAD;
    let mut cache = Cache::new(3 * size);
    for key in 0..3 {
        cache.put(&plan(key, false), 200, "application/json", WHOLE.to_vec(), 0);
    }
    assert!(cache.get(&plan(0, false), 1).is_some());
    cache.put(&plan(3, false), 200, "application/json", WHOLE.to_vec(), 0);
    let there: Vec<_> = (0..4)
        .filter(|key| cache.get(&plan(*key, false), 1).is_some())
        .collect();
    assert_eq!(there, [0, 2, 3]);
    for key in 0..=255 {
        cache.put(&plan(key, false), 200, "application/json", WHOLE.to_vec(), 0);
        cache.put(
            &plan(key, true),
            200,
            "text/event-stream",
            EVENTS_BODY.to_vec(),
            0,
        );
        assert!(cache.bytes() <= 3 * size && cache.uses.len() == cache.len());
    }
    assert!(!Cache::new(size - 1).put(&plan(0, false), 200, "application/json", WHOLE.to_vec(), 0));
}
