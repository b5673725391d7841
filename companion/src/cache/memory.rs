//! A cache in the memory of this process, bounded in entries and bytes; what is longest unused makes room.

mod index;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::meaning::Meaning;
use super::{Answer, Digested, Found, Hit, NotStored, Scope, Text, digested, meant};
use index::Index;

/// What an entry costs beside its vectors, words and response: maps, reference counts.
const OVERHEAD: usize = 512;

/// Answers, in the order in which they were last used.
#[derive(Debug)]
pub(super) struct Memory {
    entries: usize,
    bytes: usize,
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

#[derive(Debug)]
struct Entry {
    scope: Arc<Scope>,
    embedding: Arc<[f32]>,
    text: Digested,
    /// `None` of a long text.
    meaning: Option<Meaning>,
    answer: Answer,
    stored: Instant,
    expires: Instant,
    used: u64,
    bytes: usize,
}

impl Memory {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        Self {
            entries,
            bytes,
            store: Mutex::default(),
        }
    }

    /// The answer to the nearest text of the scope that is at least `threshold` alike and means the same.
    pub(super) fn look_up(&self, scope: &Scope, text: &Text, threshold: f32, now: Instant) -> Found {
        let (digest, meaning) = (digested(&text.text), meant(&text.text));
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
            let agree = || matches!((&entry.meaning, &meaning), (Some(a), Some(b)) if a.agrees(b));
            if same || agree() {
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
    pub(super) fn store(
        &self,
        scope: Scope,
        text: &Text,
        answer: Answer,
        ttl: Duration,
        now: Instant,
    ) -> Result<(), NotStored> {
        let (digest, meaning) = (digested(&text.text), meant(&text.text));
        // The index has a copy of the embedding.
        let vectors = text.embedding.len() * size_of::<f32>() * 2;
        let words = meaning.as_ref().map_or(0, Meaning::bytes);
        let bytes = vectors + words + answer.response.len() + answer.content_type.len() + OVERHEAD;
        if bytes > self.bytes {
            return Err(NotStored::TooLarge(self.bytes));
        }
        let scope = Arc::new(scope);
        let mut store = self.lock();
        if let Some(&old) = store.texts.get(&(scope.clone(), digest)) {
            store.remove(old);
        }
        store.expire(now);
        while store.entries.len() >= self.entries || store.bytes + bytes > self.bytes {
            let Some((_, &oldest)) = store.uses.first_key_value() else {
                break;
            };
            store.remove(oldest);
        }
        store.insert(Entry {
            scope,
            embedding: text.embedding.as_slice().into(),
            text: digest,
            meaning,
            answer,
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
    pub(super) fn size(&self) -> (usize, usize) {
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
            answer: self.answer.clone(),
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

/// The scalar product of two vectors of one length, in sums side by side: a compiler may not reorder a single one.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, last_a), (b, last_b)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let last: f32 = last_a.iter().zip(last_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + last
}

#[cfg(test)]
mod tests;
