//! What turns a text into tokens and tokens into numbers: one small trait, and the models behind it.

pub mod builtin;
pub mod classifier;
mod cores;
pub mod encoder;
mod files;
mod onnx;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::device::Device;
use files::{Folder, failure};

/// Ids of the model's own tokenizer, in the form that the graph reads: with marks, prefix and cuts.
pub type Tokens = Vec<u32>;

/// Why a model cannot be loaded or cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file of the model's directory cannot be used.
    #[error("{file}: {why}")]
    File {
        /// Path of the file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The device that was asked for cannot be used.
    #[error("device {device}: {why}")]
    Device {
        /// The name that was asked for.
        device: String,
        /// Why not.
        why: String,
    },
    /// The tokenizer refused a text.
    #[error("tokenizer: {0}")]
    Tokenize(String),
    /// The graph failed on a batch.
    #[error("graph: {0}")]
    Run(String),
}

/// What a model says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The name that requests give in `model`.
    pub id: String,
    /// Changes whenever a number that the model gives could.
    pub revision: String,
    /// Length of its embeddings.
    pub width: usize,
    /// Most tokens of one text that it reads.
    pub max_tokens: usize,
    /// Token ids are below this.
    pub vocabulary: u32,
    /// Names of the classes, if it classifies.
    pub labels: Option<Labels>,
}

/// Names of the classes of each head, in the order of the scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Subjects: MMLU-Pro's 14.
    pub domain: Vec<String>,
    /// Kinds of attack, and `benign`.
    pub guard: Vec<String>,
    /// What a turn says of the reply before it.
    pub feedback: Vec<String>,
}

/// What a model says of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The chances of the classes, if the model classifies.
    pub heads: Option<Heads>,
    /// A vector of length 1.
    pub embedding: Vec<f32>,
}

/// Calibrated chances, 0 to 1, in the order of [`Labels`]; those of one head sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Heads {
    /// Of each subject.
    pub domain: Vec<f32>,
    /// Of each kind of attack.
    pub guard: Vec<f32>,
    /// That the answer needs facts that ought to be checked.
    pub fact_check: f32,
    /// Of each kind of feedback.
    pub feedback: Vec<f32>,
}

/// A loaded model. It is shared by the threads that tokenise; the graph is run by its [`Worker`]s.
pub trait Engine: Send + Sync + std::fmt::Debug {
    /// What the model says of itself.
    fn about(&self) -> &About;

    /// The tokens of a text of any size; its cost is bounded, since only a window of a long text is read.
    fn encode(&self, text: &str) -> Result<Tokens, EngineError>;

    /// Adds marks and prefix to a client's own tokens, and cuts what is too long. All ids are below the vocabulary.
    fn complete(&self, tokens: Tokens) -> Result<Tokens, EngineError>;

    /// A state for one thread to run the graph with.
    fn worker(&self) -> Result<Box<dyn Worker>, EngineError>;
}

/// The state with which one thread runs a graph.
pub trait Worker: Send {
    /// One result per text, in their order. `batch` is never empty.
    fn run(&mut self, batch: &[&[u32]]) -> Result<Vec<Scores>, EngineError>;
}

/// A model that many hold.
pub type Shared = Arc<dyn Engine>;

/// Loads the model of a directory: a classifier of promptswitch if its `model.json` has labels, else a sentence encoder.
pub fn load(path: &Path, id: &str, device: &Device) -> Result<Shared, EngineError> {
    let folder = Folder(path.to_owned());
    if let Some(card) = classifier::Classifier::card(&folder)? {
        return Ok(Arc::new(classifier::Classifier::load(&folder, id, card, device)?));
    }
    let graph = match folder.path("model.onnx") {
        graph if graph.exists() => graph,
        _ => folder.path("onnx/model.onnx"),
    };
    let revision = revision(&graph)?;
    Ok(Arc::new(encoder::Encoder::load(
        &folder, &graph, id, revision, device,
    )?))
}

/// The start of the file's SHA-256.
fn revision(path: &Path) -> Result<String, EngineError> {
    let mut file = fs::File::open(path).map_err(|e| failure(path, e))?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(|e| failure(path, e))?;
    Ok(format!("{:x}", hash.finalize()).chars().take(12).collect())
}

/// Scales a vector to length 1; one of zeros stays as it is.
pub fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|v| *v /= length);
    }
}

/// The first `head` and the last `limit - head` of more than `limit` items.
fn window<T: Copy>(items: &[T], head: usize, limit: usize) -> Vec<T> {
    let cut = items.len().saturating_sub(limit);
    let kept = items.iter().enumerate();
    kept.filter(|(i, _)| cut == 0 || *i < head || *i >= head + cut)
        .map(|(_, item)| *item)
        .collect()
}

/// Bytes of text per token that are always enough: tokenising costs time by the byte, and a text may be megabytes.
const BYTES_PER_TOKEN: usize = 32;

/// The first `head` and the last `tail` tokens' worth of bytes of a longer text, cut at character boundaries.
fn byte_window(text: &str, head: usize, tail: usize) -> std::borrow::Cow<'_, str> {
    let (head, tail) = (head * BYTES_PER_TOKEN, tail * BYTES_PER_TOKEN);
    if text.len() <= head + tail {
        return text.into();
    }
    let start = text.get(..text.floor_char_boundary(head)).unwrap_or_default();
    let end = text.get(text.ceil_char_boundary(text.len() - tail)..);
    match end {
        Some(end) if !end.is_empty() => [start, "\n", end].concat().into(),
        _ => start.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_keeps_the_head_and_the_tail() {
        assert_eq!(window(&[1, 2, 3], 2, 3), [1, 2, 3]);
        assert_eq!(window(&[1, 2, 3, 4, 5], 2, 3), [1, 2, 5]);
        assert_eq!(window(&[1, 2, 3, 4, 5], 3, 3), [1, 2, 3]);
    }

    #[test]
    fn a_byte_window_never_cuts_a_character() {
        let text = "日本語".repeat(1000);
        let cut = byte_window(&text, 3, 1);
        assert!(cut.starts_with("日") && cut.ends_with("語"));
        assert!(cut.len() <= 4 * BYTES_PER_TOKEN + 1);
        assert_eq!(byte_window("short", 3, 1), "short");
    }

    #[test]
    fn a_vector_of_zeros_stays_finite() {
        let mut zeros = [0.0; 3];
        normalise(&mut zeros);
        assert_eq!(zeros, [0.0; 3]);
    }
}
