//! The trace, sent to a gateway at its own times, and how long each first token took.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use promptswitch_tests::client::h1::{Connection, Framing, head};
use promptswitch_tests::message::Request;

use super::trace::Row;

/// What came of a replay.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// Of the requests that were answered, sorted.
    pub(super) first_tokens: Vec<Duration>,
    /// What went wrong with the others.
    pub(super) errors: Vec<String>,
}

/// Sends every request when it is due, whatever became of those before, and waits for all.
pub(super) fn replay(gateway: SocketAddr, rows: &[Row], speed: f64) -> Replayed {
    let replayed = Mutex::new(Replayed::default());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for row in rows {
            let body = row.body();
            let due = start + row.at.div_f64(speed);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            scope.spawn(|| {
                let outcome = first_token(gateway, body);
                let mut replayed = replayed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match outcome {
                    Ok(took) => replayed.first_tokens.push(took),
                    Err(error) => replayed.errors.push(format!("{error:#}")),
                }
            });
        }
    });
    let mut replayed = replayed
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    replayed.first_tokens.sort_unstable();
    replayed
}

/// How long a request waits for the first token of its answer, which is read to its end.
pub(super) fn first_token(gateway: SocketAddr, body: Vec<u8>) -> Result<Duration> {
    let request = Request::post("/v1/chat/completions", body);
    let started = Instant::now();
    let mut connection = Connection::open(gateway)?;
    connection.write(&head(&request, Framing::Length(request.body.len())))?;
    connection.write(&request.body)?;
    let response = connection.read_head()?;
    ensure!(response.status == 200, "status {}", response.status);
    let (mut took, mut text) = (None, Vec::new());
    loop {
        let chunk = connection.read_chunk()?;
        if chunk.is_empty() {
            return took.context("an answer without a token");
        }
        if took.is_none() {
            text.extend(chunk);
            if text.windows(TOKEN.len()).any(|window| window == TOKEN) {
                took = Some(started.elapsed());
            }
        }
    }
}

/// What no event before the first token has.
const TOKEN: &[u8] = b"\"content\":\"";
