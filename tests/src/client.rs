//! Clients that say exactly what a test wants said, right or wrong.

pub mod h1;
mod h2;

use std::{net::SocketAddr, thread, time::Duration};

use anyhow::Result;

use crate::message::{Framing, Pace, Request, Response};

/// How long a client waits for Envoy. Past it a test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause after each piece of a slow body.
pub const PIECE_GAP: Duration = Duration::from_millis(1);

/// Sends a request on a connection of its own and reads the answer.
pub fn send(addr: SocketAddr, request: &Request, framing: Framing, pace: Pace) -> Result<Response> {
    match framing {
        Framing::ContentLength | Framing::Chunked => {
            send_h1(addr, request, framing == Framing::Chunked, pace)
        }
        Framing::H2 | Framing::H2Trailers => h2::send(addr, request, framing == Framing::H2Trailers, pace),
    }
}

/// Sends requests over one HTTP/2 connection, all at once and slowly, so that their pieces interleave.
/// The answers come in the order of the requests.
pub fn send_together(addr: SocketAddr, requests: &[Request]) -> Result<Vec<Response>> {
    h2::send_together(addr, requests)
}

fn send_h1(addr: SocketAddr, request: &Request, chunked: bool, pace: Pace) -> Result<Response> {
    let mut connection = h1::Connection::open(addr)?;
    // An answer may come before the body is sent (413); then writing fails, and the answer is what counts.
    let written = write_h1(&mut connection, request, chunked, pace);
    match connection.read_response(&request.method) {
        Err(error) => written.and(Err(error)),
        answer => answer,
    }
}

fn write_h1(connection: &mut h1::Connection, request: &Request, chunked: bool, pace: Pace) -> Result<()> {
    let framing = match (chunked, request.body.is_empty() && request.method == "GET") {
        (true, _) => h1::Framing::Chunked,
        (false, true) => h1::Framing::None,
        (false, false) => h1::Framing::Length(request.body.len()),
    };
    connection.write(&h1::head(request, framing))?;
    for piece in pace.pieces(&request.body) {
        if chunked {
            connection.write_chunk(piece)?;
        } else {
            connection.write(piece)?;
        }
        if pace == Pace::Slow {
            thread::sleep(PIECE_GAP);
        }
    }
    if chunked {
        connection.write_chunk(b"")?;
    }
    Ok(())
}

/// Sends the head and the first half of the body of a request, and leaves.
pub fn abandon(addr: SocketAddr, request: &Request, framing: Framing) -> Result<()> {
    let (half, _) = request.body.split_at(request.body.len() / 2);
    let mut connection = match framing {
        Framing::H2 | Framing::H2Trailers => return h2::abandon(addr, request),
        Framing::ContentLength | Framing::Chunked => h1::Connection::open(addr)?,
    };
    if framing == Framing::Chunked {
        connection.write(&h1::head(request, h1::Framing::Chunked))?;
        connection.write_chunk(half)?;
    } else {
        connection.write(&h1::head(request, h1::Framing::Length(request.body.len())))?;
        connection.write(half)?;
    }
    thread::sleep(PIECE_GAP);
    Ok(())
}
