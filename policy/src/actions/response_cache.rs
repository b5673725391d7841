//! `response_cache`: answers that are given again to the same request.

use sha2::{Digest, Sha256};

use super::retention::Retention;
use crate::cache::{CacheKey, CachePlan};
use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::decision::Choice;
use crate::json::Scanner;
use crate::{Api, Context, Request, Verdict};

/// Which answers of a decision are kept, for whom and for how long.
#[derive(Debug)]
pub(crate) struct ResponseCache {
    /// The request header that says who shares an answer; None for everyone.
    scope: Option<String>,
    ttl_s: u64,
    controls: Option<Controls>,
    /// Tells decisions apart, also those of one name in several recipes.
    decision: Vec<u8>,
}

/// What requests may say about their caching.
#[derive(Debug)]
struct Controls {
    header: String,
    allowed: Vec<String>,
    max_ttl_s: Option<u64>,
}

/// What the whole document says of caching.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) enabled: bool,
    pub(crate) ttl_s: u64,
    /// The header that names the user.
    pub(crate) user_header: String,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            enabled: true,
            ttl_s: 3600,
            user_header: "x-authz-user-id".to_owned(),
        }
    }
}

/// A larger body is not looked up: hashing it would cost more than a request should wait.
const MAX_BODY_BYTES: usize = 256 << 10;

/// A year, in seconds.
const LONGEST_S: i64 = 31_536_000;

const DIRECTIVES: [&str; 5] = ["no-cache", "no-store", "bypass", "max-age", "ttl"];

/// Reads the plugin's configuration. `decision` is the decision as it stands in the document.
pub(crate) fn read(object: &mut Object<'_>, store: &Store, decision: &str) -> Option<ResponseCache> {
    let modes = [
        ("exact", true),
        ("semantic", false),
        ("exact_then_semantic", false),
    ];
    let exact = object.choice("mode", &modes).unwrap_or(false);
    if !exact {
        let why = "only the same request is answered from the cache; the companion can answer similar ones";
        object.warn("mode", why);
    }
    for key in ["semantic", "similarity_threshold", "personalized", "revision"] {
        object.ignore(&[key]);
    }
    let scopes = [
        ("user", Some(store.user_header.as_str())),
        ("team", Some("x-authz-team-id")),
        ("tenant", Some("x-authz-tenant-id")),
        ("global", None),
    ];
    let scope = object
        .choice("scope", &scopes)
        .unwrap_or(Some(&store.user_header));
    let ttl_s = object
        .integer("ttl_seconds", 0..=LONGEST_S)
        .and_then(|ttl| u64::try_from(ttl).ok());
    let controls = read_controls(object);
    if !store.enabled {
        let path = object.path().to_owned();
        object
            .report()
            .warn(path, "has no effect: global.stores.response_cache is not enabled");
    }
    store.enabled.then(|| ResponseCache {
        scope: scope.map(str::to_owned),
        ttl_s: ttl_s.unwrap_or(store.ttl_s),
        controls,
        decision: Sha256::digest(decision).to_vec(),
    })
}

fn read_controls(object: &mut Object<'_>) -> Option<Controls> {
    const HEADER: &str = "x-vsr-cache-control";
    let flat = object.flag("allow_request_controls").unwrap_or(false);
    let flat_header = object.text("control_header").unwrap_or(HEADER);
    let Some(mut object) = object.object("request_controls") else {
        return flat.then(|| controls(flat_header, None, None));
    };
    let on = object.flag("enabled").unwrap_or(false);
    let header = object.text("header").filter(|name| !name.trim().is_empty());
    let allowed = object.texts("allowed").filter(|names| !names.is_empty());
    for name in allowed.iter().flatten() {
        if !DIRECTIVES.contains(&name.trim().to_ascii_lowercase().as_str()) {
            object.error(
                "allowed",
                format!("{} is not one of {}", quoted(name), DIRECTIVES.join(", ")),
            );
        }
    }
    let max_ttl = object.integer("max_ttl_seconds", 0..=LONGEST_S);
    object.finish();
    on.then(|| controls(header.unwrap_or(HEADER), allowed, max_ttl))
}

fn controls(header: &str, allowed: Option<Vec<&str>>, max_ttl: Option<i64>) -> Controls {
    let allowed = allowed.unwrap_or_else(|| vec!["no-cache", "no-store", "bypass"]);
    Controls {
        header: header.trim().to_ascii_lowercase(),
        allowed: allowed
            .iter()
            .map(|name| name.trim().to_ascii_lowercase())
            .collect(),
        max_ttl_s: max_ttl.and_then(|ttl| u64::try_from(ttl).ok()),
    }
}

/// What one request says about its caching.
#[derive(Default)]
struct Wishes {
    fresh: bool,
    private: bool,
    max_age_s: Option<u64>,
    ttl_s: Option<u64>,
}

