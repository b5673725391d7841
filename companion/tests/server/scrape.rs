//! How busy model servers are.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::Server;

const METRICS: &str = "vllm:num_requests_waiting{model_name=\"m\"} 3\n\
                       vllm:kv_cache_usage_perc{model_name=\"m\"} 0.25\n\
                       vllm:lora_requests_info{max_lora=\"2\",running_lora_adapters=\"a\",waiting_lora_adapters=\"\"} 1\n";

/// A server with this answer to everything, and its address.
async fn vllm(status: &'static str, metrics: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{metrics}",
        metrics.len()
    );
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // A small request comes in one piece.
            if stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {
                stream.write_all(answer.as_bytes()).await.ok();
            }
        }
    });
    addr.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_servers_say_of_their_load_is_handed_on_and_others_are_left_out() {
    let good = vllm("200 OK", METRICS).await;
    let fails = vllm("500 Internal Server Error", METRICS).await;
    let other = vllm("200 OK", "up 1\n").await;
    let servers = format!("{fails},{other},127.0.0.1:1,{good}");
    let server = Server::starting(&["--scrape", &servers, "--scrape-interval-ms", "10"]).await;
    let scraped = async {
        loop {
            let answer: Value = server.get("/v1/endpoints").await.json().await.unwrap();
            let endpoints = answer["endpoints"].as_object().unwrap().clone();
            if !endpoints.is_empty() {
                break endpoints;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let endpoints = tokio::time::timeout(Duration::from_secs(60), scraped)
        .await
        .unwrap();
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    let mut report = endpoints[&good].clone();
    assert!(report.as_object_mut().unwrap().remove("age_ms").unwrap().is_u64());
    let expected =
        json!({"queue": 3.0, "kv_cache": 0.25, "loras": {"max": 2, "running": ["a"], "waiting": []}});
    assert_eq!(report, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_servers_to_scrape_there_are_no_endpoints() {
    let server = Server::starting(&[]).await;
    let answer: Value = server.get("/v1/endpoints").await.json().await.unwrap();
    assert_eq!(answer, json!({"endpoints": {}}));
}
