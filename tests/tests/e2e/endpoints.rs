//! Endpoints that the filter chooses: what it counts, and what it is told. `examples/standalone-picker` is routed by them.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use promptswitch_tests::{
    client::h1,
    envoy::LocalConfig,
    message::{Framing, Pace, Request, values},
    policy,
    stack::Stack,
    upstream::TEST_STEP,
};
use serde_json::json;

use crate::suite::Suite;

/// Nothing is routed by this header here, so that nothing has to listen there.
const HEADER: &str = "x-endpoints";
const FIRST: &str = "10.0.0.1:8000";
const SECOND: &str = "10.0.0.2:8000";

pub(crate) fn add(suite: &mut Suite) {
    // One worker, since each counts for itself; one start for all facts.
    suite.add(
        "endpoints go by requests in flight until these end or are reset, and by what the companion reports",
        |binary| {
            let (companion, report) = start_companion()?;
            let stack = start(binary, companion)?;
            a_reset_request_counts_no_longer(&stack)?;
            a_report_counts(&stack, &report)?;
            stack.check_health()
        },
    );
}

fn start(binary: &Path, companion: SocketAddr) -> Result<Stack> {
    let mut policy = policy::guide()?;
    let endpoints = json!({"promptswitch": {
        "endpoints": {
            "models": {"llama3-8b": [FIRST, SECOND]},
            "metrics": {"cluster": "companion", "interval": "100ms"},
        },
        "outputs": [
            {"header": "x-selected-model", "value": "{model}"},
            {"header": HEADER, "value": "{endpoints}"},
        ],
    }});
    policy::merge(&mut policy, &endpoints);
    let config = LocalConfig::shipped()?.policy(&policy)?;
    Stack::start(binary, config.with_cluster("companion", companion)?, 1)
}

/// The endpoint that a short request gets first.
fn first(stack: &Stack) -> Result<String> {
    let request = Request::chat("llama3-8b", "Hello");
    let exchange = stack.send(&request, Framing::ContentLength, Pace::Whole)?;
    let (_, seen) = exchange.arrived.context("nothing arrived")?;
    let order = values(&seen.headers, HEADER).concat();
    let (first, second) = order
        .split_once(',')
        .with_context(|| format!("order is {order:?}"))?;
    ensure!(first != second, "order is {order}");
    Ok(first.to_owned())
}

/// Waits until so many requests in a row get this endpoint: what ends, or is told, is known a moment later.
fn wait_for(stack: &Stack, in_a_row: usize, endpoint: &str) -> Result<()> {
    let mut row = 0;
    for _ in 0..200 {
        row = if first(stack)? == endpoint { row + 1 } else { 0 };
        if row == in_a_row {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("{endpoint} is not chosen {in_a_row} times in a row")
}

fn a_reset_request_counts_no_longer(stack: &Stack) -> Result<()> {
    let body =
        json!({"model": "llama3-8b", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let request = Request::post("/v1/chat/completions", body.to_string()).header(TEST_STEP, "true");
    let mut hanging = h1::Connection::open(stack.addr())?;
    hanging.write(&h1::head(&request, h1::Framing::Length(request.body.len())))?;
    hanging.write(&request.body)?;
    let head = hanging.read_head()?;
    ensure!(head.status == 200, "status is {}", head.status);
    // It was the first of all, and so went to the first; alone the two would take turns.
    wait_for(stack, 6, SECOND)?;
    drop(hanging);
    wait_for(stack, 1, FIRST)
}

fn a_report_counts(stack: &Stack, report: &Mutex<String>) -> Result<()> {
    let idle = json!({"age_ms": 0, "queue": 0, "kv_cache": 0.1});
    let busy = json!({"age_ms": 0, "queue": 20, "kv_cache": 0.9});
    for (endpoint, other) in [(FIRST, SECOND), (SECOND, FIRST)] {
        let reports = json!({"endpoints": {endpoint: idle, other: busy}});
        *report.lock().unwrap_or_else(PoisonError::into_inner) = reports.to_string();
        wait_for(stack, 6, endpoint)?;
    }
    Ok(())
}

/// A companion that reports what it is told to, which is nothing of use at first. It serves until the process ends.
fn start_companion() -> Result<(SocketAddr, Arc<Mutex<String>>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let addr = listener.local_addr()?;
    let report = Arc::new(Mutex::new(String::from("nothing")));
    let told = report.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let report = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                report.len()
            );
            // What cannot be read or written is Envoy's to notice.
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                stream.write_all((head + &report).as_bytes()).ok();
            }
        }
    });
    Ok((addr, report))
}
