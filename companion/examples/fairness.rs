//! What one text waits for on a server that runs, alone and while batches of 256 texts keep it busy: classified, which has a
//! lane of its own, and embedded, which has not. `bench/fairness.sh` starts both.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::Client;
use serde_json::{Value, json};

const TEXT: &str = "Which clause of the contract says who pays for the repair of the roof?";

#[derive(Parser)]
struct Options {
    /// Address of the server
    #[arg(long)]
    addr: SocketAddr,
    /// Model that embeds and classifies
    #[arg(long)]
    model: String,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Clients that send batches
    #[arg(long, default_value_t = 4)]
    clients: usize,
}

#[derive(Clone)]
struct Caller {
    http: Client,
    addr: SocketAddr,
}

impl Caller {
    async fn post(&self, path: &str, body: &Value) -> Result<(), reqwest::Error> {
        let request = self.http.post(format!("http://{}{path}", self.addr)).json(body);
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    /// Milliseconds of each request, one after the other.
    async fn times(&self, path: &str, body: &Value, time: Duration) -> Result<Vec<f64>, reqwest::Error> {
        let (end, mut times) = (Instant::now() + time, Vec::new());
        while Instant::now() < end {
            let began = Instant::now();
            self.post(path, body).await?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let caller = Caller {
        http: Client::new(),
        addr: options.addr,
    };
    let ready = format!("http://{}/readyz", options.addr);
    while reqwest::get(&ready).await.map_or(0, |r| r.status().as_u16()) != 200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("| one text | beside it | requests | p50 ms | p99 ms |\n|---|---|---|---|---|");
    measure(&options, &caller, "nothing").await?;
    let (going, sent) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let batches: Vec<_> = (0..options.clients)
        .map(|_| {
            let (caller, going, sent) = (caller.clone(), going.clone(), sent.clone());
            let body = json!({"model": options.model, "input": vec![TEXT; 256]});
            tokio::spawn(async move {
                while going.load(Ordering::Relaxed) {
                    caller.post("/v1/embeddings", &body).await?;
                    sent.fetch_add(256, Ordering::Relaxed);
                }
                Ok::<(), reqwest::Error>(())
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    let before = sent.load(Ordering::Relaxed);
    measure(&options, &caller, "batches of 256").await?;
    let rate = (sent.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
    going.store(false, Ordering::Relaxed);
    for batch in batches {
        batch.await??;
    }
    println!("\n{} clients with batches: {rate:.0} texts/s", options.clients);
    Ok(())
}

async fn measure(options: &Options, caller: &Caller, beside: &str) -> Result<(), reqwest::Error> {
    for (name, path, field) in [
        ("classified", "/v1/classify", "text"),
        ("embedded", "/v1/embeddings", "input"),
    ] {
        let body = json!({"model": options.model, field: TEXT});
        let time = Duration::from_secs(options.seconds);
        let times = caller.times(path, &body, time).await?;
        let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied();
        println!(
            "| {name} | {beside} | {} | {:.1} | {:.1} |",
            times.len(),
            at(0.5).unwrap_or(0.0),
            at(0.99).unwrap_or(0.0)
        );
    }
    Ok(())
}
