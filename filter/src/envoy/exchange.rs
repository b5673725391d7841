//! One request and its response, between the host's callbacks and a [`Stream`].

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::Streams;
use super::host::Envoy;
use crate::host::Host;
use crate::metrics::HEADER_HOLD;
use crate::offload::{Answer, Ask, Outcome};
use crate::plugin::Plugin;
use crate::release::answer;
use crate::stream::{Step, Stream};

/// One request and its response.
pub(super) struct Exchange {
    pub(super) id: u32,
    pub(super) plugin: Option<Rc<Plugin>>,
    pub(super) stream: Rc<RefCell<Stream>>,
    pub(super) streams: Streams,
    /// Bytes of the body held so far: trailers come without a size.
    pub(super) body: usize,
    /// When the companion was asked, in nanoseconds.
    pub(super) asked_at: u64,
}

impl Exchange {
    fn drive(&mut self, transition: impl FnOnce(&mut Stream, &Plugin) -> Step) -> Action {
        let step = match (&self.plugin, self.stream.try_borrow_mut()) {
            (Some(plugin), Ok(mut stream)) => transition(&mut stream, plugin),
            _ => Step::Continue,
        };
        self.carry_out(step)
    }

    fn carry_out(&mut self, step: Step) -> Action {
        match step {
            Step::Continue => Action::Continue,
            Step::Hold => Action::Pause,
            Step::Ask(ask) if self.ask(&ask) => Action::Pause,
            Step::Ask(_) => self.not_asked(),
            Step::Release(release) => {
                if release.ask.as_ref().is_some_and(|ask| !self.ask(ask)) {
                    self.not_asked();
                }
                release.apply(&Envoy);
                Action::Continue
            }
            Step::Reply(reply) => {
                answer(&Envoy, &reply);
                Action::Pause
            }
        }
    }

    fn not_asked(&mut self) -> Action {
        self.drive(|stream, plugin| stream.on_answer(&Envoy, plugin, Err(Outcome::NotSent)))
    }

    /// Whether the host has sent the question.
    fn ask(&mut self, ask: &Ask) -> bool {
        let Some(plugin) = self.plugin.clone() else {
            return false;
        };
        let timeout = ask.timeout_ms.to_string();
        let headers = vec![
            (":method", "POST"),
            (":path", &ask.path),
            (":authority", &ask.authority),
            ("content-type", "application/json"),
            ("x-deadline-ms", &timeout),
        ];
        let wait = Duration::from_millis(ask.timeout_ms.into());
        let sent = self.dispatch_http_call(&ask.cluster, headers, Some(&ask.body), vec![], wait);
        self.asked_at = Envoy.now();
        let mut questions = plugin.questions.borrow_mut();
        match sent {
            Ok(token) => questions.sent(token, ask.timeout_ms, self.asked_at),
            Err(_) => questions.ended(None, false, self.asked_at),
        }
        sent.is_ok()
    }

    fn watch(&self) {
        if let Some(plugin) = &self.plugin {
            plugin
                .watch
                .borrow_mut()
                .hold(self.id, Envoy.now(), Envoy.received_bytes());
            self.streams.borrow_mut().insert(self.id, self.stream.clone());
        }
    }

    fn unwatch(&self, proven: bool) {
        let Some(plugin) = &self.plugin else { return };
        self.streams.borrow_mut().remove(&self.id);
        let mut watch = plugin.watch.borrow_mut();
        if !proven {
            watch.forget(self.id);
        } else if self.stream.try_borrow().is_ok_and(|s| s.is_holding()) && watch.proven() {
            Envoy.gauge(HEADER_HOLD, 1);
        }
    }
}

impl Context for Exchange {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        let Some(plugin) = self.plugin.clone() else { return };
        let opinion = received_answer(headers, size, Answer::MAX_BYTES).opinion();
        let now = Envoy.now();
        plugin
            .questions
            .borrow_mut()
            .ended(Some(token), opinion.is_ok(), now);
        plugin
            .metrics
            .waited(&Envoy, now.saturating_sub(self.asked_at) / 1_000);
        let waited = self.stream.try_borrow().is_ok_and(|stream| stream.is_asking());
        let action = self.drive(|stream, plugin| stream.on_answer(&Envoy, plugin, opinion));
        if waited && action == Action::Continue {
            let _ = hostcalls::resume_http_request();
        }
    }
}

/// An answer, of which at most so many bytes are read. A connection that was reset has no headers, and to ask for one would be
/// fatal.
pub(super) fn received_answer(headers: usize, size: usize, most: usize) -> Answer {
    if headers == 0 {
        return Answer::Broken;
    }
    let status = hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status");
    let status = status.ok().flatten().unwrap_or_default();
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size.min(most));
    Answer::Received {
        status: std::str::from_utf8(&status)
            .ok()
            .and_then(|status| status.parse().ok())
            .unwrap_or(0),
        size,
        body: body.ok().flatten().unwrap_or_default(),
    }
}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let action = self.drive(|stream, plugin| stream.on_headers(&Envoy, plugin, end_of_stream));
        if action == Action::Pause {
            self.watch();
        }
        action
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.unwatch(true);
        self.body = size;
        self.drive(|stream, plugin| stream.on_body(&Envoy, plugin, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.unwatch(true);
        let size = self.body;
        self.drive(|stream, plugin| stream.on_trailers(&Envoy, plugin, size))
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if let (Some(plugin), Ok(mut stream)) = (&self.plugin, self.stream.try_borrow_mut()) {
            stream.on_response_headers(&Envoy, plugin);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let (Some(plugin), Ok(mut stream)) = (&self.plugin, self.stream.try_borrow_mut()) {
            stream.on_response_body(&Envoy, plugin, size, end_of_stream);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        self.unwatch(false);
        if let (Some(plugin), Ok(mut stream)) = (&self.plugin, self.stream.try_borrow_mut()) {
            stream.on_done(&Envoy, plugin);
        }
    }
}
