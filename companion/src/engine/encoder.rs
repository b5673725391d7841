//! Any ONNX sentence encoder in a directory: `model.onnx` (or `onnx/model.onnx`), `tokenizer.json`, and the files that
//! sentence-transformers keeps beside them.

use std::path::Path;

use serde::Deserialize;
use tokenizers::tokenizer::{Encoding, Token};
use tokenizers::{Tokenizer, TruncationParams};
use tract_onnx::tract_core::runtime::State;

use super::files::{Folder, failure};
use super::onnx::{Graph, Role};
use super::{About, Engine, EngineError, Scores, Tokens, Worker, byte_window, normalise};
use crate::device::Device;

/// Most tokens where no file of the directory says it.
const DEFAULT_MAX_TOKENS: usize = 512;

/// A sentence encoder.
#[derive(Debug)]
pub struct Encoder {
    tokenizer: Tokenizer,
    graph: Graph,
    pooling: Pooling,
    about: About,
}

/// How the vectors of the tokens become one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pooling {
    /// The graph does it.
    None,
    /// The mean over the tokens.
    Mean,
    /// The first token's.
    Cls,
}

/// `1_Pooling/config.json` of sentence-transformers.
#[derive(Deserialize)]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

/// What is read of `config.json`. `pooling` is ours, for directories without `1_Pooling`.
#[derive(Deserialize, Default)]
struct ConfigFile {
    pooling: Option<String>,
    pad_token_id: Option<u32>,
    max_position_embeddings: Option<usize>,
}

/// `sentence_bert_config.json` of sentence-transformers.
#[derive(Deserialize)]
struct SentenceFile {
    max_seq_length: Option<usize>,
}

impl Encoder {
    /// Loads the model of a directory, and runs it once to learn the width of its embeddings.
    pub(super) fn load(
        folder: &Folder,
        graph: &Path,
        id: &str,
        revision: String,
        device: &Device,
    ) -> Result<Self, EngineError> {
        let config = folder.json::<ConfigFile>("config.json")?.unwrap_or_default();
        let mut tokenizer = folder.tokenizer()?;
        let max_tokens = max_tokens(folder, &config, &tokenizer)?;
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        let tokenizer_path = folder.path("tokenizer.json");
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|e| failure(&tokenizer_path, e))?;
        tokenizer.with_padding(None);
        let pad = config.pad_token_id.unwrap_or(0);
        let graph = Graph::load(graph, device, pad, role, output)?;
        let mut encoder = Self {
            about: About {
                id: id.into(),
                revision,
                width: 0,
                max_tokens,
                vocabulary: u32::try_from(tokenizer.get_vocab_size(true)).unwrap_or(u32::MAX),
                labels: None,
            },
            tokenizer,
            graph,
            pooling: Pooling::None,
        };
        (encoder.pooling, encoder.about.width) = encoder.probe(folder, &config)?;
        Ok(encoder)
    }

    /// The pooling and the width, from the shape of one answer.
    fn probe(&self, folder: &Folder, config: &ConfigFile) -> Result<(Pooling, usize), EngineError> {
        let tokens = self.encode("probe")?;
        let outputs = self.graph.run(&mut *self.graph.spawn()?, &[&tokens])?;
        match outputs.get(0)?.0 {
            [_, width] => Ok((Pooling::None, *width)),
            [_, _, width] => Ok((pooling(folder, config)?, *width)),
            shape => Err(failure(
                &folder.path("model.onnx"),
                format!("the output has the shape {shape:?}"),
            )),
        }
    }
}

fn role(input: &str) -> Option<Role> {
    match input {
        "input_ids" | "tokens" => Some(Role::Tokens),
        "attention_mask" | "mask" => Some(Role::Mask),
        "token_type_ids" => Some(Role::Zeros),
        _ => None,
    }
}

fn output(names: &[String]) -> Result<Vec<String>, String> {
    let known = [
        "sentence_embedding",
        "embedding",
        "last_hidden_state",
        "token_embeddings",
    ];
    let found = known.iter().find(|known| names.iter().any(|name| name == *known));
    match (found, names) {
        (Some(name), _) => Ok(vec![(*name).to_owned()]),
        (None, [first, ..]) => Ok(vec![first.clone()]),
        (None, []) => Err("no outputs".into()),
    }
}

