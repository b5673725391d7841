//! Tests of the crate as a whole; those of its parts are beside them.

mod actions;
mod config;
mod decide;
pub(crate) mod meaning;
mod model;
mod order;
mod output;
mod projections;
mod properties;
mod recipes;
mod rules;
mod scale;
mod selection;
mod trace;

use serde_json::{Value, json};

use crate::{
    Api, Context, DOMAINS, DomainScores, FeedbackScores, GuardScores, Loaded, Policy, Request, Scorer,
    Scores, Verdict,
};

/// Answers with fixed scores, embeds texts by their words, and counts how often it was asked.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) domains: Vec<(&'static str, f32)>,
    pub(crate) guard: GuardScores,
    pub(crate) fact_check: f32,
    pub(crate) feedback: FeedbackScores,
    pub(crate) fails: bool,
    pub(crate) calls: usize,
}

impl Fake {
    pub(crate) fn sure_of(domain: &'static str) -> Fake {
        Fake {
            domains: vec![(domain, 0.95)],
            ..Fake::default()
        }
    }
}

impl Scorer for Fake {
    fn score(&mut self, text: &str) -> Result<Scores, String> {
        self.calls += 1;
        if self.fails {
            return Err("out of order".to_owned());
        }
        let rest = (1.0 - self.domains.iter().map(|(_, p)| p).sum::<f32>()) / 14.0;
        let given = |name: &&str| self.domains.iter().find(|(n, _)| n == name);
        let score = |name: &&str| given(name).map_or(rest, |(_, p)| *p);
        Ok(Scores {
            domain: DomainScores(DOMAINS.each_ref().map(score)),
            guard: self.guard,
            fact_check: self.fact_check,
            feedback: self.feedback,
            embedding: embed(text),
        })
    }
}

/// A normalised bag of lower-case words, so that texts of the same words have cosine 1.
fn embed(text: &str) -> Vec<f32> {
    let mut bag = vec![0.0f32; 64];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
        let hash = word
            .bytes()
            .fold(7usize, |hash, byte| hash * 31 % 65_521 + usize::from(byte));
        bag[hash % 64] += if word.is_empty() { 0.0 } else { 1.0 };
    }
    let length = bag.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
    bag.iter().map(|x| x / length).collect()
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
    match Policy::from_value(document, &mut Fake::default()) {
        Ok(Loaded { policy, .. }) => policy,
        Err(findings) => panic!("{findings:#?}"),
    }
}

/// The findings of a document, one a line.
pub(crate) fn findings(document: &Value) -> Vec<String> {
    let findings = match Policy::from_value(document, &mut Fake::default()) {
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
