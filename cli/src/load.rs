//! Reads policies and data.

use std::fmt::Display;
use std::io::Read;
use std::path::Path;

use promptswitch_policy::{Diagnostic, Loaded, Policy, Severity};
use serde_json::Value;

use crate::scorer::Model;

/// Far above any policy; keeps a wrong path from filling the memory.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20; // 64 MiB

/// The error line of a file.
pub(crate) fn failure(path: &Path, why: impl Display) -> String {
    format!("error: {}: {why}\n", path.display())
}

/// A whole file of at most `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| failure(path, error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failure(path, error))?;
    if bytes.len() as u64 > limit {
        return Err(failure(path, format!("is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// A document, in JSON or YAML by the name of its file, or by its first byte.
pub(crate) fn document(path: &Path) -> Result<Value, String> {
    let bytes = bytes(path, MAX_DOCUMENT_BYTES)?;
    let is_json = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => true,
        Some("yaml" | "yml") => false,
        _ => bytes.trim_ascii_start().starts_with(b"{"),
    };
    if is_json {
        return serde_json::from_slice(&bytes).map_err(|error| failure(path, error));
    }
    serde_saphyr::from_slice(&bytes).map_err(|error| failure(path, error))
}

/// The policy of a document, and its warnings. `path` is the document's, for the errors.
pub(crate) fn policy(
    document: &Value,
    path: &Path,
    model: &mut Model,
) -> Result<(Policy, Vec<Diagnostic>), String> {
    match Policy::from_value(document, model) {
        Ok(Loaded { policy, warnings }) => {
            model.set_max_tokens(policy.settings().limits.max_tokens);
            Ok((policy, warnings))
        }
        Err(findings) => {
            let errors = findings
                .iter()
                .filter(|finding| finding.severity == Severity::Error)
                .count();
            let warnings = findings.len() - errors;
            Err(format!(
                "{}{}",
                lines(&findings),
                failure(path, format!("{errors} errors, {warnings} warnings"))
            ))
        }
    }
}

/// The findings, one a line.
pub(crate) fn lines(findings: &[Diagnostic]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
        serde_saphyr::from_str(text)
    }

    #[test]
    fn yaml_becomes_the_json_that_it_means() {
        let text =
            "a: &a {n: 5, f: 0.5, t: true, s: '5', z: null}\nb: *a\nc: {<<: *a, n: 6}\nd: [x, \"y: z\"]\n";
        let a = json!({"n": 5, "f": 0.5, "t": true, "s": "5", "z": null});
        let c = json!({"n": 6, "f": 0.5, "t": true, "s": "5", "z": null});
        assert_eq!(
            yaml(text).unwrap(),
            json!({"a": a, "b": a, "c": c, "d": ["x", "y: z"]})
        );
    }

    #[test]
    fn duplicate_keys_and_alias_bombs_are_refused() {
        assert!(yaml("a: 1\na: 2\n").is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb += &format!("a{level}: &a{level} [{items}]\n");
        }
        assert!(yaml(&bomb).is_err());
        assert!(yaml(&"[".repeat(100_000)).is_err());
    }
}
