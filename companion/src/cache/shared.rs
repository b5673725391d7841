//! A cache that many processes share: Redis or Valkey with vector search (`FT.*`, as RediSearch and valkey-search have it).
//!
//! An entry is a hash with a time to live. Its key has the scope and the text as digests, so that the same text is found
//! without a search, and one scope's keys are not another's. How much is kept is the server's `maxmemory`.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use sha2::{Digest, Sha256};

use super::{Answer, Found, Hit, LONG_TEXT, NotStored, Scope, Text, digested, meant};

/// Begins the names of all keys and indexes; the number changes with the form of the entries.
const PREFIX: &str = "promptswitch:1";

/// Nearest texts that are looked at: the nearest ones may not mean the same.
const CANDIDATES: usize = 8;

/// What an index is made for; `FT.CREATE` is waited for at start only.
const PREPARE: Duration = Duration::from_secs(2);

pub(super) struct Shared {
    server: ConnectionManager,
    address: String,
    timeout: Duration,
    /// Lengths of embeddings whose index is known to be there.
    indexed: Mutex<HashSet<usize>>,
    down: AtomicBool,
}

/// The fields of an entry that make a hit: response, content type, milliseconds since 1970.
type Fields = (Option<String>, Option<String>, Option<u64>);

struct Candidate {
    key: String,
    similarity: f32,
    text: String,
}

enum Failure {
    Server(RedisError),
    Late,
}

impl Shared {
    /// Connects when something is first asked, and again whenever the connection is lost.
    pub(super) fn new(client: redis::Client, timeout: Duration) -> Result<Self, String> {
        let address = client.get_connection_info().addr().to_string();
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PREPARE))
            .set_response_timeout(Some(PREPARE))
            .set_number_of_retries(0);
        let server = ConnectionManager::new_lazy_with_config(client, config);
        Ok(Self {
            server: server.map_err(|error| format!("cache_url: {error}"))?,
            address,
            timeout,
            indexed: Mutex::default(),
            down: AtomicBool::new(false),
        })
    }

    /// Makes the index for embeddings of a length. An error if the server answers that it cannot; that it does not answer
    /// is none, since it may come later.
    pub(super) async fn prepare(&self, width: usize) -> Result<(), String> {
        match self.bounded(PREPARE, self.index(width)).await {
            Err(Failure::Server(error)) if is_final(&error) => {
                Err(format!("cache_url: {}: {error}{}", self.address, hint(&error)))
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn look_up(&self, scope: &Scope, text: &Text, threshold: f32) -> Found {
        let found = self.find(scope, text, threshold);
        self.bounded(self.timeout, found).await.unwrap_or_else(|_| {
            // It may have lost its index; the next look-up makes it again.
            self.indexed().clear();
            Found::Unavailable
        })
    }

    pub(super) async fn store(
        &self,
        scope: &Scope,
        text: &Text,
        answer: &Answer,
        ttl: Duration,
    ) -> Result<(), NotStored> {
        let keep = self.keep(scope, text, answer, ttl);
        let kept = self.bounded(self.timeout, keep).await;
        kept.map_err(|_| NotStored::Unavailable)
    }

    async fn find(&self, scope: &Scope, text: &Text, threshold: f32) -> Result<Found, RedisError> {
        let width = text.embedding.len();
        self.index(width).await?;
        let place = Place::of(scope, width);
        let mut server = self.server.clone();
        let mut ask = redis::pipe();
        ask.add_command(fields(&place.key(&text.text)));
        let Some(meaning) = meant(&text.text) else {
            let (same,): (Fields,) = ask.query_async(&mut server).await?;
            return Ok(hit(same, 1.0).map_or(Found::Miss, Found::Hit));
        };
        ask.cmd("FT.SEARCH")
            .arg(&place.index)
            .arg(format!(
                "(@scope:{{{}}})=>[KNN {CANDIDATES} @embedding $vector]",
                place.scope
            ))
            .arg(&["PARAMS", "2", "vector"])
            .arg(bytes(&text.embedding))
            .arg(&["RETURN", "2", "text", "__embedding_score"])
            .arg(&["LIMIT", "0"])
            .arg(CANDIDATES)
            .arg(&["DIALECT", "2"]);
        let (same, near): (Fields, Vec<Value>) = ask.query_async(&mut server).await?;
        if let Some(hit) = hit(same, 1.0) {
            return Ok(Found::Hit(hit));
        }
        let mut near = candidates(near);
        near.retain(|near| near.similarity >= threshold && place.has(&near.key));
        near.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let guarded = !near.is_empty();
        near.retain(|near| meant(&near.text).is_some_and(|theirs| theirs.agrees(&meaning)));
        for Candidate { key, similarity, .. } in near {
            let found = fields(&key).query_async(&mut server).await?;
            // It may have expired since.
            if let Some(hit) = hit(found, similarity) {
                return Ok(Found::Hit(hit));
            }
        }
        Ok(if guarded { Found::Guarded } else { Found::Miss })
    }

    async fn keep(
        &self,
        scope: &Scope,
        text: &Text,
        answer: &Answer,
        ttl: Duration,
    ) -> Result<(), RedisError> {
        let width = text.embedding.len();
        self.index(width).await?;
        let place = Place::of(scope, width);
        let key = place.key(&text.text);
        let mut keep = redis::pipe();
        keep.atomic().cmd("HSET").arg(&key);
        keep.arg("response").arg(&*answer.response);
        keep.arg("content_type").arg(&*answer.content_type);
        keep.arg("stored").arg(now());
        // A long text is found by its key only: what has no scope and no embedding is not in the index.
        if text.text.len() <= LONG_TEXT {
            keep.arg("text").arg(&text.text);
            keep.arg("scope").arg(&place.scope);
            keep.arg("embedding").arg(bytes(&text.embedding));
        }
        keep.cmd("PEXPIRE").arg(&key).arg(millis(ttl));
        keep.exec_async(&mut self.server.clone()).await
    }

    /// Makes the index for embeddings of a length, unless it is known to be there.
    async fn index(&self, width: usize) -> Result<(), RedisError> {
        if self.indexed().contains(&width) {
            return Ok(());
        }
        let index = format!("{PREFIX}:{width}");
        let mut make = redis::cmd("FT.CREATE");
        make.arg(&index).arg(&["ON", "HASH", "PREFIX", "1"]);
        make.arg(format!("{index}:")).arg(&["SCHEMA", "scope", "TAG"]);
        make.arg(&["embedding", "VECTOR", "HNSW", "6", "TYPE", "FLOAT32"]);
        make.arg("DIM").arg(width).arg(&["DISTANCE_METRIC", "COSINE"]);
        match make.exec_async(&mut self.server.clone()).await {
            Err(error) if !error.to_string().contains("already exists") => return Err(error),
            _ => self.indexed().insert(width),
        };
        Ok(())
    }

    /// What comes in time; the log says when it begins and when it ceases not to.
    async fn bounded<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, Failure> {
        let result = match tokio::time::timeout(timeout, work).await {
            Ok(result) => result.map_err(Failure::Server),
            Err(_) => Err(Failure::Late),
        };
        let down = result.is_err();
        if down != self.down.swap(down, Ordering::Relaxed) {
            match &result {
                Ok(_) => log::info!("cache: {} answers again", self.address),
                Err(Failure::Late) => log::warn!("cache: {} takes more than {timeout:?}", self.address),
                Err(Failure::Server(error)) => log::warn!("cache: {}: {error}", self.address),
            }
        }
        result
    }

    fn indexed(&self) -> std::sync::MutexGuard<'_, HashSet<usize>> {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shared({})", self.address)
    }
}

/// Where the entries of a scope are.
struct Place {
    index: String,
    scope: String,
}

impl Place {
    fn of(scope: &Scope, width: usize) -> Self {
        let Scope {
            tenant,
            user,
            model,
            system_hash,
            context,
            embeddings,
        } = scope;
        let mut hash = Sha256::new();
        for part in [tenant, user, model, system_hash, context, embeddings] {
            // With its length, so that no part can pass for the end of another.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self {
            index: format!("{PREFIX}:{width}"),
            scope: hex(&hash.finalize()),
        }
    }

    fn key(&self, text: &str) -> String {
        format!("{}:{}:{}", self.index, self.scope, hex(&digested(text)))
    }

    /// Whether a key is of this scope: the search says so, and is not taken at its word.
    fn has(&self, key: &str) -> bool {
        let rest = key.strip_prefix(&self.index).and_then(|k| k.strip_prefix(':'));
        rest.is_some_and(|rest| rest.starts_with(&self.scope))
    }
}

/// Whether the same would be answered again: the server is not what it should be, or refuses us.
fn is_final(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::NoPerm)
            | ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig
            | ErrorKind::Extension
    )
}

