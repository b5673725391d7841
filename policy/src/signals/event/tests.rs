use serde_json::{Value, json};

use super::*;
use crate::config::report::Report;

fn read(rules: &Value) -> (Events, Vec<String>) {
    let report = Report::default();
    let objects = rules.as_array().unwrap().iter();
    let objects = objects.map(|rule| Object::new("r".to_owned(), rule.as_object().unwrap(), &report));
    let events = Events::read(objects.collect());
    (
        events,
        report.into_sorted().iter().map(ToString::to_string).collect(),
    )
}

#[test]
fn the_confidence_is_the_share_of_criteria_that_are_met() {
    let (events, found) = read(&json!([
        {"name": "incident", "event_types": ["outage", "disk full"], "severities": ["Critical", "high"],
         "action_codes": ["RB-17"], "temporal": true},
        {"name": "urgent", "temporal": true},
        {"name": "low", "severities": ["low"]},
    ]));
    assert_eq!(found, [""; 0]);
    let table = [
        ("Outage in zone 2", [Some(0.625), None, None]),
        ("DISK FULL, severity HIGH", [Some(0.75), None, None]),
        ("outage, critical, run rb-17 now", [Some(1.0), Some(1.0), None]),
        ("time-sensitive", [Some(0.625), Some(1.0), None]),
        ("outages are highly unlikely; nowhere", [None, None, None]),
        ("low", [None, None, Some(1.0)]),
        ("", [None, None, None]),
    ];
    for (text, confidences) in table {
        assert_eq!(events.scan(text), confidences, "{text}");
    }
}

#[test]
fn a_rule_without_a_criterion_and_an_unknown_severity_are_errors() {
    let table = [
        (json!({"name": "e"}), "error: r: needs event_types,"),
        (
            json!({"name": "e", "event_types": [" "]}),
            "error: r: needs event_types,",
        ),
        (
            json!({"name": "e", "severities": ["fatal"]}),
            "error: r.severities: must be of critical, high, medium, low, found `fatal`",
        ),
        (
            json!({"name": "e", "temporal": "yes"}),
            "error: r.temporal: must be true or false",
        ),
    ];
    for (rule, expected) in table {
        let (_, found) = read(&json!([rule]));
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "wanted {expected}\nfound {found:#?}"
        );
    }
}
