//! From a request's head to its body: what must be true before anything is read, and how much is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::{ApiError, App};

/// Request header: milliseconds that the client still waits.
const DEADLINE: &str = "x-deadline-ms";

/// Paths whose requests somebody waits for; they have places of their own.
const INTERACTIVE: [&str; 3] = ["/v1/classify", "/v1/cache/lookup", "/v1/cache/store"];

/// Bodies from this size on are parsed on a thread that may block.
const LONG_BODY: usize = 1 << 16; // 64 KiB

/// What is left of a body that is not wanted is read for this long, so that a client that sends first and reads then sees
/// the answer.
const DISCARD: Duration = Duration::from_secs(2);

/// A request that was admitted, and its body. Its place is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Call {
    body: Bytes,
    /// When the client stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// When the head had arrived.
    pub(crate) started: Instant,
    _place: OwnedSemaphorePermit,
    _bytes: Option<OwnedSemaphorePermit>,
}

impl Call {
    /// Reads the body with `parse`, whose errors say what is wrong with it.
    pub(crate) async fn parse<T: Send + 'static>(
        &self,
        parse: impl FnOnce(&[u8]) -> Result<T, String> + Send + 'static,
    ) -> Result<T, ApiError> {
        let parsed = if self.body.len() < LONG_BODY {
            parse(&self.body)
        } else {
            let body = self.body.clone();
            tokio::task::spawn_blocking(move || parse(&body))
                .await
                .map_err(|error| ApiError::Failed(error.to_string()))?
        };
        parsed.map_err(ApiError::Invalid)
    }

    /// Microseconds since the head had arrived.
    pub(crate) fn microseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let started = Instant::now();
        let (place, deadline) = match admit(app, &request, started) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                discard(request).await;
                return Err(refusal);
            }
        };
        let mut reader = Reader::new(app);
        let slow = started + app.config.read_timeout;
        let until = deadline.map_or(slow, |deadline| deadline.min(slow));
        let body = match timeout_at(until.into(), reader.read(request)).await {
            Ok(body) => body?,
            Err(_) if until == slow => return Err(ApiError::SlowBody),
            Err(_) => return Err(ApiError::Deadline),
        };
        Ok(Self {
            body,
            deadline,
            started,
            _place: place,
            _bytes: reader.held,
        })
    }
}

/// A place for the request, and its deadline.
fn admit(
    app: &App,
    request: &Request,
    started: Instant,
) -> Result<(OwnedSemaphorePermit, Option<Instant>), ApiError> {
    if app.is_ending() {
        return Err(ApiError::Ending);
    }
    app.models()?;
    let deadline = deadline(request.headers(), started)?;
    let places = if INTERACTIVE.contains(&request.uri().path()) {
        &app.interactive
    } else {
        &app.bulk
    };
    let place = places.clone().try_acquire_owned();
    Ok((place.map_err(|_| ApiError::Overloaded)?, deadline))
}

fn deadline(headers: &HeaderMap, now: Instant) -> Result<Option<Instant>, ApiError> {
    let Some(value) = headers.get(DEADLINE) else {
        return Ok(None);
    };
    let left = value
        .to_str()
        .ok()
        .and_then(|value| value.trim().parse::<u32>().ok());
    match left {
        None => Err(ApiError::Invalid(format!(
            "{DEADLINE}: not a whole number of milliseconds"
        ))),
        Some(0) => Err(ApiError::Deadline),
        Some(left) => Ok(Some(now + Duration::from_millis(left.into()))),
    }
}

/// Reads a body within the limits of one body and of all.
struct Reader {
    limit: usize,
    budget: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Reader {
    fn new(app: &App) -> Self {
        Self {
            limit: app.config.max_body_bytes,
            budget: app.bytes.clone(),
            held: None,
        }
    }

    async fn read(&mut self, request: Request) -> Result<Bytes, ApiError> {
        let announced = announced(request.headers());
        if announced.is_some_and(|length| length > self.limit) {
            discard(request).await;
            return Err(ApiError::TooLarge(self.limit));
        }
        if let Err(refusal) = self.hold(announced.unwrap_or(0)) {
            discard(request).await;
            return Err(refusal);
        }
        let mut body = request.into_body();
        let mut parts: Vec<u8> = Vec::with_capacity(announced.unwrap_or(0));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::Invalid("the body broke off".into()))?;
            let Ok(data) = frame.into_data() else { continue };
            if parts.len() + data.len() > self.limit {
                discard_rest(body).await;
                return Err(ApiError::TooLarge(self.limit));
            }
            self.hold(parts.len() + data.len())?;
            parts.extend_from_slice(&data);
        }
        Ok(parts.into())
    }

    /// Holds so many bytes of the budget in all.
    fn hold(&mut self, bytes: usize) -> Result<(), ApiError> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.saturating_sub(held)).map_err(|_| ApiError::Overloaded)?;
        let more = self.budget.clone().try_acquire_many_owned(more);
        let more = more.map_err(|_| ApiError::Overloaded)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the body of a request that is refused: HTTP/1 has no other way to the next request of the connection, which the
/// client may have sent already. One that asked whether to send it (RFC 9110, 10.1.1) does not.
pub(crate) async fn discard(request: Request) {
    if !request.headers().contains_key(header::EXPECT) {
        discard_rest(request.into_body()).await;
    }
}

async fn discard_rest(mut body: Body) {
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(DISCARD, all).await.ok();
}
