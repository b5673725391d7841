//! One fuzz case: how bytes are read as a request, and what must hold of any request.

#![allow(unreachable_pub, clippy::expect_used, clippy::indexing_slicing)] // test code

use std::rc::Rc;

use promptswitch_filter::Plugin;
use promptswitch_model::Classifier;
use promptswitch_tests::message::{Framing, Pace, Request};
use promptswitch_tests::policy;

use crate::fake::FakeHost;

const PATHS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages?beta=true",
    "/v1/models",
];
const HEADERS: [&str; 8] = [
    "content-type",
    "content-encoding",
    "content-length",
    "upgrade",
    "x-selected-model",
    "x-session-id",
    "x-vsr-debug",
    ":method",
];

thread_local! {
    static PLUGIN: Plugin = {
        // Fewer tokens make a case cheaper and change nothing in what parses a client's bytes.
        let mut guide = policy::guide().expect("the guide's policy");
        policy::merge(&mut guide, &serde_json::json!({"promptswitch": {"limits": {"max_tokens": 16}}}));
        let classifier = Rc::new(Classifier::load().expect("the model"));
        Plugin::new(&serde_json::to_vec(&guide).expect("JSON"), classifier).expect("a valid policy").0
    };
}

/// The first byte is the path and framing, the second a header whose value runs to the first NUL; the rest is the body.
pub fn run(data: &[u8]) {
    let [choice, header, rest @ ..] = data else { return };
    let split = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    let (value, body) = rest.split_at(split);
    let path = PATHS[usize::from(choice % 5)];
    let mut request = Request::post(path, body.strip_prefix(b"\0").unwrap_or(body));
    match usize::from(header % 16) {
        known @ 0..8 if known < HEADERS.len() => {
            request.headers.insert(0, (HEADERS[known].into(), value.into()));
        }
        _ => {}
    }
    let framing = [
        Framing::ContentLength,
        Framing::Chunked,
        Framing::H2,
        Framing::H2Trailers,
    ][usize::from(choice / 5 % 4)];
    let pace = if choice / 20 % 2 == 0 {
        Pace::Whole
    } else {
        Pace::Slow
    };
    PLUGIN.with(|plugin| {
        let outcome = FakeHost::of(&request, framing).exchange(plugin, &request, framing, pace);
        assert_eq!(outcome.status, 200, "no request is turned away");
        assert!(
            outcome
                .response_headers
                .iter()
                .any(|(name, _)| name == "x-promptswitch-reason"),
            "a reason is given"
        );
        let length = outcome
            .upstream_headers
            .iter()
            .rfind(|(name, _)| name == "content-length");
        if outcome.upstream_body != request.body
            && let Some((_, length)) = length
        {
            assert_eq!(
                length,
                outcome.upstream_body.len().to_string().as_bytes(),
                "the length is exact"
            );
        }
        for (name, value) in &outcome.upstream_headers {
            let ours = name == "x-selected-model";
            assert!(
                !ours || value.iter().all(|b| (0x20..0x7f).contains(b)),
                "a header is printable"
            );
        }
    });
}
