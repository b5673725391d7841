//! How an explanation is printed.

use std::fmt::{Display, Write};

use promptswitch_policy::{DOMAINS, Verdict};
use serde_json::{Map, Value, json};

use crate::scorer::ranked;

/// A verdict, and what becomes of the request and its response.
pub(super) struct Explanation {
    pub(super) verdict: Verdict,
    /// The client's headers that are not passed on.
    pub(super) removed: Vec<String>,
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) response_headers: Vec<(String, String)>,
    /// What each edit of the body replaces, and with what.
    pub(super) changes: Vec<(String, String)>,
}

impl Explanation {
    pub(super) fn as_json(&self) -> String {
        let verdict = &self.verdict;
        let scores = verdict.scores.map(|scores| map(DOMAINS.iter().zip(scores.0)));
        let matched = verdict.matched.iter();
        let matched = matched
            .map(|one| json!({"type": one.kind.as_str(), "name": one.name, "confidence": one.confidence}));
        let changes = self
            .changes
            .iter()
            .map(|(before, after)| json!({"before": before, "after": after}));
        let explanation = json!({
            "reason": verdict.reason.as_str(),
            "decision": verdict.decision,
            "confidence": verdict.confidence,
            "model": verdict.model,
            "upstream_model": verdict.upstream_model,
            "category": verdict.category,
            "category_confidence": verdict.category_confidence,
            "scores": scores,
            "matched": matched.collect::<Vec<_>>(),
            "skipped": verdict.skipped.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
            "error": verdict.error,
            "removed_headers": self.removed,
            "request_headers": map(self.request_headers.iter().cloned()),
            "response_headers": map(self.response_headers.iter().cloned()),
            "body": changes.collect::<Vec<_>>(),
        });
        format!("{explanation:#}\n")
    }

    pub(super) fn as_text(&self) -> String {
        let mut rows = Rows::default();
        self.add_verdict(&mut rows);
        self.removed.iter().for_each(|name| rows.add("removed", name));
        for (name, value) in &self.request_headers {
            rows.add("request", format_args!("{name}: {value}"));
        }
        for (name, value) in &self.response_headers {
            rows.add("response", format_args!("{name}: {value}"));
        }
        for (before, after) in &self.changes {
            rows.add("body", format_args!("model {before} -> {after}"));
        }
        rows.0
    }

    fn add_verdict(&self, rows: &mut Rows) {
        let verdict = &self.verdict;
        rows.add(
            "reason",
            format_args!("{}: {}", verdict.reason, verdict.reason.meaning()),
        );
        if let Some(error) = &verdict.error {
            rows.add("error", error);
        }
        if let Some(decision) = &verdict.decision {
            rows.add(
                "decision",
                format_args!("{decision}, confidence {:.4}", verdict.confidence),
            );
        }
        rows.add(
            "model",
            format_args!("{}, upstream {}", verdict.model, verdict.upstream_model),
        );
        if let Some(category) = verdict.category {
            rows.add(
                "category",
                format_args!("{category}, {:.4}", verdict.category_confidence),
            );
        }
        if let Some(scores) = &verdict.scores {
            rows.add("scores", ranked(&scores.0, DOMAINS.len()));
        }
        for one in &verdict.matched {
            rows.add(
                "matched",
                format_args!("{} {}, {:.4}", one.kind.as_str(), one.name, one.confidence),
            );
        }
        for kind in &verdict.skipped {
            rows.add("not needed", format_args!("{} signals", kind.as_str()));
        }
    }
}

/// Lines of a name and a value.
#[derive(Default)]
struct Rows(String);

impl Rows {
    fn add(&mut self, name: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name:<11} {value}");
    }
}

fn map(pairs: impl Iterator<Item = (impl ToString, impl Into<Value>)>) -> Map<String, Value> {
    pairs
        .map(|(name, value)| (name.to_string(), value.into()))
        .collect()
}
