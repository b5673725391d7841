use serde_json::json;

use crate::FeedbackScores;
use crate::tests::meaning::{matches, messages, with};
use crate::tests::{Fake, findings, load};

#[test]
fn feedback_is_what_is_said_of_an_answer_and_unless_sure_it_is_satisfied() {
    let names = [
        "satisfied",
        "need_clarification",
        "wrong_answer",
        "want_different",
    ];
    let signals = json!(names.map(|name| json!({"name": name})));
    let mut document = with("user_feedbacks", signals, "user_feedback", "wrong_answer");
    let answered = messages(&[("user", "a"), ("assistant", "b"), ("user", "c")]);
    let first = messages(&[("user", "c")]);
    let wrong = |chance: f32| FeedbackScores {
        wrong_answer: chance,
        want_different: 1.0 - chance,
        ..FeedbackScores::default()
    };
    let table = [
        (json!({}), &answered, wrong(0.7), vec!["wrong_answer=1.00"]),
        (json!({}), &answered, wrong(0.6), vec!["satisfied=1.00"]),
        (
            json!({"threshold": 0.5}),
            &answered,
            wrong(0.6),
            vec!["wrong_answer=1.00"],
        ),
        (json!({}), &first, wrong(0.9), vec![]),
        (json!({"enabled": false}), &answered, wrong(0.9), vec![]),
    ];
    for (module, body, feedback, expected) in table {
        document["global"]["model_catalog"]["modules"]["feedback_detector"] = module;
        let mut fake = Fake {
            feedback,
            ..Fake::default()
        };
        assert_eq!(
            matches(&load(&document), body, &mut fake),
            expected,
            "{body} {feedback:?}"
        );
    }
    assert!(findings(&document)[0].contains("never matches: modules.feedback_detector is off"));
}
