//! The sockets and HTTP of the mock model server.

use std::{net::TcpListener, sync::Arc};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, Request, Response,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{io, net, sync::mpsc, time};

use super::{
    Seen, Shared, TEST_ID, TEST_STEP,
    answers::{self, Answer},
    body::Body,
    lock,
};
use crate::message::Headers;

/// Serves until its runtime ends.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(request, shared.clone()));
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that breaks off is part of some tests.
            server
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

async fn respond(
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, hyper::Error> {
    let upgrade = request
        .headers()
        .contains_key(UPGRADE)
        .then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let collected = body.collect().await?;
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.path().into(),
        headers: to_headers(&head.headers),
        trailers: collected.trailers().map(to_headers).unwrap_or_default(),
        body: collected.to_bytes().into(),
    };
    let answer = match upgrade {
        Some(_) if head.method != Method::GET => Answer::Json(426, "{}".into()),
        Some(upgrade) => {
            tokio::spawn(echo(upgrade));
            Answer::Upgraded
        }
        None => answers::answer(&seen.method, &seen.path, &seen.body, &shared.model),
    };
    let step = head.headers.contains_key(TEST_STEP);
    if let Some(id) = head.headers.get(TEST_ID).and_then(|id| id.to_str().ok()) {
        lock(&shared.seen).entry(id.into()).or_default().push(seen);
    }
    Ok(to_response(answer, step, &shared))
}

fn to_response(answer: Answer, step: bool, shared: &Arc<Shared>) -> Response<Body> {
    let (status, content_type, body) = match answer {
        Answer::Json(status, json) => (status, "application/json", Body::Whole(Some(json.into()))),
        Answer::Events(events) => {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(pace(events, step, sender, shared.clone()));
            (200, "text/event-stream", Body::Events(receiver))
        }
        Answer::Upgraded => (101, "", Body::Whole(None)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    if status == 101 {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(model) = HeaderValue::from_str(&shared.model) {
        headers.insert("x-served-by", model);
    }
    response
}

async fn pace(events: Vec<String>, step: bool, sender: mpsc::Sender<Bytes>, shared: Arc<Shared>) {
    let gap = *lock(&shared.event_gap);
    for (n, event) in events.into_iter().enumerate() {
        if step {
            let Ok(permit) = shared.steps.acquire().await else {
                return;
            };
            permit.forget();
        } else if n > 0 && !gap.is_zero() {
            time::sleep(gap).await;
        }
        if sender.send(event.into()).await.is_err() {
            return;
        }
    }
}

// Enough of a WebSocket server to see that bytes pass both ways.
async fn echo(upgrade: hyper::upgrade::OnUpgrade) -> io::Result<()> {
    let Ok(connection) = upgrade.await else {
        return Ok(());
    };
    let (mut from, mut to) = io::split(TokioIo::new(connection));
    io::copy(&mut from, &mut to).await.map(drop)
}

fn to_headers(map: &HeaderMap) -> Headers {
    map.iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}
