//! The policy and the model, joined as the filter joins them.

use anyhow::{Result, anyhow};
use promptswitch_model::Classifier;
use promptswitch_policy::{Api, Context, Policy, Request, Scorer, Scores, Settings, Verdict};

use crate::exchange::SESSION_HEADER;

/// What all requests share.
pub(crate) struct Engine {
    pub(crate) policy: Policy,
    classifier: Classifier,
}

impl Engine {
    pub(crate) fn load(policy: &[u8]) -> Result<Self> {
        let classifier = Classifier::load()?;
        while classifier.prepare()? {}
        let mut model = Model {
            classifier: &classifier,
            max_tokens: Settings::default().limits.max_tokens,
        };
        let loaded = Policy::from_json(policy, &mut model).map_err(|diagnostics| {
            let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            anyhow!("{}", lines.join("\n"))
        })?;
        Ok(Self {
            policy: loaded.policy,
            classifier,
        })
    }

    pub(crate) fn decide(&self, api: Api, body: &[u8], session: Option<&[u8]>) -> Verdict {
        let request = match Request::parse(api, body) {
            Ok(request) => request,
            Err(reason) => return self.policy.fallback(reason),
        };
        let headers = |name: &str| session.filter(|_| name == SESSION_HEADER).map(<[u8]>::to_vec);
        let context = Context {
            headers: &headers,
            ..Context::default()
        };
        let mut model = Model {
            classifier: &self.classifier,
            max_tokens: self.policy.settings().limits.max_tokens,
        };
        self.policy.decide(&request, &context, &mut model)
    }
}

/// The model behind the policy's narrow view of it.
struct Model<'c> {
    classifier: &'c Classifier,
    max_tokens: usize,
}

impl Scorer for Model<'_> {
    fn score(&mut self, text: &str) -> Result<Scores, String> {
        let scores = self.classifier.score(text, self.max_tokens);
        let scores = scores.map_err(|e| e.to_string())?;
        Ok(Scores::new(
            scores.domain,
            scores.guard,
            scores.fact_check,
            scores.feedback,
            scores.embedding,
        ))
    }
}
