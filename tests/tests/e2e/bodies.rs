//! Bodies of every size, framing and pace are routed, and arrive exactly.

use anyhow::{Context, Result, ensure};
use promptswitch_tests::{
    envoy::LocalConfig,
    message::{Framing, Pace, Request},
    scenario::{difference, replace_model},
    stack::Stack,
};

use crate::suite::{Listener, Suite};

const SIZES: [(&str, usize); 4] = [
    ("1 KB", 1_000),
    ("100 KB", 100_000),
    ("1 MB", 1_000_000),
    ("4 MB", 4_000_000),
];

/// Every framing, fast and slow.
pub(crate) fn ways() -> impl Iterator<Item = (Framing, Pace)> {
    use Framing::{Chunked, ContentLength, H2, H2Trailers};
    [ContentLength, Chunked, H2, H2Trailers]
        .into_iter()
        .flat_map(|framing| [(framing, Pace::Whole), (framing, Pace::Slow)])
}

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    for (label, size) in SIZES {
        for (framing, pace) in ways() {
            let name = format!("a body of {label} is routed and exact ({framing:?}, {pace:?})");
            suite.test(name, guide, move |stack| {
                is_routed_and_exact(stack, size, framing, pace)
            });
        }
    }
    let small = guide.beside("small buffer", || LocalConfig::shipped()?.buffer_limit(1 << 20)); // 1 MiB
    for (framing, pace) in ways() {
        let name = format!("a body over Envoy's buffer gets Envoy's 413 ({framing:?}, {pace:?})");
        suite.test(name, &small, move |stack| {
            is_refused_by_envoy(stack, framing, pace)
        });
    }
}

/// A chat body of this size with a math question. No two parts of it are alike, so that a piece that is lost,
/// doubled or moved shows.
pub(crate) fn body(size: usize) -> Vec<u8> {
    let (start, end) = (
        r#"{"messages":[{"role":"user","content":"2+2 is  "}],"metadata":{"padding":""#,
        r#""},"temperature":1.0,"model":"auto"}"#,
    );
    let padding: String = (0..size / 8).map(|n| format!("{n:08x}")).collect();
    let padding = padding.get(..size - start.len() - end.len()).unwrap_or(&padding);
    [start, padding, end].concat().into_bytes()
}

fn is_routed_and_exact(stack: &Stack, size: usize, framing: Framing, pace: Pace) -> Result<()> {
    let request = Request::post("/v1/chat/completions", body(size));
    ensure!(
        request.body.len() == size,
        "the body is {} bytes",
        request.body.len()
    );
    let exchange = stack.send(&request, framing, pace)?;
    ensure!(
        exchange.response.status == 200,
        "status is {}",
        exchange.response.status
    );
    let reason = exchange.response.header("x-promptswitch-reason");
    ensure!(reason.as_deref() == Some("decision"), "reason is {reason:?}");
    let (model, seen) = exchange.arrived.context("nothing arrived")?;
    ensure!(model == "phi4-mini", "served by {model}");
    let wanted = replace_model(&request.body, "auto", "phi4-mini")?;
    ensure!(seen.body == wanted, "{:?}", difference(&wanted, &seen.body));
    Ok(())
}

fn is_refused_by_envoy(stack: &Stack, framing: Framing, pace: Pace) -> Result<()> {
    let request = Request::post("/v1/chat/completions", body(3_000_000));
    let exchange = stack.send(&request, framing, pace)?;
    ensure!(
        exchange.response.status == 413,
        "status is {}",
        exchange.response.status
    );
    ensure!(exchange.arrived.is_none(), "a request that was refused arrived");
    Ok(())
}
