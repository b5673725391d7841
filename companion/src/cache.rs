//! The semantic cache: answers that were given to a text, found again by a text that means the same.
//!
//! It would rather miss than give a wrong answer: look-ups stay within their scope, likeness alone is not enough
//! (`meaning`), and long texts must be the same.

mod index;
mod meaning;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::config::CacheConfig;
use index::Index;
use meaning::Meaning;

/// Texts longer than this many bytes are only hit by the same text: an embedding reads a part of a long text.
const LONG_TEXT: usize = 1024;

/// What an entry costs beside its vectors, words and response: maps, reference counts.
const OVERHEAD: usize = 512;

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

/// A stored answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The body as it was stored.
    pub response: Arc<str>,
    /// Its content type.
    pub content_type: Arc<str>,
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
}

/// The cache. All of it is in memory.
#[derive(Debug)]
pub struct Cache {
    /// What it keeps, and what requests that do not say get.
    pub config: CacheConfig,
    store: Mutex<Store>,
}

#[derive(Debug, Default)]
struct Store {
    scopes: HashMap<Arc<Scope>, Index>,
    entries: HashMap<usize, Entry>,
    /// Entry of each text that is stored.
    texts: HashMap<(Arc<Scope>, Digested), usize>,
    /// Entries by when they were last used.
    uses: BTreeMap<u64, usize>,
    clock: u64,
    next: usize,
    bytes: usize,
}

type Digested = [u8; 32];

#[derive(Debug)]
struct Entry {
    scope: Arc<Scope>,
    embedding: Arc<[f32]>,
    text: Digested,
    long: bool,
    meaning: Meaning,
    response: Arc<str>,
    content_type: Arc<str>,
    stored: Instant,
    expires: Instant,
    used: u64,
    bytes: usize,
}

impl Cache {
    /// An empty cache.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config,
            store: Mutex::default(),
        }
    }

    /// The answer to the nearest text of the scope that is at least `threshold` alike and means the same.
    pub fn look_up(&self, scope: &Scope, text: &Text, threshold: f32, now: Instant) -> Found {
        let (digest, long) = digested(&text.text);
        let meaning = if long {
            Meaning::default()
        } else {
            Meaning::of(&text.text)
        };
        let mut store = self.lock();
        let candidates = store.nearest(scope, &text.embedding);
        let mut found = Found::Miss;
        for (id, similarity) in candidates {
            let Some(entry) = store.entries.get(&id).filter(|entry| entry.expires > now) else {
                continue;
            };
            let same = entry.text == digest;
            if !same && similarity < threshold {
                continue;
            }
            if same || !(long || entry.long) && entry.meaning.agrees(&meaning) {
                let hit = entry.hit(similarity.min(1.0), now);
                store.touch(id);
                return Found::Hit(hit);
            }
            found = Found::Guarded;
        }
        found
    }

    /// Keeps an answer, in the place of what is longest unused where there is no room. An answer to the same text of the
    /// same scope is replaced. An answer that alone is larger than the cache is an error.
    pub fn store(
        &self,
        scope: Scope,
        text: &Text,
        (response, content_type): (String, String),
        ttl: Duration,
        now: Instant,
    ) -> Result<(), String> {
        let (digest, long) = digested(&text.text);
        let meaning = if long {
            Meaning::default()
        } else {
            Meaning::of(&text.text)
        };
        // The index has a copy of the embedding.
        let vectors = text.embedding.len() * size_of::<f32>() * 2;
        let bytes = vectors + meaning.bytes() + response.len() + content_type.len() + OVERHEAD;
        if bytes > self.config.bytes {
            return Err(format!(
                "response: larger than the cache of {} bytes",
                self.config.bytes
            ));
        }
        let scope = Arc::new(scope);
        let mut store = self.lock();
        if let Some(&old) = store.texts.get(&(scope.clone(), digest)) {
            store.remove(old);
        }
        store.expire(now);
        while store.entries.len() >= self.config.entries || store.bytes + bytes > self.config.bytes {
            let Some((_, &oldest)) = store.uses.first_key_value() else {
                break;
            };
            store.remove(oldest);
        }
        store.insert(Entry {
            scope,
            embedding: text.embedding.as_slice().into(),
            text: digest,
            long,
            meaning,
            response: response.into(),
            content_type: content_type.into(),
            stored: now,
            // A time to live beyond the clock's end is no end; a year is as good.
            expires: now
                .checked_add(ttl)
                .unwrap_or(now + Duration::from_secs(31_536_000)),
            used: 0,
            bytes,
        });
        Ok(())
    }

    /// Entries, and about how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        let store = self.lock();
        (store.entries.len(), store.bytes)
    }

    /// An entry that a panic left half stored is in some maps and not in others, which all readers allow for.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn hit(&self, similarity: f32, now: Instant) -> Hit {
        Hit {
            response: self.response.clone(),
            content_type: self.content_type.clone(),
            similarity,
            age: now.saturating_duration_since(self.stored),
        }
    }
}

impl Store {
    /// Candidates with their likeness, the nearest first.
    fn nearest(&self, scope: &Scope, embedding: &[f32]) -> Vec<(usize, f32)> {
        let Some(index) = self.scopes.get(scope) else {
            return Vec::new();
        };
        let entry = |id: &usize| self.entries.get(id);
        let mut found: Vec<(usize, f32)> = index
            .candidates(embedding)
            .into_iter()
            .filter_map(|id| Some((id, dot(&entry(&id)?.embedding, embedding))))
            .collect();
        found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        found
    }

    fn insert(&mut self, entry: Entry) {
        let id = self.next;
        self.next += 1;
        self.bytes += entry.bytes;
        self.texts.insert((entry.scope.clone(), entry.text), id);
        self.scopes
            .entry(entry.scope.clone())
            .or_default()
            .insert(id, entry.embedding.clone());
        self.entries.insert(id, entry);
        self.touch(id);
    }

    fn touch(&mut self, id: usize) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.uses.remove(&entry.used);
            self.clock += 1;
            entry.used = self.clock;
            self.uses.insert(self.clock, id);
        }
    }

    fn remove(&mut self, id: usize) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        self.uses.remove(&entry.used);
        self.bytes -= entry.bytes;
        self.texts.remove(&(entry.scope.clone(), entry.text));
        if let Some(index) = self.scopes.get_mut(&entry.scope) {
            index.remove(id);
            if index.is_empty() {
                self.scopes.remove(&entry.scope);
            }
        }
    }

    /// Removes what has expired among the entries that are longest unused: an entry that nobody asks for is not worth a
    /// search for it.
    fn expire(&mut self, now: Instant) {
        while let Some((_, &id)) = self.uses.first_key_value() {
            match self.entries.get(&id) {
                Some(entry) if entry.expires > now => return,
                _ => self.remove(id),
            }
        }
    }
}

fn digested(text: &str) -> (Digested, bool) {
    (Sha256::digest(text.as_bytes()).into(), text.len() > LONG_TEXT)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
