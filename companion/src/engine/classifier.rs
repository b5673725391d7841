//! A directory with a classifier of promptswitch: `model.onnx`, `tokenizer.json`, and a `model.json` that has `labels`.
//!
//! The graph reads `tokens` int64 and `mask` float32, both (batch, length), and gives `domain`, `guard`, `fact_check`
//! and `feedback`, which are calibrated chances, and `embedding`, whose rows have length 1.

use serde::Deserialize;
use tokenizers::Tokenizer;
use tract_onnx::tract_core::runtime::State;

use super::files::{Folder, failure};
use super::onnx::{Graph, Outputs, Role};
use super::{About, Engine, EngineError, Heads, Labels, Scores, Tokens, Worker, byte_window, window};
use crate::device::Device;

const OUTPUTS: [&str; 5] = ["domain", "guard", "fact_check", "feedback", "embedding"];

/// `model.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Card {
    revision: String,
    labels: Vec<String>,
    guard_labels: Vec<String>,
    feedback_labels: Vec<String>,
    /// Most tokens of a text, without prefix and marks.
    max_tokens: usize,
    /// Of a longer text, tokens taken from its start; the rest are its last.
    head_tokens: usize,
    #[serde(default)]
    prefix: String,
    bos_id: u32,
    eos_id: u32,
    pad_id: u32,
    embedding_width: usize,
}

/// A classifier of promptswitch.
#[derive(Debug)]
pub struct Classifier {
    tokenizer: Tokenizer,
    graph: Graph,
    card: Card,
    /// What stands before every text.
    start: Tokens,
    about: About,
}

impl Classifier {
    /// The card, if the directory is of this form.
    pub(super) fn card(folder: &Folder) -> Result<Option<Card>, EngineError> {
        let json: Option<serde_json::Value> = folder.json("model.json")?;
        match json {
            Some(json) if json.get("labels").is_some() => serde_json::from_value(json)
                .map(Some)
                .map_err(|e| failure(&folder.path("model.json"), e)),
            _ => Ok(None),
        }
    }

    /// Loads the model of a directory.
    pub(super) fn load(folder: &Folder, id: &str, card: Card, device: &Device) -> Result<Self, EngineError> {
        card.check()
            .map_err(|why| failure(&folder.path("model.json"), why))?;
        let mut tokenizer = folder.tokenizer()?;
        tokenizer.with_padding(None);
        let path = folder.path("tokenizer.json");
        tokenizer.with_truncation(None).map_err(|e| failure(&path, e))?;
        let prefix = tokenizer
            .encode_fast(card.prefix.as_str(), false)
            .map_err(|e| failure(&path, e))?;
        let graph = Graph::load(
            &folder.path("model.onnx"),
            device,
            card.pad_id,
            role,
            |names| match OUTPUTS
                .iter()
                .find(|wanted| !names.iter().any(|name| name == *wanted))
            {
                Some(missing) => Err(format!("no output {missing} among {names:?}")),
                None => Ok(OUTPUTS.iter().map(ToString::to_string).collect()),
            },
        )?;
        let about = About {
            id: id.into(),
            revision: card.revision.clone(),
            width: card.embedding_width,
            max_tokens: card.max_tokens,
            vocabulary: u32::try_from(tokenizer.get_vocab_size(true)).unwrap_or(u32::MAX),
            labels: Some(Labels {
                domain: card.labels.clone(),
                guard: card.guard_labels.clone(),
                feedback: card.feedback_labels.clone(),
            }),
        };
        Ok(Self {
            start: [&[card.bos_id], prefix.get_ids()].concat(),
            tokenizer,
            graph,
            card,
            about,
        })
    }
}

impl Card {
    fn check(&self) -> Result<(), String> {
        if self.max_tokens == 0 || self.head_tokens > self.max_tokens {
            Err("head_tokens must be at most max_tokens, which is not 0".into())
        } else if self.labels.is_empty() || self.guard_labels.is_empty() || self.feedback_labels.is_empty() {
            Err("labels, guard_labels and feedback_labels must have names".into())
        } else {
            Ok(())
        }
    }
}

fn role(input: &str) -> Option<Role> {
    match input {
        "tokens" => Some(Role::Tokens),
        "mask" => Some(Role::Mask),
        _ => None,
    }
}

impl Engine for Classifier {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, text: &str) -> Result<Tokens, EngineError> {
        let tail = self.card.max_tokens - self.card.head_tokens;
        let text = byte_window(text, self.card.head_tokens, tail);
        let encoding = self
            .tokenizer
            .encode_fast(text.as_ref(), false)
            .map_err(|e| EngineError::Tokenize(e.to_string()))?;
        self.complete(encoding.get_ids().to_vec())
    }

    fn complete(&self, tokens: Tokens) -> Result<Tokens, EngineError> {
        let kept = window(&tokens, self.card.head_tokens, self.card.max_tokens);
        Ok([self.start.as_slice(), &kept, &[self.card.eos_id]].concat())
    }

    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        Ok(Box::new(Runner {
            state: self.graph.spawn()?,
            graph: self.graph.clone(),
            card: self.card.clone(),
        }))
    }
}

struct Runner {
    state: Box<dyn State>,
    graph: Graph,
    card: Card,
}

impl Worker for Runner {
    fn run(&mut self, batch: &[&[u32]]) -> Result<Vec<Scores>, EngineError> {
        let outputs = self.graph.run(&mut *self.state, batch)?;
        let scores = self.read(&outputs)?;
        if scores.len() == batch.len() {
            Ok(scores)
        } else {
            Err(EngineError::Run(format!(
                "{} rows for {} texts",
                scores.len(),
                batch.len()
            )))
        }
    }
}

impl Runner {
    fn read(&self, outputs: &Outputs) -> Result<Vec<Scores>, EngineError> {
        let card = &self.card;
        let domain = outputs.rows(0, card.labels.len())?;
        let guard = outputs.rows(1, card.guard_labels.len())?;
        let fact_check = outputs.get(2)?.1;
        let feedback = outputs.rows(3, card.feedback_labels.len())?;
        let embedding = outputs.rows(4, card.embedding_width)?;
        let rows = domain.zip(guard).zip(fact_check).zip(feedback).zip(embedding);
        Ok(rows
            .map(|((((domain, guard), fact_check), feedback), embedding)| Scores {
                heads: Some(Heads {
                    domain: domain.to_vec(),
                    guard: guard.to_vec(),
                    fact_check: *fact_check,
                    feedback: feedback.to_vec(),
                }),
                embedding: embedding.to_vec(),
            })
            .collect())
    }
}
