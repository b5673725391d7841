//! Answers that no model gives, and a policy as large as they come.

use anyhow::{Context, Result, ensure};
use promptswitch_tests::{
    envoy::LocalConfig,
    message::{Framing, Pace, Request, Response},
    policy, root,
    stack::Stack,
};
use serde_json::{Value, json};

use crate::suite::{Listener, Suite};

/// VSR's largest recipe among those that come with the project's data.
const RECIPE: &str = "../shared/data/vsr/probes/balance/config.yaml";

/// One more than the VMs that may serve a request: each has a cache of its own.
const ENOUGH: usize = 40;

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    let answers = guide.beside("answers", || LocalConfig::shipped()?.policy(&answering()?));
    suite.test(
        "an answer of the filter's own is a chat completion, or a stream of them",
        &answers,
        answers_itself,
    );
    suite.test(
        "a kept answer is given again to its user, streamed or whole, and to no other",
        &answers,
        answers_again,
    );
    if !root().join(RECIPE).exists() {
        println!("skipped: {RECIPE} is not on this machine");
        return;
    }
    let recipe = guide.beside("recipe", || LocalConfig::shipped()?.policy(&recipe()?));
    suite.test(
        "VSR's largest recipe decides inside Envoy",
        &recipe,
        recipe_decides,
    );
}

fn answering() -> Result<Value> {
    let mut policy = policy::guide()?;
    policy::merge(
        &mut policy,
        &json!({
            "global": {"stores": {"response_cache": {"enabled": true}}},
            "routing": {
                "signals": {"keywords": [
                    {"name": "refused", "operator": "OR", "keywords": ["forbidden"]},
                    {"name": "kept", "operator": "OR", "keywords": ["kept"]},
                ]},
                "decisions": [
                    {
                        "name": "refuse", "priority": 2,
                        "rules": {"type": "keyword", "name": "refused"},
                        "plugins": [{"type": "fast_response", "configuration": {"message": "No."}}],
                    },
                    {
                        "name": "keep", "priority": 1,
                        "rules": {"type": "keyword", "name": "kept"},
                        "modelRefs": [{"model": "phi4-mini"}],
                        "plugins": [{"type": "response_cache", "configuration": {"enabled": true, "mode": "exact", "scope": "user"}}],
                    },
                ],
            },
        }),
    );
    Ok(policy)
}

fn answers_itself(stack: &Stack) -> Result<()> {
    let whole = send(
        stack,
        &json!({"messages": [{"role": "user", "content": "forbidden"}]}),
        None,
    )?;
    let body: Value = serde_json::from_slice(&whole.body)?;
    ensure!(
        body.pointer("/choices/0/message/content") == Some(&json!("No.")),
        "{body}"
    );
    let asked = json!({"stream": true, "messages": [{"role": "user", "content": "forbidden"}]});
    let events = String::from_utf8(send(stack, &asked, None)?.body)?;
    ensure!(
        events.contains(r#""content":"No.""#) && events.trim_end().ends_with("data: [DONE]"),
        "{events}"
    );
    Ok(())
}

fn answers_again(stack: &Stack) -> Result<()> {
    let asked = json!({"messages": [{"role": "user", "content": "kept for later"}]});
    let mut streamed = asked.clone();
    streamed
        .as_object_mut()
        .context("a body")?
        .insert("stream".into(), json!(true));
    let is_kept =
        |response: &Response| response.header("x-promptswitch-reason").as_deref() == Some("cache_hit");
    let first = send(stack, &asked, Some("ann"))?;
    ensure!(!is_kept(&first), "an answer from nowhere");
    let again = (0..ENOUGH)
        .map(|_| send(stack, &asked, Some("ann")))
        .find(|response| !response.as_ref().is_ok_and(|response| !is_kept(response)))
        .context("no answer is given again")??;
    ensure!(
        again.header("x-vsr-response-path").as_deref() == Some("cache"),
        "{:?}",
        again.headers
    );
    for number in 0..ENOUGH {
        let other = format!("other-{number}");
        ensure!(
            !is_kept(&send(stack, &asked, Some(&other))?),
            "ann's answer is given to {other}"
        );
        ensure!(
            !is_kept(&send(stack, &asked, None)?),
            "ann's answer is given to nobody"
        );
    }
    let stream = (0..ENOUGH)
        .map(|_| send(stack, &streamed, Some("ann")))
        .find(|response| !response.as_ref().is_ok_and(|response| !is_kept(response)))
        .context("no stream is given again")??;
    ensure!(
        stream.body.starts_with(b"data: {"),
        "{}",
        String::from_utf8_lossy(&stream.body)
    );
    Ok(())
}

fn send(stack: &Stack, body: &Value, user: Option<&str>) -> Result<Response> {
    let mut body = body.clone();
    body.as_object_mut()
        .context("a body")?
        .insert("model".into(), json!("auto"));
    let mut request = Request::post("/v1/chat/completions", body.to_string());
    if let Some(user) = user {
        request = request.header("x-authz-user-id", user);
    }
    Ok(stack
        .send(&request, Framing::ContentLength, Pace::Whole)?
        .response)
}

fn recipe() -> Result<Value> {
    let text = std::fs::read_to_string(root().join(RECIPE))?;
    serde_saphyr::from_str(&text).context(RECIPE)
}

fn recipe_decides(stack: &Stack) -> Result<()> {
    let request = |text: &str| Request::chat("vllm-sr/auto", text).header("x-vsr-debug", "true");
    for text in [
        "Why is the sky blue at noon?",
        "帮我写一首短诗",
        "Refactor this SQL query, it is slow.",
    ] {
        let response = stack
            .send(&request(text), Framing::ContentLength, Pace::Whole)?
            .response;
        let header = |name| response.header(name).unwrap_or_default();
        ensure!(
            header("x-promptswitch-reason") == "decision",
            "{text}: {:?}",
            response.headers
        );
        ensure!(
            !header("x-vsr-selected-decision").is_empty(),
            "{text}: {:?}",
            response.headers
        );
    }
    Ok(())
}
