//! The policy and the model, joined as the filter joins them.

use anyhow::{Result, anyhow};
use promptswitch_model::Classifier;
use promptswitch_policy::{Api, Context, DomainScores, Policy, Request, Scorer, Verdict};

/// What all requests share.
pub(crate) struct Engine {
    pub(crate) policy: Policy,
    classifier: Classifier,
}

impl Engine {
    pub(crate) fn load(policy: &[u8]) -> Result<Self> {
        let loaded = Policy::from_json(policy).map_err(|diagnostics| {
            let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            anyhow!("{}", lines.join("\n"))
        })?;
        Ok(Self {
            policy: loaded.policy,
            classifier: Classifier::load()?,
        })
    }

    pub(crate) fn decide(&self, api: Api, body: &[u8], sticky: Option<&[u8]>) -> Verdict {
        match Request::parse(api, body) {
            Ok(request) => self.policy.decide(&request, &Context { sticky }, &mut &*self),
            Err(reason) => self.policy.fallback(reason),
        }
    }
}

impl Scorer for &Engine {
    fn domain(&mut self, text: &str) -> Result<DomainScores, String> {
        let max_tokens = self.policy.settings().limits.max_tokens;
        self.classifier
            .domain(text, max_tokens)
            .map(DomainScores)
            .map_err(|e| e.to_string())
    }
}
