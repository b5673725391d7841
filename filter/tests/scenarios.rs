//! Every scenario of `tests/scenarios` on a fake host; `tests/tests/e2e` runs the same files against real Envoy.

#![allow(clippy::unwrap_used, clippy::panic)] // test code

mod fake;

use std::collections::HashMap;
use std::rc::Rc;

use fake::FakeHost;
use promptswitch_filter::Plugin;
use promptswitch_model::Classifier;
use promptswitch_tests::message::{Framing, Pace, Request};
use promptswitch_tests::{policy, scenario};

fn plugin(classifier: &Rc<Classifier>, policy: &serde_json::Value) -> Plugin {
    let bytes = serde_json::to_vec(policy).unwrap();
    Plugin::new(&bytes, classifier.clone())
        .unwrap_or_else(|errors| panic!("{errors:#?}"))
        .0
}

#[test]
fn every_scenario_holds_on_the_fake_host() {
    let classifier = Rc::new(Classifier::load().unwrap());
    let mut plugins: HashMap<String, Plugin> = HashMap::new();
    let mut problems = Vec::new();
    let scenarios = scenario::all().unwrap();
    assert!(!scenarios.is_empty());
    for (file, scenario) in &scenarios {
        let policy = scenario.policy().unwrap();
        let plugin = plugins
            .entry(policy.to_string())
            .or_insert_with(|| plugin(&classifier, &policy));
        let request = scenario.request().unwrap();
        for &framing in scenario.framings() {
            let host = FakeHost::of(&request, framing);
            let mut outcome = host.exchange(plugin, &request, framing, scenario.pace());
            if let Some(upstream) = &outcome.upstream {
                // What the model server itself answers is not the filter's to say.
                outcome.status = scenario.expect.status;
                outcome
                    .response_headers
                    .push(("x-served-by".into(), upstream.clone().into()));
            }
            for problem in scenario.expect.problems(&request, &outcome) {
                problems.push(format!("{file}: {} ({framing:?}): {problem}", scenario.name));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_decision_is_counted_by_reason_model_and_decision() {
    let plugin = plugin(&Rc::new(Classifier::load().unwrap()), &policy::guide().unwrap());
    let request = Request::chat("auto", "What is the integral of cos(x)?");
    let host = FakeHost::of(&request, Framing::H2);
    host.exchange(&plugin, &request, Framing::H2, Pace::Whole);
    let counters = host.counters.take();
    assert_eq!(
        counters.get("promptswitch_requests_total|reason=decision"),
        Some(&1),
        "{counters:?}"
    );
    assert_eq!(
        counters.get("llm_model_requests_total|model=phi4-mini"),
        Some(&1),
        "{counters:?}"
    );
    assert_eq!(
        counters.get("llm_decision_match_total|decision=math"),
        Some(&1),
        "{counters:?}"
    );
    assert!(host.route_cleared.get());
}

#[test]
fn a_model_name_that_a_client_made_up_is_no_label() {
    let plugin = plugin(&Rc::new(Classifier::load().unwrap()), &policy::guide().unwrap());
    let request = Request::chat("made-up", "hi");
    let host = FakeHost::of(&request, Framing::H2);
    host.exchange(&plugin, &request, Framing::H2, Pace::Whole);
    assert_eq!(
        host.counters.take().get("llm_model_requests_total|model=other"),
        Some(&1)
    );
}

#[test]
fn a_client_that_leaves_in_mid_body_is_counted() {
    let plugin = plugin(&Rc::new(Classifier::load().unwrap()), &policy::guide().unwrap());
    let request = Request::chat("auto", "hi");
    let host = FakeHost::of(&request, Framing::ContentLength);
    let mut stream = promptswitch_filter::Stream::new();
    stream.on_headers(&host, &plugin, false);
    stream.on_done(&host, &plugin);
    assert_eq!(
        host.counters
            .take()
            .get("promptswitch_requests_total|reason=client_gone"),
        Some(&1)
    );
}
