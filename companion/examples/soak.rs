//! Minutes of load at saturation on a server that runs: no reply may be lost, the server's counters must be what the
//! clients saw, and its memory must not grow. `bench/soak.sh` starts both.

#[path = "../tests/server/load.rs"]
mod load;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use load::{Load, Tally};

#[derive(Parser)]
struct Options {
    /// Address of the server, just started
    #[arg(long)]
    addr: SocketAddr,
    /// Its process, whose memory is looked at
    #[arg(long)]
    pid: u32,
    /// Models that embed
    #[arg(long, value_delimiter = ',')]
    models: Vec<String>,
    /// How long, in seconds
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Clients, each with one request at a time
    #[arg(long, default_value_t = 32)]
    clients: u64,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let url = |path: &str| format!("http://{}{path}", options.addr);
    while reqwest::get(url("/readyz"))
        .await
        .map_or(0, |r| r.status().as_u16())
        != 200
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let load = Load {
        addr: options.addr,
        models: options.models.clone(),
        clients: options.clients,
        questions: 3000,
        time: Duration::from_secs(options.seconds),
    };
    // A cache that fills is memory that grows.
    let mut tally = load.fill().await;
    let watch = tokio::spawn(watch(options.pid, options.seconds));
    tally.add(load.run().await);
    let memory = watch.await?;
    let mut differences = vec!["nothing was compared".to_owned()];
    // Those whose clients left are counted when the server sees it.
    for _ in 0..100 {
        let metrics = reqwest::get(url("/metrics")).await?.text().await?;
        differences = tally.differences(&metrics);
        if differences.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    report(&options, &tally, &memory);
    for difference in &differences {
        println!("DIFFERENT: {difference}");
    }
    let same = differences.is_empty();
    println!(
        "\ncounters and clients agree: {}",
        if same { "yes" } else { "no" }
    );
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Resident memory in MiB at each second.
async fn watch(pid: u32, seconds: u64) -> Vec<f64> {
    let began = Instant::now();
    let mut memory = Vec::new();
    for second in 0..=seconds {
        let next = began + Duration::from_secs(second);
        tokio::time::sleep_until(next.into()).await;
        memory.push(resident(pid).unwrap_or(0.0));
    }
    memory
}

fn resident(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

fn report(options: &Options, tally: &Tally, memory: &[f64]) {
    println!("| route | status | replies |\n|---|---|---|");
    for ((route, status), count) in &tally.replies {
        println!("| {route} | {status} | {count} |");
    }
    println!("| /v1/rerank | client left | {} |", tally.left);
    println!("\n| look-ups and stores | |\n|---|---|");
    for (end, count) in &tally.cache {
        println!("| {end} | {count} |");
    }
    println!("\n| second | RSS MiB |\n|---|---|");
    for part in [0, 10, 20, 50, 100] {
        let second = options.seconds * part / 100;
        let rss = memory.get(second as usize).copied().unwrap_or(0.0);
        println!("| {second} | {rss:.1} |");
    }
    let most = memory.iter().copied().fold(0.0, f64::max);
    println!("| most | {most:.1} |");
}
