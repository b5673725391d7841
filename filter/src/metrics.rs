//! The few metrics, with bounded labels. Names are VSR's where the meaning is the same.

use promptswitch_policy::{Reason, Verdict};

use crate::host::Host;
use crate::offload::Outcome;

/// More names than this in one label are counted together: a time series per name costs memory in every scrape.
const MAX_NAMES: usize = 64;
/// Label value of what is not counted by its own name.
const OTHER: &str = "other";

/// Gauge: 1 when holding at the headers works, 0 when the host does not allow it.
pub(crate) const HEADER_HOLD: &str = "promptswitch_header_hold_supported";
/// Gauge: 1 for the revision of the filter and model that this VM runs.
pub(crate) const BUILD: &str = "promptswitch_build_info";

/// Which model and decision names may become label values.
#[derive(Debug)]
pub(crate) struct Metrics {
    models: Vec<String>,
    decisions: Vec<String>,
}

impl Metrics {
    /// Names of the policy's own; a name that a client made up is never among them.
    pub(crate) fn new(models: Vec<String>, decisions: Vec<String>) -> Self {
        let bounded = |names: Vec<String>| names.into_iter().take(MAX_NAMES).collect();
        Self {
            models: bounded(models),
            decisions: bounded(decisions),
        }
    }

    pub(crate) fn passed(&self, host: &dyn Host, reason: Reason) {
        host.count(&format!("promptswitch_requests_total|reason={}", reason.as_str()));
    }

    /// How long a question to the companion took, in microseconds.
    pub(crate) fn waited(&self, host: &dyn Host, took_us: u64) {
        host.observe("promptswitch_offload_microseconds", took_us);
    }

    pub(crate) fn offloaded(&self, host: &dyn Host, outcome: Outcome) {
        host.count(&format!(
            "promptswitch_offload_total|outcome={}",
            outcome.as_str()
        ));
    }

    pub(crate) fn decided(&self, host: &dyn Host, verdict: &Verdict, took_us: u64) {
        self.passed(host, verdict.reason);
        host.count(&format!(
            "llm_model_requests_total|model={}",
            label(&self.models, &verdict.model)
        ));
        if let Some(decision) = &verdict.decision {
            host.count(&format!(
                "llm_decision_match_total|decision={}",
                label(&self.decisions, decision)
            ));
        }
        if let Some(placement) = verdict
            .placement
            .as_ref()
            .filter(|placement| placement.blocks > 0)
        {
            let percent = placement.matched * 100 / placement.blocks;
            host.observe("promptswitch_prefix_match_percent", percent as u64);
        }
        if took_us > 0 {
            host.observe("promptswitch_decide_microseconds", took_us);
        }
    }
}

/// The name if it is a known one, with what would end the label early replaced.
fn label(known: &[String], name: &str) -> String {
    if known.iter().any(|k| k == name) {
        name.replace(['|', '='], "_")
    } else {
        OTHER.to_owned()
    }
}
