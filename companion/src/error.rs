//! Every way for a request to fail, with its status and its form: OpenAI's.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::batch::Refusal;

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request cannot be understood, or asks for what cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The body is longer than it may be.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The client took too long to send the body.
    #[error("the body did not arrive in time")]
    SlowBody,
    /// No model has that name.
    #[error("the model {asked:?} does not exist; there are {served}")]
    NoModel {
        /// What the request named.
        asked: String,
        /// What is served.
        served: String,
    },
    /// No path is that one.
    #[error("there is no such path")]
    NoPath,
    /// There is no semantic cache.
    #[error("the semantic cache is off (neither cache_entries nor cache_url is set)")]
    NoCache,
    /// The path takes another method.
    #[error("the path does not take this method")]
    Method,
    /// Too much is being done already.
    #[error("overloaded: try again later")]
    Overloaded,
    /// Models are being loaded.
    #[error("the models are not loaded yet")]
    Starting,
    /// The server is ending.
    #[error("the server is shutting down")]
    Ending,
    /// The time that `x-deadline-ms` left is over.
    #[error("the deadline of the request has passed")]
    Deadline,
    /// The model failed.
    #[error("the model failed: {0}")]
    Failed(String),
}

impl ApiError {
    /// Status, type and code.
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        const INVALID: &str = "invalid_request_error";
        const SERVER: &str = "server_error";
        match self {
            ApiError::Invalid(_) => (StatusCode::BAD_REQUEST, INVALID, "invalid_request"),
            ApiError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, INVALID, "body_too_large"),
            ApiError::SlowBody => (StatusCode::REQUEST_TIMEOUT, INVALID, "body_timeout"),
            ApiError::NoModel { .. } => (StatusCode::NOT_FOUND, INVALID, "model_not_found"),
            ApiError::NoPath => (StatusCode::NOT_FOUND, INVALID, "not_found"),
            ApiError::NoCache => (StatusCode::NOT_FOUND, INVALID, "cache_off"),
            ApiError::Method => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed"),
            ApiError::Overloaded => (StatusCode::TOO_MANY_REQUESTS, "overloaded_error", "overloaded"),
            ApiError::Starting => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "starting"),
            ApiError::Ending => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "shutting_down"),
            ApiError::Deadline => (StatusCode::GATEWAY_TIMEOUT, "timeout_error", "deadline_exceeded"),
            ApiError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "model_failed"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind, code) = self.parts();
        let error = json!({"message": self.to_string(), "type": kind, "code": code});
        let body = json!({ "error": error }).to_string();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(self, ApiError::Overloaded | ApiError::Starting | ApiError::Ending) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, ApiError::TooLarge(_) | ApiError::SlowBody) {
            // The rest of the body would have to be read before the next request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => ApiError::Overloaded,
            Refusal::Deadline => ApiError::Deadline,
            Refusal::Ending => ApiError::Ending,
            Refusal::Failed(why) => ApiError::Failed(why),
        }
    }
}
