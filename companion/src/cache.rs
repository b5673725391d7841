//! The semantic cache: answers that were given to a text, found again by a text that means the same.
//!
//! It would rather miss than give a wrong answer: look-ups stay within their scope, likeness alone is not enough
//! (`meaning`), and long texts must be the same. It is in this process (`memory`) or in a Redis that many share (`shared`).

mod meaning;
mod memory;
mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::config::{CacheConfig, Place};
use meaning::Meaning;
use memory::Memory;
use shared::Shared;

/// Texts longer than this many bytes are only hit by the same text: an embedding reads a part of a long text.
const LONG_TEXT: usize = 1024;

/// Who may see an answer. Nothing is ever found across scopes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// Tenant, as the gateway knows it.
    pub tenant: String,
    /// User, as the gateway knows it.
    pub user: String,
    /// Model that answered.
    pub model: String,
    /// Hash of the system prompt.
    pub system_hash: String,
    /// Hash of the turns before the text.
    pub context: String,
    /// Model and revision that made the embeddings.
    pub embeddings: String,
}

/// A text with its embedding.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Its embedding, of length 1.
    pub embedding: Vec<f32>,
}

/// What is kept for a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// A response's body.
    pub response: Arc<str>,
    /// Its content type.
    pub content_type: Arc<str>,
}

/// A stored answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// It, as it was stored.
    pub answer: Answer,
    /// Cosine of the two texts, at most 1.
    pub similarity: f32,
    /// How long ago it was stored.
    pub age: Duration,
}

/// How a look-up ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// An answer to a text that means the same.
    Hit(Hit),
    /// Nothing is alike.
    Miss,
    /// Something is alike, but does not mean the same.
    Guarded,
    /// The shared cache did not answer, or not in time.
    Unavailable,
}

/// Why an answer was not stored.
#[derive(Debug, Clone, PartialEq)]
pub enum NotStored {
    /// It alone is larger than the cache; the limit, in bytes.
    TooLarge(usize),
    /// The shared cache did not answer, or not in time.
    Unavailable,
}

/// The cache.
#[derive(Debug)]
pub struct Cache {
    /// Time to live of an answer whose request names none.
    pub ttl: Duration,
    /// Least likeness of a hit where the request names none.
    pub threshold: f32,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Memory(Arc<Memory>),
    Shared(Shared),
}

impl Cache {
    /// An empty cache, or one that will connect to the shared store; within a tokio runtime.
    pub fn new(config: CacheConfig) -> Result<Self, String> {
        Ok(Self {
            ttl: config.ttl,
            threshold: config.threshold,
            store: match config.place {
                Place::Memory { entries, bytes } => Store::Memory(Arc::new(Memory::new(entries, bytes))),
                Place::Redis { client, timeout } => Store::Shared(Shared::new(client, timeout)?),
            },
        })
    }

    /// Makes ready for embeddings of a length. An error if the shared store answers that it cannot; that it does not answer
    /// is none, since it may come later.
    pub async fn prepare(&self, width: usize) -> Result<(), String> {
        match &self.store {
            Store::Memory(_) => Ok(()),
            Store::Shared(shared) => shared.prepare(width).await,
        }
    }

    /// The answer to the nearest text of the scope that is at least `threshold` alike and means the same.
    pub async fn look_up(&self, scope: Scope, text: Text, threshold: f32) -> Found {
        match &self.store {
            Store::Memory(memory) => {
                let memory = memory.clone();
                let run = move || memory.look_up(&scope, &text, threshold, Instant::now());
                // It fails when the runtime ends.
                tokio::task::spawn_blocking(run)
                    .await
                    .unwrap_or(Found::Unavailable)
            }
            Store::Shared(shared) => shared.look_up(&scope, &text, threshold).await,
        }
    }

    /// Keeps an answer. An answer to the same text of the same scope is replaced.
    pub async fn store(
        &self,
        scope: Scope,
        text: Text,
        answer: Answer,
        ttl: Duration,
    ) -> Result<(), NotStored> {
        match &self.store {
            Store::Memory(memory) => {
                let memory = memory.clone();
                let run = move || memory.store(scope, &text, answer, ttl, Instant::now());
                let stored = tokio::task::spawn_blocking(run).await;
                stored.unwrap_or(Err(NotStored::Unavailable))
            }
            Store::Shared(shared) => shared.store(&scope, &text, &answer, ttl).await,
        }
    }

    /// Entries of the cache in memory, and about how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        match &self.store {
            Store::Memory(memory) => memory.size(),
            Store::Shared(_) => (0, 0),
        }
    }
}

type Digested = [u8; 32];

fn digested(text: &str) -> Digested {
    Sha256::digest(text.as_bytes()).into()
}

/// What is compared of a text; nothing of a long one, which only hits itself.
fn meant(text: &str) -> Option<Meaning> {
    (text.len() <= LONG_TEXT).then(|| Meaning::of(text))
}
