//! What a platform asks: is it alive, is it ready, what does it count.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::{ApiError, App};

/// 200 for as long as requests are answered at all.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// 200 from the end of the warm-up to the signal to end.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    if app.is_ending() {
        return Err(ApiError::Ending);
    }
    app.models()?;
    Ok("ready\n")
}

/// OpenMetrics, which Prometheus reads.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    if let Some(cache) = &app.cache {
        let (entries, bytes) = cache.size();
        app.metrics.cache_entries.set(entries as i64);
        app.metrics.cache_bytes.set(bytes as i64);
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}
