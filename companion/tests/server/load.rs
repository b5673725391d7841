//! A load of everything that a server may be sent, and what its clients saw: for the soak (`examples/soak.rs`) and for its
//! short version among the tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests of clients that leave; nothing else is sent to it, since nobody can know how they end.
const LEFT: &str = "/v1/rerank";

const WORDS: [&str; 16] = [
    "how", "reset", "password", "enable", "disable", "router", "Berlin", "train", "integral", "contract",
    "tax", "protein", "42", "not", "密码", "résumé",
];

/// What the clients saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Replies by route and status.
    pub(crate) replies: BTreeMap<(String, u16), u64>,
    /// Requests whose client did not wait for the reply.
    pub(crate) left: u64,
    /// Look-ups by whether they hit, and stores.
    pub(crate) cache: BTreeMap<&'static str, u64>,
    /// Requests without a reply.
    pub(crate) lost: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        for (key, count) in other.replies {
            *self.replies.entry(key).or_default() += count;
        }
        for (key, count) in other.cache {
            *self.cache.entry(key).or_default() += count;
        }
        self.left += other.left;
        self.lost.extend(other.lost);
    }

    /// Where the server's counters say otherwise, a line each.
    pub(crate) fn differences(&self, metrics: &str) -> Vec<String> {
        let mut theirs = BTreeMap::new();
        let mut left = 0;
        for (labels, count) in series(metrics, "requests_total") {
            let (Some(route), Some(status)) = (labels.get("route"), labels.get("status")) else {
                continue;
            };
            match route.as_str() {
                LEFT => left += count,
                // Those who watch.
                "/metrics" | "/readyz" => {}
                _ => drop(theirs.insert((route.clone(), status.parse().unwrap_or(0)), count)),
            }
        }
        let mut cache = BTreeMap::new();
        for (labels, count) in series(metrics, "cache_lookups_total") {
            let hit = labels.get("result").is_some_and(|result| result == "hit");
            *cache.entry(if hit { "hit" } else { "no hit" }).or_default() += count;
        }
        for (_, count) in series(metrics, "cache_stores_total") {
            *cache.entry("stored").or_default() += count;
        }
        let queued: u64 = series(metrics, "queued_texts").map(|(_, count)| count).sum();
        [
            (self.replies != theirs).then(|| format!("replies {:?}, counted {theirs:?}", self.replies)),
            (self.left != left).then(|| format!("left {}, counted {left}", self.left)),
            (self.cache != cache).then(|| format!("cache {:?}, counted {cache:?}", self.cache)),
            (queued != 0).then(|| format!("queued at the end: {queued}")),
            (!self.lost.is_empty()).then(|| format!("lost: {:?}", self.lost)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Labels and value of each series of a metric.
fn series(metrics: &str, name: &str) -> impl Iterator<Item = (BTreeMap<String, String>, u64)> {
    let start = format!("promptswitch_companion_{name}{{");
    metrics.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(&start)?.rsplit_once("} ")?;
        let labels = labels.split(',').filter_map(|label| label.split_once('='));
        let labels = labels.map(|(key, value)| (key.into(), value.trim_matches('"').into()));
        Some((labels.collect(), value.parse().ok()?))
    })
}

/// What is sent, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) addr: SocketAddr,
    /// Models that embed; the first is sent the large batches.
    pub(crate) models: Vec<String>,
    /// Each sends its next request when it has the reply to the last one.
    pub(crate) clients: u64,
    /// Different texts that are stored and looked up.
    pub(crate) questions: u64,
    pub(crate) time: Duration,
}

impl Load {
    fn caller(&self, http: &Client, random: u64) -> Caller {
        Caller {
            load: self.clone(),
            http: http.clone(),
            random,
            tally: Tally::default(),
        }
    }

    /// Stores an answer to every question.
    pub(crate) async fn fill(&self) -> Tally {
        let mut caller = self.caller(&Client::new(), 1);
        for number in 0..self.questions {
            caller.store(number).await;
        }
        caller.tally
    }

    pub(crate) async fn run(&self) -> Tally {
        let end = Instant::now() + self.time;
        let http = Client::new();
        let clients = (0..self.clients).map(|client| {
            let mut caller = self.caller(&http, client * 7919 + 1);
            tokio::spawn(async move {
                while Instant::now() < end {
                    caller.ask().await;
                }
                caller.tally
            })
        });
        let mut all = Tally::default();
        for client in clients.collect::<Vec<_>>() {
            match client.await {
                Ok(tally) => all.add(tally),
                Err(error) => all.lost.push(error.to_string()),
            }
        }
        all
    }
}

fn question(number: u64) -> String {
    format!("What does clause {number} of the contract say?")
}

