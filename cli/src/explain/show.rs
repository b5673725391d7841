//! How an explanation is printed.

use std::fmt::{Display, Write};

use promptswitch_policy::{DOMAINS, HeaderChange, HeaderOperation, Matched, Reply, Trace, Tried, Verdict};
use serde_json::{Map, Value, json};

use crate::scorer::ranked;

/// A verdict, and what becomes of the request and its response.
pub(super) struct Explanation {
    pub(super) verdict: Verdict,
    /// What the verdict was spared.
    pub(super) trace: Trace,
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
        let scores = verdict
            .scores
            .as_ref()
            .map(|scores| map(DOMAINS.iter().zip(scores.domain.0)));
        let changes = self
            .changes
            .iter()
            .map(|(before, after)| json!({"before": before, "after": after}));
        let decisions = self.trace.decisions.iter().map(|tried| {
            json!({"name": tried.name, "confidence": tried.outcome.as_ref().ok(), "lacks": tried.outcome.as_ref().err()})
        });
        let explanation = json!({
            "reason": verdict.reason.as_str(),
            "recipe": verdict.recipe,
            "decision": verdict.decision,
            "confidence": verdict.confidence,
            "model": verdict.model,
            "upstream_model": verdict.upstream_model,
            "algorithm": verdict.algorithm,
            "plugins": verdict.plugins,
            "reasoning": verdict.reasoning,
            "category": verdict.category,
            "category_confidence": verdict.category_confidence,
            "scores": scores,
            "matched": verdict.matched.iter().map(signal).collect::<Vec<_>>(),
            "skipped": verdict.skipped.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
            "would_match": self.unneeded().map(signal).collect::<Vec<_>>(),
            "decisions": decisions.collect::<Vec<_>>(),
            "error": verdict.error,
            "removed_headers": self.removed,
            "changed_headers": verdict.headers.iter().map(change).collect::<Vec<_>>(),
            "reply": verdict.reply.as_ref().map(reply),
            "request_headers": map(self.request_headers.iter().cloned()),
            "response_headers": map(self.response_headers.iter().cloned()),
            "body": changes.collect::<Vec<_>>(),
        });
        format!("{explanation:#}\n")
    }

    pub(super) fn as_text(&self) -> String {
        let mut page = Page::default();
        self.add_verdict(&mut page);
        self.add_signals(&mut page);
        self.add_decisions(&mut page);
        self.add_changes(&mut page);
        page.0
    }

    fn add_verdict(&self, page: &mut Page) {
        let verdict = &self.verdict;
        let upstream = if verdict.upstream_model == verdict.model {
            String::new()
        } else {
            format!(", upstream {}", verdict.upstream_model)
        };
        page.row("model", format_args!("{}{upstream}", verdict.model));
        page.row(
            "reason",
            format_args!("{}: {}", verdict.reason, verdict.reason.meaning()),
        );
        if let Some(error) = &verdict.error {
            page.row("error", error);
        }
        if let Some(decision) = &verdict.decision {
            page.row(
                "decision",
                format_args!("{decision}, confidence {:.4}", verdict.confidence),
            );
        }
        if let Some(recipe) = &verdict.recipe {
            page.row("recipe", recipe);
        }
        if !verdict.algorithm.is_empty() {
            page.row("algorithm", verdict.algorithm);
        }
        if !verdict.plugins.is_empty() {
            page.row("plugins", verdict.plugins.join(", "));
        }
        if let Some(reply) = &verdict.reply {
            page.row("answered at once", format_args!("status {}", reply.status));
        }
        if let Some(category) = verdict.category {
            page.row(
                "category",
                format_args!("{category}, {:.4}", verdict.category_confidence),
            );
        }
        if let Some(scores) = &verdict.scores {
            page.row("scores", ranked(&scores.domain.0, 4));
        }
    }

    fn add_signals(&self, page: &mut Page) {
        let verdict = &self.verdict;
        page.title("signals");
        for one in &verdict.matched {
            page.signal(one, "");
        }
        for one in self.unneeded() {
            page.signal(one, ", not needed");
        }
        let silent = verdict.skipped.iter().filter(|kind| {
            let is_of_kind = |one: &Matched| one.kind == **kind;
            !self.trace.matched.iter().any(is_of_kind)
        });
        for kind in silent {
            page.row(&format!("  {}", kind.as_str()), "not needed");
        }
    }

    fn add_decisions(&self, page: &mut Page) {
        page.title("decisions, in the order in which they are tried");
        for tried in &self.trace.decisions {
            page.row(&format!("  {}", tried.name), self.fate(tried));
        }
    }

    fn add_changes(&self, page: &mut Page) {
        page.title("request headers");
        for name in &self.removed {
            page.row("  removed", format_args!("{name}: what the client sent"));
        }
        for (name, value) in &self.request_headers {
            page.row("  set", format_args!("{name}: {value}"));
        }
        for one in &self.verdict.headers {
            match &one.operation {
                HeaderOperation::Set(value) => page.row("  set", format_args!("{}: {value}", one.name)),
                HeaderOperation::Append(value) => page.row("  added", format_args!("{}: {value}", one.name)),
                HeaderOperation::Remove => page.row("  removed", &one.name),
            }
        }
        page.title("request body");
        for (before, after) in &self.changes {
            page.row("  changed", format_args!("{before} -> {after}"));
        }
        page.title("response headers");
        for (name, value) in &self.response_headers {
            page.row("  set", format_args!("{name}: {value}"));
        }
    }

    /// Why a decision won or did not.
    fn fate(&self, tried: &Tried) -> String {
        match &tried.outcome {
            Ok(confidence) if self.verdict.decision.as_ref() == Some(&tried.name) => {
                format!("wins, {confidence:.4}")
            }
            Ok(confidence) => format!("matches, {confidence:.4}, and ranks lower"),
            Err(why) => format!("no: {why}"),
        }
    }

    /// The signals that match and that the decision did without.
    fn unneeded(&self) -> impl Iterator<Item = &Matched> {
        let skipped = |one: &&Matched| self.verdict.skipped.contains(&one.kind);
        self.trace.matched.iter().filter(skipped)
    }
}

fn change(one: &HeaderChange) -> Value {
    let (what, value) = match &one.operation {
        HeaderOperation::Set(value) => ("set", Some(value)),
        HeaderOperation::Append(value) => ("append", Some(value)),
        HeaderOperation::Remove => ("remove", None),
    };
    json!({"name": one.name, "operation": what, "value": value})
}

fn reply(reply: &Reply) -> Value {
    json!({"status": reply.status, "content_type": reply.content_type, "body": String::from_utf8_lossy(&reply.body)})
}

fn signal(one: &Matched) -> Value {
    json!({"type": one.kind.as_str(), "name": one.name, "confidence": one.confidence})
}

/// Sections of rows; a row is a name and a value.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, title: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{title}");
    }

    fn row(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name:<28} {value}");
    }

    fn signal(&mut self, one: &Matched, note: &str) {
        let name = format!("  {}", one.kind.as_str());
        self.row(&name, format_args!("{} {:.4}{note}", one.name, one.confidence));
    }
}

fn map(pairs: impl Iterator<Item = (impl ToString, impl Into<Value>)>) -> Map<String, Value> {
    pairs
        .map(|(name, value)| (name.to_string(), value.into()))
        .collect()
}
