//! One request, as a state machine. Transitions look and decide; they return what to do as a [`Step`].
//!
//! ```text
//! Idle --headers--> Passed                      not for a model, or unreadable: default route
//!      --headers--> Holding --end of body-->    Decided
//!                           --end of body-->    Asking --answer, or none--> Decided
//!                           --watch gave up-->  Decided
//!      (a client that leaves while Holding or Asking is counted as client_gone)
//! ```

use promptswitch_policy::{
    Api, Context, OffloadMode, Opinion, Placed, Reason, Reply, Request, Scorer, Verdict, splice,
};

use crate::gate::{Gate, gate};
use crate::host::Host;
use crate::offload::{Ask, Outcome};
use crate::plugin::{Plugin, Remembering};
use crate::release::{Release, changes};
use crate::response::Passing;

/// Where a request stands.
#[derive(Debug)]
enum State {
    Idle,
    /// Nothing of it is ours to answer for but the reason.
    Passed(Reason),
    /// Headers and body wait in Envoy for the end of the body.
    Holding(Api),
    /// Decided by the filter's own model, and held until the companion has been heard.
    Asking(Box<Asking>),
    Decided(Box<Decided>),
}

/// A request whose companion's answer is awaited.
struct Asking {
    api: Api,
    body: Vec<u8>,
    verdict: Verdict,
    /// The model's answers so far: it does not run again on the same text.
    memory: Remembering,
    /// When deciding began, in nanoseconds.
    started: u64,
    took_us: u64,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking")
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// A decision and what it cost.
#[derive(Debug)]
struct Decided {
    verdict: Verdict,
    took_us: u64,
    /// Which endpoint counts the request as one that it is answering.
    placed: Option<Placed>,
    /// What has to be seen of the response.
    passing: Option<Passing>,
    /// What became of the question to the companion, if there was cause for one.
    offload: Option<Outcome>,
}

/// What the host is to do next.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Let the request go on.
    Continue,
    /// Keep headers and body.
    Hold,
    /// Ask the companion, and keep headers and body.
    Ask(Ask),
    /// Set these headers, put this body in the place of the held one, and let the request go on.
    Release(Release),
    /// Answer the client; no upstream is asked.
    Reply(Reply),
}

/// The state of one request and its transitions.
#[derive(Debug)]
pub struct Stream {
    state: State,
    debug: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    /// A request of which nothing is known yet.
    pub fn new() -> Self {
        Self {
            state: State::Idle,
            debug: false,
        }
    }

    /// Whether the request waits for its body.
    pub fn is_holding(&self) -> bool {
        matches!(self.state, State::Holding(_))
    }

