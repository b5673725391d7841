//! Whether what a probe got is what it expects.

use std::collections::{BTreeMap, BTreeSet};

use promptswitch_policy::{Matched, Reason, Trace, Verdict};

use super::file::{Expected, Match};

/// The recipe of a document's own `routing`.
const DEFAULT_RECIPE: &str = "default";

/// What a probe got. What is None is not known, and not checked.
#[derive(Default)]
pub(super) struct Found {
    decision: Option<String>,
    model: String,
    /// All models of the decision: VSR takes any of them for the alias.
    candidates: Vec<String>,
    recipe: Option<String>,
    algorithm: Option<&'static str>,
    plugins: Option<BTreeSet<String>>,
    /// Type and name.
    signals: BTreeSet<(String, String)>,
    error: Option<String>,
}

impl Found {
    pub(super) fn new(verdict: &Verdict, trace: &Trace) -> Found {
        let mut decisions = trace.decisions.iter();
        let decided = decisions.find(|tried| verdict.decision.as_ref() == Some(&tried.name));
        let signal = |one: &Matched| (one.kind.as_str().to_owned(), one.name.clone());
        Found {
            decision: verdict.decision.clone(),
            model: verdict.model.clone(),
            candidates: decided.map(|tried| tried.models.clone()).unwrap_or_default(),
            recipe: Some(
                verdict
                    .recipe
                    .clone()
                    .unwrap_or_else(|| DEFAULT_RECIPE.to_owned()),
            ),
            algorithm: verdict.decision.as_ref().map(|_| of_vsr(verdict.algorithm)),
            plugins: Some(verdict.plugins.iter().map(|name| (*name).to_owned()).collect()),
            signals: trace.matched.iter().map(signal).collect(),
            error: match verdict.reason {
                Reason::Default => None,
                _ if verdict.decision.is_some() => None,
                reason => Some(
                    verdict
                        .error
                        .clone()
                        .unwrap_or_else(|| reason.meaning().to_owned()),
                ),
            },
        }
    }
}

