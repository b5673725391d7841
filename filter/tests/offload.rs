//! The companion's part in a decision, on the fake host. `tests/tests/e2e/offload.rs` has the same in Envoy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // test code

mod fake;

use std::rc::Rc;

use fake::FakeHost;
use promptswitch_filter::{Answer, Ask, Outcome, Plugin, Step, Stream};
use promptswitch_model::Classifier;
use promptswitch_policy::{DOMAINS, Opinion};
use promptswitch_tests::message::{Framing, Request};
use promptswitch_tests::policy;
use serde_json::{Value, json};

/// The guide's policy with a companion: math goes to phi4-mini, all else to llama3-8b.
fn plugin(offload: Value) -> Plugin {
    plugin_of(policy::guide().unwrap(), offload)
}

fn plugin_of(mut document: Value, offload: Value) -> Plugin {
    let mut block = json!({"cluster": "companion"});
    policy::merge(&mut block, &offload);
    policy::merge(&mut document, &json!({"promptswitch": {"offload": block}}));
    let bytes = serde_json::to_vec(&document).unwrap();
    let classifier = Rc::new(Classifier::load().unwrap());
    Plugin::new(&bytes, classifier)
        .unwrap_or_else(|errors| panic!("{errors:#?}"))
        .0
}

/// A prompt whose domain the filter's model is sure of: physics, and so not math.
const PHYSICS: &str = "Why does a pendulum swing more slowly on the moon?";

struct Held {
    host: FakeHost,
    stream: Stream,
    step: Step,
}

fn hold(plugin: &Plugin, text: &str) -> Held {
    let request = Request::chat("auto", text);
    let host = FakeHost::of(&request, Framing::H2);
    let mut stream = Stream::new();
    assert_eq!(stream.on_headers(&host, plugin, false), Step::Hold);
    host.body.replace(request.body.clone());
    let step = stream.on_body(&host, plugin, request.body.len(), true);
    Held { host, stream, step }
}

