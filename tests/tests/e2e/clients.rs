//! Clients that behave oddly, and many at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use promptswitch_tests::{
    client::{self, h1},
    message::{Framing, Pace, Request, Response},
    stack::{Stack, test_id},
    upstream::TEST_ID,
};

use crate::suite::{Listener, Suite};

const CLIENT_GONE: &str = "wasmcustom.promptswitch_requests_total|reason=client_gone";

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    let mut add = |name, run: fn(&Stack) -> Result<()>| suite.test(name, guide, run);
    add(
        "a client that leaves in mid body does no harm",
        leaving_does_no_harm,
    );
    add("a WebSocket is opened and carries bytes", |stack| {
        websocket(stack, "/v1/realtime")
    });
    add("a WebSocket on a chat path is not held", |stack| {
        websocket(stack, "/v1/responses")
    });
    add(
        "a client that expects 100-continue gets it and is routed",
        expect_continue,
    );
    add(
        "requests that share a connection are routed one by one",
        keep_alive,
    );
    add("requests that share an HTTP/2 connection do not mix", multiplexed);
    add(
        "200 mixed requests over 16 connections are all right",
        many_at_once,
    );
}

fn leaving_does_no_harm(stack: &Stack) -> Result<()> {
    use Framing::{Chunked, ContentLength, H2};
    let request = Request::chat("auto", &"2+2 is  ".repeat(1000));
    for framing in [ContentLength, Chunked, H2].repeat(10) {
        client::abandon(stack.addr(), &request, framing)?;
    }
    let exchange = stack.send(&Request::chat("auto", "2+2 is  "), ContentLength, Pace::Whole)?;
    let (model, _) = exchange.arrived.context("nothing arrived")?;
    ensure!(model == "phi4-mini", "served by {model}");
    let deadline = Instant::now() + client::PATIENCE;
    while stack.envoy.stat(CLIENT_GONE)? == 0 {
        ensure!(Instant::now() < deadline, "{CLIENT_GONE} stays 0");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn websocket(stack: &Stack, path: &str) -> Result<()> {
    let mut connection = h1::Connection::open(stack.addr())?;
    let request = Request {
        method: "GET".into(),
        path: path.into(),
        ..Request::default()
    };
    let request = request
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    connection.write(&h1::head(&request, h1::Framing::None))?;
    let response = connection.read_response("GET")?;
    ensure!(response.status == 101, "status is {}", response.status);
    connection.write(b"ping")?;
    let answer = connection.read_exact(4)?;
    ensure!(answer == b"ping", "{answer:?}");
    Ok(())
}

fn expect_continue(stack: &Stack) -> Result<()> {
    let id = test_id();
    let request = Request::chat("auto", "2+2 is  ")
        .header("expect", "100-continue")
        .header(TEST_ID, &id);
    let mut connection = h1::Connection::open(stack.addr())?;
    connection.write(&h1::head(&request, h1::Framing::Length(request.body.len())))?;
    let interim = connection.read_head()?;
    ensure!(interim.status == 100, "status is {}", interim.status);
    connection.write(&request.body)?;
    let response = connection.read_response("POST")?;
    ensure!(response.status == 200, "status is {}", response.status);
    let (model, _) = stack.take_seen(&id)?.context("nothing arrived")?;
    ensure!(model == "phi4-mini", "served by {model}");
    Ok(())
}

fn keep_alive(stack: &Stack) -> Result<()> {
    let mut connection = h1::Connection::open(stack.addr())?;
    KINDS
        .iter()
        .try_for_each(|kind| kind.check(stack, &mut connection))
}

fn multiplexed(stack: &Stack) -> Result<()> {
    let kinds: Vec<_> = KINDS.iter().cycle().take(4 * KINDS.len()).collect();
    let ids: Vec<_> = kinds.iter().map(|_| test_id()).collect();
    let requests: Vec<_> = kinds
        .iter()
        .zip(&ids)
        .map(|(kind, id)| Request::post(kind.path, kind.body).header(TEST_ID, id))
        .collect();
    let responses = client::send_together(stack.addr(), &requests)?;
    ensure!(responses.len() == kinds.len(), "{} answers", responses.len());
    for ((kind, id), response) in kinds.iter().zip(&ids).zip(&responses) {
        kind.check_outcome(stack, id, response)?;
    }
    Ok(())
}

fn many_at_once(stack: &Stack) -> Result<()> {
    const CONNECTIONS: usize = 16;
    const REQUESTS: usize = 200;
    thread::scope(|scope| {
        let client = |number: usize| {
            move || -> Result<()> {
                let mut connection = h1::Connection::open(stack.addr())?;
                let kinds = KINDS.iter().cycle().skip(number);
                kinds
                    .take(REQUESTS.div_ceil(CONNECTIONS))
                    .try_for_each(|kind| kind.check(stack, &mut connection))
            }
        };
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(client(number)))
            .collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?)
    })
}

/// A request and what must come of it.
struct Kind {
    path: &'static str,
    body: &'static str,
    model: &'static str,
    reason: &'static str,
    pause: Duration,
}

const fn kind(path: &'static str, body: &'static str, model: &'static str, reason: &'static str) -> Kind {
    Kind {
        path,
        body,
        model,
        reason,
        pause: Duration::ZERO,
    }
}

const CHAT: &str = "/v1/chat/completions";
const MATH: &str = r#"{"model":"auto","messages":[{"role":"user","content":"2+2 is  "}]}"#;
const LINUX: &str = r#"{"model":"auto","messages":[{"role":"user","content":"Linux is said to be an open source kernel because "}]}"#;

const KINDS: [Kind; 7] = [
    kind(CHAT, MATH, "phi4-mini", "decision"),
    kind(CHAT, LINUX, "llama3-8b", "decision"),
    Kind {
        pause: Duration::from_millis(20),
        ..kind(CHAT, MATH, "phi4-mini", "decision")
    },
    kind(
        CHAT,
        r#"{"model":"phi4-mini","messages":[]}"#,
        "phi4-mini",
        "explicit_model",
    ),
    kind(CHAT, r#"{"model":"auto""#, "llama3-8b", "bad_json"),
    kind("/v1/embeddings", MATH, "llama3-8b", "not_chat_path"),
    kind("/v1/messages", MATH, "phi4-mini", "decision"),
];

impl Kind {
    /// Sends the request over a connection that others use before and after.
    fn check(&self, stack: &Stack, connection: &mut h1::Connection) -> Result<()> {
        let id = test_id();
        let request = Request::post(self.path, self.body).header(TEST_ID, &id);
        connection.write(&h1::head(&request, h1::Framing::Length(request.body.len())))?;
        thread::sleep(self.pause);
        connection.write(&request.body)?;
        let response = connection.read_response("POST")?;
        self.check_outcome(stack, &id, &response)
    }

    fn check_outcome(&self, stack: &Stack, id: &str, response: &Response) -> Result<()> {
        let reason = response.header("x-promptswitch-reason");
        ensure!(
            reason.as_deref() == Some(self.reason),
            "{}: reason is {reason:?}",
            self.body
        );
        let (model, seen) = stack.take_seen(id)?.context("nothing arrived")?;
        ensure!(model == self.model, "{}: served by {model}", self.body);
        let wanted = match self.reason {
            "decision" => self.body.replace("\"auto\"", &format!("\"{}\"", self.model)),
            _ => self.body.into(),
        };
        ensure!(
            seen.body == wanted.as_bytes(),
            "{:?} arrived",
            String::from_utf8_lossy(&seen.body)
        );
        Ok(())
    }
}
