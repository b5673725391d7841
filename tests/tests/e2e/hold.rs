//! Envoy that does, and Envoy that does not, show the body of a request whose headers are held.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use promptswitch_tests::{
    client::h1,
    envoy::LocalConfig,
    message::{Framing, Pace, Request, Response},
    policy,
    scenario::difference,
    stack::{Exchange, Stack, test_id},
    upstream::TEST_ID,
};

use serde_json::json;

use crate::suite::Suite;

/// No request may wait longer for the filter to find out.
const BOUND: Duration = Duration::from_secs(10);

/// More requests than it may take to find out.
const PATIENCE: usize = 10;

pub(crate) fn add(suite: &mut Suite) {
    // One worker: what a VM finds out about its Envoy, the others have to find out themselves.
    let fresh = suite.shared(1, LocalConfig::shipped);
    suite.test(
        "the first client of all may take 3 s to its first body byte",
        &fresh,
        first_client_may_be_slow,
    );
    let flagless = fresh.beside("no flag", || without_flag(0));
    suite.test(
        "without the flag requests are delayed at first and never lost",
        &flagless,
        without_the_flag,
    );
    let flagless = fresh.beside("no flag at once", || without_flag(1));
    suite.test(
        "without the flag requests held at once are all released",
        &flagless,
        without_the_flag_at_once,
    );
}

// Filters of one configuration share what they found out. The number makes the configurations differ.
fn without_flag(number: u32) -> Result<LocalConfig> {
    let mut policy = policy::guide()?;
    policy::merge(
        &mut policy,
        &json!({"promptswitch": {"limits": {"max_body_bytes": 1_000_000 + number}}}),
    );
    LocalConfig::shipped()?.policy(&policy)?.without_header_hold()
}

fn first_client_may_be_slow(stack: &Stack) -> Result<()> {
    let id = test_id();
    let request = Request::chat("auto", "2+2 is  ").header(TEST_ID, &id);
    let mut connection = h1::Connection::open(stack.addr())?;
    connection.write(&h1::head(&request, h1::Framing::Length(request.body.len())))?;
    thread::sleep(Duration::from_secs(3));
    connection.write(&request.body)?;
    ensure!(reason(&connection.read_response("POST")?) == "decision");
    let (model, _) = stack.take_seen(&id)?.context("nothing arrived")?;
    ensure!(model == "phi4-mini", "served by {model}");
    Ok(())
}

fn without_the_flag(stack: &Stack) -> Result<()> {
    use Framing::{Chunked, ContentLength, H2, H2Trailers};
    let framings = [ContentLength, Chunked, H2, H2Trailers];
    let mut delayed = 0;
    for framing in framings.iter().cycle().take(PATIENCE) {
        match unrouted(stack, *framing)?.as_str() {
            "header_hold_unsupported" => delayed += 1,
            "headers_mode" => break,
            other => bail!("reason is {other}"),
        }
    }
    ensure!(
        (1..PATIENCE).contains(&delayed),
        "{delayed} requests were delayed"
    );
    for framing in framings {
        let reason = unrouted(stack, framing)?;
        ensure!(
            reason == "headers_mode",
            "reason is {reason} after holding was given up"
        );
    }
    ensure!(
        stack.envoy.log().contains("allow_on_headers_stop_iteration"),
        "the log does not name the fix"
    );
    Ok(())
}

fn without_the_flag_at_once(stack: &Stack) -> Result<()> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..PATIENCE)
            .map(|_| scope.spawn(|| unrouted(stack, Framing::ContentLength)))
            .collect();
        clients.into_iter().try_for_each(|client| -> Result<()> {
            client
                .join()
                .map_err(|_| anyhow::anyhow!("a client panicked"))??;
            Ok(())
        })
    })
}

// Sends a request that must arrive unchanged at the default model within the bound, and says why it did.
fn unrouted(stack: &Stack, framing: Framing) -> Result<String> {
    let request = Request::chat("auto", &"2+2 is  ".repeat(100));
    let started = Instant::now();
    let Exchange { response, arrived } = stack.send(&request, framing, Pace::Whole)?;
    ensure!(
        started.elapsed() < BOUND,
        "a request took {:?}",
        started.elapsed()
    );
    ensure!(response.status == 200, "status is {}", response.status);
    let (model, seen) = arrived.context("nothing arrived")?;
    ensure!(model == "llama3-8b", "served by {model}");
    ensure!(
        seen.body == request.body,
        "{:?}",
        difference(&request.body, &seen.body)
    );
    Ok(reason(&response))
}

fn reason(response: &Response) -> String {
    response.header("x-promptswitch-reason").unwrap_or_default()
}
