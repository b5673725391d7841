//! Scenario files, and the harness that runs promptswitch inside real Envoy.
//!
//! [`scenario`] and [`message`] need no socket: the filter's own tests run the same scenarios on a fake host.
//! Everything else needs the feature `envoy` (on by default): a mock model server ([`upstream`]), clients that
//! may break the rules of HTTP ([`client`]), Envoy itself ([`envoy`]), all of them together ([`stack`]), and the examples ([`twin`]).

pub mod message;
pub mod policy;
pub mod scenario;

#[cfg(feature = "envoy")]
pub mod client;
#[cfg(feature = "envoy")]
pub mod companion;
#[cfg(feature = "envoy")]
pub mod envoy;
#[cfg(feature = "envoy")]
pub mod stack;
#[cfg(feature = "envoy")]
pub mod twin;
#[cfg(feature = "envoy")]
pub mod upstream;

use std::path::PathBuf;

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
