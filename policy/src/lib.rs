//! Which model should answer a prompt: configuration, request view, signals and decisions, as pure functions.
//!
//! [`Policy::from_json`] turns a vLLM Semantic Router v0.3 document into a [`Policy`] and reports everything
//! that is wrong with it at once. [`Request::parse`] views a request body without copying it, [`Policy::decide`]
//! turns the view into a [`Verdict`], and [`splice`] applies the verdict's edits to the body. Nothing here reads
//! a file, a socket or a clock, so the crate runs the same in a Wasm filter and in a native tool.

mod actions;
mod cache;
mod config;
mod context;
mod decision;
mod diagnostic;
mod endpoints;
mod headers;
mod json;
mod offload;
pub mod pii;
mod policy;
mod projections;
mod reason;
mod recipes;
mod reply;
mod request;
mod rule;
mod scores;
mod selection;
mod settings;
mod signals;
mod splice;
mod template;
#[cfg(test)]
mod tests;
mod trace;
mod verdict;

pub use actions::header_mutation::{HeaderChange, HeaderOperation};
pub use cache::{Cache, CacheKey, CachePlan};
pub use context::{Context, Headers};
pub use diagnostic::{Diagnostic, Loaded, Severity};
pub use endpoints::{EndpointSettings, Endpoints, MetricsSource, Placed, Placement};
pub use offload::{Offload, OffloadMode, Opinion};
pub use policy::Policy;
pub use projections::ProjectionScore;
pub use reason::Reason;
pub use reply::Reply;
pub use request::{Api, Request, Roles};
pub use scores::{FeedbackScores, GuardScores, Scorer, Scores};
pub use selection::Stats;
pub use settings::{Limits, Mode, Output, PathRule, Settings, Sticky};
pub use signals::domain::{DOMAINS, DomainScores};
pub use signals::language::LanguageDetector;
pub use signals::{Matched, SignalKind};
pub use splice::{Edit, splice};
pub use template::Template;
pub use trace::{Trace, Tried};
pub use verdict::Verdict;
