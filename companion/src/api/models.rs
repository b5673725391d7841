//! `GET /v1/models`: OpenAI's list, with what the models can do.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::{ApiError, App, Model};

pub(crate) async fn models(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let data: Vec<Value> = app.models()?.iter().map(describe).collect();
    super::json(&json!({"object": "list", "data": data}))
}

fn describe(model: &Model) -> Value {
    let about = model.about();
    json!({
        "id": about.id,
        "object": "model",
        "created": 0,
        "owned_by": "promptswitch",
        "revision": about.revision,
        "dimensions": about.width,
        "max_tokens": about.max_tokens,
        "classifies": about.labels.is_some(),
    })
}
