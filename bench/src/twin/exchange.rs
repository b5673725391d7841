//! One HTTP exchange, as Envoy tells it: request headers, the whole request body, response headers.

use std::sync::Arc;

use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyResponse, CommonResponse, HeadersResponse, HttpHeaders, ProcessingRequest, ProcessingResponse,
    TrailersResponse, processing_request::Request, processing_response::Response,
};
use promptswitch_policy::{Api, Reason, Verdict, splice};

use crate::engine::Engine;
use crate::mutation;

/// Where a request stands.
enum State {
    /// Not for a model.
    Passed,
    /// For a model; its body is to come.
    Reading(Api),
    Decided(Box<Verdict>),
}

/// What names a conversation.
pub(crate) const SESSION_HEADER: &str = "x-session-id";

/// One request and its response.
pub(crate) struct Exchange {
    engine: Arc<Engine>,
    state: State,
    session: Option<Vec<u8>>,
    has_length: bool,
    debug: bool,
}

impl Exchange {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            state: State::Passed,
            session: None,
            has_length: false,
            debug: false,
        }
    }

    /// The answer to one of Envoy's messages, of the same kind as the message: Envoy waits for it.
    pub(crate) fn answer(&mut self, message: ProcessingRequest) -> ProcessingResponse {
        let headers = |response| HeadersResponse {
            response: Some(response),
        };
        let response = message.request.map(|request| match request {
            Request::RequestHeaders(it) => Response::RequestHeaders(headers(self.on_headers(&it))),
            Request::RequestBody(it) => Response::RequestBody(BodyResponse {
                response: Some(self.on_body(&it.body)),
            }),
            Request::ResponseHeaders(_) => Response::ResponseHeaders(headers(self.on_response_headers())),
            Request::ResponseBody(_) => Response::ResponseBody(BodyResponse::default()),
            Request::RequestTrailers(_) => Response::RequestTrailers(TrailersResponse::default()),
            Request::ResponseTrailers(_) => Response::ResponseTrailers(TrailersResponse::default()),
        });
        ProcessingResponse {
            response,
            ..ProcessingResponse::default()
        }
    }

    /// Client copies of the headers we own go; what the body's turn needs is kept.
    fn on_headers(&mut self, headers: &HttpHeaders) -> CommonResponse {
        let find = |name: &str| mutation::find(headers, name);
        let policy = &self.engine.policy;
        let owned = policy.owned_headers().iter().filter(|name| find(name).is_some());
        let stripped = mutation::remove(owned.map(ToString::to_string).collect());
        self.session = find(SESSION_HEADER).map(<[u8]>::to_vec);
        self.has_length = find("content-length").is_some();
        self.debug = find("x-vsr-debug").is_some_and(|value| value == b"true");
        let Some(api) = find(":path").and_then(|path| policy.settings().api_for_path(path)) else {
            return stripped;
        };
        if find(":method") == Some(b"POST") && !headers.end_of_stream {
            self.state = State::Reading(api);
            return stripped;
        }
        let reason = if headers.end_of_stream {
            Reason::NoBody
        } else {
            Reason::NotPost
        };
        let verdict = policy.fallback(reason);
        let routed = mutation::set(stripped, policy.request_headers(&verdict, &()));
        self.state = State::Decided(Box::new(verdict));
        CommonResponse {
            clear_route_cache: true,
            ..routed
        }
    }

    fn on_body(&mut self, body: &[u8]) -> CommonResponse {
        let State::Reading(api) = self.state else {
            return CommonResponse::default();
        };
        let verdict = self.engine.decide(api, body, self.session.as_deref());
        let mut response = CommonResponse {
            clear_route_cache: true,
            ..CommonResponse::default()
        };
        if !verdict.edits.is_empty() {
            response = mutation::replace_body(response, splice(body, &verdict.edits), self.has_length);
        }
        let response = mutation::set(response, self.engine.policy.request_headers(&verdict, &()));
        self.state = State::Decided(Box::new(verdict));
        response
    }

    fn on_response_headers(&self) -> CommonResponse {
        let policy = &self.engine.policy;
        match &self.state {
            State::Decided(verdict) if policy.settings().response_headers => mutation::set(
                CommonResponse::default(),
                policy.response_headers(verdict, self.debug),
            ),
            _ => CommonResponse::default(),
        }
    }
}