fn hint(error: &RedisError) -> &'static str {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError) => {
            " (it takes vector search, which Redis 8, Redis Stack and Valkey with valkey-search have)"
        }
        _ => "",
    }
}

fn fields(key: &str) -> redis::Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(&["response", "content_type", "stored"]);
    command
}

fn hit((response, content_type, stored): Fields, similarity: f32) -> Option<Hit> {
    Some(Hit {
        answer: Answer {
            response: Arc::from(response?),
            content_type: Arc::from(content_type?),
        },
        similarity: similarity.min(1.0),
        age: Duration::from_millis(now().saturating_sub(stored?)),
    })
}

/// What `FT.SEARCH` found: a count, then in turns a key and its fields. What is not of that form, as an entry that is
/// just expiring, is left out.
fn candidates(found: Vec<Value>) -> Vec<Candidate> {
    let mut found = found.into_iter().skip(1);
    let mut candidates = Vec::new();
    while let (Some(key), Some(fields)) = (found.next(), found.next()) {
        candidates.extend(candidate(key, fields));
    }
    candidates
}

fn candidate(key: Value, fields: Value) -> Option<Candidate> {
    let mut fields: BTreeMap<String, String> = FromRedisValue::from_redis_value(fields).ok()?;
    // Its distance is 1 - cosine.
    let distance: f32 = fields.get("__embedding_score")?.parse().ok()?;
    Some(Candidate {
        key: FromRedisValue::from_redis_value(key).ok()?,
        similarity: 1.0 - distance,
        text: fields.remove("text")?,
    })
}

fn bytes(embedding: &[f32]) -> Vec<u8> {
    embedding.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}
