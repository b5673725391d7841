//! The companion of promptswitch: a server of embeddings, prompt classification and a semantic cache.
//!
//! A request goes through these rooms: `server` (connections) -> `call` (admission, body, deadline) -> `api` (one file
//! per endpoint) -> `batch` (tokeniser threads, queue, workers) -> `engine` (a model).

pub mod api;
pub mod batch;
pub mod cache;
mod call;
pub mod config;
pub mod device;
pub mod engine;
mod error;
pub mod metrics;
mod models;
pub mod scrape;
pub mod server;
mod state;

pub use error::ApiError;
pub use models::{Model, Models};
pub use state::App;
