use super::*;
use crate::config::report::Report;

/// Signals `math`, `stem` (physics and chemistry, from 0.2), `law` (from 0.9) and `other`.
fn domains() -> Domains {
    let json = serde_json::json!([
        {"name": "math"},
        {"name": "stem", "mmlu_categories": ["physics", "chemistry"], "threshold": 0.2},
        {"name": "law", "threshold": 0.9},
        {"name": "other"},
    ]);
    let report = Report::default();
    let objects = json.as_array().unwrap().iter();
    let objects = objects
        .map(|v| Object::new(String::new(), v.as_object().unwrap(), &report))
        .collect();
    let domains = Domains::read(objects, DomainDefaults::default());
    assert!(report.into_sorted().is_empty());
    domains
}

/// The given scores, and the rest of the probability evenly over the other categories.
fn scores(given: &[(&str, f32)]) -> DomainScores {
    let rest = (1.0 - given.iter().map(|(_, p)| p).sum::<f32>()) / (14 - given.len()) as f32;
    let mut scores = [rest; 14];
    for (name, score) in given {
        scores[index_of(name).unwrap()] = *score;
    }
    DomainScores(scores)
}

#[test]
fn thresholds_and_entropy_decide_what_matches() {
    type Case = (
        &'static [(&'static str, f32)],
        &'static [&'static str],
        &'static str,
    );
    let table: &[Case] = &[
        (&[("math", 0.9)], &["math"], "math"),
        (&[("math", 0.5)], &["math"], "math"),
        (&[("math", 0.45)], &["other"], "other"),
        (&[("math", 0.55), ("physics", 0.3)], &["math", "stem"], "math"),
        // Sharp enough that only the best counts, though physics reaches its threshold.
        (&[("math", 0.795), ("physics", 0.205)], &["math"], "math"),
        (&[("physics", 0.25), ("chemistry", 0.3)], &["stem"], "chemistry"),
        (&[("law", 0.85)], &["other"], "other"),
        (&[("law", 0.95)], &["law"], "law"),
        (&[("biology", 0.95)], &[], "biology"),
        (&[], &["other"], "other"),
    ];
    let domains = domains();
    for (given, names, category) in table {
        let matches = domains.matches(scores(given));
        let matched = domains
            .names()
            .into_iter()
            .zip(&matches.confidences)
            .filter(|(_, c)| c.is_some());
        assert_eq!(
            matched.map(|(name, _)| name).collect::<Vec<_>>(),
            *names,
            "{given:?}"
        );
        assert_eq!(
            matches.category.map(|(name, _)| name),
            Some(*category),
            "{given:?}"
        );
    }
}

#[test]
fn the_confidence_is_the_best_probability() {
    let matches = domains().matches(scores(&[("physics", 0.25), ("chemistry", 0.3)]));
    assert_eq!(matches.confidences[1], Some(0.3));
}

#[test]
fn scores_that_are_not_numbers_match_only_the_fallback() {
    let matches = domains().matches(DomainScores([f32::NAN; 14]));
    assert_eq!(matches.category.map(|(name, _)| name), Some("other"));
    assert!(matches.confidences[0].is_none());
}