fn pooling(folder: &Folder, config: &ConfigFile) -> Result<Pooling, EngineError> {
    let name = "1_Pooling/config.json";
    if let Some(file) = folder.json::<PoolingFile>(name)? {
        return match (file.pooling_mode_mean_tokens, file.pooling_mode_cls_token) {
            (true, false) => Ok(Pooling::Mean),
            (false, true) => Ok(Pooling::Cls),
            _ => Err(failure(&folder.path(name), "pooling is neither mean nor cls")),
        };
    }
    match config.pooling.as_deref() {
        None | Some("mean") => Ok(Pooling::Mean),
        Some("cls") => Ok(Pooling::Cls),
        Some(other) => Err(failure(
            &folder.path("config.json"),
            format!("pooling {other} is neither mean nor cls"),
        )),
    }
}

fn max_tokens(folder: &Folder, config: &ConfigFile, tokenizer: &Tokenizer) -> Result<usize, EngineError> {
    let sentence = folder.json::<SentenceFile>("sentence_bert_config.json")?;
    let truncation = tokenizer.get_truncation().map(|t| t.max_length);
    let found = sentence
        .and_then(|file| file.max_seq_length)
        .or(truncation)
        .or(config.max_position_embeddings)
        .unwrap_or(DEFAULT_MAX_TOKENS);
    // Marks must fit in beside at least one token; no encoder has a million positions.
    Ok(found.clamp(8, 1 << 16))
}

impl Engine for Encoder {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, text: &str) -> Result<Tokens, EngineError> {
        let text = byte_window(text, self.about.max_tokens, 0);
        let encoding = self
            .tokenizer
            .encode_fast(text.as_ref(), true)
            .map_err(|e| EngineError::Tokenize(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    fn complete(&self, tokens: Tokens) -> Result<Tokens, EngineError> {
        let known = tokens.into_iter().take(self.about.max_tokens);
        let tokens = known.map(|id| Token::new(id, String::new(), (0, 0))).collect();
        let encoding = self
            .tokenizer
            .post_process(Encoding::from_tokens(tokens, 0), None, true)
            .map_err(|e| EngineError::Tokenize(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        Ok(Box::new(Runner {
            state: self.graph.spawn()?,
            graph: self.graph.clone(),
            pooling: self.pooling,
            width: self.about.width,
        }))
    }
}

struct Runner {
    state: Box<dyn State>,
    graph: Graph,
    pooling: Pooling,
    width: usize,
}

impl Worker for Runner {
    fn run(&mut self, batch: &[&[u32]]) -> Result<Vec<Scores>, EngineError> {
        let outputs = self.graph.run(&mut *self.state, batch)?;
        let (shape, values) = outputs.get(0)?;
        let per_text = values.len().checked_div(batch.len()).unwrap_or(0).max(1);
        if shape.first() != Some(&batch.len()) || shape.last() != Some(&self.width) {
            return Err(EngineError::Run(format!("the output has the shape {shape:?}")));
        }
        let texts = values.chunks(per_text).zip(batch);
        Ok(texts
            .map(|(vectors, tokens)| Scores {
                heads: None,
                embedding: self.pooling.pool(vectors, self.width, tokens.len()),
            })
            .collect())
    }
}

impl Pooling {
    fn pool(self, vectors: &[f32], width: usize, tokens: usize) -> Vec<f32> {
        let read = match self {
            Pooling::None | Pooling::Cls => 1,
            Pooling::Mean => tokens,
        };
        let mut sum = vec![0.0; width];
        for vector in vectors.chunks(width.max(1)).take(read) {
            sum.iter_mut().zip(vector).for_each(|(sum, v)| *sum += v);
        }
        // The mean's divisor is lost in this.
        normalise(&mut sum);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_reads_no_padding() {
        let vectors = [3.0, 0.0, 0.0, 4.0, 9.0, 9.0];
        assert_eq!(Pooling::Mean.pool(&vectors, 2, 2), [0.6, 0.8]);
        assert_eq!(Pooling::Cls.pool(&vectors, 2, 2), [1.0, 0.0]);
    }
}
