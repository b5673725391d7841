//! Who should choose the endpoint: round robin, our filter, or the real endpoint picker, on one trace in one run.

mod config;
mod replay;
mod servers;
mod trace;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use promptswitch_tests::envoy::{Envoy, VERSIONS, fetch};

use crate::dist;
use crate::interop::picker::{Picker, Ports};
use crate::interop::tools::tool;
use crate::run::root;
use replay::Replayed;
use servers::{SERVERS, Servers, free_ports};
use trace::Row;

/// The one model.
const MODEL: &str = "llama3-8b";

/// What to replay, and how fast.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The Mooncake conversation trace, packed by gzip
    #[arg(long, default_value = "../shared/data/traffic/mooncake_conversation.jsonl.gz")]
    trace: PathBuf,
    /// How many of its first requests are sent
    #[arg(long, default_value_t = 1000)]
    requests: usize,
    /// How many times faster than it was recorded
    #[arg(long, default_value_t = 4.0)]
    speed: f64,
    /// The routes to try, instead of all
    #[arg(value_enum)]
    routes: Vec<Route>,
}

/// Who chooses the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Route {
    RoundRobin,
    Filter,
    Picker,
}

impl Route {
    const ALL: [Route; 3] = [Route::RoundRobin, Route::Filter, Route::Picker];

    fn name(self) -> &'static str {
        match self {
            Route::RoundRobin => "round-robin",
            Route::Filter => "filter",
            Route::Picker => "picker",
        }
    }
}

/// What a route did.
struct Measured {
    replayed: Replayed,
    /// Tokens asked for and found in the cache, of each server.
    cache: Vec<(f64, f64)>,
}

/// Replays the trace over each route and prints a table.
pub(crate) fn endpoints(options: &Options) -> Result<()> {
    ensure!(options.speed > 0.0, "--speed must be greater than 0");
    let rows = trace::read(&root().join(&options.trace), options.requests)?;
    ensure!(
        dist::wasm().exists(),
        "dist/promptswitch.wasm is missing: run `cargo xtask dist` first"
    );
    let simulator = tool("llm-d-inference-sim")?;
    let ports = free_ports::<{ SERVERS + 4 }>()?;
    let [servers @ .., grpc, health, metrics, kube] = ports;
    let picker = Ports {
        grpc,
        health,
        metrics,
        kube,
    };
    let version = VERSIONS.last().context("no version of Envoy")?;
    let config = config::envoy(&servers, picker.grpc).to_string();
    // One worker: each keeps an index of its own.
    let envoy = Envoy::start(&fetch(version)?, &config, 1)?;
    describe(options, &rows);
    let routes = if options.routes.is_empty() {
        Route::ALL.to_vec()
    } else {
        options.routes.clone()
    };
    for route in routes {
        let gateway = envoy.listener(route.name())?;
        let measured = measure(
            route,
            gateway,
            &simulator,
            &servers,
            picker,
            (&rows, options.speed),
        );
        match measured {
            Ok(measured) => println!("{}", line(route, &measured)),
            Err(error) => println!("| {} | not run: {error:#} |", route.name()),
        }
    }
    Ok(())
}

fn measure(
    route: Route,
    gateway: SocketAddr,
    simulator: &Path,
    ports: &[u16],
    picker: Ports,
    (rows, speed): (&[Row], f64),
) -> Result<Measured> {
    let servers = Servers::start(simulator, ports, speed)?;
    let _picker = match route {
        Route::Picker => {
            let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
            Some(Picker::start(&tool("epp")?, picker, &ports.join(","))?)
        }
        Route::RoundRobin | Route::Filter => None,
    };
    wait_until_ready(gateway)?;
    let replayed = replay::replay(gateway, rows, speed);
    Ok(Measured {
        replayed,
        cache: servers.prefix_cache()?,
    })
}

/// The picker answers 503 until it has seen the servers' metrics.
fn wait_until_ready(gateway: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let body = format!(
            r#"{{"model": "{MODEL}", "stream": true, "max_tokens": 1, "messages": [{{"role": "user", "content": "ready"}}]}}"#
        );
        match replay::first_token(gateway, body.into_bytes()) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

fn describe(options: &Options, rows: &[Row]) {
    let span = rows.last().map_or(0.0, |row| row.at.as_secs_f64());
    println!(
        "The first {} requests of the trace ({span:.0} s), {} times as fast. One token of a prompt stands for {}, one of an answer for {}.\n\
         {SERVERS} simulators, each like {} ms + {} ms a token to the first token, {} ms for each further one, times up to {} at {} \
         sequences, room for {} tokens; all of it scaled alike.\n\
         One cache without end would find {:.1} % of the prompts' blocks. Envoy has one worker.\n",
        rows.len(),
        options.speed,
        trace::PROMPT_SCALE,
        trace::ANSWER_SCALE,
        servers::OVERHEAD_US / 1000.0,
        servers::PREFILL_US / 1000.0,
        servers::TOKEN_US / 1000.0,
        servers::FACTOR_UNDER_LOAD,
        servers::SEQUENCES,
        servers::CACHE_TOKENS,
        trace::best_share(rows) * 100.0,
    );
    println!(
        "| who chooses | prefix hits | first token p50 | p90 | p99 | busiest server | requests | errors |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
}

fn line(route: Route, measured: &Measured) -> String {
    let Measured { replayed, cache } = measured;
    let asked: f64 = cache.iter().map(|(asked, _)| asked).sum();
    let found: f64 = cache.iter().map(|(_, found)| found).sum();
    let busiest = cache.iter().map(|(asked, _)| *asked).fold(0.0, f64::max);
    let [p50, p90, p99] = [50, 90, 99].map(|percent| percentile(&replayed.first_tokens, percent).as_millis());
    let errors = match replayed.errors.first() {
        Some(first) => format!("{} (first: {first})", replayed.errors.len()),
        None => "0".to_owned(),
    };
    format!(
        "| {} | {:.1} % | {p50} ms | {p90} ms | {p99} ms | {:.1} % of the tokens | {} | {errors} |",
        route.name(),
        found / asked.max(1.0) * 100.0,
        busiest / asked.max(1.0) * 100.0,
        replayed.first_tokens.len() + replayed.errors.len(),
    )
}

/// Of sorted values, the one below which that share is.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).copied().unwrap_or_default()
}
