//! How the outcome of probes is printed.

use std::collections::BTreeMap;
use std::fmt::Write;

use promptswitch_policy::{Matched, Trace, Verdict};
use serde_json::json;

/// A probe that did not get what it expects.
pub(super) struct Failure {
    pub(super) id: String,
    /// The group of the probe.
    pub(super) decision: String,
    pub(super) query: String,
    /// What differs, and what there is to know about it, one line each.
    pub(super) reasons: Vec<String>,
}

/// All probes of a file.
#[derive(Default)]
pub(super) struct Report {
    passed: usize,
    total: usize,
    /// Passed and total, by group.
    groups: BTreeMap<String, (usize, usize)>,
    failures: Vec<Failure>,
}

impl Report {
    /// Counts a probe of a group.
    pub(super) fn add(&mut self, group: &str, failure: Option<Failure>) {
        let passed = usize::from(failure.is_none());
        let counts = self.groups.entry(group.to_owned()).or_default();
        *counts = (counts.0 + passed, counts.1 + 1);
        self.passed += passed;
        self.total += 1;
        self.failures.extend(failure);
    }

    /// How many percent passed.
    pub(super) fn rate(&self) -> f64 {
        100.0 * self.passed as f64 / self.total.max(1) as f64
    }

    pub(super) fn as_json(&self) -> String {
        let failures = self.failures.iter().map(
            |one| json!({"id": one.id, "decision": one.decision, "query": one.query, "reasons": one.reasons}),
        );
        let failures: Vec<_> = failures.collect();
        format!(
            "{:#}\n",
            json!({"passed": self.passed, "total": self.total, "failures": failures})
        )
    }

    pub(super) fn as_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for (group, (passed, total)) in &self.groups {
            let _ = writeln!(text, "{passed:>4} / {total:<4} {group}");
        }
        for one in &self.failures {
            let _ = writeln!(text, "\nfailed: {}  {}", one.id, one.query.escape_debug());
            for reason in &one.reasons {
                let _ = writeln!(text, "    {reason}");
            }
        }
        let gap = if self.failures.is_empty() { "" } else { "\n" };
        let _ = writeln!(
            text,
            "{gap}{} / {} passed, {:.1} %",
            self.passed,
            self.total,
            self.rate()
        );
        text
    }
}

/// What there is to know about a verdict that was not expected.
pub(super) fn context(verdict: &Verdict, trace: &Trace, expected: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    let wanted = trace
        .decisions
        .iter()
        .find(|tried| Some(tried.name.as_str()) == expected);
    match wanted.map(|tried| &tried.outcome) {
        Some(Ok(confidence)) if verdict.decision.as_deref() != expected => {
            lines.push(format!(
                "the expected decision matches, {confidence:.3}, and ranks lower"
            ));
        }
        Some(Err(why)) => lines.push(format!("the expected decision does not hold: {why}")),
        _ => {}
    }
    let signal = |one: &Matched| format!("{} {} {:.3}", one.kind.as_str(), one.name, one.confidence);
    let matched: Vec<_> = trace.matched.iter().map(signal).collect();
    lines.push(format!(
        "matched: {}",
        if matched.is_empty() {
            "none".to_owned()
        } else {
            matched.join(", ")
        }
    ));
    if let Some(category) = verdict.category {
        lines.push(format!("category: {category} {:.3}", verdict.category_confidence));
    }
    if let Some(scores) = &verdict.scores {
        lines.push(format!("scores: {}", crate::scorer::ranked(&scores.domain.0, 3)));
    }
    lines
}
