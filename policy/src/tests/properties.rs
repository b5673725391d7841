use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fake, decision, document, domain, keyword, load};
use crate::{Api, Context, DOMAINS, Policy, Request, splice};

fn rule() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0..DOMAINS.len()).prop_map(|index| domain(DOMAINS[index])),
        prop_oneof![Just("urgent"), Just("code")].prop_map(keyword),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let group = |operator: &'static str| move |conditions| json!({"operator": operator, "conditions": conditions});
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(group("AND")),
            prop::collection::vec(inner.clone(), 1..4).prop_map(group("OR")),
            prop::collection::vec(inner, 1).prop_map(group("NOT")),
        ]
    })
}

fn decisions() -> impl Strategy<Value = Vec<Value>> {
    let one = (rule(), 0i64..3, 0i64..3);
    prop::collection::vec(one, 0..8).prop_map(|decisions| {
        let named = decisions
            .into_iter()
            .enumerate()
            .map(|(index, (rule, priority, tier))| {
                let mut decision = decision(&format!("d{index}"), priority, rule);
                decision["tier"] = json!(tier);
                decision
            });
        named.collect()
    })
}

fn policy(decisions: &[Value], strategy: &str) -> Policy {
    let mut document = document(json!(decisions));
    document["routing"]["strategy"] = json!(strategy);
    load(&document)
}

proptest! {
    #[test]
    fn the_winner_does_not_depend_on_the_order_of_decisions(
        decisions in decisions(),
        strategy in prop_oneof![Just("priority"), Just("confidence")],
        text in "(urgent|rust|asap|x| ){1,5}",
        subject in 0..DOMAINS.len(),
    ) {
        let body = super::body("auto", &format!("{text}!"));
        let mut reversed = decisions.clone();
        reversed.reverse();
        let mut scorer = Fake { domains: vec![(DOMAINS[subject], 0.55), (DOMAINS[(subject + 3) % 14], 0.4)], ..Fake::default() };
        let one = super::decide(&policy(&decisions, strategy), &body, &mut scorer);
        prop_assert!(scorer.calls <= 1);
        let other = super::decide(&policy(&reversed, strategy), &body, &mut scorer);
        prop_assert_eq!((one.decision, one.confidence), (other.decision, other.confidence));
    }

    #[test]
    fn no_body_makes_deciding_panic(decisions in decisions(), bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let policy = policy(&decisions, "priority");
        for body in [bytes, super::body("auto", &text).into_bytes()] {
            for api in [Api::ChatCompletions, Api::Completions, Api::Responses, Api::Messages] {
                let Ok(request) = Request::parse(api, &body) else { continue };
                let verdict = policy.decide(&request, &Context::default(), &mut Fake::sure_of("math"));
                splice(&body, &verdict.edits);
                policy.request_headers(&verdict, &());
                policy.response_headers(&verdict, true);
            }
        }
    }

    #[test]
    fn no_document_makes_validation_panic(json in "[{}\\[\\]:,\"a-z0-9 ]{0,64}", key in 0usize..6, value in any::<String>()) {
        let _ = Policy::from_json(json.as_bytes(), &mut Fake::default());
        let keys = ["version", "providers", "routing", "global", "promptswitch", "x"];
        for value in [json!(value), json!([value]), json!({value.as_str(): value}), json!([[]]), json!(-0.5)] {
            let mut document = document(json!([]));
            document[keys[key]] = value;
            let _ = Policy::from_value(&document, &mut Fake::default());
        }
    }
}
