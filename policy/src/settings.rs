//! The `promptswitch:` block of a document.

use crate::{Api, EndpointSettings, Offload, Template};

/// What the filter itself is to do, as the `promptswitch:` block says.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Whether bodies are read.
    pub mode: Mode,
    /// The request headers that a decision writes.
    pub outputs: Vec<Output>,
    /// Which paths are routed, longest suffix first.
    pub paths: Vec<PathRule>,
    /// Request headers to remove on every path beside those of `outputs`; in lower case.
    pub strip: Vec<String>,
    /// What a request may cost.
    pub limits: Limits,
    /// What keeps weighted models apart: a conversation, or chance.
    pub sticky: Sticky,
    /// The request header, in lower case, that names a conversation before all others.
    pub sticky_header: Option<String>,
    /// The companion to ask, if there is one.
    pub offload: Option<Offload>,
    /// The endpoints to choose from, if that is the filter's to do.
    pub endpoints: Option<EndpointSettings>,
    /// Whether responses say what was decided.
    pub response_headers: bool,
    /// The value of `{objective}`; may be empty.
    pub objective: String,
    /// The value of `{namespace}`; may be empty.
    pub namespace: String,
}

/// Whether bodies are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Requests are held until their body is there, and routed by it.
    Body,
    /// Nothing is held; the default model's headers are set.
    Headers,
}

/// How long a choice by weight holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sticky {
    /// For a conversation.
    #[default]
    Conversation,
    /// For one request.
    Request,
}

/// One request header that a decision writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name, in lower case.
    pub header: String,
    /// The value.
    pub value: Template,
}

/// One path suffix, and the API that is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// The end of the path, from a `/` on.
    pub suffix: String,
    /// The API.
    pub api: Api,
}

/// What a request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body that is read, in bytes; 1 to 1 GiB.
    pub max_body_bytes: usize,
    /// How many tokens of a prompt are classified; 16 to 128.
    pub max_tokens: usize,
    /// The most that a VM keeps of answers, in bytes; 1 to 1 GiB.
    pub max_cache_bytes: usize,
}

pub(crate) const DEFAULT_PATHS: [(&str, Api); 4] = [
    ("/v1/chat/completions", Api::ChatCompletions),
    ("/v1/completions", Api::Completions),
    ("/v1/responses", Api::Responses),
    ("/v1/messages", Api::Messages),
];

impl Default for Settings {
    fn default() -> Self {
        let path = |(suffix, api): (&str, Api)| PathRule {
            suffix: suffix.to_owned(),
            api,
        };
        Settings {
            mode: Mode::Body,
            outputs: vec![Output {
                header: "x-selected-model".to_owned(),
                value: Template::model(),
            }],
            paths: DEFAULT_PATHS.into_iter().map(path).collect(),
            strip: Vec::new(),
            limits: Limits {
                max_body_bytes: 4 << 20, // 4 MiB
                max_tokens: 128,
                max_cache_bytes: 8 << 20, // 8 MiB
            },
            sticky: Sticky::Conversation,
            sticky_header: None,
            offload: None,
            endpoints: None,
            response_headers: true,
            objective: String::new(),
            namespace: String::new(),
        }
    }
}

impl Settings {
    /// The API spoken at `path`, by the longest suffix that fits; None where requests are not routed. A query is
    /// not part of the path.
    pub fn api_for_path(&self, path: &[u8]) -> Option<Api> {
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        let rule = self
            .paths
            .iter()
            .find(|rule| path.ends_with(rule.suffix.as_bytes()));
        rule.map(|rule| rule.api)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_follows_from_the_end_of_the_path() {
        let table: [(&str, Option<Api>); 9] = [
            ("/v1/chat/completions", Some(Api::ChatCompletions)),
            (
                "/openai/v1/chat/completions?api-version=1",
                Some(Api::ChatCompletions),
            ),
            ("/v1/completions", Some(Api::Completions)),
            ("/v1/responses?", Some(Api::Responses)),
            ("/v1/messages", Some(Api::Messages)),
            ("/v1/embeddings", None),
            ("/v1/responses/resp_1", None),
            ("/x?y=/v1/messages", None),
            ("", None),
        ];
        for (path, api) in table {
            assert_eq!(Settings::default().api_for_path(path.as_bytes()), api, "{path}");
        }
    }
}
