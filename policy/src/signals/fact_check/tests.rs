use serde_json::json;

use crate::tests::meaning::{matches, with};
use crate::tests::{Fake, body, findings, load};

#[test]
fn a_text_needs_its_facts_checked_from_the_threshold_on() {
    let signals = json!([{"name": "needs_fact_check"}, {"name": "no_fact_check_needed"}]);
    let mut document = with("fact_check", signals, "fact_check", "needs_fact_check");
    let table = [
        (None, 0.6, "needs_fact_check=1.00"),
        (None, 0.59, "no_fact_check_needed=1.00"),
        (Some(0.9), 0.8, "no_fact_check_needed=1.00"),
        (Some(0.1), 0.4, "no_fact_check_needed=1.00"),
    ];
    for (threshold, chance, expected) in table {
        document["global"]["model_catalog"]["modules"]["hallucination_mitigation"]["fact_check"] =
            json!({"threshold": threshold});
        let mut fake = Fake {
            fact_check: chance,
            ..Fake::default()
        };
        assert_eq!(
            matches(&load(&document), &body("auto", "x"), &mut fake),
            [expected],
            "{threshold:?} {chance}"
        );
    }
}

#[test]
fn another_name_is_an_error_that_lists_the_known_ones() {
    let found = findings(&with(
        "fact_check",
        json!([{"name": "facts"}]),
        "fact_check",
        "facts",
    ));
    assert_eq!(
        found,
        [
            "error: routing.signals.fact_check[0].name: must be one of needs_fact_check, no_fact_check_needed, \
          found `facts`"
        ]
    );
}