impl Controls {
    /// Reads the request's header, as VSR does.
    fn read(&self, context: &Context<'_>) -> Wishes {
        let header = context.header(&self.header).unwrap_or_default();
        let text = String::from_utf8_lossy(&header).to_ascii_lowercase();
        let mut wishes = Wishes::default();
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let (name, value) = (name.trim(), value.trim().parse().ok());
            if !self.allowed.iter().any(|allowed| allowed == name) {
                continue;
            }
            match name {
                "no-cache" => wishes.fresh = true,
                "no-store" => wishes.private = true,
                "bypass" => (wishes.fresh, wishes.private) = (true, true),
                "max-age" => wishes.max_age_s = value,
                _ => wishes.ttl_s = value.map(|ttl: u64| ttl.min(self.max_ttl_s.unwrap_or(ttl))),
            }
        }
        wishes
    }
}

impl ResponseCache {
    /// Where the answer to a request may be and go; None if it is not cached.
    pub(crate) fn plan(
        &self,
        verdict: &Verdict,
        choice: Option<&Choice>,
        retention: Option<&Retention>,
        request: &Request<'_>,
        context: &Context<'_>,
    ) -> Option<CachePlan> {
        if request.body().len() > MAX_BODY_BYTES || depends_on_more(request) {
            return None;
        }
        let owner = match &self.scope {
            Some(header) => Some(context.header(header).filter(|value| !value.is_empty())?),
            None => None,
        };
        let wishes = self
            .controls
            .as_ref()
            .map(|controls| controls.read(context))
            .unwrap_or_default();
        let ttl_s = wishes.ttl_s.map_or(self.ttl_s, |ttl| ttl.min(self.ttl_s));
        let ttl_ms = retention
            .and_then(Retention::ttl_ms)
            .unwrap_or(ttl_s.saturating_mul(1000));
        let write = !wishes.private && ttl_ms > 0 && retention.is_none_or(Retention::stores);
        (write || !wishes.fresh).then(|| CachePlan {
            key: self.key(&verdict.upstream_model, choice, owner.as_deref(), request),
            ttl_ms,
            read: !wishes.fresh,
            write,
            max_age_ms: wishes.max_age_s.map(|age| age.saturating_mul(1000)),
            api: request.api(),
            stream: request.stream(),
            usage: asks_for_usage(request),
        })
    }

    fn key(
        &self,
        model: &str,
        choice: Option<&Choice>,
        owner: Option<&[u8]>,
        request: &Request<'_>,
    ) -> CacheKey {
        let mut hash = Sha256::new();
        let thinks = choice.is_some_and(|choice| choice.reasoning.on);
        let effort = choice.map_or("", |choice| choice.reasoning.effort.as_str());
        let parts = [
            &self.decision,
            model.as_bytes(),
            &[u8::from(thinks)],
            effort.as_bytes(),
            self.scope.as_deref().unwrap_or_default().as_bytes(),
            owner.unwrap_or_default(),
            request.api().as_str().as_bytes(),
        ];
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let fields = request
            .fields()
            .iter()
            .map(|field| (field.key.decode(), &field.value));
        // How the answer is sent is not what it says, and the model has been chosen.
        let mut fields: Vec<_> = fields
            .filter(|(key, _)| !matches!(key.as_ref(), "stream" | "stream_options" | "model"))
            .collect();
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, place) in fields {
            hash.update((key.len() as u64).to_le_bytes());
            hash.update(key.as_bytes());
            let value = request.body().get(place.clone()).unwrap_or_default();
            without_spaces(value, |part| hash.update(part));
        }
        CacheKey(hash.finalize().into())
    }
}

/// Whether the answer depends on what the server knows of earlier requests.
fn depends_on_more(request: &Request<'_>) -> bool {
    let keys = ["previous_response_id", "conversation", "background"];
    request.api() == Api::Responses && keys.iter().any(|key| request.field(key).is_some())
}

fn asks_for_usage(request: &Request<'_>) -> bool {
    let options = request.field("stream_options").unwrap_or_default();
    let fields = super::edits::members(options).unwrap_or_default();
    let field = fields.iter().rfind(|field| field.key.is("include_usage"));
    field.is_some_and(|field| options.get(field.value.clone()) == Some(b"true"))
}

/// The parts of a JSON value between its insignificant whitespace.
fn without_spaces(value: &[u8], mut part: impl FnMut(&[u8])) {
    let mut rest = value;
    while !rest.is_empty() {
        let quote = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let (outside, tail) = rest.split_at_checked(quote).unwrap_or((rest, &[]));
        outside.split(u8::is_ascii_whitespace).for_each(&mut part);
        let mut scanner = Scanner::starting(tail, 0);
        let end = scanner.string().map_or(tail.len(), |_| scanner.position());
        let (string, after) = tail.split_at_checked(end).unwrap_or((tail, &[]));
        part(string);
        rest = after;
    }
}
