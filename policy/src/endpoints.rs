//! Which of a model's endpoints should answer: a picker of the filter's own.
//!
//! Where `{endpoints}` is in an output, each request that goes to a model with endpoints gets them in the order in which they
//! should be tried: by how much of its prompt each has been sent before, by the requests that each is answering, and by what
//! their servers say of themselves. [`Endpoints`] is what one worker knows; it learns of a request when that is placed.

mod index;
mod prefix;
mod report;
mod score;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use index::Index;
use report::Report;
use score::Known;

use crate::{Policy, Request, Verdict};

/// How many endpoints a document may name: each may take 150 KB in each VM.
pub(crate) const MAX_ENDPOINTS: usize = 128;

/// What was said so many intervals ago says nothing any more.
const FRESH_INTERVALS: u64 = 4;

/// For how long an endpoint that did not serve is the last resort, in milliseconds.
const REST_MS: u64 = 5_000;

/// The endpoints there are, and what their order depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointSettings {
    /// Every address once.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where in `addresses` those of a model are, by the model's name.
    pub(crate) models: BTreeMap<String, Vec<usize>>,
    pub(crate) weights: Weights,
    /// Where the companion is that knows how busy they are.
    pub(crate) metrics: Option<MetricsSource>,
}

/// A companion that hands on what model servers say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsSource {
    /// The Envoy cluster that leads to it.
    pub cluster: String,
    /// The `:authority` of the questions.
    pub authority: String,
    /// The `:path` of the questions.
    pub path: String,
    /// Milliseconds between two questions, and how long an answer may take; more than 0.
    pub interval_ms: u32,
}

impl EndpointSettings {
    /// Where to ask how busy the endpoints are, if anywhere.
    pub fn metrics(&self) -> Option<&MetricsSource> {
        self.metrics.as_ref()
    }
}

/// What each term of a score counts; 0 or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weights {
    pub(crate) prefix: f64,
    pub(crate) in_flight: f64,
    pub(crate) queue: f64,
    pub(crate) kv_cache: f64,
    pub(crate) lora: f64,
}

/// The endpoint picker's for what it has, too. Requests in flight weigh as much as its queue and KV cache together, for which they
/// stand where no server reports: more than a prefix, or one that all requests share would bring them all to one endpoint.
impl Default for Weights {
    fn default() -> Self {
        Self {
            prefix: 3.0,
            in_flight: 4.0,
            queue: 2.0,
            kv_cache: 2.0,
            lora: 1.0,
        }
    }
}

/// What is known of the endpoints of one policy. Bounded; the same calls make the same choices.
#[derive(Debug, Default)]
pub struct Endpoints {
    /// As in [`EndpointSettings::addresses`], as far as any was chosen.
    known: Vec<Endpoint>,
    /// How many choices there were.
    choices: u64,
}

#[derive(Debug, Default)]
struct Endpoint {
    index: Index,
    in_flight: u32,
    chosen_at: u64,
    rests_until_ms: u64,
    report: Option<Report>,
}

/// Where a request has been sent, until it is over: [`Endpoints::ended`].
#[derive(Debug)]
pub struct Placed {
    endpoint: usize,
    blocks: Vec<u64>,
}

/// The order in which the endpoints of a model are tried, and what it came of.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The addresses, the best first, separated by commas.
    pub order: String,
    /// How many whole blocks the prompt has; 0 where the model has one endpoint, or the prompt was not read.
    pub blocks: usize,
    /// How many of them the first endpoint has been sent before.
    pub matched: usize,
}

impl Policy {
    /// The hashes by which endpoints are told apart; none where there is nothing to choose.
    pub(crate) fn prompt_blocks(&self, verdict: &Verdict, request: &Request<'_>) -> Vec<u64> {
        match self.endpoints_of(verdict) {
            Some((settings, [_, _, ..])) if settings.weights.prefix > 0.0 && verdict.reply.is_none() => {
                prefix::blocks(request, verdict)
            }
            _ => Vec::new(),
        }
    }

