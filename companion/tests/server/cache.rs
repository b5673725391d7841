use serde_json::{Value, json};

use crate::rig::Server;

fn scope(tenant: &str) -> Value {
    json!({"tenant": tenant, "user": "u", "model": "phi4-mini", "system_hash": "abc"})
}

async fn store(server: &Server, tenant: &str, text: &str, response: &str) {
    let body =
        json!({"text": text, "scope": scope(tenant), "response": response, "content_type": "text/plain"});
    assert_eq!(
        server.ask("/v1/cache/store", &body).await,
        json!({"stored": true})
    );
}

async fn look_up(server: &Server, tenant: &str, text: &str) -> Value {
    let body = json!({"text": text, "scope": scope(tenant), "threshold": 0.5});
    server.ask("/v1/cache/lookup", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_found_by_the_same_question_in_other_words_within_its_scope_only() {
    let server = Server::start(&["--cache-entries", "100"]).await;
    store(&server, "a", "How do I reset my password?", "like this").await;
    let hit = look_up(&server, "a", "how can I reset the password").await;
    assert_eq!(
        (&hit["hit"], &hit["response"]),
        (&json!(true), &json!("like this"))
    );
    assert_eq!(hit["content_type"], "text/plain");
    assert!(hit["similarity"].as_f64().unwrap() > 0.5);
    let miss = json!({"hit": false});
    assert_eq!(look_up(&server, "b", "How do I reset my password?").await, miss);
    assert_eq!(look_up(&server, "a", "Why is the sky blue?").await, miss);
}

#[tokio::test(flavor = "multi_thread")]
async fn opposites_are_not_answered_by_each_other() {
    let server = Server::start(&["--cache-entries", "100"]).await;
    store(&server, "a", "How do I enable dark mode?", "settings, on").await;
    let other = look_up(&server, "a", "How do I disable dark mode?").await;
    assert_eq!(other, json!({"hit": false}));
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("cache_lookups_total{result=\"guarded\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("cache_entries 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_not_answered_from_another_conversation() {
    let server = Server::start(&["--cache-entries", "100"]).await;
    let messages = |before: &str| {
        json!([{"role": "user", "content": before}, {"role": "assistant", "content": "ok"},
               {"role": "user", "content": "and why?"}])
    };
    let body = |before| json!({"messages": messages(before), "scope": scope("a"), "response": "because"});
    server.ask("/v1/cache/store", &body("Rain is wet.")).await;
    let same = server.ask("/v1/cache/lookup", &body("Rain is wet.")).await;
    assert_eq!(same["hit"], true);
    let other = server.ask("/v1/cache/lookup", &body("Sand is dry.")).await;
    assert_eq!(other["hit"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_scope_or_with_values_out_of_range_is_refused() {
    let server = Server::start(&["--cache-entries", "100"]).await;
    for body in [
        json!({"text": "x"}),
        json!({"text": "x", "scope": {"tenantt": "a"}}),
        json!({"text": "x", "scope": {}, "threshold": 2.0}),
        json!({"text": "x", "scope": {}, "ttl_s": 0}),
        json!({"scope": {}}),
    ] {
        assert_eq!(server.refused("/v1/cache/lookup", &body).await.0, 400, "{body}");
    }
    let body = json!({"text": "x", "scope": {}});
    let (_, error) = server.refused("/v1/cache/store", &body).await;
    assert_eq!(error["message"], "response: is missing");
}
