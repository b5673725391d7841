//! `POST /v1/cache/lookup` and `POST /v1/cache/store`: the semantic cache.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::input;
use crate::batch::{Class, Input};
use crate::cache::{Answer, Found, NotStored, Scope, Text};
use crate::call::Call;
use crate::metrics::{Lookup, Store};
use crate::{ApiError, App};

/// Longest time to live that a request may name: 30 days.
const MAX_TTL_S: u64 = 30 * 24 * 3600;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    /// Required, so that nobody shares answers by leaving it out.
    scope: ScopeBody,
    /// Model that makes the embeddings.
    model: Option<String>,
    threshold: Option<f32>,
    ttl_s: Option<u64>,
    response: Option<String>,
    content_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeBody {
    #[serde(default)]
    tenant: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    system_hash: String,
}

struct Asked {
    text: String,
    scope: Scope,
    model: Option<String>,
    threshold: Option<f32>,
    ttl: Option<Duration>,
    response: Option<String>,
    content_type: String,
}

pub(crate) async fn lookup(State(app): State<Arc<App>>, call: Call) -> Result<Response, ApiError> {
    let cache = app.cache.as_ref().ok_or(ApiError::NoCache)?;
    let asked = call.parse(read).await?;
    let threshold = asked.threshold.unwrap_or(cache.threshold);
    let (scope, text, _) = embed(&app, &call, asked).await?;
    let miss = || json!({"hit": false});
    let (result, body) = match cache.look_up(scope, text, threshold).await {
        Found::Hit(hit) => (
            "hit",
            json!({
                "hit": true,
                "similarity": hit.similarity,
                "age_s": hit.age.as_secs(),
                "content_type": &*hit.answer.content_type,
                "response": &*hit.answer.response,
            }),
        ),
        Found::Miss => ("miss", miss()),
        Found::Guarded => ("guarded", miss()),
        Found::Unavailable => ("unavailable", miss()),
    };
    app.metrics.lookups.get_or_create(&Lookup { result }).inc();
    super::json(&body)
}

pub(crate) async fn store(State(app): State<Arc<App>>, call: Call) -> Result<Response, ApiError> {
    let cache = app.cache.as_ref().ok_or(ApiError::NoCache)?;
    let mut asked = call.parse(read).await?;
    let response = asked.response.take();
    let response = response.ok_or_else(|| ApiError::Invalid("response: is missing".into()))?;
    let ttl = asked.ttl.unwrap_or(cache.ttl);
    let (scope, text, content_type) = embed(&app, &call, asked).await?;
    let answer = Answer {
        response: response.into(),
        content_type: content_type.into(),
    };
    let (result, stored) = match cache.store(scope, text, answer, ttl).await {
        Ok(()) => ("stored", true),
        Err(NotStored::Unavailable) => ("unavailable", false),
        Err(NotStored::TooLarge(most)) => {
            let why = format!("response: larger than the cache of {most} bytes");
            return Err(ApiError::Invalid(why));
        }
    };
    app.metrics.stores.get_or_create(&Store { result }).inc();
    super::json(&json!({"stored": stored}))
}

fn read(body: &[u8]) -> Result<Asked, String> {
    let body: Body<'_> = input::request(body)?;
    let (text, context) = match (body.text, body.messages) {
        (Some(text), None) => {
            let text = serde_json::from_str(text.get()).map_err(|error| format!("text: {error}"))?;
            (text, String::new())
        }
        (None, Some(messages)) => (input::last_user_text(messages)?, input::context(messages)?),
        _ => return Err("body: give one of text and messages".into()),
    };
    if body.threshold.is_some_and(|t| !(0.0..=1.0).contains(&t)) {
        return Err("threshold: is not in 0..=1".into());
    }
    if body.ttl_s.is_some_and(|ttl| !(1..=MAX_TTL_S).contains(&ttl)) {
        return Err(format!("ttl_s: is not in 1..={MAX_TTL_S}"));
    }
    let ScopeBody {
        tenant,
        user,
        model,
        system_hash,
    } = body.scope;
    Ok(Asked {
        text,
        scope: Scope {
            tenant,
            user,
            model,
            system_hash,
            context,
            embeddings: String::new(),
        },
        model: body.model,
        threshold: body.threshold,
        ttl: body.ttl_s.map(Duration::from_secs),
        response: body.response,
        content_type: body.content_type.unwrap_or_else(|| "application/json".into()),
    })
}

/// The whole scope, the text with its embedding, and the content type.
async fn embed(app: &App, call: &Call, asked: Asked) -> Result<(Scope, Text, String), ApiError> {
    let model = app.models()?.embedder(asked.model.as_deref())?;
    let inputs = vec![Input::Text(asked.text.clone())];
    let answers = model
        .pipeline
        .run(inputs, Class::interactive, call.deadline)
        .await?;
    let embedding = answers.into_iter().next().map(|answer| answer.scores.embedding);
    let text = Text {
        text: asked.text,
        embedding: embedding.ok_or_else(|| ApiError::Failed("no answer".into()))?,
    };
    let about = model.about();
    let scope = Scope {
        embeddings: format!("{} {}", about.id, about.revision),
        ..asked.scope
    };
    Ok((scope, text, asked.content_type))
}