/// VSR's name of an algorithm: it has none for weights.
fn of_vsr(algorithm: &'static str) -> &'static str {
    if algorithm == "weighted" {
        "static"
    } else {
        algorithm
    }
}

/// What is not as expected, one line each.
pub(super) fn differences(expected: &Expected, found: &Found) -> Vec<String> {
    let error = found.error.iter().map(|error| format!("not decided: {error}"));
    let mut lines: Vec<_> = error.collect();
    lines.extend(different(
        "decision",
        &expected.decision,
        found.decision.as_deref(),
    ));
    let alias = expected.alias.as_ref();
    if !alias.is_some_and(|alias| found.candidates.contains(alias)) {
        lines.extend(different("model", &expected.alias, Some(&found.model)));
    }
    if let Some(recipe) = &found.recipe {
        let wanted = expected.recipe.as_deref().unwrap_or(DEFAULT_RECIPE);
        lines.extend(different("recipe", &Some(wanted.to_owned()), Some(recipe)));
    }
    if let Some(algorithm) = found.algorithm {
        lines.extend(different("algorithm", &expected.algorithm, Some(algorithm)));
    }
    if let Some(plugins) = &found.plugins {
        let set = |names: &Option<Vec<String>>| names.iter().flatten().cloned().collect();
        let (wanted, forbidden) = (set(&expected.plugins), set(&expected.forbidden_plugins));
        let mode = expected.plugin_match;
        lines.extend(of_set(
            "plugin",
            (&wanted, &forbidden),
            plugins,
            mode,
            Clone::clone,
        ));
    }
    let (wanted, forbidden) = (pairs(&expected.signals), pairs(&expected.forbidden_signals));
    let name = |(kind, name): &(String, String)| format!("{kind} {name}");
    let (signals, mode) = (&found.signals, expected.signal_match);
    lines.extend(of_set("signal", (&wanted, &forbidden), signals, mode, name));
    lines
}

/// A line, unless nothing else is expected than is found.
fn different(what: &str, expected: &Option<String>, found: Option<&str>) -> Option<String> {
    let expected = expected.as_deref().filter(|expected| Some(*expected) != found)?;
    let found = found.unwrap_or("none");
    Some(format!("{what}: expected {expected}, found {found}"))
}

fn of_set<T: Ord>(
    what: &str,
    (wanted, forbidden): (&BTreeSet<T>, &BTreeSet<T>),
    found: &BTreeSet<T>,
    mode: Option<Match>,
    name: impl Fn(&T) -> String,
) -> Vec<String> {
    let missing = wanted
        .difference(found)
        .map(|one| format!("{what} missing: {}", name(one)));
    let wrong = forbidden
        .intersection(found)
        .map(|one| format!("{what} forbidden: {}", name(one)));
    let more = found.difference(wanted).filter(|_| mode == Some(Match::Exact));
    let more = more.map(|one| format!("{what} not expected: {}", name(one)));
    missing.chain(wrong).chain(more).collect()
}

fn pairs(signals: &Option<BTreeMap<String, Vec<String>>>) -> BTreeSet<(String, String)> {
    let families = signals.iter().flatten();
    let pairs = families.flat_map(|(family, names)| names.iter().map(|name| (kind(family), name.clone())));
    pairs.collect()
}

/// What rules call a signal of a family of VSR's evaluation results, or of a section of the document.
fn kind(family: &str) -> String {
    match family {
        "keywords" | "embeddings" | "domains" | "preferences" | "user_feedbacks" | "reasks" | "events"
        | "classifiers" | "projections" => family.trim_end_matches('s').to_owned(),
        "role_bindings" => "authz".to_owned(),
        same => same.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
        let owned = |(kind, name): &(&str, &str)| ((*kind).to_owned(), (*name).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn found() -> Found {
        Found {
            decision: Some("math".to_owned()),
            model: "small".to_owned(),
            candidates: vec!["small".to_owned(), "large".to_owned()],
            recipe: Some("default".to_owned()),
            algorithm: Some("static"),
            plugins: Some(BTreeSet::from(["system_prompt".to_owned(), "tools".to_owned()])),
            signals: set(&[("keyword", "sums"), ("domain", "math")]),
            error: None,
        }
    }

    #[test]
    fn each_expectation_that_does_not_hold_is_one_line() {
        let table: [(&str, &[&str]); 15] = [
            (
                "{expected_decision: math, expected_alias: large, expected_algorithm: static}",
                &[],
            ),
            (
                "{expected_decision: law}",
                &["decision: expected law, found math"],
            ),
            ("{expected_alias: other}", &["model: expected other, found small"]),
            (
                "{expected_algorithm: fusion}",
                &["algorithm: expected fusion, found static"],
            ),
            (
                "{expected_recipe: flash}",
                &["recipe: expected flash, found default"],
            ),
            ("{expected_plugins: [tools]}", &[]),
            ("{expected_plugins: [tools, rag]}", &["plugin missing: rag"]),
            (
                "{expected_plugins: [tools], plugin_match: exact}",
                &["plugin not expected: system_prompt"],
            ),
            ("{forbidden_plugins: [tools]}", &["plugin forbidden: tools"]),
            ("{expected_signals: {keywords: [sums], domain: [math]}}", &[]),
            (
                "{expected_signals: {keywords: [sums], domains: [law]}}",
                &["signal missing: domain law"],
            ),
            (
                "{expected_signals: {keywords: [sums]}, signal_match: exact}",
                &["signal not expected: domain math"],
            ),
            (
                "{forbidden_signals: {keywords: [sums]}}",
                &["signal forbidden: keyword sums"],
            ),
            (
                "{expected_signals: {role_bindings: [staff]}}",
                &["signal missing: authz staff"],
            ),
            ("{}", &[]),
        ];
        for (expected, lines) in table {
            let expected: Expected = serde_saphyr::from_str(expected).unwrap();
            assert_eq!(differences(&expected, &found()), lines);
        }
    }

    #[test]
    fn what_is_not_known_is_not_checked() {
        let expected = "{expected_algorithm: fusion, expected_plugins: [rag], expected_recipe: flash}";
        let expected: Expected = serde_saphyr::from_str(expected).unwrap();
        assert_eq!(differences(&expected, &Found::default()), Vec::<String>::new());
    }
}
