//! `POST /v1/rerank`: documents by the likeness of their embeddings to the query's.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::embeddings::Usage;
use super::{input, json};
use crate::batch::{Class, Input};
use crate::call::Call;
use crate::{ApiError, App};

#[derive(Deserialize)]
struct Body<'a> {
    query: String,
    #[serde(borrow)]
    documents: &'a RawValue,
    model: Option<String>,
    top_n: Option<usize>,
    #[serde(default)]
    return_documents: bool,
}

struct Asked {
    query: String,
    documents: Vec<String>,
    model: Option<String>,
    top_n: usize,
    return_documents: bool,
}

#[derive(Serialize)]
struct Answers<'a> {
    model: &'a str,
    results: Vec<Item<'a>>,
    usage: Usage,
}

#[derive(Serialize)]
struct Item<'a> {
    index: usize,
    /// Cosine, -1 to 1.
    relevance_score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Document<'a>>,
}

#[derive(Serialize)]
struct Document<'a> {
    text: &'a str,
}

pub(crate) async fn rerank(State(app): State<Arc<App>>, call: Call) -> Result<Response, ApiError> {
    let limit = app.config.max_inputs;
    let asked = call.parse(move |body| read(body, limit)).await?;
    let model = app.models()?.embedder(asked.model.as_deref())?;
    let texts = std::iter::once(&asked.query).chain(&asked.documents);
    let inputs = texts.map(|text| Input::Text(text.clone())).collect();
    let answers = model.pipeline.run(inputs, Class::bulk, call.deadline).await?;
    let (query, documents) = answers
        .split_first()
        .ok_or_else(|| ApiError::Failed("no answer".into()))?;
    let mut results: Vec<Item<'_>> = documents
        .iter()
        .zip(&asked.documents)
        .enumerate()
        .map(|(index, (answer, text))| Item {
            index,
            relevance_score: cosine(&query.scores.embedding, &answer.scores.embedding),
            document: asked.return_documents.then_some(Document { text }),
        })
        .collect();
    results.sort_by(|a, b| b.relevance_score.total_cmp(&a.relevance_score));
    results.truncate(asked.top_n);
    json(&Answers {
        model: &model.about().id,
        results,
        usage: Usage::of(&answers),
    })
}

fn read(body: &[u8], limit: usize) -> Result<Asked, String> {
    let body: Body<'_> = input::request(body)?;
    // The query is a text too.
    let documents = input::strings("documents", body.documents, limit.saturating_sub(1))?;
    if body.top_n == Some(0) {
        return Err("top_n: must be 1 or more".into());
    }
    Ok(Asked {
        query: body.query,
        documents,
        model: body.model,
        top_n: body.top_n.unwrap_or(usize::MAX),
        return_documents: body.return_documents,
    })
}

/// Of vectors of length 1.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
