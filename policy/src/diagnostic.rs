//! What validation has to say about a document.

use std::fmt;

use crate::Policy;

/// How much a [`Diagnostic`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document cannot be used: obeying it in part would change routing or safety.
    Error,
    /// The document can be used; something in it has no effect here.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One finding in a document; displays as one line, `error: routing.decisions[2].rules: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the document can still be used.
    pub severity: Severity,
    /// Where, as `routing.decisions[2].rules`; empty for the document as a whole.
    pub path: String,
    /// What is wrong, in one lower-case line.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return write!(f, "{}: {}", self.severity, self.message);
        }
        write!(f, "{}: {}: {}", self.severity, self.path, self.message)
    }
}

/// A document that can be used, and what in it has no effect.
#[derive(Debug)]
pub struct Loaded {
    /// The policy, ready to decide.
    pub policy: Policy,
    /// The findings, all of them warnings.
    pub warnings: Vec<Diagnostic>,
}
