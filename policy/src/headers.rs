//! The headers that a verdict becomes.

use crate::template::Slot;
use crate::{DOMAINS, DomainScores, Headers, Placement, Policy, Reason, SignalKind, Verdict};

impl Policy {
    /// The request headers to set, as configured, for a request with these headers. A header whose value comes out empty is
    /// left out.
    pub fn request_headers<'v>(
        &'v self,
        verdict: &'v Verdict,
        headers: &dyn Headers,
    ) -> Vec<(&'v str, String)> {
        let settings = self.settings();
        let value = |slot| match slot {
            Slot::Model => verdict.model.as_str(),
            Slot::UpstreamModel => verdict.upstream_model.as_str(),
            Slot::Decision => verdict.decision.as_deref().unwrap_or_default(),
            Slot::Category => verdict.category.unwrap_or_default(),
            Slot::Endpoints => verdict
                .placement
                .as_ref()
                .map_or("", |placement| &placement.order),
            Slot::Objective => &settings.objective,
            Slot::Namespace => &settings.namespace,
        };
        let outputs = settings.outputs.iter();
        let set = outputs.map(|output| (output.header.as_str(), output.value.render(value, headers)));
        set.filter(|(_, value)| is_header_value(value)).collect()
    }

    /// The response headers to set; none if they are turned off. With `debug`, also what led to the decision.
    pub fn response_headers(&self, verdict: &Verdict, debug: bool) -> Vec<(&'static str, String)> {
        if !self.settings().response_headers {
            return Vec::new();
        }
        let mut headers = vec![("x-promptswitch-reason", verdict.reason.as_str().to_owned())];
        let chosen = !verdict.reason.is_gate() && verdict.reason != Reason::SkippedByClient;
        if chosen {
            add_selection(&mut headers, verdict);
            if debug {
                add_details(&mut headers, verdict);
            }
        }
        headers.retain(|(_, value)| is_header_value(value));
        headers
    }
}

/// Whether `value` can be sent as a header and arrives as it was: not empty, and printable ASCII throughout.
pub(crate) fn is_header_value(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// What a debugging client sees of the signals, by VSR's names.
const MATCHED: [(&str, SignalKind); 20] = [
    ("x-vsr-matched-keywords", SignalKind::Keyword),
    ("x-vsr-matched-embeddings", SignalKind::Embedding),
    ("x-vsr-matched-domains", SignalKind::Domain),
    ("x-vsr-matched-fact-check", SignalKind::FactCheck),
    ("x-vsr-matched-user-feedback", SignalKind::UserFeedback),
    ("x-vsr-matched-reask", SignalKind::Reask),
    ("x-vsr-matched-preference", SignalKind::Preference),
    ("x-vsr-matched-language", SignalKind::Language),
    ("x-vsr-matched-context", SignalKind::Context),
    ("x-vsr-matched-structure", SignalKind::Structure),
    ("x-vsr-matched-complexity", SignalKind::Complexity),
    ("x-vsr-matched-modality", SignalKind::Modality),
    ("x-vsr-matched-authz", SignalKind::Authz),
    ("x-vsr-matched-jailbreak", SignalKind::Jailbreak),
    ("x-vsr-matched-pii", SignalKind::Pii),
    ("x-vsr-matched-kb", SignalKind::Kb),
    ("x-vsr-matched-conversation", SignalKind::Conversation),
    ("x-vsr-matched-event", SignalKind::Event),
    ("x-vsr-matched-metadata", SignalKind::Metadata),
    ("x-vsr-matched-projections", SignalKind::Projection),
];

fn add_selection(headers: &mut Vec<(&'static str, String)>, verdict: &Verdict) {
    headers.push(("x-vsr-schema-version", "2".to_owned()));
    if let Some(recipe) = &verdict.recipe {
        headers.push(("x-vsr-selected-recipe", recipe.clone()));
    }
    let path = match verdict.reason {
        Reason::FastResponse => "fast_response",
        Reason::CacheHit => "cache",
        _ => "upstream",
    };
    headers.push(("x-vsr-response-path", path.to_owned()));
    match verdict.reason {
        Reason::FastResponse => headers.push(("x-vsr-fast-response", "true".to_owned())),
        Reason::CacheHit => headers.push(("x-vsr-cache-hit", "true".to_owned())),
        _ => {}
    }
    if verdict.reason != Reason::FastResponse {
        headers.push(("x-vsr-selected-model", verdict.model.clone()));
        headers.push(("x-vsr-selected-algorithm", verdict.algorithm.to_owned()));
    }
    if verdict.decision.is_some() {
        headers.push((
            "x-vsr-selected-decision",
            verdict.decision.clone().unwrap_or_default(),
        ));
        headers.push(("x-vsr-selected-confidence", format!("{:.4}", verdict.confidence)));
    }
}

fn add_details(headers: &mut Vec<(&'static str, String)>, verdict: &Verdict) {
    headers.push((
        "x-vsr-selected-category",
        verdict.category.unwrap_or_default().to_owned(),
    ));
    if let Some(on) = verdict.reasoning {
        headers.push((
            "x-vsr-selected-reasoning",
            if on { "on" } else { "off" }.to_owned(),
        ));
        headers.push((
            "x-vsr-injected-system-prompt",
            verdict.injected_system_prompt.to_string(),
        ));
    }
    headers.extend(verdict.retention.iter().cloned());
    for (name, kind) in MATCHED {
        headers.push((name, matched(verdict, kind)));
    }
    headers.push((
        "x-promptswitch-domain-scores",
        verdict
            .scores
            .as_ref()
            .map(|s| scores(s.domain))
            .unwrap_or_default(),
    ));
    if let Some(placement) = &verdict.placement {
        let Placement { matched, blocks, .. } = placement;
        headers.push(("x-promptswitch-prefix-blocks", format!("{matched}/{blocks}")));
    }
    let skipped: Vec<_> = verdict.skipped.iter().map(|kind| kind.as_str()).collect();
    headers.push(("x-promptswitch-skipped-signals", skipped.join(",")));
}

fn matched(verdict: &Verdict, kind: SignalKind) -> String {
    let names = verdict
        .matched
        .iter()
        .filter(|matched| matched.kind == kind)
        .map(|matched| matched.name.as_str());
    names.collect::<Vec<_>>().join(",")
}

fn scores(scores: DomainScores) -> String {
    let pairs = DOMAINS
        .iter()
        .zip(scores.0)
        .map(|(name, score)| format!("{name}={score:.5}"));
    pairs.collect::<Vec<_>>().join(",")
}
