//! The model servers of the example istio-vsr, simulated, and what its gateway must do with requests.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::message::{Framing, Pace, Request};
use serde_json::{Value, json};

/// Service, port and model.
pub(super) const SERVERS: [(&str, u16, &str); 2] =
    [("llama-8b", 9001, "llama3-8b"), ("phi4-mini", 9002, "phi4-mini")];

/// Model asked for, prompt, and the model that must answer: a server refuses every model but its own.
const REQUESTS: [(&str, &str, &str); 4] = [
    ("auto", "2+2 is  ", "phi4-mini"),
    (
        "auto",
        "Linux is said to be an open source kernel because ",
        "llama3-8b",
    ),
    ("auto", "What is the derivative of x^3 * sin(x)?", "phi4-mini"),
    ("phi4-mini", "Hello", "phi4-mini"),
];

/// Sends the guide's requests, each with a routing header that names the other model, and one whose body is larger than what
/// gateways hold by default.
pub(super) fn requests(gateway: SocketAddr) -> Result<String> {
    for (model, prompt, wanted) in REQUESTS {
        let other = SERVERS.iter().map(|server| server.2).find(|name| *name != wanted);
        let request = Request::chat(model, prompt).header("x-selected-model", other.unwrap_or_default());
        let response = client::send(gateway, &request, Framing::ContentLength, Pace::Whole)?;
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let is_right = response.status == 200 && body.get("model") == Some(&json!(wanted));
        ensure!(is_right, "{model} {prompt}: {} {body}", response.status);
    }
    let large = Request::chat("auto", &"Who was the first emperor of Rome? ".repeat(60_000));
    let response = client::send(gateway, &large, Framing::Chunked, Pace::Whole)?;
    ensure!(
        response.status == 200,
        "a body of {} bytes: {}",
        large.body.len(),
        response.status
    );
    Ok(format!(
        "{} requests by decision and name; a body of {} bytes got {}",
        REQUESTS.len(),
        large.body.len(),
        response.status
    ))
}
