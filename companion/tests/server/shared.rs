//! The semantic cache in a Redis that several servers share: a real one where `tests/redis.sh` has fetched it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::Server;

/// A Redis with vector search, which ends with the test.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// `None`, and a line that says so, where there is none.
    async fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let redis = Self {
            child: spawn(port)?,
            port,
        };
        redis.answers().await;
        Some(redis)
    }

    async fn again(&mut self) {
        self.child = spawn(self.port).unwrap();
        self.answers().await;
    }

    async fn answers(&self) {
        while self.ask::<String>(&["PING"]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut asked = redis::Cmd::new();
        asked.arg(command).query_async(&mut connection).await
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    async fn server(&self) -> Server {
        // A machine that is busy must not make a test of the answers one of the time.
        Server::start(&["--cache-url", &self.url(), "--cache-timeout-ms", "10000"]).await
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(port: u16) -> Option<Child> {
    let folder = std::env::var_os("PROMPTSWITCH_REDIS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/redis")),
        PathBuf::from,
    );
    if !folder.join("redis-server").exists() {
        println!(
            "skipped: no redis-server in {} (companion/tests/redis.sh)",
            folder.display()
        );
        return None;
    }
    let child = Command::new(folder.join("redis-server"))
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--port",
        ])
        .arg(port.to_string())
        .arg("--loadmodule")
        .arg(folder.join("redisearch.so"))
        .stdout(Stdio::null())
        .spawn();
    Some(child.unwrap())
}

fn body(tenant: &str, text: &str) -> Value {
    json!({"text": text, "scope": {"tenant": tenant}, "threshold": 0.5})
}

async fn store(server: &Server, tenant: &str, text: &str, response: &str) -> bool {
    let mut body = body(tenant, text);
    body["response"] = json!(response);
    body["content_type"] = json!("text/plain");
    server.ask("/v1/cache/store", &body).await["stored"]
        .as_bool()
        .unwrap()
}

async fn look_up(server: &Server, tenant: &str, text: &str) -> Value {
    server.ask("/v1/cache/lookup", &body(tenant, text)).await
}

