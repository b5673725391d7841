//! A host in memory, which behaves as Envoy with `allow_on_headers_stop_iteration: true` does.

// Test code, but clippy knows as such only what stands in a test module.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use promptswitch_filter::host::Host;
use promptswitch_filter::{Plugin, Step, Stream, answer};
use promptswitch_tests::message::{Framing, Headers, Pace, Request};
use promptswitch_tests::scenario::Outcome;

/// Envoy's buffer limit in `envoy/envoy.yaml`.
const BUFFER_LIMIT: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct FakeHost {
    pub request: RefCell<Headers>,
    pub body: RefCell<Vec<u8>>,
    pub response: RefCell<Headers>,
    /// Address and port of the server that answers.
    pub upstream: RefCell<String>,
    pub counters: RefCell<BTreeMap<String, u64>>,
    pub route_cleared: Cell<bool>,
    /// Status, headers and body of an answer of the filter's own.
    pub reply: RefCell<Option<(u16, Headers, Vec<u8>)>>,
}

impl FakeHost {
    /// The headers of a request as Envoy shows them.
    pub fn of(request: &Request, framing: Framing) -> Self {
        let mut headers: Headers = vec![
            (":method".into(), request.method.clone().into()),
            (":path".into(), request.path.clone().into()),
        ];
        headers.extend(
            request
                .headers
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.clone())),
        );
        if framing == Framing::ContentLength && !request.body.is_empty() {
            headers.push(("content-length".into(), request.body.len().to_string().into()));
        }
        Self {
            request: RefCell::new(headers),
            ..Self::default()
        }
    }

    /// Sends the request through the filter the way that Envoy does.
    pub fn exchange(&self, plugin: &Plugin, request: &Request, framing: Framing, pace: Pace) -> Outcome {
        let mut stream = Stream::new();
        let mut status = self.drive(&mut stream, plugin, request, framing, pace);
        let reply = self.reply.take();
        let upstream = (status == 200 && reply.is_none()).then(|| self.route());
        if let Some((code, headers, _)) = reply {
            status = code;
            self.response.borrow_mut().extend(headers);
            self.request.take();
            self.body.take();
        }
        stream.on_response_headers(self, plugin);
        stream.on_done(self, plugin);
        Outcome {
            status,
            response_headers: self.response.take(),
            upstream,
            upstream_headers: self.request.take(),
            upstream_body: self.body.take(),
        }
    }

    fn drive(
        &self,
        stream: &mut Stream,
        plugin: &Plugin,
        request: &Request,
        framing: Framing,
        pace: Pace,
    ) -> u16 {
        let trailers = framing == Framing::H2Trailers;
        let mut holding = self.apply(stream.on_headers(self, plugin, request.body.is_empty() && !trailers));
        let mut pieces = pace.pieces(&request.body).peekable();
        while let Some(piece) = pieces.next() {
            self.body.borrow_mut().extend_from_slice(piece);
            let size = self.body.borrow().len();
            if holding && size > BUFFER_LIMIT {
                return 413;
            }
            // HTTP/1.1 tells of the end in a callback of its own; HTTP/2 with the last frame.
            let end = pieces.peek().is_none() && framing == Framing::H2;
            holding = self.apply(stream.on_body(self, plugin, size, end));
        }
        let size = self.body.borrow().len();
        match framing {
            Framing::H2Trailers => self.apply(stream.on_trailers(self, plugin, size)),
            Framing::H2 => false,
            Framing::ContentLength | Framing::Chunked if request.body.is_empty() => false,
            Framing::ContentLength | Framing::Chunked => self.apply(stream.on_body(self, plugin, size, true)),
        };
        assert!(!stream.is_holding(), "a request must not be held past its end");
        200
    }

    fn apply(&self, step: Step) -> bool {
        match &step {
            Step::Release(release) => release.apply(self),
            Step::Reply(reply) => answer(self, reply),
            Step::Ask(_) => panic!("no policy of these tests has a companion"),
            Step::Continue | Step::Hold => {}
        }
        step == Step::Hold
    }

    /// The route table of `envoy/envoy.yaml`.
    fn route(&self) -> String {
        let selected = self.request_header("x-selected-model");
        let phi = selected.as_deref() == Some(b"phi4-mini");
        (if phi { "phi4-mini" } else { "llama3-8b" }).into()
    }
}

impl Host for FakeHost {
    fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        self.request
            .borrow()
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
    }

    fn set_request_header(&self, name: &str, value: &str) {
        self.remove_request_header(name);
        self.request.borrow_mut().push((name.into(), value.into()));
    }

    fn append_request_header(&self, name: &str, value: &str) {
        self.request.borrow_mut().push((name.into(), value.into()));
    }

    fn remove_request_header(&self, name: &str) {
        self.request.borrow_mut().retain(|(n, _)| n != name);
    }

    fn request_body(&self, size: usize) -> Vec<u8> {
        assert_eq!(size, self.body.borrow().len(), "the whole body is read");
        self.body.borrow().clone()
    }

    fn replace_request_body(&self, size: usize, body: &[u8]) {
        assert_eq!(size, self.body.borrow().len(), "the whole body is replaced");
        self.body.replace(body.to_vec());
    }

    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        let headers = headers.iter().map(own).collect();
        self.reply.replace(Some((status, headers, body.to_vec())));
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        let headers = self.response.borrow();
        headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
    }

    fn response_body(&self, _size: usize) -> Vec<u8> {
        Vec::new()
    }

    fn upstream_address(&self) -> Option<Vec<u8>> {
        Some(self.upstream.borrow().clone().into_bytes())
    }

    fn set_response_header(&self, name: &str, value: &str) {
        self.response.borrow_mut().push((name.into(), value.into()));
    }

    fn clear_route_cache(&self) {
        self.route_cleared.set(true);
    }

    fn received_bytes(&self) -> Option<u64> {
        None
    }

    fn now(&self) -> u64 {
        0
    }

    fn count(&self, metric: &str) {
        *self.counters.borrow_mut().entry(metric.into()).or_default() += 1;
    }

    fn observe(&self, _metric: &str, _value: u64) {}

    fn gauge(&self, _metric: &str, _value: u64) {}
}
