//! Connections, routes, and how the server ends.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use crate::call::discard;
use crate::metrics::{self, Metrics, Route};
use crate::{ApiError, App, api, scrape};

/// Requests of one HTTP/2 connection at a time; Envoy opens another where it needs more.
const MAX_STREAMS: u32 = 1024;

/// After a failed accept (no more file descriptors, as a rule) others get time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// All paths.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/embeddings", post(api::embeddings::embeddings))
        .route("/v1/classify", post(api::classify::classify))
        .route("/v1/rerank", post(api::rerank::rerank))
        .route("/v1/cache/lookup", post(api::cache::lookup))
        .route("/v1/cache/store", post(api::cache::store))
        .route("/v1/endpoints", get(api::endpoints::endpoints))
        .route("/v1/models", get(api::models::models))
        .route("/healthz", get(api::health::live))
        .route("/readyz", get(api::health::ready))
        .route("/metrics", get(api::health::metrics))
        .method_not_allowed_fallback(|request| refuse(request, ApiError::Method))
        .fallback(|request| refuse(request, ApiError::NoPath))
        .layer(middleware::from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

async fn refuse(request: Request, why: ApiError) -> ApiError {
    discard(request).await;
    why
}

async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let mut observed = Observed {
        route: matched.map_or("other", MatchedPath::as_str).to_owned(),
        status: CLIENT_GONE,
        started: Instant::now(),
        metrics: app.metrics.clone(),
    };
    let response = next.run(request).await;
    observed.status = response.status().as_u16();
    response
}

/// The status under which a request is counted whose client left before its answer.
const CLIENT_GONE: u16 = 499;

/// Counts its request when it is dropped, which happens too when the client leaves.
struct Observed {
    route: String,
    status: u16,
    started: Instant,
    metrics: Arc<Metrics>,
}

impl Drop for Observed {
    fn drop(&mut self) {
        let route = std::mem::take(&mut self.route);
        let label = metrics::Request {
            route: route.clone(),
            status: self.status,
        };
        self.metrics.requests.get_or_create(&label).inc();
        self.metrics
            .request_seconds
            .get_or_create(&Route { route })
            .observe(self.started.elapsed().as_secs_f64());
    }
}

/// Serves HTTP/1 and HTTP/2 in the clear until `signal`. Then nothing new is accepted, requests in flight have the
/// configured time to finish, and what is left is cut off.
pub async fn serve(app: Arc<App>, listener: TcpListener, signal: impl Future<Output = ()>) -> io::Result<()> {
    let connections = Connections::new(&app);
    let _scraping = scrape::start(&app.scraped, &app.config.scrape, app.config.scrape_interval);
    let mut signal = std::pin::pin!(signal);
    loop {
        let accepted = tokio::select! {
            accepted = connections.accept(&listener) => accepted,
            () = &mut signal => break,
        };
        match accepted {
            Ok((stream, place)) => connections.spawn(stream, place),
            Err(error) => {
                log::warn!("accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    app.end();
    connections.ending.send_replace(true);
    let left = app.config.drain_timeout;
    if tokio::time::timeout(left, connections.graceful.shutdown())
        .await
        .is_err()
    {
        log::warn!("requests were still in flight after {left:?}");
    }
    Ok(())
}

struct Connections {
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    silence: Duration,
    ending: watch::Sender<bool>,
}

impl Connections {
    fn new(app: &Arc<App>) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(app.config.read_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(Duration::from_secs(20));
        Self {
            places: Arc::new(Semaphore::new(app.config.max_connections)),
            graceful: GracefulShutdown::new(),
            builder,
            router: router(app.clone()),
            silence: app.config.read_timeout,
            ending: watch::Sender::new(false),
        }
    }

    /// Waits for a place before it accepts, so that those too many wait in the kernel's queue.
    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        Ok((listener.accept().await?.0, place))
    }

    fn spawn(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // A small answer must not wait for an acknowledgement.
        stream.set_nodelay(true).ok();
        let service = TowerToHyperService::new(self.router.clone());
        let (builder, watcher) = (self.builder.clone(), self.graceful.watcher());
        let (silence, ending) = (self.silence, self.ending.subscribe());
        tokio::spawn(async move {
            if speaks(&stream, silence, ending).await {
                // A client that does not read its answer would hold it for ever.
                let mut stream = Box::pin(TimeoutStream::new(stream));
                stream.as_mut().set_write_timeout_pinned(Some(silence));
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                // A connection that breaks off is its client's affair.
                if let Err(error) = watcher.watch(connection.into_owned()).await {
                    log::debug!("connection: {error}");
                }
            }
            drop(place);
        });
    }
}

/// How often a connection that may become HTTP/2 is looked at.
const PREFACE_PAUSE: Duration = Duration::from_millis(20);

/// What an HTTP/2 client says first (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether the client says which HTTP it speaks before it is given up: no limit of the connection's own counts until then.
async fn speaks(stream: &TcpStream, silence: Duration, mut ending: watch::Receiver<bool>) -> bool {
    tokio::select! {
        biased;
        said = tokio::time::timeout(silence, opening(stream)) => matches!(said, Ok(Ok(true))),
        _ = ending.wait_for(|ending| *ending) => false,
    }
}

async fn opening(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut first).await?;
        let said = first.get(..length).unwrap_or_default();
        if length == 0 || length == PREFACE.len() || !PREFACE.starts_with(said) {
            return Ok(length > 0);
        }
        // Looking again gives the same bytes at once.
        tokio::time::sleep(PREFACE_PAUSE).await;
    }
}