    /// Whether the request waits for the companion.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking(_))
    }

    /// The request's headers have come. Client copies of the headers we own go on every path.
    pub fn on_headers(&mut self, host: &dyn Host, plugin: &Plugin, end_of_stream: bool) -> Step {
        for name in plugin.policy.owned_headers() {
            if host.request_header(name).is_some() {
                host.remove_request_header(name);
            }
        }
        self.debug = host.request_header("x-vsr-debug").is_some_and(|v| v == b"true");
        match gate(host, plugin.policy.settings(), end_of_stream) {
            Gate::Pass(reason) => {
                self.state = State::Passed(reason);
                Step::Continue
            }
            Gate::Unread(reason) => self.unrouted(host, plugin, reason),
            Gate::Read(_) if plugin.headers_only() => self.unrouted(host, plugin, Reason::HeadersMode),
            Gate::Read(api) => {
                self.state = State::Holding(api);
                Step::Hold
            }
        }
    }

    /// More of the body has come: `size` bytes are held. Nothing is released before the end of the stream, also not
    /// what has outgrown the limit (envoy #46841 loses a chunk on 1.39.0 and older).
    pub fn on_body(&mut self, host: &dyn Host, plugin: &Plugin, size: usize, end_of_stream: bool) -> Step {
        match self.state {
            State::Holding(api) if end_of_stream => self.on_end_of_body(host, plugin, api, size),
            State::Holding(_) | State::Asking(_) => Step::Hold,
            _ => Step::Continue,
        }
    }

    /// Trailers have come, which end the body: `size` bytes are held.
    pub fn on_trailers(&mut self, host: &dyn Host, plugin: &Plugin, size: usize) -> Step {
        self.on_body(host, plugin, size, true)
    }

    /// The hold watch has found that the body will not be shown.
    pub fn on_hold_failed(&mut self, host: &dyn Host, plugin: &Plugin) -> Step {
        match self.state {
            State::Holding(_) => self.unrouted(host, plugin, Reason::HeaderHoldUnsupported),
            _ => Step::Continue,
        }
    }

    /// The companion has been heard, or will not be. Whatever it says, the request goes on.
    pub fn on_answer(&mut self, host: &dyn Host, plugin: &Plugin, opinion: Result<Opinion, Outcome>) -> Step {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Asking(asking) => self.on_opinion(host, plugin, *asking, opinion),
            State::Decided(mut decided) => {
                decided.offload = Some(compare(&decided.verdict, opinion));
                self.state = State::Decided(decided);
                Step::Continue
            }
            other => {
                self.state = other;
                Step::Continue
            }
        }
    }

    /// The response's headers pass by: they say what was decided and why.
    pub fn on_response_headers(&mut self, host: &dyn Host, plugin: &Plugin) {
        if let State::Decided(decided) = &mut self.state
            && let Some(placed) = &mut decided.placed
        {
            plugin.served(placed, host);
        }
        if let Some(passing) = self.passing() {
            passing.on_headers(host);
        }
        if !plugin.policy.settings().response_headers {
            return;
        }
        match &self.state {
            State::Decided(decided) => {
                for (name, value) in plugin.policy.response_headers(&decided.verdict, self.debug) {
                    host.set_response_header(name, &value);
                }
                if let Some(outcome) = decided.offload {
                    host.set_response_header(OFFLOAD_HEADER, outcome.as_str());
                }
                if self.debug {
                    host.set_response_header("x-promptswitch-took-us", &decided.took_us.to_string());
                }
            }
            State::Passed(reason) => host.set_response_header(REASON_HEADER, reason.as_str()),
            State::Idle | State::Holding(_) | State::Asking(_) => {}
        }
    }

    /// A piece of `size` bytes of the response's body passes by.
    pub fn on_response_body(&mut self, host: &dyn Host, plugin: &Plugin, size: usize, end_of_stream: bool) {
        if let Some(passing) = self.passing() {
            passing.on_body(host, plugin, size, end_of_stream);
        }
    }

    fn passing(&mut self) -> Option<&mut Passing> {
        match &mut self.state {
            State::Decided(decided) => decided.passing.as_mut(),
            _ => None,
        }
    }

    /// The request is over: count it, and say in one line what was decided. Never a word of the prompt.
    pub fn on_done(&mut self, host: &dyn Host, plugin: &Plugin) {
        match &self.state {
            State::Idle => {}
            State::Passed(reason) => plugin.metrics.passed(host, *reason),
            State::Holding(_) | State::Asking(_) => {
                plugin.metrics.passed(host, Reason::ClientGone);
                log::info!("reason={}", Reason::ClientGone.as_str());
            }
            State::Decided(decided) => {
                let Decided {
                    verdict,
                    took_us,
                    placed,
                    passing,
                    offload,
                } = decided.as_ref();
                if let Some(placed) = placed {
                    plugin.endpoints.borrow_mut().ended(placed);
                }
                if let Some(passing) = passing {
                    passing.on_done(plugin);
                }
                plugin.metrics.decided(host, verdict, *took_us);
                if let Some(outcome) = offload {
                    plugin.metrics.offloaded(host, *outcome);
                }
                log::info!(
                    "reason={} decision={} model={} category={} confidence={:.4} took_us={took_us} offload={}",
                    verdict.reason.as_str(),
                    verdict.decision.as_deref().unwrap_or("-"),
                    log_safe(&verdict.model),
                    verdict.category.unwrap_or("-"),
                    verdict.confidence,
                    offload.map_or("-", Outcome::as_str),
                );
            }
        }
    }

    fn on_end_of_body(&mut self, host: &dyn Host, plugin: &Plugin, api: Api, size: usize) -> Step {
        if size > plugin.policy.settings().limits.max_body_bytes {
            return self.unrouted(host, plugin, Reason::BodyTooLarge);
        }
        let started = host.now();
        let body = host.request_body(size);
        let request = match Request::parse(api, &body) {
            Ok(request) => request,
            Err(reason) => return self.unrouted(host, plugin, reason),
        };
        let mut memory = Remembering::default();
        let verdict = decide(host, plugin, &request, &mut memory.scorer(plugin), started);
        let took_us = host.now().saturating_sub(started) / 1_000;
        match ask(plugin, &verdict, &request, started) {
            Some(Ok(ask)) if ask.waits => {
                self.state = State::Asking(Box::new(Asking {
                    api,
                    body,
                    verdict,
                    memory,
                    started,
                    took_us,
                }));
                Step::Ask(ask)
            }
            Some(Ok(shadow)) => match self.finish(host, plugin, verdict, &body, (started, took_us), None) {
                Step::Release(release) => Step::Release(Release {
                    ask: Some(shadow),
                    ..release
                }),
                step => step,
            },
            Some(Err(outcome)) => {
                self.finish(host, plugin, verdict, &body, (started, took_us), Some(outcome))
            }
            None => self.finish(host, plugin, verdict, &body, (started, took_us), None),
        }
    }

    /// Decides anew where the companion has something to say, and goes on in any case.
    fn on_opinion(
        &mut self,
        host: &dyn Host,
        plugin: &Plugin,
        asking: Asking,
        opinion: Result<Opinion, Outcome>,
    ) -> Step {
        let Asking {
            api,
            body,
            verdict,
            mut memory,
            started,
            took_us,
        } = asking;
        let opinion = match opinion {
            Ok(opinion) => opinion,
            Err(outcome) => {
                return self.finish(host, plugin, verdict, &body, (started, took_us), Some(outcome));
            }
        };
        let again = host.now();
        let joined = verdict.scores.as_ref().map(|scores| scores.joined(&opinion));
        let verdict = match (Request::parse(api, &body), joined) {
            (Ok(request), Some(joined)) => {
                memory.replace(&request.last_user_text().unwrap_or_default(), joined);
                decide(host, plugin, &request, &mut memory.scorer(plugin), started)
            }
            _ => verdict,
        };
        let took_us = took_us + host.now().saturating_sub(again) / 1_000;
        self.finish(
            host,
            plugin,
            verdict,
            &body,
            (started, took_us),
            Some(Outcome::Used),
        )
    }

    /// Carries a verdict out. `timing` is when deciding began, in nanoseconds, and the microseconds that it took.
    fn finish(
        &mut self,
        host: &dyn Host,
        plugin: &Plugin,
        mut verdict: Verdict,
        body: &[u8],
        (started, took_us): (u64, u64),
        offload: Option<Outcome>,
    ) -> Step {
        let mut placed = None;
        let step = match verdict.reply.take() {
            Some(reply) => Step::Reply(reply),
            None => {
                placed = plugin.place(&mut verdict, started);
                Step::Release(Release {
                    headers: changes(host, plugin, &verdict),
                    body: (!verdict.edits.is_empty()).then(|| (body.len(), splice(body, &verdict.edits))),
                    ask: None,
                })
            }
        };
        let passing = match step {
            Step::Release(_) => Passing::of(plugin, &verdict, started / 1_000_000),
            _ => None,
        };
        self.state = State::Decided(Box::new(Decided {
            verdict,
            took_us,
            placed,
            passing,
            offload,
        }));
        step
    }

    fn unrouted(&mut self, host: &dyn Host, plugin: &Plugin, reason: Reason) -> Step {
        let mut verdict = plugin.policy.fallback(reason);
        let placed = plugin.place(&mut verdict, host.now());
        let headers = changes(host, plugin, &verdict);
        self.state = State::Decided(Box::new(Decided {
            verdict,
            took_us: 0,
            placed,
            passing: None,
            offload: None,
        }));
        Step::Release(Release {
            headers,
            body: None,
            ask: None,
        })
    }
}

