use serde_json::json;

use crate::tests::meaning::{matches, messages, with};
use crate::tests::{Fake, body, findings, load};

#[test]
fn a_type_that_is_not_allowed_matches_without_a_run_of_the_model() {
    let signals = json!([
        {"name": "any"},
        {"name": "no_mail", "pii_types_allowed": ["EMAIL_ADDRESS", "PERSON"]},
        {"name": "ever", "include_history": true},
    ]);
    let policy = load(&with("pii", signals, "pii", "any"));
    let mail = "write to ana@example.org";
    let table = [
        (body("auto", mail), vec!["any=1.00", "ever=1.00"]),
        (
            body("auto", "my ssn is 219-09-9998"),
            vec!["any=1.00", "no_mail=1.00", "ever=1.00"],
        ),
        (body("auto", "nothing"), vec![]),
        (
            messages(&[("user", mail), ("assistant", "ok"), ("user", "thanks")]),
            vec!["ever=1.00"],
        ),
        (messages(&[("tool", mail), ("user", "thanks")]), vec!["ever=1.00"]),
    ];
    for (body, expected) in table {
        let mut fake = Fake::default();
        assert_eq!(matches(&policy, &body, &mut fake), expected, "{body}");
        assert_eq!(fake.calls, 0);
    }
}

#[test]
fn unknown_types_are_errors_and_types_that_no_rule_finds_are_told() {
    let signals = json!([{"name": "a", "threshold": 0.9, "pii_types_allowed": ["EMAIL_ADRESS", "SHOE_SIZE", "PERSON"]}]);
    let found = findings(&with("pii", signals, "pii", "a"));
    assert_eq!(
        found[0],
        "error: routing.signals.pii[0].pii_types_allowed[0]: unknown type `EMAIL_ADRESS`; did you mean `EMAIL_ADDRESS`?"
    );
    assert!(
        found[1].contains("pii_types_allowed[1]: unknown type `SHOE_SIZE`; known are EMAIL_ADDRESS"),
        "{found:?}"
    );
    assert!(found[2].contains("pii[0].threshold: has no effect"), "{found:?}");
    assert!(
        found[3].contains("these types are not detected: AGE, DATE_TIME") && !found[3].contains("PERSON")
    );
}
