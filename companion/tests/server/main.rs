//! The server on a port, driven by HTTP clients.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a helper of tests is a test too

mod cache;
mod classify;
#[cfg(feature = "cuda")]
mod cuda;
mod deploy;
mod directories;
mod embeddings;
mod gated;
mod life;
mod limits;
mod load;
mod onnx;
mod openai;
mod readme;
mod rig;
mod scrape;
mod shared;
mod soak;
