use serde_json::json;

use crate::tests::meaning::{matches, messages, with};
use crate::tests::{Fake, findings, load};

#[test]
fn the_same_question_again_matches_those_that_look_back_furthest() {
    let signals = json!([
        {"name": "once", "threshold": 0.8},
        {"name": "twice", "lookback_turns": 2},
    ]);
    let policy = load(&with("reasks", signals, "reask", "once"));
    let (ask, like, other) = ("fix my code now please", "fix my code now", "what is the weather");
    let user = |texts: &[&'static str]| {
        let turns: Vec<_> = texts
            .iter()
            .flat_map(|text| [("user", *text), ("assistant", "ok")])
            .collect();
        messages(&turns[..turns.len() - 1])
    };
    // How many more runs of the model each takes beside that for the last turn.
    let table = [
        (user(&[ask]), vec![], 0),
        (user(&[other, ask]), vec![], 1),
        (user(&[like, ask]), vec!["once=0.93"], 1),
        (
            user(&[other, "Fix my  CODE now please", ask]),
            vec!["once=1.00"],
            1,
        ),
        (user(&[like, ask, ask]), vec!["twice=0.93"], 1),
        (user(&[ask, ask, ask]), vec!["twice=1.00"], 0),
        (user(&[ask, other, ask]), vec![], 1),
    ];
    for (body, expected, runs) in table {
        let mut fake = Fake::default();
        assert_eq!(matches(&policy, &body, &mut fake), expected, "{body}");
        assert!(fake.calls <= runs + 1, "{} runs for {body}", fake.calls);
    }
}

#[test]
fn looking_back_further_than_the_cap_is_an_error() {
    let found = findings(&with(
        "reasks",
        json!([{"name": "a", "lookback_turns": 9}]),
        "reask",
        "a",
    ));
    assert_eq!(
        found,
        ["error: routing.signals.reasks[0].lookback_turns: must be 0 to 8, found 9"]
    );
}
