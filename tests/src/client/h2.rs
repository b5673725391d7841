//! HTTP/2 in clear text, with prior knowledge.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{self, SendRequest},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::{net::TcpStream, runtime, time};

use super::{PATIENCE, PIECE_GAP};
use crate::message::{Pace, Request, Response};

/// Sends a request on a connection of its own and reads the answer.
pub(super) fn send(addr: SocketAddr, request: &Request, trailers: bool, pace: Pace) -> Result<Response> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = connect(addr).await?;
        time::timeout(PATIENCE, exchange(client, request, trailers, pace)).await?
    })
}

/// Sends requests over one connection, all at once and slowly, so that their pieces interleave.
pub(super) fn send_together(addr: SocketAddr, requests: &[Request]) -> Result<Vec<Response>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = connect(addr).await?;
        let tasks: Vec<_> = requests
            .iter()
            .map(|request| {
                let (client, request) = (client.clone(), request.clone());
                tokio::spawn(async move { exchange(client, &request, false, Pace::Slow).await })
            })
            .collect();
        let mut responses = Vec::new();
        for task in tasks {
            responses.push(time::timeout(PATIENCE, task).await???);
        }
        Ok(responses)
    })
}

async fn connect(addr: SocketAddr) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = client::handshake(stream).await?;
    // Its errors show in the exchanges.
    tokio::spawn(async { connection.await.ok() });
    Ok(client)
}

async fn exchange(
    client: SendRequest<Bytes>,
    request: &Request,
    trailers: bool,
    pace: Pace,
) -> Result<Response> {
    let no_body = request.body.is_empty() && !trailers;
    let (response, body) = client.ready().await?.send_request(to_http(request)?, no_body)?;
    let sending = async {
        if !no_body {
            // An answer may come before the body is sent (413); then sending fails, and the answer is what counts.
            send_body(body, &request.body, trailers, pace).await.ok();
        }
    };
    let receiving = async {
        let (head, body) = response.await?.into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        anyhow::Ok(Response {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: read_body(body).await?,
        })
    };
    let (_, response) = tokio::join!(sending, receiving);
    response
}

fn to_http(request: &Request) -> Result<http::Request<()>> {
    let uri = format!("http://gateway.test{}", request.path);
    let mut converted = http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .body(())?;
    for (name, value) in &request.headers {
        converted
            .headers_mut()
            .append(HeaderName::try_from(name)?, HeaderValue::from_bytes(value)?);
    }
    Ok(converted)
}

async fn send_body(mut stream: SendStream<Bytes>, body: &[u8], trailers: bool, pace: Pace) -> Result<()> {
    for piece in pace.pieces(body) {
        stream.send_data(Bytes::copy_from_slice(piece), false)?;
        if pace == Pace::Slow {
            time::sleep(PIECE_GAP).await;
        }
    }
    if trailers {
        let mut map = HeaderMap::new();
        map.insert("x-test-trailer", HeaderValue::from_static("last"));
        stream.send_trailers(map)?;
    } else {
        stream.send_data(Bytes::new(), true)?;
    }
    Ok(())
}

async fn read_body(mut stream: RecvStream) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Sends the first half of a body, resets the stream and leaves.
pub(super) fn abandon(addr: SocketAddr, request: &Request) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = client::handshake(TcpStream::connect(addr).await?).await?;
        let driver = tokio::spawn(async { connection.await.ok() });
        let (_response, mut body) = client.ready().await?.send_request(to_http(request)?, false)?;
        let (half, _) = request.body.split_at(request.body.len() / 2);
        body.send_data(Bytes::copy_from_slice(half), false)?;
        time::sleep(PIECE_GAP).await;
        body.send_reset(h2::Reason::CANCEL);
        time::sleep(PIECE_GAP).await;
        driver.abort();
        Ok(())
    })
}
