//! `POST /v1/classify`: every head's answer for one text, a conversation, or many texts. The filter's callout relies on
//! its form.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{class, input, json};
use crate::batch::Input;
use crate::call::Call;
use crate::engine::{Labels, Scores};
use crate::{ApiError, App};

/// The names of the subjects are those of MMLU-Pro.
const TAXONOMY: &str = "mmlu-pro-14";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    texts: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    model: Option<String>,
    heads: Option<Vec<Head>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Head {
    Domain,
    Guard,
    FactCheck,
    Feedback,
    Embedding,
}

/// All but the embedding, which is long.
const DEFAULT_HEADS: [Head; 4] = [Head::Domain, Head::Guard, Head::FactCheck, Head::Feedback];

struct Asked {
    texts: Vec<String>,
    model: Option<String>,
    heads: Vec<Head>,
}

#[derive(Serialize)]
struct Answers<'a> {
    model: &'a str,
    revision: &'a str,
    taxonomy: &'static str,
    results: Vec<Item<'a>>,
    microseconds: u64,
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Class<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guard: Option<Class<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fact_check: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<Class<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
}

#[derive(Serialize)]
struct Class<'a> {
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    scores: Chances<'a>,
}

/// Chances by name, in the order of the labels.
struct Chances<'a>(&'a [String], Vec<f32>);

impl Serialize for Chances<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, chance) in self.0.iter().zip(&self.1) {
            map.serialize_entry(label, chance)?;
        }
        map.end()
    }
}

pub(crate) async fn classify(State(app): State<Arc<App>>, call: Call) -> Result<Response, ApiError> {
    let limit = app.config.max_inputs;
    let asked = call.parse(move |body| read(body, limit)).await?;
    let (model, labels) = app.models()?.classifier(asked.model.as_deref())?;
    let lane = class(asked.texts.len());
    let inputs = asked.texts.into_iter().map(Input::Text).collect();
    let answers = model.pipeline.run(inputs, lane, call.deadline).await?;
    let item = |answer: crate::batch::Answer| item(answer.scores, labels, &asked.heads);
    json(&Answers {
        model: &model.about().id,
        revision: &model.about().revision,
        taxonomy: TAXONOMY,
        results: answers.into_iter().map(item).collect::<Result<_, _>>()?,
        microseconds: call.microseconds(),
    })
}

fn read(body: &[u8], limit: usize) -> Result<Asked, String> {
    let body: Body<'_> = input::request(body)?;
    let texts = match (body.text, body.texts, body.messages) {
        (Some(text), None, None) => {
            vec![serde_json::from_str(text.get()).map_err(|error| format!("text: {error}"))?]
        }
        (None, Some(texts), None) => input::strings("texts", texts, limit)?,
        (None, None, Some(messages)) => vec![input::last_user_text(messages)?],
        _ => return Err("body: give one of text, texts and messages".into()),
    };
    let heads = body.heads.unwrap_or_else(|| DEFAULT_HEADS.to_vec());
    if heads.is_empty() {
        return Err("heads: is empty".into());
    }
    Ok(Asked {
        texts,
        model: body.model,
        heads,
    })
}

fn item<'a>(scores: Scores, labels: &'a Labels, heads: &[Head]) -> Result<Item<'a>, ApiError> {
    let found = scores
        .heads
        .ok_or_else(|| ApiError::Failed("no classes in the answer".into()))?;
    let wanted = |head| heads.contains(&head);
    let class = |head, labels: &'a [String], chances| wanted(head).then(|| Class::new(labels, chances));
    Ok(Item {
        domain: class(Head::Domain, &labels.domain, found.domain),
        guard: class(Head::Guard, &labels.guard, found.guard),
        fact_check: wanted(Head::FactCheck).then_some(found.fact_check),
        feedback: class(Head::Feedback, &labels.feedback, found.feedback).map(|class| Class {
            confidence: None,
            ..class
        }),
        embedding: wanted(Head::Embedding).then_some(scores.embedding),
    })
}

impl<'a> Class<'a> {
    fn new(labels: &'a [String], chances: Vec<f32>) -> Self {
        let best = labels
            .iter()
            .zip(&chances)
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let (label, confidence) = best.map_or(("", 0.0), |(label, chance)| (label.as_str(), *chance));
        Self {
            label,
            confidence: Some(confidence),
            scores: Chances(labels, chances),
        }
    }
}