struct Caller {
    load: Load,
    http: Client,
    random: u64,
    tally: Tally,
}

impl Caller {
    /// A number below `limit`, of a row that is the same each time.
    fn below(&mut self, limit: u64) -> u64 {
        let next = self.random.wrapping_mul(6_364_136_223_846_793_005);
        self.random = next.wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % limit
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let place = self.below(of.len() as u64);
        of.get(place as usize).cloned()
    }

    fn text(&mut self) -> String {
        let words = 3 + self.below(60);
        let words = (0..words).filter_map(|_| self.pick(&WORDS));
        words.collect::<Vec<_>>().join(" ")
    }

    async fn ask(&mut self) {
        match self.below(100) {
            0..=24 => {
                let (model, texts) = (self.pick(&self.load.models.clone()), self.below(8) + 1);
                self.embed(model, texts).await;
            }
            25 => self.embed(self.load.models.first().cloned(), 256).await,
            26..=45 => {
                let text = self.text();
                self.post("/v1/classify", json!({"text": text})).await;
            }
            46..=57 => {
                let number = self.below(self.load.questions);
                self.store(number).await;
            }
            58..=77 => self.look_up().await,
            78..=93 => self.garbage().await,
            _ => self.leave().await,
        }
    }

    async fn embed(&mut self, model: Option<String>, texts: u64) {
        let input: Vec<String> = (0..texts).map(|_| self.text()).collect();
        let body = json!({"model": model, "input": input});
        if let Some((200, reply)) = self.post("/v1/embeddings", body).await {
            let vectors = reply.get("data").and_then(Value::as_array).map_or(0, Vec::len);
            if vectors as u64 != texts {
                self.tally
                    .lost
                    .push(format!("{vectors} vectors for {texts} texts"));
            }
        }
    }

    async fn store(&mut self, number: u64) {
        let response = "x".repeat(self.below(4000) as usize);
        let body = json!({"text": question(number), "scope": {"tenant": "soak"}, "response": response});
        if let Some((200, _)) = self.post("/v1/cache/store", body).await {
            *self.tally.cache.entry("stored").or_default() += 1;
        }
    }

    async fn look_up(&mut self) {
        let text = question(self.below(self.load.questions));
        let body = json!({"text": text, "scope": {"tenant": "soak"}});
        if let Some((200, reply)) = self.post("/v1/cache/lookup", body).await {
            let hit = reply.get("hit") == Some(&Value::Bool(true));
            let end = if hit { "hit" } else { "no hit" };
            *self.tally.cache.entry(end).or_default() += 1;
        }
    }

    async fn garbage(&mut self) {
        match self.below(5) {
            0 => drop(self.post("/v1/classify", json!({"text": 5})).await),
            1 => drop(
                self.post("/v1/embeddings", json!({"model": "none", "input": "x"}))
                    .await,
            ),
            2 => drop(self.send("/v1/embeddings", "{\"input\": [\"\u{0}".into()).await),
            3 => drop(self.send("/v1/nothing", "x".repeat(100_000)).await),
            // A whole connection of what is no HTTP.
            _ => drop(self.say(&[0xff; 300]).await),
        }
    }

    /// Sends a request, and goes before the reply can be there. It asks whether to send the body, so that the server
    /// is known to have the request by then.
    async fn leave(&mut self) {
        let documents: Vec<String> = (0..8).map(|_| self.text()).collect();
        let body = json!({"query": "x", "documents": documents}).to_string();
        let head = format!(
            "POST {LEFT} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let left = async {
            let mut stream = TcpStream::connect(self.load.addr).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.read_u8().await?;
            stream.write_all(body.as_bytes()).await
        };
        match left.await {
            Ok(()) => self.tally.left += 1,
            Err(error) => self.tally.lost.push(format!("{LEFT}: {error}")),
        }
    }

    async fn say(&self, bytes: &[u8]) -> std::io::Result<()> {
        TcpStream::connect(self.load.addr).await?.write_all(bytes).await
    }

    async fn post(&mut self, route: &str, body: Value) -> Option<(u16, Value)> {
        self.send(route, body.to_string()).await
    }

    /// Status and body of the reply.
    async fn send(&mut self, route: &str, body: String) -> Option<(u16, Value)> {
        let request = self
            .http
            .post(format!("http://{}{route}", self.load.addr))
            .body(body);
        let reply = async {
            let response = request.timeout(Duration::from_secs(120)).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.json().await?))
        };
        match reply.await {
            Ok((status, body)) => {
                let route = if route == "/v1/nothing" { "other" } else { route };
                *self.tally.replies.entry((route.into(), status)).or_default() += 1;
                Some((status, body))
            }
            Err(error) => {
                self.tally.lost.push(format!("{route}: {error:?}"));
                None
            }
        }
    }
}
