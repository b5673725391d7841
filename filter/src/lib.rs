//! The Proxy-Wasm filter: holds a chat request in Envoy, lets the policy decide, sets the routing headers and rewrites
//! `model`. What scores and decisions are made of is not known here.

mod configuration;
mod envoy;
mod examples;
mod gate;
mod hold;
pub mod host;
mod metrics;
mod offload;
mod plugin;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod random;
mod release;
mod response;
mod start;
mod stream;

pub use examples::Examples;
pub use offload::{Answer, Ask, Outcome};
pub use plugin::Plugin;
pub use release::{Release, answer};
pub use stream::{OFFLOAD_HEADER, REASON_HEADER, Step, Stream};
