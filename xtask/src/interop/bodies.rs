//! Bodies through the filter and then, streamed both ways, through the endpoint picker: two filters in a row that hold and
//! edit bodies have corrupted them before (istio/istio#60053).

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::envoy::VERSIONS;
use promptswitch_tests::message::{Framing, Pace, Request};
use promptswitch_tests::scenario::{difference, replace_model};
use promptswitch_tests::upstream::{TEST_ID, Upstream};

use super::Outcome;
use super::picker::{LLAMA, PORTS, Picker, free, start_envoy, wait_for_endpoints};
use super::tools::tool;

const SERVERS: [u16; 2] = [9001, 9002];
const SIZES: [usize; 6] = [5_000, 50_000, 100_000, 500_000, 1_000_000, 2_000_000];
/// Not with trailers: the picker answers nothing to a request that ends in them, whoever is in front of it ("currently unused" in
/// its pkg/epp/handlers/server.go).
const FRAMINGS: [Framing; 3] = [Framing::ContentLength, Framing::Chunked, Framing::H2];

/// Every size, framing and pace on every Envoy; what arrives must be what was sent but for the model.
pub(super) fn bodies() -> Result<Outcome> {
    let picker = match tool("epp") {
        Ok(picker) => picker,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let start = |port: u16| Upstream::start(LLAMA, SocketAddr::from(([127, 0, 0, 1], port)));
    free(&SERVERS)?;
    let servers = SERVERS.into_iter().map(start).collect::<Result<Vec<_>>>()?;
    let _picker = Picker::start(&picker, PORTS, "9001,9002")?;
    let mut exchanges = 0;
    for version in VERSIONS {
        let started = Instant::now();
        let envoy = start_envoy("envoy-picker.yaml", version)?;
        let gateway = envoy.listener("ingress")?;
        wait_for_endpoints(gateway)?;
        for size in SIZES {
            for (framing, pace) in FRAMINGS
                .into_iter()
                .flat_map(|f| [(f, Pace::Whole), (f, Pace::Slow)])
            {
                arrives(gateway, &servers, size, framing, pace)
                    .with_context(|| format!("Envoy {version}, {size} bytes, {framing:?}, {pace:?}"))?;
                exchanges += 1;
            }
        }
        println!("Envoy {version}: {:.0} s", started.elapsed().as_secs_f64());
    }
    Ok(Outcome::Passed(format!(
        "{exchanges} bodies of 5 KB to 2 MB, HTTP/1.1 and HTTP/2, on {VERSIONS:?}: all exact"
    )))
}

fn arrives(
    gateway: SocketAddr,
    servers: &[Upstream],
    size: usize,
    framing: Framing,
    pace: Pace,
) -> Result<()> {
    let id = format!("{size}-{framing:?}-{pace:?}");
    let request = Request::post("/v1/chat/completions", body(size)).header(TEST_ID, &id);
    let response = client::send(gateway, &request, framing, pace)?;
    let text = String::from_utf8_lossy(&response.body);
    ensure!(response.status == 200, "{} {text}", response.status);
    let seen: Vec<_> = servers.iter().flat_map(|server| server.take_seen(&id)).collect();
    let [seen] = seen.as_slice() else {
        anyhow::bail!("arrived {} times", seen.len());
    };
    let wanted = replace_model(&request.body, "auto", LLAMA)?;
    match difference(&wanted, &seen.body) {
        None => Ok(()),
        Some(difference) => Err(anyhow::anyhow!(difference)),
    }
}

/// A chat body of this size. No two parts of it are alike, so that a piece that is lost, doubled or moved shows. The picker
/// writes every body anew, with sorted keys and no spaces, so this is written as it would be.
fn body(size: usize) -> Vec<u8> {
    let start =
        r#"{"messages":[{"content":"Who painted the Mona Lisa?","role":"user"}],"metadata":{"padding":""#;
    let end = r#""},"model":"auto"}"#;
    let padding: String = (0..size / 8).map(|n| format!("{n:08x}")).collect();
    let padding = padding.get(..size.saturating_sub(start.len() + end.len()));
    [start, padding.unwrap_or_default(), end].concat().into_bytes()
}