/// How many look-ups ended so.
async fn counted(server: &Server, result: &str) -> u64 {
    let metrics = server.get("/metrics").await.text().await.unwrap();
    let series = format!("promptswitch_companion_cache_lookups_total{{result=\"{result}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
    line.map_or(0, |count| count.parse().unwrap())
}

const MISS: &str = r#"{"hit":false}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_stores_another_finds_by_the_same_rules() {
    let Some(redis) = Redis::start().await else { return };
    let (one, two) = (redis.server().await, redis.server().await);
    assert!(store(&one, "a", "How do I reset my password?", "like this").await);
    assert!(store(&one, "a", "How do I enable dark mode?", "settings, on").await);
    let hit = look_up(&two, "a", "how can I reset the password").await;
    assert_eq!(
        (&hit["response"], &hit["content_type"]),
        (&json!("like this"), &json!("text/plain"))
    );
    let likeness = hit["similarity"].as_f64().unwrap();
    assert!((0.5..1.0).contains(&likeness), "{likeness}");
    let same = look_up(&two, "a", "How do I reset my password?").await;
    assert_eq!((&same["hit"], &same["similarity"]), (&json!(true), &json!(1.0)));
    for (tenant, text, result) in [
        ("b", "How do I reset my password?", "miss"),
        ("a", "Why is the sky blue?", "miss"),
        ("a", "How do I disable dark mode?", "guarded"),
    ] {
        assert_eq!(look_up(&two, tenant, text).await.to_string(), MISS, "{text}");
        assert!(counted(&two, result).await > 0, "{text}: {result}");
    }
    assert!(store(&two, "a", "How do I reset my password?", "otherwise").await);
    let replaced = look_up(&one, "a", "How do I reset my password?").await;
    assert_eq!(replaced["response"], "otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_likeness_is_that_of_the_cache_in_memory() {
    let Some(redis) = Redis::start().await else { return };
    let memory = Server::start(&["--cache-entries", "9"]).await;
    let shared = redis.server().await;
    let mut likeness = Vec::new();
    for server in [&memory, &shared] {
        store(server, "a", "How do I reset my password?", "so").await;
        let hit = look_up(server, "a", "how can I reset the password").await;
        likeness.push(hit["similarity"].as_f64().unwrap());
    }
    assert!((likeness[0] - likeness[1]).abs() < 1e-3, "{likeness:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_found_by_itself_only_and_its_words_are_not_kept() {
    let Some(redis) = Redis::start().await else { return };
    let server = redis.server().await;
    let long = "word ".repeat(400);
    assert!(store(&server, "a", &long, "so").await);
    assert_eq!(look_up(&server, "a", &long).await["response"], "so");
    let changed = format!("{long}word");
    assert_eq!(look_up(&server, "a", &changed).await.to_string(), MISS);
    let key: String = redis.ask(&["RANDOMKEY"]).await.unwrap();
    assert!(key.starts_with("promptswitch:1:128:"), "{key}");
    let mut fields: Vec<String> = redis.ask(&["HKEYS", &key]).await.unwrap();
    fields.sort();
    assert_eq!(fields, ["content_type", "response", "stored"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_gone_after_its_time_to_live() {
    let Some(redis) = Redis::start().await else { return };
    let server = redis.server().await;
    let mut short = body("a", "How do I reset my password?");
    short["response"] = json!("like this");
    short["ttl_s"] = json!(5);
    server.ask("/v1/cache/store", &short).await;
    let key: String = redis.ask(&["RANDOMKEY"]).await.unwrap();
    let left: i64 = redis.ask(&["PTTL", &key]).await.unwrap();
    assert!((1..=5000).contains(&left), "{left}");
    while look_up(&server, "a", "how can I reset the password").await["hit"] == true {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_lost_is_made_again() {
    let Some(redis) = Redis::start().await else { return };
    let server = redis.server().await;
    assert!(store(&server, "a", "How do I reset my password?", "old").await);
    redis.ask::<()>(&["FLUSHALL"]).await.unwrap();
    let text = "how can I reset the password";
    assert_eq!(look_up(&server, "a", text).await.to_string(), MISS);
    assert!(store(&server, "a", "How do I reset my password?", "new").await);
    assert_eq!(look_up(&server, "a", text).await["response"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_makes_misses_and_one_that_comes_back_makes_hits() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    let server = redis.server().await;
    let text = "How do I reset my password?";
    assert!(store(&server, "a", text, "so").await);
    redis.end();
    assert_eq!(look_up(&server, "a", text).await.to_string(), MISS);
    assert!(!store(&server, "a", text, "so").await);
    assert!(counted(&server, "unavailable").await > 0);
    redis.again().await;
    while !store(&server, "a", text, "so").await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(look_up(&server, "a", text).await["hit"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_says_nothing_makes_misses() {
    // The kernel accepts, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let server = Server::start(&["--cache-url", &url, "--cache-timeout-ms", "50"]).await;
    assert_eq!(look_up(&server, "a", "x").await.to_string(), MISS);
    assert!(!store(&server, "a", "x", "so").await);
    assert_eq!(counted(&server, "unavailable").await, 1);
}

/// Answers every command with an error.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut said = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut said).await {
                    let commands = said[..length].iter().filter(|byte| **byte == b'*').count();
                    let answer = "-ERR unknown command\r\n".repeat(commands);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

/// Exit status and log of a server with this shared cache, which must end by itself.
async fn ends(url: String) -> (Option<i32>, String) {
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_promptswitch-companion"))
            .args(["--listen", "127.0.0.1:0", "--workers", "1", "--cache-url", &url])
            .output()
            .unwrap()
    };
    let ended = tokio::task::spawn_blocking(run).await.unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_vector_search_or_that_refuses_us_is_an_error_at_start() {
    let address = refusing().await;
    let (status, log) = ends(format!("redis://{address}")).await;
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("vector search"), "{log}");
    let (status, log) = ends(format!("redis://user:secret@{address}")).await;
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("cache_url: ") && !log.contains("secret"), "{log}");
}
