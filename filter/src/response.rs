//! What is seen of a response as it passes: how fast the model is, and the answer where it may be given again.

use promptswitch_policy::{CachePlan, Verdict};

use crate::host::Host;
use crate::plugin::Plugin;

/// A response on its way from a model, of which nothing is held back.
#[derive(Debug)]
pub(crate) struct Passing {
    model: String,
    started_ms: u64,
    /// When the first and the latest byte came.
    seen_ms: Option<(u64, u64)>,
    /// None before the response's headers.
    failed: Option<bool>,
    /// Events of a stream so far, which is about how many tokens came.
    events: u64,
    kept: Option<Kept>,
}

/// An answer that may be given again.
#[derive(Debug)]
struct Kept {
    plan: CachePlan,
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Passing {
    /// None if nothing has to be seen of the response.
    pub(crate) fn of(plugin: &Plugin, verdict: &Verdict, now_ms: u64) -> Option<Passing> {
        let plan = verdict.cache.as_ref().filter(|plan| plan.write);
        if plan.is_none() && !plugin.policy.measures_models() {
            return None;
        }
        plugin.stats.borrow_mut().started(&verdict.model, now_ms);
        Some(Passing {
            model: verdict.model.clone(),
            started_ms: now_ms,
            seen_ms: None,
            failed: None,
            events: 0,
            kept: plan.map(|plan| Kept {
                plan: plan.clone(),
                status: 0,
                content_type: String::new(),
                body: Vec::new(),
            }),
        })
    }

    pub(crate) fn on_headers(&mut self, host: &dyn Host) {
        let text = |name| {
            let value = host.response_header(name).unwrap_or_default();
            String::from_utf8(value).unwrap_or_default()
        };
        let status = text(":status").parse().unwrap_or(0);
        self.failed = Some(status == 429 || status >= 500);
        match &mut self.kept {
            // An encoded answer could be given only to clients that accept the encoding.
            Some(_) if status != 200 || host.response_header("content-encoding").is_some() => {
                self.kept = None
            }
            Some(kept) => {
                kept.status = status;
                kept.content_type = text("content-type");
            }
            None => {}
        }
    }

    pub(crate) fn on_body(&mut self, host: &dyn Host, plugin: &Plugin, size: usize, end_of_stream: bool) {
        let now_ms = host.now() / 1_000_000;
        if size > 0 {
            self.on_bytes(plugin, &host.response_body(size), now_ms);
        }
        if end_of_stream && let Some(kept) = self.kept.take() {
            let mut cache = plugin.cache.borrow_mut();
            cache.put(&kept.plan, kept.status, &kept.content_type, kept.body, now_ms);
        }
    }

    fn on_bytes(&mut self, plugin: &Plugin, bytes: &[u8], now_ms: u64) {
        match &mut self.seen_ms {
            Some((_, latest)) => *latest = now_ms,
            None => {
                self.seen_ms = Some((now_ms, now_ms));
                if self.failed == Some(false) {
                    let took = now_ms.saturating_sub(self.started_ms);
                    plugin.stats.borrow_mut().first_byte(&self.model, took);
                }
            }
        }
        self.events += bytes.windows(7).filter(|window| window == b"data: {").count() as u64;
        let limit = plugin.policy.settings().limits.max_cache_bytes;
        if let Some(kept) = &mut self.kept {
            if kept.body.len() + bytes.len() > limit {
                self.kept = None;
            } else {
                kept.body.extend_from_slice(bytes);
            }
        }
    }

    /// The exchange is over, whether or not the answer came to its end.
    pub(crate) fn on_done(&self, plugin: &Plugin) {
        let took = self
            .seen_ms
            .map_or(0, |(first, latest)| latest.saturating_sub(first));
        let tokens = (self.events > 0).then_some(self.events);
        let failed = self.failed.unwrap_or(true);
        plugin
            .stats
            .borrow_mut()
            .finished(&self.model, tokens, took, failed);
    }
}
