//! What deciding costs, by rules alone.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use promptswitch_policy::{Api, Context, Policy, Request, Scorer, Scores};
use serde_json::{Value, json};

/// Fails: rules need no model.
struct NoModel;

impl Scorer for NoModel {
    fn score(&mut self, _: &str) -> Result<Scores, String> {
        Err("no rule needs scores".to_owned())
    }
}

/// Ten decisions, each by one of ten signals of twenty keywords; none matches but the last.
fn document() -> Value {
    let word = |rule: usize, word: usize| match word % 4 {
        0 => format!("keyword{rule}x{word}"),
        1 => format!("a phrase of {rule} and {word}"),
        2 => format!("关键词{rule}的{word}"),
        _ => format!("naïve{rule}{word}"),
    };
    let signal = |rule: usize| {
        let words: Vec<_> = (0..20).map(|index| word(rule, index)).collect();
        json!({"name": format!("signal{rule}"), "operator": "OR", "keywords": words})
    };
    let decision = |rule: usize| {
        let name = format!("decision{rule}");
        let rules =
            json!({"operator": "AND", "conditions": [{"type": "keyword", "name": format!("signal{rule}")}]});
        json!({"name": name, "priority": 100 - rule, "rules": rules, "modelRefs": [{"model": "large"}]})
    };
    json!({
        "version": "v0.3",
        "providers": {"defaults": {"default_model": "small"}, "models": [{"name": "small"}, {"name": "large"}]},
        "routing": {
            "signals": {"keywords": (0..10).map(signal).collect::<Vec<_>>()},
            "decisions": (0..10).map(decision).collect::<Vec<_>>(),
        },
    })
}

/// A chat request whose last user turn is `bytes` long, with line ends that JSON escapes.
fn body(bytes: usize) -> Vec<u8> {
    let line = "The quick brown fox asks what the weather is like, and whether keywords matter.\n";
    let text = format!("{}keyword9x0", line.repeat(bytes / line.len()));
    let messages = json!([{"role": "system", "content": "You help."}, {"role": "user", "content": text}]);
    json!({"model": "auto", "messages": messages})
        .to_string()
        .into_bytes()
}

fn decide(policy: &Policy, body: &[u8]) {
    let Ok(request) = Request::parse(Api::ChatCompletions, black_box(body)) else {
        return;
    };
    let verdict = policy.decide(&request, &Context::default(), &mut NoModel);
    assert_eq!(verdict.decision.as_deref(), Some("decision9"));
}

fn benches(c: &mut Criterion) {
    let document = document();
    let Ok(loaded) = Policy::from_value(&document, &mut NoModel) else {
        return;
    };
    let policy = loaded.policy;
    let (short, long) = (body(2 << 10), body(1 << 20));
    c.bench_function("10 decisions, 200 keywords, 2 KB prompt", |b| {
        b.iter(|| decide(&policy, &short));
    });
    c.bench_function("10 decisions, 200 keywords, 1 MB prompt", |b| {
        b.iter(|| decide(&policy, &long));
    });
    c.bench_function("1 MB body, parsed", |b| {
        b.iter(|| Request::parse(Api::ChatCompletions, black_box(&long)));
    });
    c.bench_function("1 MB body, last user message", |b| {
        let Ok(request) = Request::parse(Api::ChatCompletions, &long) else {
            return;
        };
        b.iter(|| black_box(request.last_user_text()));
    });
    c.bench_function("a document of 10 decisions and 200 keywords, read", |b| {
        b.iter(|| Policy::from_value(black_box(&document), &mut NoModel).is_ok());
    });
}

criterion_group!(all, benches);
criterion_main!(all);
