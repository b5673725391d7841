//! Scenario files: requests, and what must come of them on any host. `tests/scenarios/README.md` has the format.

mod body;
mod outcome;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

pub use body::{Body, Bytes};
pub use outcome::{Outcome, difference, replace_model};

use crate::{
    message::{Framing, Pace, Request},
    policy,
};

/// One request and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence of fact.
    pub name: String,
    #[serde(default)]
    config: Config,
    request: RequestSpec,
    pub expect: Expect,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    #[default]
    Guide,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Config {
    Named(Named),
    Patch(serde_json::Map<String, Value>),
}

impl Default for Config {
    fn default() -> Self {
        Self::Named(Named::Guide)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestSpec {
    #[serde(default = "post")]
    method: String,
    #[serde(default = "chat_completions")]
    path: String,
    headers: Option<Vec<(String, Bytes)>>,
    #[serde(default)]
    body: Body,
    #[serde(default = "content_length")]
    framing: Vec<Framing>,
    #[serde(default)]
    pace: Pace,
}

fn post() -> String {
    "POST".into()
}

fn chat_completions() -> String {
    "/v1/chat/completions".into()
}

fn content_length() -> Vec<Framing> {
    vec![Framing::ContentLength]
}

/// What must come of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status that the client sees; 200 unless given.
    #[serde(default = "ok")]
    pub status: u16,
    /// The cluster that serves the request.
    pub upstream: Option<String>,
    /// No upstream may see the request.
    #[serde(default)]
    pub no_upstream: bool,
    /// What the upstream receives; the body as sent unless given.
    #[serde(default)]
    pub body: BodyExpect,
    /// All values of these headers at the upstream, in order.
    #[serde(default)]
    pub request_headers: BTreeMap<String, Vec<String>>,
    /// Headers that must not reach the upstream.
    #[serde(default)]
    pub no_request_headers: Vec<String>,
    /// Headers of the response and their one value.
    #[serde(default)]
    pub response_headers: BTreeMap<String, String>,
    /// Headers that the response must not have.
    #[serde(default)]
    pub no_response_headers: Vec<String>,
}

fn ok() -> u16 {
    200
}

/// How the body at the upstream relates to the body that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyExpect {
    /// Every byte is the same.
    #[default]
    Unchanged,
    /// Every byte is the same, save that the string "auto" (which the body has once) is this model.
    Model(String),
    /// These bytes, where more than one value changes.
    Exactly(String),
}

impl Scenario {
    /// The policy that the filter is configured with.
    pub fn policy(&self) -> Result<Value> {
        let mut policy = policy::guide()?;
        if let Config::Patch(patch) = &self.config {
            policy::merge(&mut policy, &Value::Object(patch.clone()));
        }
        Ok(policy)
    }

    /// The request to send.
    pub fn request(&self) -> Result<Request> {
        let json = || vec![("content-type".into(), Bytes::Text("application/json".into()))];
        let headers = self.request.headers.clone().unwrap_or_else(json);
        let headers = headers
            .into_iter()
            .map(|(name, value)| Ok((name, value.bytes()?)));
        Ok(Request {
            method: self.request.method.clone(),
            path: self.request.path.clone(),
            headers: headers.collect::<Result<_>>()?,
            body: self.request.body.bytes().with_context(|| self.name.clone())?,
        })
    }

    /// The ways in which the request is to be sent, each of which must give the same outcome.
    pub fn framings(&self) -> &[Framing] {
        &self.request.framing
    }

    /// How fast the body is to be sent.
    pub fn pace(&self) -> Pace {
        self.request.pace
    }
}

/// All scenarios of `tests/scenarios/*.yaml`, each with the name of its file.
pub fn all() -> Result<Vec<(String, Scenario)>> {
    let folder = crate::root().join("tests/scenarios");
    let mut files: Vec<_> = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut scenarios = Vec::new();
    for file in files
        .iter()
        .map(fs::DirEntry::path)
        .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
    {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let loaded = read(&file)?;
        scenarios.extend(loaded.into_iter().map(|scenario| (name.clone(), scenario)));
    }
    Ok(scenarios)
}

/// The scenarios of one file.
pub fn read(file: &Path) -> Result<Vec<Scenario>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    parse(&text).with_context(|| file.display().to_string())
}

// By way of a JSON value: its errors name the field, and its untagged enums know the type of a scalar.
fn parse(text: &str) -> Result<Vec<Scenario>> {
    let values: Vec<Value> = serde_saphyr::from_str(text)?;
    let parsed = values.into_iter().map(|value| {
        let name = value.get("name").map(Value::to_string).unwrap_or_default();
        serde_json::from_value(value).with_context(|| format!("scenario {name}"))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests;