    /// Orders the endpoints of a verdict's model, and counts the request as one that the first is answering. None if the
    /// model has none. To be called once, when the request goes on.
    pub fn place(&self, verdict: &mut Verdict, endpoints: &mut Endpoints, now_ms: u64) -> Option<Placed> {
        let (settings, candidates) = self.endpoints_of(verdict)?;
        let blocks = std::mem::take(&mut verdict.prompt_blocks);
        endpoints
            .known
            .resize_with(settings.addresses.len(), Endpoint::default);
        let adapter = Some(verdict.upstream_model.as_str()).filter(|name| !self.is_declared(name));
        let since = settings.metrics.as_ref().map_or(0, |metrics| {
            now_ms.saturating_sub(u64::from(metrics.interval_ms) * FRESH_INTERVALS)
        });
        let known = candidates.iter().filter_map(|at| endpoints.known.get(*at));
        let known: Vec<_> = known
            .map(|endpoint| endpoint.known(&blocks, adapter, since, now_ms))
            .collect();
        let order = score::order(&known, blocks.len(), &settings.weights);
        let first = *order.first()?;
        let endpoint = *candidates.get(first)?;
        let address = |index: &usize| settings.addresses.get(*candidates.get(*index)?);
        let addresses: Vec<_> = order
            .iter()
            .filter_map(address)
            .map(SocketAddr::to_string)
            .collect();
        verdict.placement = Some(Placement {
            order: addresses.join(","),
            blocks: blocks.len(),
            matched: known.get(first)?.matched,
        });
        endpoints.started(endpoint, &blocks);
        Some(Placed { endpoint, blocks })
    }

    /// The response has come from this address: where that is not the endpoint that was named first, the first has failed or
    /// is held to be unhealthy, and the request is another's.
    pub fn served(&self, placed: &mut Placed, address: &[u8], endpoints: &mut Endpoints, now_ms: u64) {
        let addresses = self
            .settings()
            .endpoints
            .iter()
            .flat_map(|settings| &settings.addresses);
        let address = std::str::from_utf8(address)
            .ok()
            .and_then(|address| address.parse::<SocketAddr>().ok());
        let Some(server) = addresses.clone().position(|known| Some(*known) == address) else {
            return;
        };
        if server == placed.endpoint {
            return;
        }
        endpoints.ended(placed);
        if let Some(first) = endpoints.known.get_mut(placed.endpoint) {
            first.rests_until_ms = now_ms + REST_MS;
        }
        placed.endpoint = server;
        endpoints.started(server, &placed.blocks);
    }

    /// The companion has said how busy the endpoints are. Servers that it does not speak of keep what they have said before.
    ///
    /// # Errors
    /// Why the answer is of no use.
    pub fn report(&self, answer: &[u8], endpoints: &mut Endpoints, now_ms: u64) -> Result<(), String> {
        let Some(settings) = &self.settings().endpoints else {
            return Ok(());
        };
        endpoints
            .known
            .resize_with(settings.addresses.len(), Endpoint::default);
        for (address, report) in report::read(answer, now_ms)? {
            let at = settings.addresses.iter().position(|known| *known == address);
            if let Some(endpoint) = at.and_then(|at| endpoints.known.get_mut(at)) {
                endpoint.report = Some(report);
            }
        }
        Ok(())
    }

    /// Whether a server knows this name as a model, and not as an adapter of one.
    fn is_declared(&self, upstream: &str) -> bool {
        self.models.iter().any(|model| model.upstream == upstream)
    }

    fn endpoints_of(&self, verdict: &Verdict) -> Option<(&EndpointSettings, &[usize])> {
        let settings = self.settings().endpoints.as_ref()?;
        Some((settings, settings.models.get(&verdict.model)?))
    }
}

impl Endpoint {
    /// What counts of it for a prompt of these blocks: no report from before `since_ms`.
    fn known(&self, blocks: &[u64], adapter: Option<&str>, since_ms: u64, now_ms: u64) -> Known {
        let report = self.report.as_ref().filter(|report| report.at_ms >= since_ms);
        Known {
            matched: self.index.matched(blocks),
            in_flight: self.in_flight,
            report: report.map(|report| report.load(adapter)),
            resting: now_ms < self.rests_until_ms,
            chosen_at: self.chosen_at,
        }
    }
}

impl Endpoints {
    /// A request that was placed is over, however it ended.
    pub fn ended(&mut self, placed: &Placed) {
        if let Some(endpoint) = self.known.get_mut(placed.endpoint) {
            endpoint.in_flight = endpoint.in_flight.saturating_sub(1);
        }
    }

    fn started(&mut self, endpoint: usize, blocks: &[u64]) {
        self.choices += 1;
        if let Some(endpoint) = self.known.get_mut(endpoint) {
            endpoint.in_flight += 1;
            endpoint.chosen_at = self.choices;
            endpoint.index.add(blocks);
        }
    }
}

#[cfg(test)]
mod tests;
