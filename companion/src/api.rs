//! The endpoints, one a file.

pub(crate) mod cache;
pub(crate) mod classify;
pub(crate) mod embeddings;
pub(crate) mod endpoints;
pub(crate) mod health;
mod input;
pub(crate) mod models;
pub(crate) mod rerank;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::ApiError;
use crate::batch::Class;

/// A request with at most this many texts may take the interactive lane.
const FEW_TEXTS: usize = 16;

fn json(body: &impl Serialize) -> Result<Response, ApiError> {
    let text = serde_json::to_string(body).map_err(|e| ApiError::Failed(e.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The lane of a request that somebody may wait for.
fn class(texts: usize) -> Class {
    if texts <= FEW_TEXTS {
        Class::interactive
    } else {
        Class::bulk
    }
}
