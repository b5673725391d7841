//! How busy vLLM servers are: scraped from their metrics, and handed on to gateways that choose endpoints.

mod metrics;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

pub use metrics::{Load, Loras};

/// vLLM's metrics have about 100 KB.
const MAX_METRICS_BYTES: usize = 4 << 20; // 4 MiB
/// What is older is not handed on.
const KEPT: Duration = Duration::from_secs(10);
/// An answer that takes longer is of no use any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// What servers have said of themselves lately.
#[derive(Debug, Default)]
pub struct Scraped {
    latest: Mutex<BTreeMap<SocketAddr, (Instant, Load)>>,
}

/// One server's load, as it is handed on.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Milliseconds since the server has said so.
    age_ms: u64,
    #[serde(flatten)]
    load: Load,
}

impl Scraped {
    /// The loads that are known, by address.
    pub fn reports(&self) -> BTreeMap<String, Report> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = latest.iter().filter(|(_, (at, _))| at.elapsed() < KEPT);
        let report = |(address, (at, load)): (&SocketAddr, &(Instant, Load))| {
            let age_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
            (
                address.to_string(),
                Report {
                    age_ms,
                    load: load.clone(),
                },
            )
        };
        fresh.map(report).collect()
    }

    fn put(&self, server: SocketAddr, load: Load) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.insert(server, (Instant::now(), load));
    }
}

/// Scrapes servers every `interval` until what it returns is dropped.
pub(crate) fn start(scraped: &Arc<Scraped>, servers: &[SocketAddr], interval: Duration) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for server in servers {
        tasks.spawn(scrape(scraped.clone(), *server, interval));
    }
    tasks
}

async fn scrape(scraped: Arc<Scraped>, server: SocketAddr, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut works = true;
    loop {
        ticks.tick().await;
        let answer = tokio::time::timeout(PATIENCE, fetch(server)).await;
        let load = answer
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
            .and_then(|metrics| metrics::read(&metrics));
        let worked = std::mem::replace(&mut works, load.is_ok());
        match load {
            Ok(load) => {
                if !worked {
                    log::info!("metrics of {server} are back");
                }
                scraped.put(server, load);
            }
            Err(why) if worked => log::warn!("metrics of {server}: {why}"),
            Err(_) => {}
        }
    }
}

/// A server's `/metrics`.
async fn fetch(server: SocketAddr) -> Result<String, String> {
    let stream = TcpStream::connect(server).await.map_err(|e| e.to_string())?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|e| e.to_string())?;
    // Ends with this question, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = hyper::Request::get("/metrics")
        .header(header::HOST, server.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|e| e.to_string())?;
    let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
    if response.status() != hyper::StatusCode::OK {
        return Err(format!("status {}", response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), MAX_METRICS_BYTES)
        .collect()
        .await;
    let body = body.map_err(|e| e.to_string())?.to_bytes();
    String::from_utf8(body.into()).map_err(|e| e.to_string())
}