impl Held {
    fn ask(&self) -> &Ask {
        match &self.step {
            Step::Ask(ask) => ask,
            Step::Release(release) => release.ask.as_ref().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The model that the request goes to when the companion has been heard, and what the response says of it.
    fn model_after(mut self, plugin: &Plugin, opinion: Result<Opinion, Outcome>) -> (String, String) {
        let step = match self.step {
            Step::Release(release) => {
                assert_eq!(self.stream.on_answer(&self.host, plugin, opinion), Step::Continue);
                Step::Release(release)
            }
            _ => self.stream.on_answer(&self.host, plugin, opinion),
        };
        let Step::Release(release) = step else {
            panic!("{step:?}")
        };
        release.apply(&self.host);
        self.stream.on_response_headers(&self.host, plugin);
        let body: Value = serde_json::from_slice(&self.host.body.borrow()).unwrap();
        let response = self.host.response.borrow();
        let said = response.iter().find(|(name, _)| name == "x-promptswitch-offload");
        let said = said.map(|(_, value)| String::from_utf8(value.clone()).unwrap());
        (
            body["model"].as_str().unwrap().to_owned(),
            said.unwrap_or_default(),
        )
    }
}

fn answer(best: &str, chance: f64) -> Answer {
    let rest = (1.0 - chance) / 13.0;
    let scores: serde_json::Map<_, _> = DOMAINS
        .iter()
        .map(|domain| {
            (
                (*domain).to_owned(),
                json!(if *domain == best { chance } else { rest }),
            )
        })
        .collect();
    let body = json!({"results": [{"domain": {"label": best, "scores": scores}}]}).to_string();
    received(200, body.as_bytes())
}

fn received(status: u16, body: &[u8]) -> Answer {
    Answer::Received {
        status,
        size: body.len(),
        body: body.to_vec(),
    }
}

#[test]
fn the_companions_answer_decides_where_the_filter_is_unsure() {
    let plugin = plugin(json!({"below_confidence": 1.0}));
    let held = hold(&plugin, PHYSICS);
    assert!(held.stream.is_asking());
    let ask = held.ask();
    assert_eq!(
        (ask.cluster.as_str(), ask.path.as_str(), ask.timeout_ms),
        ("companion", "/v1/classify", 50)
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&ask.body).unwrap()["text"],
        PHYSICS
    );
    let opinion = answer("math", 0.99).opinion();
    assert_eq!(
        held.model_after(&plugin, opinion),
        ("phi4-mini".into(), "used".into())
    );
}

#[test]
fn a_prompt_that_the_filter_is_sure_of_is_not_asked_about() {
    let plugin = plugin(json!({"below_confidence": 0.3}));
    let held = hold(&plugin, PHYSICS);
    assert!(
        matches!(&held.step, Step::Release(release) if release.ask.is_none()),
        "{:?}",
        held.step
    );
}

#[test]
fn always_asks_whatever_the_confidence() {
    let plugin = plugin(json!({"below_confidence": 0.0, "mode": "always"}));
    assert!(hold(&plugin, PHYSICS).stream.is_asking());
}

#[test]
fn a_named_model_is_not_asked_about() {
    let plugin = plugin(json!({"mode": "always"}));
    let request = Request::chat("phi4-mini", PHYSICS);
    let host = FakeHost::of(&request, Framing::H2);
    let mut stream = Stream::new();
    stream.on_headers(&host, &plugin, false);
    host.body.replace(request.body.clone());
    let step = stream.on_body(&host, &plugin, request.body.len(), true);
    assert!(matches!(step, Step::Release(_)), "{step:?}");
}

#[test]
fn whatever_goes_wrong_the_filters_own_verdict_stands() {
    let large = Answer::Received {
        status: 200,
        size: Answer::MAX_BYTES + 1,
        body: Vec::new(),
    };
    let table = [
        (Answer::Broken.opinion(), "failed"),
        (received(504, b"upstream request timeout").opinion(), "timeout"),
        (received(503, b"no healthy upstream").opinion(), "refused"),
        (received(429, b"{}").opinion(), "refused"),
        (received(500, b"").opinion(), "failed"),
        (received(200, b"<html>").opinion(), "invalid"),
        (answer("astrology", 0.9).opinion(), "invalid"),
        (large.opinion(), "invalid"),
        (Err(Outcome::NotSent), "not_sent"),
    ];
    for (opinion, said) in table {
        let plugin = plugin(json!({"mode": "always"}));
        let after = hold(&plugin, PHYSICS).model_after(&plugin, opinion);
        assert_eq!(after, ("llama3-8b".into(), said.into()));
    }
}

#[test]
fn shadow_waits_for_nothing_and_only_compares() {
    let plugin = plugin(json!({"mode": "shadow"}));
    for (best, said) in [("physics", "agreed"), ("math", "differed")] {
        let held = hold(&plugin, PHYSICS);
        assert!(!held.stream.is_asking() && !held.ask().waits);
        let after = held.model_after(&plugin, answer(best, 0.99).opinion());
        assert_eq!(after, ("llama3-8b".into(), said.into()));
    }
}

#[test]
fn shadow_asks_nothing_about_a_request_that_is_answered_at_once() {
    let mut document = policy::guide().unwrap();
    let decisions = document["routing"]["decisions"].as_array_mut().unwrap();
    let math = decisions
        .iter_mut()
        .find(|decision| decision["name"].as_str().unwrap().contains("math"));
    math.unwrap()["plugins"] = json!([{"type": "fast_response", "configuration": {"message": "No."}}]);
    let plugin = plugin_of(document, json!({"mode": "shadow", "max_in_flight": 1}));
    let answered = hold(&plugin, "What is the derivative of x squared?");
    assert!(matches!(answered.step, Step::Reply(_)), "{:?}", answered.step);
    assert!(!hold(&plugin, PHYSICS).ask().waits);
}

#[test]
fn a_client_that_leaves_while_the_companion_is_asked_is_counted() {
    let plugin = plugin(json!({"mode": "always"}));
    let mut held = hold(&plugin, PHYSICS);
    held.stream.on_done(&held.host, &plugin);
    let counters = held.host.counters.take();
    assert_eq!(
        counters.get("promptswitch_requests_total|reason=client_gone"),
        Some(&1),
        "{counters:?}"
    );
}

#[test]
fn the_readme_lists_every_outcome_of_a_question() {
    let readme = std::fs::read_to_string(promptswitch_tests::root().join("README.md")).unwrap();
    for outcome in Outcome::all() {
        let row = format!("| `{}` | {} |", outcome.as_str(), outcome.meaning());
        assert!(readme.contains(&row), "{row}");
    }
}
