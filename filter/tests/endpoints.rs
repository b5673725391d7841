//! Endpoints that the filter chooses, on the fake host.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // test code

mod fake;

use std::rc::Rc;

use fake::FakeHost;
use promptswitch_filter::host::Host;
use promptswitch_filter::{Answer, Outcome, Plugin, Step, Stream, answer};
use promptswitch_model::Classifier;
use promptswitch_tests::message::{Framing, Request};
use promptswitch_tests::policy;
use serde_json::json;

const HEADER: &str = "x-gateway-destination-endpoint";

/// The guide's policy with two endpoints for each model.
fn plugin() -> Plugin {
    let mut document = policy::guide().unwrap();
    let endpoints = json!({"promptswitch": {
        "endpoints": {
            "models": {
                "phi4-mini": ["10.0.0.1:8000", "10.0.0.2:8000"],
                "llama3-8b": ["10.0.0.3:8000", "10.0.0.4:8000"],
            },
            "metrics": {"cluster": "companion", "interval": "1s"},
        },
        "outputs": [
            {"header": "x-selected-model", "value": "{model}"},
            {"header": HEADER, "value": "{endpoints}"},
        ],
    }});
    policy::merge(&mut document, &endpoints);
    let classifier = Rc::new(Classifier::load().unwrap());
    Plugin::new(&serde_json::to_vec(&document).unwrap(), classifier)
        .unwrap_or_else(|errors| panic!("{errors:#?}"))
        .0
}

/// A request on its way.
struct Sent {
    host: FakeHost,
    stream: Stream,
}

impl Sent {
    fn new(plugin: &Plugin, request: &Request) -> Self {
        let host = FakeHost::of(request, Framing::H2);
        let mut stream = Stream::new();
        let mut step = stream.on_headers(&host, plugin, request.body.is_empty());
        if step == Step::Hold {
            host.body.replace(request.body.clone());
            step = stream.on_body(&host, plugin, request.body.len(), true);
        }
        match step {
            Step::Release(release) => release.apply(&host),
            Step::Reply(reply) => answer(&host, &reply),
            _ => {}
        }
        Self { host, stream }
    }

    fn order(&self) -> String {
        String::from_utf8(self.host.request_header(HEADER).unwrap_or_default()).unwrap()
    }

    fn answered_by(&mut self, plugin: &Plugin, address: &str) {
        self.host.upstream.replace(address.to_owned());
        self.stream.on_response_headers(&self.host, plugin);
    }

    fn end(&mut self, plugin: &Plugin) {
        self.stream.on_done(&self.host, plugin);
    }
}

/// A request to llama3-8b of which no whole block is hashed, so that only load tells its endpoints apart.
fn hello() -> Request {
    Request::chat("llama3-8b", "Hello")
}

#[test]
fn a_request_that_is_over_or_was_reset_counts_no_longer() {
    let plugin = plugin();
    // Both endpoints answer one request; then one of them two more, without a response.
    let mut open: Vec<_> = (0..4).map(|_| Sent::new(&plugin, &hello())).collect();
    let first = |sent: &Sent| sent.order().split(',').next().unwrap().to_owned();
    assert_eq!(
        open.iter().map(first).collect::<Vec<_>>(),
        ["10.0.0.3:8000", "10.0.0.4:8000", "10.0.0.3:8000", "10.0.0.4:8000"]
    );
    // Those of 10.0.0.4 end without a word from the server: so it has none, and the other has two.
    for sent in [1, 3] {
        open[sent].end(&plugin);
    }
    for _ in 0..2 {
        let next = Sent::new(&plugin, &hello());
        assert_eq!(first(&next), "10.0.0.4:8000");
        open.push(next);
    }
}

#[test]
fn a_request_that_is_not_read_gets_the_default_models_endpoints_and_is_counted() {
    let plugin = plugin();
    let broken = Request::post("/v1/chat/completions", "no JSON");
    let first = Sent::new(&plugin, &broken);
    assert_eq!(first.order(), "10.0.0.3:8000,10.0.0.4:8000");
    assert_eq!(Sent::new(&plugin, &broken).order(), "10.0.0.4:8000,10.0.0.3:8000");
}

#[test]
fn what_is_not_for_a_model_has_no_endpoint_not_even_a_clients() {
    let plugin = plugin();
    let other = Request::post("/v1/embeddings", "{}").header(HEADER, "10.9.9.9:1");
    assert_eq!(Sent::new(&plugin, &other).order(), "");
    let unknown = Request::chat("nobody", "Hello").header(HEADER, "10.9.9.9:1");
    assert_eq!(Sent::new(&plugin, &unknown).order(), "");
}

#[test]
fn a_prompt_goes_back_to_the_server_that_answered_it() {
    let plugin = plugin();
    let prompt = Request::chat("llama3-8b", &"once upon a time ".repeat(100)).header("x-vsr-debug", "true");
    let mut sent = Sent::new(&plugin, &prompt);
    assert_eq!(sent.order(), "10.0.0.3:8000,10.0.0.4:8000");
    sent.answered_by(&plugin, "10.0.0.4:8000");
    sent.end(&plugin);
    let mut again = Sent::new(&plugin, &prompt);
    assert_eq!(again.order(), "10.0.0.4:8000,10.0.0.3:8000");
    again.answered_by(&plugin, "10.0.0.4:8000");
    let blocks = again
        .host
        .response_header("x-promptswitch-prefix-blocks")
        .unwrap();
    assert_eq!(String::from_utf8(blocks).unwrap(), "6/6");
}

#[test]
fn what_the_companion_says_counts_while_it_is_fresh() {
    let plugin = plugin();
    let busy = br#"{"endpoints": {"10.0.0.3:8000": {"age_ms": 0, "queue": 9, "kv_cache": 0.9},
        "10.0.0.4:8000": {"age_ms": 0, "queue": 0, "kv_cache": 0.1}, "10.0.0.9:8000": {"age_ms": 0, "queue": 0, "kv_cache": 0}}}"#;
    let answer = Answer::Received {
        status: 200,
        size: busy.len(),
        body: busy.to_vec(),
    };
    plugin.on_report(Ok(&answer), 60_000_000_000);
    // Its clock stands still at 0, so what was said is not old.
    for _ in 0..2 {
        let mut sent = Sent::new(&plugin, &hello());
        assert_eq!(sent.order(), "10.0.0.4:8000,10.0.0.3:8000");
        sent.end(&plugin);
    }
    // No answer, and one of no use, change nothing.
    plugin.on_report(Err(Outcome::NotSent), 60_000_000_000);
    plugin.on_report(Ok(&Answer::Broken), 60_000_000_000);
    assert_eq!(
        Sent::new(&plugin, &hello()).order(),
        "10.0.0.4:8000,10.0.0.3:8000"
    );
}
