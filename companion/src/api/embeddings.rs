//! `POST /v1/embeddings`: OpenAI's.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{input, json};
use crate::batch::{Answer, Class, Input};
use crate::call::Call;
use crate::engine::{About, normalise};
use crate::{ApiError, App};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    input: &'a RawValue,
    model: Option<String>,
    encoding_format: Option<Format>,
    dimensions: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Float,
    /// The numbers as little-endian `f32`, which is what the official clients ask for.
    Base64,
}

struct Asked {
    inputs: Vec<Input>,
    model: Option<String>,
    format: Format,
    dimensions: Option<usize>,
}

#[derive(Serialize)]
struct Answers<'a> {
    object: &'static str,
    data: Vec<Item>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item {
    object: &'static str,
    index: usize,
    embedding: Embedding,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding {
    Float(Vec<f32>),
    Base64(String),
}

/// Tokens read, marks included.
#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl Usage {
    pub(super) fn of(answers: &[Answer]) -> Self {
        let tokens = answers.iter().map(|answer| answer.tokens).sum();
        Self {
            prompt_tokens: tokens,
            total_tokens: tokens,
        }
    }
}

pub(crate) async fn embeddings(State(app): State<Arc<App>>, call: Call) -> Result<Response, ApiError> {
    let limit = app.config.max_inputs;
    let asked = call.parse(move |body| read(body, limit)).await?;
    let model = app.models()?.embedder(asked.model.as_deref())?;
    check(&asked, model.about())?;
    let answers = model
        .pipeline
        .run(asked.inputs, Class::bulk, call.deadline)
        .await?;
    let usage = Usage::of(&answers);
    let item = |(index, answer): (usize, Answer)| Item {
        object: "embedding",
        index,
        embedding: asked.format.write(cut(answer.scores.embedding, asked.dimensions)),
    };
    json(&Answers {
        object: "list",
        data: answers.into_iter().enumerate().map(item).collect(),
        model: &model.about().id,
        usage,
    })
}

fn read(body: &[u8], limit: usize) -> Result<Asked, String> {
    let body: Body<'_> = input::request(body)?;
    Ok(Asked {
        inputs: input::input("input", body.input, limit)?,
        model: body.model,
        format: body.encoding_format.unwrap_or_default(),
        dimensions: body.dimensions,
    })
}

fn check(asked: &Asked, about: &About) -> Result<(), ApiError> {
    if let Some(wrong) = asked.dimensions.filter(|n| *n == 0 || *n > about.width) {
        let why = format!("dimensions: {wrong} is not in 1..={}", about.width);
        return Err(ApiError::Invalid(why));
    }
    let tokens = asked.inputs.iter().filter_map(|input| match input {
        Input::Tokens(tokens) => tokens.iter().max(),
        Input::Text(_) => None,
    });
    match tokens.max() {
        Some(token) if *token >= about.vocabulary => Err(ApiError::Invalid(format!(
            "input: token {token} is not in 0..{}, the vocabulary of {}; send text, or tokens of its tokenizer",
            about.vocabulary, about.id
        ))),
        _ => Ok(()),
    }
}

/// The first numbers, scaled to length 1 again.
fn cut(mut embedding: Vec<f32>, dimensions: Option<usize>) -> Vec<f32> {
    if let Some(dimensions) = dimensions {
        embedding.truncate(dimensions);
        normalise(&mut embedding);
    }
    embedding
}

impl Format {
    fn write(self, embedding: Vec<f32>) -> Embedding {
        match self {
            Format::Float => Embedding::Float(embedding),
            Format::Base64 => {
                let bytes: Vec<u8> = embedding.into_iter().flat_map(f32::to_le_bytes).collect();
                Embedding::Base64(STANDARD.encode(bytes))
            }
        }
    }
}
