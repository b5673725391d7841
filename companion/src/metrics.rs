//! What Prometheus reads.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::batch::Class;

/// A request's path and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route, not the path that the client sent: labels must be few.
    pub route: String,
    /// The status.
    pub status: u16,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// The route, or `other`.
    pub route: String,
}

/// A class of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfClass {
    /// Which.
    pub class: Class,
}

/// A text that was not run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Dropped {
    /// Why not.
    pub reason: Reason,
}

/// Why a text was dropped before it cost anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types)]
pub enum Reason {
    /// Its deadline passed.
    deadline,
    /// Its client left.
    client_gone,
}

/// How a look-up in the semantic cache ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Lookup {
    /// `hit`, `miss`, `guarded` (alike, but not meaning the same) or `unavailable` (the shared cache did not answer in time).
    pub result: &'static str,
}

/// How a store in the semantic cache ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Store {
    /// `stored` or `unavailable`.
    pub result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    model: String,
    revision: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Metrics {
    registry: Registry,
    pub requests: Family<Request, Counter>,
    pub request_seconds: Histograms<Route>,
    pub queue_seconds: Histograms<OfClass>,
    pub queued: Family<OfClass, Gauge>,
    pub inference_seconds: Histogram,
    pub batch_texts: Histogram,
    pub batch_tokens: Histogram,
    pub tokens: Counter,
    pub dropped: Family<Dropped, Counter>,
    pub lookups: Family<Lookup, Counter>,
    pub stores: Family<Store, Counter>,
    pub cache_entries: Gauge,
    pub cache_bytes: Gauge,
    build: Family<Build, Gauge<i64, AtomicI64>>,
}

/// 0.25 ms to 8 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("promptswitch_companion"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            queue_seconds: Family::new_with_constructor(seconds),
            queued: Family::default(),
            inference_seconds: seconds(),
            batch_texts: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            batch_tokens: Histogram::new(exponential_buckets(16.0, 2.0, 12)),
            tokens: Counter::default(),
            dropped: Family::default(),
            lookups: Family::default(),
            stores: Family::default(),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            build: Family::default(),
        };
        metrics.register();
        // A series that is there from the start is 0, and not unknown, to who scales by it.
        for class in [Class::interactive, Class::bulk] {
            drop(metrics.queue_seconds.get_or_create(&OfClass { class }));
            drop(metrics.queued.get_or_create(&OfClass { class }));
        }
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        let s = || Unit::Seconds;
        r.register("requests", "Requests, by route and status", self.requests.clone());
        r.register_with_unit(
            "request",
            "From the head of a request to its answer",
            s(),
            self.request_seconds.clone(),
        );
        r.register_with_unit(
            "queue",
            "From a text's arrival to the start of its batch",
            s(),
            self.queue_seconds.clone(),
        );
        r.register("queued_texts", "Texts waiting or being run", self.queued.clone());
        r.register_with_unit(
            "inference",
            "Runs of a batch",
            s(),
            self.inference_seconds.clone(),
        );
        r.register("batch_texts", "Texts in a batch", self.batch_texts.clone());
        r.register(
            "batch_tokens",
            "Tokens in a batch, padding included",
            self.batch_tokens.clone(),
        );
        r.register("tokens", "Tokens read", self.tokens.clone());
        r.register(
            "dropped_texts",
            "Texts that were dropped before they were run",
            self.dropped.clone(),
        );
        r.register(
            "cache_lookups",
            "Look-ups in the semantic cache",
            self.lookups.clone(),
        );
        r.register(
            "cache_stores",
            "Stores in the semantic cache",
            self.stores.clone(),
        );
        r.register(
            "cache_entries",
            "Answers in the semantic cache in memory",
            self.cache_entries.clone(),
        );
        r.register(
            "cache_bytes",
            "Bytes in the semantic cache in memory",
            self.cache_bytes.clone(),
        );
        r.register(
            "build_info",
            "1 for each model that is served",
            self.build.clone(),
        );
    }

    /// Says that a model is served.
    pub fn serves(&self, model: &str, revision: &str) {
        let build = Build {
            version: env!("CARGO_PKG_VERSION"),
            model: model.into(),
            revision: revision.into(),
        };
        self.build.get_or_create(&build).set(1);
    }

    /// The text that Prometheus reads (OpenMetrics).
    pub fn text(&self) -> String {
        let mut buffer = String::new();
        // Writing to a string does not fail.
        text::encode(&mut buffer, &self.registry).ok();
        buffer
    }
}
