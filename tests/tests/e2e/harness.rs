//! The harness itself: without the filter, what a client sends is what the model server sees.

use anyhow::{Context, Result, ensure};
use promptswitch_tests::{
    envoy::LocalConfig,
    message::{Framing, Pace, Request, values},
    scenario::difference,
    stack::Stack,
};

use crate::{
    bodies,
    suite::{Listener, Suite},
};

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    let plain = guide.beside("no filter", LocalConfig::without_filter);
    suite.test(
        "without the filter every body arrives as sent",
        &plain,
        every_body_arrives_as_sent,
    );
    suite.test(
        "without the filter odd header bytes arrive as sent",
        &plain,
        odd_headers_arrive_as_sent,
    );
}

fn every_body_arrives_as_sent(stack: &Stack) -> Result<()> {
    for (framing, pace) in bodies::ways() {
        let request = Request::post("/v1/chat/completions", bodies::body(100_000));
        let exchange = stack.send(&request, framing, pace)?;
        ensure!(
            exchange.response.status == 200,
            "{framing:?} {pace:?}: {}",
            exchange.response.status
        );
        let (_, seen) = exchange.arrived.context("nothing arrived")?;
        if let Some(difference) = difference(&request.body, &seen.body) {
            anyhow::bail!("{framing:?} {pace:?}: {difference}");
        }
    }
    Ok(())
}

fn odd_headers_arrive_as_sent(stack: &Stack) -> Result<()> {
    for framing in [Framing::ContentLength, Framing::H2] {
        let request = Request::chat("auto", "hello").header("x-odd", b"\xff\xfe");
        let request = request
            .header("x-selected-model", "a")
            .header("x-selected-model", "phi4-mini");
        let (_, seen) = stack
            .send(&request, framing, Pace::Whole)?
            .arrived
            .context("nothing arrived")?;
        ensure!(
            seen.headers
                .iter()
                .any(|(name, value)| name == "x-odd" && value == b"\xff\xfe"),
            "{framing:?}"
        );
        let copies = values(&seen.headers, "x-selected-model");
        ensure!(copies == ["a", "phi4-mini"], "{framing:?}: {copies:?}");
    }
    Ok(())
}
