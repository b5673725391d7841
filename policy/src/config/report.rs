//! The findings about a document, and the words they are made of.

use std::cell::RefCell;

use serde_json::Value;

use crate::{Diagnostic, Severity};

/// Collects what is found wrong.
#[derive(Debug, Default)]
pub(crate) struct Report(RefCell<Vec<Diagnostic>>);

impl Report {
    pub(crate) fn error(&self, path: String, message: impl Into<String>) {
        self.0.borrow_mut().push(Diagnostic {
            severity: Severity::Error,
            path,
            message: message.into(),
        });
    }

    pub(crate) fn warn(&self, path: String, message: impl Into<String>) {
        self.0.borrow_mut().push(Diagnostic {
            severity: Severity::Warning,
            path,
            message: message.into(),
        });
    }

    /// The findings, errors first, otherwise in the order in which they were found.
    pub(crate) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut findings = self.0.into_inner();
        findings.sort_by_key(|finding| finding.severity);
        findings
    }
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A name from the document, made fit for one line.
pub(crate) fn quoted(name: &str) -> String {
    const LONGEST: usize = 64;
    let short: String = name.chars().take(LONGEST).collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("`{}{dots}`", short.escape_debug())
}
