//! Answers of one VM that can be given again: bounded in bytes and in time.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Api;
use crate::actions::edits::members;
use crate::json::Scanner;
use crate::reply::{EVENTS, JSON, Reply, chat_events};
use crate::request::Field;

/// What makes two requests the same: a hash of the decision, the upstream model, who asks, and what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheKey(pub(crate) [u8; 32]);

/// What may be done with the answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePlan {
    /// Where the answer is.
    pub key: CacheKey,
    /// How long a new answer is kept, in milliseconds.
    pub ttl_ms: u64,
    /// Whether an answer from before may be given.
    pub read: bool,
    /// Whether a new answer may be kept.
    pub write: bool,
    /// The greatest age, in milliseconds, of an answer from before.
    pub max_age_ms: Option<u64>,
    pub(crate) api: Api,
    pub(crate) stream: bool,
    pub(crate) usage: bool,
}

/// Answers by request; the least recently used go first. Bounded in bytes, its own structures estimated.
#[derive(Debug)]
pub struct Cache {
    max_bytes: usize,
    bytes: usize,
    /// Counts uses.
    clock: u64,
    entries: BTreeMap<Slot, Entry>,
    /// What was used when.
    uses: BTreeMap<u64, Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    key: CacheKey,
    form: Form,
}

/// How an answer was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Whole,
    /// `usage` if it says at its end what it took.
    Events {
        usage: bool,
    },
}

#[derive(Debug)]
struct Entry {
    content_type: String,
    body: Vec<u8>,
    stored_ms: u64,
    expires_ms: u64,
    used: u64,
}

/// What an entry takes beside its texts, in bytes.
const OVERHEAD: usize = 256;

impl Cache {
    /// An empty cache of `max_bytes` at most.
    pub fn new(max_bytes: usize) -> Cache {
        Cache {
            max_bytes,
            bytes: 0,
            clock: 0,
            entries: BTreeMap::new(),
            uses: BTreeMap::new(),
        }
    }

    /// The bytes that are in use.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The answer to give again, in the form that the client asked for. A stream is given to streams alone; the
    /// whole answer of chat completions becomes a stream where one is asked for.
    pub fn get(&mut self, plan: &CachePlan, now_ms: u64) -> Option<Reply> {
        if !plan.read {
            return None;
        }
        let whole = Slot {
            key: plan.key,
            form: Form::Whole,
        };
        if !plan.stream {
            return self.entry(whole, plan, now_ms).map(Entry::reply);
        }
        let events = Slot {
            key: plan.key,
            form: Form::Events { usage: plan.usage },
        };
        if let Some(entry) = self.entry(events, plan, now_ms) {
            return Some(entry.reply());
        }
        if plan.api != Api::ChatCompletions {
            return None;
        }
        let body: Value = serde_json::from_slice(&self.entry(whole, plan, now_ms)?.body).ok()?;
        Some(Reply::events(chat_events(&body, plan.usage)))
    }

    /// Keeps an answer, if it is whole, a success and not too large; says whether it did. The body must be as the
    /// model sent it, with no content encoding.
    pub fn put(
        &mut self,
        plan: &CachePlan,
        status: u16,
        content_type: &str,
        body: Vec<u8>,
        now_ms: u64,
    ) -> bool {
        let Some(form) = form(plan, content_type) else {
            return false;
        };
        let size = body.len() + content_type.len() + OVERHEAD;
        if !plan.write || status != 200 || size > self.max_bytes || !is_whole(form, plan.api, &body) {
            return false;
        }
        let slot = Slot { key: plan.key, form };
        self.remove(slot);
        while self.bytes + size > self.max_bytes {
            let Some((_, oldest)) = self.uses.first_key_value() else {
                break;
            };
            self.remove(*oldest);
        }
        self.clock += 1;
        self.bytes += size;
        self.uses.insert(self.clock, slot);
        let entry = Entry {
            content_type: content_type.to_owned(),
            body,
            stored_ms: now_ms,
            expires_ms: now_ms.saturating_add(plan.ttl_ms),
            used: self.clock,
        };
        self.entries.insert(slot, entry);
        true
    }

    fn entry(&mut self, slot: Slot, plan: &CachePlan, now_ms: u64) -> Option<&Entry> {
        let entry = self.entries.get(&slot)?;
        if now_ms >= entry.expires_ms {
            self.remove(slot);
            return None;
        }
        if plan
            .max_age_ms
            .is_some_and(|age| now_ms.saturating_sub(entry.stored_ms) > age)
        {
            return None;
        }
        self.clock += 1;
        let entry = self.entries.get_mut(&slot)?;
        self.uses.remove(&entry.used);
        entry.used = self.clock;
        self.uses.insert(self.clock, slot);
        Some(entry)
    }

    fn remove(&mut self, slot: Slot) {
        if let Some(entry) = self.entries.remove(&slot) {
            self.uses.remove(&entry.used);
            self.bytes -= entry.size();
        }
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.body.len() + self.content_type.len() + OVERHEAD
    }

    fn reply(&self) -> Reply {
        Reply {
            status: 200,
            content_type: self.content_type.clone(),
            headers: Vec::new(),
            body: self.body.clone(),
        }
    }
}

fn form(plan: &CachePlan, content_type: &str) -> Option<Form> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(JSON) {
        Some(Form::Whole)
    } else if kind.eq_ignore_ascii_case(EVENTS) && plan.stream {
        Some(Form::Events { usage: plan.usage })
    } else {
        None
    }
}

/// Whether an answer came to its end, and is no error that was sent as a success.
fn is_whole(form: Form, api: Api, body: &[u8]) -> bool {
    if form == Form::Whole {
        let is_null = |value: &[u8]| value == b"null";
        let error = |fields: Vec<Field<'_>>| {
            let mut errors = fields.into_iter().filter(|field| field.key.is("error"));
            errors.any(|field| !body.get(field.value).is_some_and(is_null))
        };
        return ends(body) && members(body).is_some_and(|fields| !error(fields));
    }
    let mut lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let is_error = |line: &[u8]| line == b"event: error" || line.starts_with(br#"data: {"error""#);
    if lines.clone().any(is_error) {
        return false;
    }
    match api {
        Api::ChatCompletions | Api::Completions => {
            lines.rfind(|line| !line.is_empty()) == Some(b"data: [DONE]")
        }
        Api::Responses => lines.any(|line| line == b"event: response.completed"),
        Api::Messages => lines.any(|line| line == b"event: message_stop"),
    }
}

fn ends(body: &[u8]) -> bool {
    let mut scanner = Scanner::new(body);
    scanner.skip().and_then(|()| scanner.end()).is_ok()
}

#[cfg(test)]
mod tests;
