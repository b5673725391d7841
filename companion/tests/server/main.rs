//! The server on a port, driven by HTTP clients.

mod cache;
mod classify;
mod deploy;
mod directories;
mod embeddings;
mod gated;
mod life;
mod limits;
mod onnx;
mod openai;
mod rig;
