//! Requests that do not come to their end in the ordinary way, and the server's own end.

use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gated;
use crate::rig::{Server, error};

const PATH: &str = "/v1/embeddings";

fn spawn(server: &Server, text: &str) -> tokio::task::JoinHandle<reqwest::Response> {
    let request = server.post(PATH, &json!({"input": text}));
    tokio::spawn(async move { request.send().await.unwrap() })
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_models_are_loaded_the_server_is_alive_and_not_ready() {
    let server = Server::starting(&[]).await;
    assert_eq!(server.get("/healthz").await.status(), 200);
    let response = server.get("/readyz").await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(error(response).await.0, 503);
    let (status, error) = server.refused(PATH, &json!({"input": "x"})).await;
    assert_eq!((status, &error["code"]), (503, &json!("starting")));
    let server = Server::start(&[]).await;
    assert_eq!(server.get("/readyz").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_429_with_retry_after() {
    let (server, gate) = gated::start(&[], 2).await;
    let running = spawn(&server, "one");
    gate.wait_for(1).await;
    let request = server.post(PATH, &json!({"input": ["two", "three"]}));
    let refused = request.send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(error(refused).await.0, 429);
    gate.open();
    assert_eq!(running.await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_at_a_time_than_allowed_are_refused_and_classify_has_places_of_its_own() {
    let (server, gate) = gated::start(&["--max-concurrent-requests", "1"], 100).await;
    let running = spawn(&server, "one");
    gate.wait_for(1).await;
    assert_eq!(server.refused(PATH, &json!({"input": "two"})).await.0, 429);
    // Not refused for want of a place, but because this model does not classify.
    let (status, error) = server.refused("/v1/classify", &json!({"text": "two"})).await;
    assert_eq!(status, 400, "{error}");
    gate.open();
    assert_eq!(running.await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_deadline_is_a_504_and_costs_nothing() {
    let (server, gate) = gated::start(&[], 100).await;
    let running = spawn(&server, "one");
    gate.wait_for(1).await;
    for (left, status) in [("0", 504), ("20", 504), ("-1", 400), ("soon", 400)] {
        let request = server.post(PATH, &json!({"input": ["late", "later"]}));
        let response = request.header("x-deadline-ms", left).send().await.unwrap();
        assert_eq!(error(response).await.0, status, "{left}");
    }
    gate.open();
    assert_eq!(running.await.unwrap().status(), 200);
    let last = spawn(&server, "last");
    assert_eq!(last.await.unwrap().status(), 200);
    assert_eq!(gate.begun.load(Ordering::SeqCst), 2, "the late texts never began");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_client_left_costs_nothing() {
    let (server, gate) = gated::start(&[], 100).await;
    let running = spawn(&server, "one");
    gate.wait_for(1).await;
    let ahead = spawn(&server, "ahead");
    let body = r#"{"input": ["gone", "gone", "gone"]}"#;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // All three and the one ahead wait.
    let queued = || {
        let text = server.app.metrics.text();
        let line = text.lines().find(|l| l.contains("queued_texts{class=\"bulk\"}"));
        line.and_then(|l| l.rsplit(' ').next()?.parse::<u32>().ok())
    };
    while queued() != Some(4) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    drop(stream);
    while !server.app.metrics.text().contains("status=\"499\"} 1") {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    gate.open();
    assert_eq!(running.await.unwrap().status(), 200);
    assert_eq!(ahead.await.unwrap().status(), 200);
    while !server.app.metrics.text().contains("reason=\"client_gone\"} 3") {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(
        gate.begun.load(Ordering::SeqCst),
        2,
        "no text of the client that left began"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_signal_requests_in_flight_finish_and_new_ones_are_refused() {
    let (mut server, gate) = gated::start(&[], 100).await;
    let running = spawn(&server, "one");
    gate.wait_for(1).await;
    let mut open = TcpStream::connect(server.addr).await.unwrap();
    open.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    open.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.signal();
    while TcpStream::connect(server.addr).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let mut rest = String::new();
    open.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("ok\n"), "an idle connection is closed: {rest}");
    gate.open();
    assert_eq!(running.await.unwrap().status(), 200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_does_not_keep_the_server() {
    let (mut server, gate) = gated::start(&["--drain-timeout-ms", "50"], 100).await;
    let request = server.post(PATH, &json!({"input": "never"}));
    let stuck = tokio::spawn(request.send());
    gate.wait_for(1).await;
    server.signal();
    server.end().await;
    gate.open();
    drop(stuck);
}
