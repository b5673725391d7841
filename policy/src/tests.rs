//! Tests of the crate as a whole; those of its parts are beside them.

mod config;
mod decide;
mod model;
mod output;
mod properties;

use serde_json::{Value, json};

use crate::{Api, Context, DOMAINS, DomainScores, Loaded, Policy, Request, Scorer, Verdict};

/// Answers with fixed scores, and counts how often it was asked.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) scores: Vec<(&'static str, f32)>,
    pub(crate) fails: bool,
    pub(crate) calls: usize,
}

impl Fake {
    pub(crate) fn sure_of(domain: &'static str) -> Fake {
        Fake {
            scores: vec![(domain, 0.95)],
            ..Fake::default()
        }
    }
}

impl Scorer for Fake {
    fn domain(&mut self, _: &str) -> Result<DomainScores, String> {
        self.calls += 1;
        if self.fails {
            return Err("out of order".to_owned());
        }
        let rest = (1.0 - self.scores.iter().map(|(_, p)| p).sum::<f32>()) / 14.0;
        let score = |name: &&str| {
            self.scores
                .iter()
                .find(|(n, _)| n == name)
                .map_or(rest, |(_, p)| *p)
        };
        Ok(DomainScores(DOMAINS.each_ref().map(score)))
    }
}

/// A document with two models, all domains, and the given decisions.
pub(crate) fn document(decisions: Value) -> Value {
    let domains: Vec<_> = DOMAINS.iter().map(|name| json!({"name": name})).collect();
    json!({
        "version": "v0.3",
        "providers": {
            "defaults": {"default_model": "small"},
            "models": [{"name": "small"}, {"name": "large", "provider_model_id": "org/large-70b"}],
        },
        "routing": {
            "signals": {
                "domains": domains,
                "keywords": [
                    {"name": "urgent", "operator": "OR", "keywords": ["urgent", "asap"]},
                    {"name": "code", "operator": "OR", "keywords": ["rust"]},
                ],
            },
            "decisions": decisions,
        },
    })
}

pub(crate) fn decision(name: &str, priority: i64, rules: Value) -> Value {
    json!({"name": name, "priority": priority, "rules": rules, "modelRefs": [{"model": "large"}]})
}

pub(crate) fn domain(name: &str) -> Value {
    json!({"type": "domain", "name": name})
}

pub(crate) fn keyword(name: &str) -> Value {
    json!({"type": "keyword", "name": name})
}

pub(crate) fn load(document: &Value) -> Policy {
    match Policy::from_value(document) {
        Ok(Loaded { policy, .. }) => policy,
        Err(findings) => panic!("{findings:#?}"),
    }
}

/// The findings of a document, one a line.
pub(crate) fn findings(document: &Value) -> Vec<String> {
    let findings = match Policy::from_value(document) {
        Ok(loaded) => loaded.warnings,
        Err(findings) => findings,
    };
    findings.iter().map(ToString::to_string).collect()
}

pub(crate) fn body(model: &str, text: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": text}]}).to_string()
}

pub(crate) fn decide(policy: &Policy, body: &str, scorer: &mut dyn Scorer) -> Verdict {
    let request = Request::parse(Api::ChatCompletions, body.as_bytes()).unwrap();
    policy.decide(&request, &Context::default(), scorer)
}

/// A YAML file of `../../shared/data/vsr`, or None, with a line that says so, where it is absent.
pub(crate) fn shared_yaml(path: &str) -> Option<Value> {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/vsr")
        .join(path);
    let Ok(text) = std::fs::read_to_string(&full) else {
        println!("skipped: {path} is not on this machine");
        return None;
    };
    Some(serde_saphyr::from_str(&text).unwrap())
}
