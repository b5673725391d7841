//! `GET /v1/endpoints`: how busy model servers are, for gateways that choose among them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::{ApiError, App};

pub(crate) async fn endpoints(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    super::json(&json!({"endpoints": app.scraped.reports()}))
}