fn decide(
    host: &dyn Host,
    plugin: &Plugin,
    request: &Request<'_>,
    scorer: &mut dyn Scorer,
    now: u64,
) -> Verdict {
    let header = |name: &str| host.request_header(name);
    let stats = plugin.stats.borrow();
    let context = Context {
        headers: &header,
        now_ms: now / 1_000_000,
        stats: Some(&stats),
        random: mix(now),
    };
    let mut verdict = plugin.policy.decide(request, &context, scorer);
    if let Some(plan) = &verdict.cache
        && let Some(reply) = plugin.cache.borrow_mut().get(plan, context.now_ms)
    {
        verdict.answer_from_cache(reply);
    }
    verdict
}

/// The question that a verdict gives cause for, or why it is not asked; None if there is no cause.
fn ask(plugin: &Plugin, verdict: &Verdict, request: &Request<'_>, now: u64) -> Option<Result<Ask, Outcome>> {
    let offload = plugin.policy.settings().offload.as_ref()?;
    let text = request.last_user_text().filter(|_| offload.is_wanted(verdict))?;
    let admitted = plugin.questions.borrow_mut().admit(offload, now);
    Some(admitted.map(|()| Ask::about(&text, offload, offload.mode != OffloadMode::Shadow)))
}

/// What a companion's opinion says of a verdict that it had no part in.
fn compare(verdict: &Verdict, opinion: Result<Opinion, Outcome>) -> Outcome {
    match (opinion, &verdict.scores) {
        (Err(outcome), _) => outcome,
        (Ok(opinion), Some(scores)) if opinion.best() == scores.domain.best().0 => Outcome::Agreed,
        (Ok(_), _) => Outcome::Differed,
    }
}

/// SplitMix64's finaliser: times are alike, what is made of them is not.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The response header that carries every outcome.
pub const REASON_HEADER: &str = "x-promptswitch-reason";

/// The response header that says what became of the question to the companion.
pub const OFFLOAD_HEADER: &str = "x-promptswitch-offload";

/// A model name may be the client's: one that could forge a log field is not written out.
fn log_safe(name: &str) -> &str {
    let safe = |b: u8| b.is_ascii_graphic() && b != b'=';
    if name.bytes().all(safe) {
        name
    } else {
        "(unprintable)"
    }
}
