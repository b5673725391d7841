//! Which model should answer a prompt: configuration, request view, signals and decisions, as pure functions.
//!
//! [`Policy::from_json`] turns a vLLM Semantic Router v0.3 document into a [`Policy`] and reports everything
//! that is wrong with it at once. [`Request::parse`] views a request body without copying it, [`Policy::decide`]
//! turns the view into a [`Verdict`], and [`splice`] applies the verdict's edits to the body. Nothing here reads
//! a file, a socket or a clock, so the crate runs the same in a Wasm filter and in a native tool.

mod config;
mod context;
mod decision;
mod diagnostic;
mod headers;
mod json;
mod pick;
mod policy;
mod reason;
mod request;
mod rule;
mod scores;
mod settings;
mod signals;
mod splice;
mod template;
#[cfg(test)]
mod tests;
mod trace;
mod verdict;

pub use context::{Context, Headers};
pub use diagnostic::{Diagnostic, Loaded, Severity};
pub use policy::Policy;
pub use reason::Reason;
pub use request::{Api, Request, Roles};
pub use scores::{FeedbackScores, GuardScores, Scorer, Scores};
pub use settings::{Limits, Mode, Output, PathRule, Settings};
pub use signals::domain::{DOMAINS, DomainScores};
pub use signals::{Matched, SignalKind};
pub use splice::{Edit, splice};
pub use template::Template;
pub use trace::{Trace, Tried};
pub use verdict::Verdict;
