//! Metrics are scraped with labels.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use promptswitch_tests::{
    message::{Framing, Pace, Request},
    stack::Stack,
};

use crate::suite::{Listener, Suite};

const DEADLINE: Duration = Duration::from_secs(10);

const SAMPLES: [&str; 6] = [
    r#"promptswitch_requests_total{reason="decision"}"#,
    r#"promptswitch_requests_total{reason="unknown_model"}"#,
    r#"llm_model_requests_total{model="phi4-mini"}"#,
    r#"llm_model_requests_total{model="llama3-8b"}"#,
    // What a client made up is counted, but not by its name.
    r#"llm_model_requests_total{model="other"}"#,
    r#"llm_decision_match_total{decision="math"}"#,
];

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    suite.test(
        "Prometheus sees outcomes, models and decisions as labels",
        guide,
        labels_are_scraped,
    );
    suite.test(
        "no log line has a word of a prompt",
        guide,
        prompts_are_not_logged,
    );
}

fn labels_are_scraped(stack: &Stack) -> Result<()> {
    for (model, text) in [
        ("auto", "2+2 is  "),
        ("llama3-8b", "hello"),
        ("made-up-model", "hello"),
    ] {
        stack.send(&Request::chat(model, text), Framing::ContentLength, Pace::Whole)?;
    }
    // A request is counted when it is logged, which may be after its client has the answer.
    let deadline = Instant::now() + DEADLINE;
    loop {
        let scraped = stack.envoy.admin_get("/stats/prometheus")?;
        ensure!(
            !scraped.contains("made-up-model"),
            "a client can make up label values"
        );
        let missing: Vec<_> = SAMPLES
            .iter()
            .filter(|sample| !has_sample(&scraped, sample))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let ours: Vec<_> = scraped
                .lines()
                .filter(|l| l.contains("promptswitch") || l.contains("llm_"))
                .collect();
            bail!("{missing:?} are missing from\n{}", ours.join("\n"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn has_sample(scraped: &str, sample: &str) -> bool {
    let value = scraped.lines().find_map(|line| line.strip_prefix(sample));
    value.is_some_and(|value| value.trim() != "0")
}

fn prompts_are_not_logged(stack: &Stack) -> Result<()> {
    let secret = "xylophone-quartz-2+2";
    for model in ["auto", "phi4-mini", "made-up-model"] {
        stack.send(&Request::chat(model, secret), Framing::ContentLength, Pace::Whole)?;
    }
    let broken = format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"{secret}"#);
    stack.send(
        &Request::post("/v1/chat/completions", broken),
        Framing::ContentLength,
        Pace::Whole,
    )?;
    ensure!(!stack.envoy.log().contains("xylophone"), "a prompt is in the log");
    Ok(())
}
