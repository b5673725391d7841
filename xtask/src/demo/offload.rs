//! The same prompts to the filter alone, and to the filter with a companion that it asks where it is unsure.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::{Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::envoy::{Envoy, LocalConfig, Ports};
use promptswitch_tests::message::{Framing, Pace, Request, Response};
use promptswitch_tests::policy;
use promptswitch_tests::upstream::Upstream;
use serde_json::json;

use super::{envoy, fit, padded};
use crate::{companion, dist};

const COMPANION: u16 = 8090;
/// The name of the cluster and of the listener that has it.
const ASSISTED: &str = "with-companion";

/// Of the first two the filter is sure, and asks nobody.
const PROMPTS: [&str; 7] = [
    "What is the derivative of x^3 * sin(x)?",
    "秦始皇统一六国是在哪一年？",
    "How many handshakes happen if everyone at a table of nine greets everyone else once?",
    "How far apart must two antennas stand before their signals stop interfering?",
    "How do noise cancelling headphones work?",
    "How long until my savings double at four percent a year?",
    "Why does ice float?",
];

/// Builds, starts, asks, prints. One Envoy has both listeners, with the policy of `envoy/envoy.yaml`.
pub(super) fn demo() -> Result<()> {
    dist::dist()?;
    let binary = envoy()?;
    let _companion = companion::start(COMPANION)?;
    let llama = Upstream::start("llama3-8b", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let phi = Upstream::start("phi4-mini", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let ports = Ports {
        listener: 0,
        admin: 0,
        llama: llama.addr(),
        phi: phi.addr(),
    };
    let config = LocalConfig::shipped()?
        .with_listener(ASSISTED, assisted()?)?
        .ports(ports)?;
    eprintln!("==> starting Envoy");
    let envoy = Envoy::start(&binary, &config.to_json(), 1)?;
    let (alone, helped) = (envoy.listener("ingress")?, envoy.listener(ASSISTED)?);
    // A connection to the companion, and warm caches for both.
    ask(helped, "Hello")?;
    println!("\n{}\n{}", line(TITLE), line(["---"; 9]));
    for prompt in PROMPTS {
        let (alone, helped) = (ask(alone, prompt)?, ask(helped, prompt)?);
        println!("{}", row(prompt, &alone, &helped));
    }
    Ok(())
}

/// The shipped configuration with the companion for what the filter is unsure of.
fn assisted() -> Result<LocalConfig> {
    let mut policy = policy::guide()?;
    // On a CPU the larger model takes longer than the 50 ms that are the default.
    let offload = json!({"cluster": ASSISTED, "timeout": "500ms"});
    policy::merge(&mut policy, &json!({"promptswitch": {"offload": offload}}));
    let companion = SocketAddr::from((Ipv4Addr::LOCALHOST, COMPANION));
    LocalConfig::shipped()?
        .policy(&policy)?
        .with_cluster(ASSISTED, companion)
}

/// The answer, and how long it took, in milliseconds: our connection, Envoy and the mock model server included.
fn ask(gateway: SocketAddr, prompt: &str) -> Result<(Response, f64)> {
    let request = Request::chat("auto", prompt).header("x-vsr-debug", "true");
    let started = Instant::now();
    let response = client::send(gateway, &request, Framing::ContentLength, Pace::Whole)?;
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    ensure!(response.status == 200, "{prompt}: status {}", response.status);
    Ok((response, took_ms))
}

const TITLE: [&str; 9] = [
    "prompt",
    "filter alone",
    "conf.",
    "goes to",
    "ms",
    "with companion",
    "conf.",
    "goes to",
    "ms",
];

fn row(prompt: &str, alone: &(Response, f64), helped: &(Response, f64)) -> String {
    let verdict = |(response, took_ms): &(Response, f64)| {
        let header = |name| response.header(name).unwrap_or_default();
        [
            header("x-vsr-selected-category"),
            header("x-vsr-selected-confidence").chars().take(4).collect(),
            header("x-vsr-selected-model"),
            format!("{took_ms:.1}"),
        ]
    };
    let [category, confidence, model, took] = &verdict(alone);
    let [helped_category, helped_confidence, helped_model, helped_took] = &verdict(helped);
    line([
        &fit(prompt, PROMPT_WIDTH),
        category,
        confidence,
        model,
        took,
        helped_category,
        helped_confidence,
        helped_model,
        helped_took,
    ])
}

const PROMPT_WIDTH: usize = 60;
const WIDTHS: [usize; 9] = [PROMPT_WIDTH, 16, 5, 10, 5, 16, 5, 10, 5];

fn line(cells: [&str; 9]) -> String {
    let cells = cells.iter().zip(WIDTHS).map(|(cell, width)| padded(cell, width));
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}
