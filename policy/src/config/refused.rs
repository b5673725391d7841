//! What VSR has and a filter cannot do: each by name, why, and what to use instead.

use super::reader::Object;
use super::report::quoted;

/// Name, why it is not supported, and what to use instead, if there is something.
type Refused = (&'static str, &'static str, &'static str);

const PLUGINS: [Refused; 11] = [
    (
        "rag",
        "a filter has no document store",
        "retrieve in a service before the gateway",
    ),
    (
        "memory",
        "a filter keeps nothing of a conversation",
        "keep it in the client or in a service",
    ),
    (
        "hallucination",
        "answers are not held to be checked",
        "check them in a service behind the gateway",
    ),
    (
        "response_jailbreak",
        "answers are not held to be checked",
        "check prompts by jailbreak signals",
    ),
    (
        "image_gen",
        "requests are not translated to another API",
        "route to a model that serves images",
    ),
    (
        "context_compression",
        "prompts are not rewritten",
        "compact them in the client",
    ),
    (
        "tool_selection",
        "there is no database of tools",
        "the plugin `tools` with allow_tools or block_tools",
    ),
    (
        "shadow_dispatch",
        "one request makes one call",
        "the gateway's request mirroring",
    ),
    (
        "jailbreak",
        "it is no plugin since v0.3",
        "a jailbreak signal, and a decision with fast_response",
    ),
    (
        "pii",
        "it is no plugin since v0.3",
        "a pii signal, and a decision with fast_response",
    ),
    ("kv_transfer", "it needs the model servers' own connectors", ""),
];

const ONE_CALL: &str = "one request makes one call";
const TRAINED: &str = "it needs files that are trained elsewhere";
const PLAIN: &str = "static, latency_aware or multi_factor";

const ALGORITHMS: [Refused; 19] = [
    ("confidence", ONE_CALL, "decide by complexity signals"),
    ("ratings", ONE_CALL, PLAIN),
    ("remom", ONE_CALL, PLAIN),
    ("fusion", ONE_CALL, PLAIN),
    ("workflows", ONE_CALL, PLAIN),
    ("automix", ONE_CALL, "decide by complexity signals"),
    ("prompt", "it asks another model first", PLAIN),
    ("knn", TRAINED, PLAIN),
    ("kmeans", TRAINED, PLAIN),
    ("svm", TRAINED, PLAIN),
    ("mlp", TRAINED, PLAIN),
    (
        "router_dc",
        "model cards are not compared with prompts",
        "decide by embedding signals",
    ),
    (
        "hybrid",
        "it joins algorithms that need more than a filter has",
        "multi_factor",
    ),
    ("elo", "ratings of answers are not collected", PLAIN),
    ("rl_driven", "ratings of answers are not collected", PLAIN),
    ("gmtrouter", "ratings of answers are not collected", PLAIN),
    (
        "session_aware",
        "it needs the state of conversations",
        "give modelRefs weights: a conversation stays on one",
    ),
    ("prism", "it needs VSR's model catalog", PLAIN),
    ("decision_model", "it asks another model first", PLAIN),
];

/// Reports a plugin that is refused; false if the name is not one.
pub(crate) fn plugin(object: &Object<'_>, name: &str) -> bool {
    report(object, "plugin", name, &PLUGINS)
}

/// Whether a plugin of this name is refused.
pub(crate) fn is_plugin(name: &str) -> bool {
    PLUGINS.iter().any(|(known, ..)| *known == name)
}

/// Reports an algorithm that is refused or unknown.
pub(crate) fn algorithm(object: &Object<'_>, name: &str) {
    if !report(object, "algorithm", name, &ALGORITHMS) {
        object.error(
            "type",
            format!("unknown algorithm {}; known are {PLAIN}", quoted(name)),
        );
    }
}

fn report(object: &Object<'_>, what: &str, name: &str, table: &[Refused]) -> bool {
    let Some((name, why, instead)) = table.iter().find(|(known, ..)| *known == name) else {
        return false;
    };
    let comma = if instead.is_empty() { "" } else { "; instead: " };
    object.error(
        "type",
        format!("the {what} `{name}` is not supported: {why}{comma}{instead}"),
    );
    true
}
