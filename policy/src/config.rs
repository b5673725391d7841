//! From a document to a [`Policy`], with everything that is wrong with it reported at once.
//!
//! What a document asks for and this crate does not do is an error where leaving it out would change which model
//! answers, what it sees, or what is let through; it is a warning where it only tunes VSR's own machinery.

mod cards;
mod decisions;
mod endpoints;
pub(crate) mod examples;
mod global;
pub(crate) mod modules;
pub(crate) mod nearest;
mod offload;
mod plugins;
mod projections;
mod providers;
pub(crate) mod reader;
mod recipes;
pub(crate) mod refused;
pub(crate) mod report;
mod routing;
pub(crate) mod rules;
pub(crate) mod settings;
pub(crate) mod setup;

use serde_json::{Map, Value};

use crate::{Diagnostic, Loaded, Policy, Scorer, Severity};
use reader::Object;
use report::Report;

/// The version of the documents that are read.
const VERSION: &str = "v0.3";

/// Top-level keys of the documents before v0.3.
const OLD_KEYS: [&str; 12] = [
    "bert_model",
    "vllm_endpoints",
    "model_config",
    "classifier",
    "categories",
    "decisions",
    "signals",
    "default_model",
    "semantic_cache",
    "prompt_guard",
    "reasoning_families",
    "keyword_rules",
];

pub(crate) fn from_json(bytes: &[u8], scorer: &mut dyn Scorer) -> Result<Loaded, Vec<Diagnostic>> {
    match serde_json::from_slice(bytes) {
        Ok(value) => from_value(&value, scorer),
        Err(error) => Err(failure(format!("not JSON: {error}"))),
    }
}

pub(crate) fn from_value(value: &Value, scorer: &mut dyn Scorer) -> Result<Loaded, Vec<Diagnostic>> {
    let Value::Object(document) = value else {
        return Err(failure(format!(
            "must be a vLLM Semantic Router {VERSION} document, found {}",
            report::kind(value)
        )));
    };
    check_version(document)?;
    let report = Report::default();
    let policy = read(Object::new(String::new(), document, &report), scorer);
    let findings = report.into_sorted();
    match policy {
        Some(policy)
            if findings
                .iter()
                .all(|finding| finding.severity == Severity::Warning) =>
        {
            Ok(Loaded {
                policy,
                warnings: findings,
            })
        }
        _ => Err(findings),
    }
}

fn failure(message: String) -> Vec<Diagnostic> {
    vec![Diagnostic {
        severity: Severity::Error,
        path: String::new(),
        message,
    }]
}

/// Reports nothing else of a document of another version: its keys mean other things.
fn check_version(document: &Map<String, Value>) -> Result<(), Vec<Diagnostic>> {
    let found = match document.get("version") {
        Some(Value::String(version)) if version == VERSION => return Ok(()),
        Some(Value::String(version)) => format!("`version` {}", report::quoted(version)),
        Some(other) => format!("{} as `version`", report::kind(other)),
        None => {
            let old = OLD_KEYS.into_iter().filter(|key| document.contains_key(*key));
            let old: Vec<_> = old.map(|key| format!("`{key}`")).collect();
            match old.as_slice() {
                [] => "no `version`".to_owned(),
                _ => format!("no `version`, and {} of the older flat schema", old.join(", ")),
            }
        }
    };
    Err(failure(format!(
        "must be a vLLM Semantic Router document with `version: {VERSION}`, found {found} \
         (`promptswitch import` converts older documents)"
    )))
}

fn read(mut document: Object<'_>, scorer: &mut dyn Scorer) -> Option<Policy> {
    document.ignore(&["version"]);
    let settings = settings::read(document.object("promptswitch"));
    let owned_headers = settings::owned_headers(&settings);
    let global = global::read(document.object("global"), owned_headers);
    let providers = providers::read(document.object_or_empty("providers"), &global.auto_names);
    endpoints::check(&settings, &providers, document.report());
    let (profiles, report) = (recipes::read(&mut document), document.report());
    let routing = routing::read(profiles, &global, &providers, report, scorer);
    let entrypoints = recipes::read_entrypoints(&mut document, &routing.recipes, &global, &providers);
    document.tuning("listeners", "the listeners are the gateway's own");
    document.finish();
    Some(Policy {
        owned_headers: global.owned_headers,
        settings,
        default_model: providers.default_model?,
        entrypoints,
        skip_processing: global.skip_processing,
        models: providers.models,
        model_names: providers.names,
        adapters: routing.adapters,
        signals: routing.signals,
        recipes: routing.recipes,
    })
}
