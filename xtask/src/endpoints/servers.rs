//! The simulated model servers, and what they say of their caches.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use promptswitch_tests::client;
use promptswitch_tests::message::{Framing, Pace, Request};

use super::MODEL;
use super::trace::{ANSWER_SCALE, PROMPT_SCALE};
use crate::process::Running;

/// How many there are.
pub(super) const SERVERS: usize = 8;

/// What a server takes, before scaling: about a model of 8 billion parameters on one H100, by the simulator's
/// docs/latency-profiles.md, with room for 524,288 tokens.
pub(super) const OVERHEAD_US: f64 = 30_000.0;
pub(super) const PREFILL_US: f64 = 200.0;
pub(super) const TOKEN_US: f64 = 10_000.0;
pub(super) const CACHE_TOKENS: usize = 524_288;
pub(super) const SEQUENCES: usize = 8;
pub(super) const FACTOR_UNDER_LOAD: f64 = 3.0;

/// Running simulators with empty caches.
pub(super) struct Servers {
    running: Vec<Running>,
    ports: Vec<u16>,
}

/// So many ports of this host that nothing listens at now.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All at once, so that none is given twice.
    let listeners: Vec<_> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()?;
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
    let ports: Vec<u16> = ports.collect::<Result<_>>()?;
    ports.try_into().ok().context("ports")
}

impl Servers {
    pub(super) fn start(simulator: &Path, ports: &[u16], speed: f64) -> Result<Self> {
        let start = |port: &u16| start(simulator, *port, speed);
        Ok(Self {
            running: ports.iter().map(start).collect::<Result<_>>()?,
            ports: ports.to_vec(),
        })
    }

    /// Tokens asked for and tokens found in the cache, of each server.
    pub(super) fn prefix_cache(&self) -> Result<Vec<(f64, f64)>> {
        let of = |port: &u16| {
            let metrics = metrics(*port)?;
            let [queries, hits] =
                ["vllm:prefix_cache_queries", "vllm:prefix_cache_hits"].map(|name| value(&metrics, name));
            Ok((queries, hits))
        };
        assert_eq!(self.running.len(), self.ports.len(), "all run");
        self.ports.iter().map(of).collect()
    }
}

fn start(simulator: &Path, port: u16, speed: f64) -> Result<Running> {
    let time = |us: f64| format!("{:.0}us", us / speed);
    let block = 16;
    let flags = [
        ("--port", port.to_string()),
        ("--model", MODEL.to_owned()),
        ("--mode", "random".to_owned()),
        ("--max-model-len", "1000000".to_owned()),
        ("--enable-kvcache", "true".to_owned()),
        ("--block-size", block.to_string()),
        (
            "--kv-cache-size",
            (CACHE_TOKENS / PROMPT_SCALE / block).to_string(),
        ),
        ("--max-num-seqs", SEQUENCES.to_string()),
        ("--time-factor-under-load", FACTOR_UNDER_LOAD.to_string()),
        ("--prefill-overhead", time(OVERHEAD_US)),
        ("--prefill-time-per-token", time(PREFILL_US * PROMPT_SCALE as f64)),
        ("--inter-token-latency", time(TOKEN_US * ANSWER_SCALE as f64)),
        ("--seed", "1".to_owned()),
    ];
    let mut command = Command::new(simulator);
    command.arg("--force-dummy-tokenizer");
    for (flag, value) in flags {
        command.args([flag, &value]);
    }
    command
        .env("POD_NAME", format!("sim-{port}"))
        .env("POD_NAMESPACE", "default")
        .env("POD_IP", "127.0.0.1");
    Running::start(&format!("sim-{port}"), &mut command, port)
}

fn metrics(port: u16) -> Result<String> {
    let request = Request {
        method: "GET".into(),
        path: "/metrics".into(),
        ..Request::default()
    };
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let response = client::send(server, &request, Framing::ContentLength, Pace::Whole)?;
    Ok(String::from_utf8(response.body)?)
}

/// The sum of a metric's series.
fn value(metrics: &str, name: &str) -> f64 {
    let series = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let series = series.filter(|rest| rest.starts_with(['{', ' ']));
    series
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_series_and_of_no_others() {
        let metrics = "# HELP a b\na{m=\"x y\"} 3\na{m=\"z\"} 4.5\na_total 9\na 1\n";
        assert!((value(metrics, "a") - 8.5).abs() < 1e-9);
    }
}
