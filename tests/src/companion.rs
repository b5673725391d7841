//! Companions of every temper: small HTTP/1.1 servers that answer the filter's questions well, late, badly or not at all.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::Result;
use serde_json::{Value, json};

const DOMAINS: [&str; 14] = [
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
];

/// How a companion answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// That the prompt is math, for sure.
    Certain,
    /// Not within a second.
    Late,
    /// By closing the connection.
    Resets,
    /// By closing the connection in the middle of the answer.
    Breaks,
    /// 429.
    Full,
    /// 500.
    Fails,
    /// With a page of HTML.
    Nonsense,
    /// With domains that there are not.
    Lies,
    /// With a megabyte.
    Verbose,
}

/// The cluster that leads to a companion in the shipped resources and examples.
pub const CLUSTER: &str = "promptswitch-companion";

/// Starts one on a free port. It serves until the process ends.
pub fn start(temper: Temper) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    thread::Builder::new()
        .name(format!("companion {temper:?}"))
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream, temper));
            }
        })?;
    Ok(addr)
}

/// One connection after another question; it ends with the client.
fn serve(mut stream: TcpStream, temper: Temper) {
    while read_question(&mut stream).is_some() {
        if temper == Temper::Resets {
            return;
        }
        if temper == Temper::Late {
            thread::sleep(Duration::from_secs(1));
        }
        let (status, body) = answer(temper);
        let length = body.len() + if temper == Temper::Breaks { 100 } else { 0 };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()));
        if sent.is_err() || temper == Temper::Breaks {
            return;
        }
    }
}

fn answer(temper: Temper) -> (&'static str, String) {
    let domain = |labels: &[&str]| {
        let rest = 0.01 / (labels.len() as f64 - 1.0);
        let scores: serde_json::Map<_, _> = labels
            .iter()
            .map(|label| {
                (
                    (*label).to_owned(),
                    json!(if *label == "math" { 0.99 } else { rest }),
                )
            })
            .collect();
        json!({"model": "double", "results": [{"domain": {"label": "math", "confidence": 0.99, "scores": scores}}]}).to_string()
    };
    match temper {
        Temper::Full => ("429 Too Many Requests", "{}".into()),
        Temper::Fails => ("500 Internal Server Error", "{}".into()),
        Temper::Nonsense => ("200 OK", "<html><body>hello</body></html>".into()),
        Temper::Lies => ("200 OK", domain(&["math", "astrology"])),
        Temper::Verbose => ("200 OK", Value::String("a".repeat(1 << 20)).to_string()),
        _ => ("200 OK", domain(&DOMAINS)),
    }
}

/// The body of the next question; None at the end of the connection.
fn read_question(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(seen.get(..end)?).to_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|length| length.trim().parse().ok())
                .unwrap_or(0);
            if seen.len() >= end + 4 + length {
                return Some(seen.split_off(end + 4));
            }
        }
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(piece.get(..count)?);
    }
}
