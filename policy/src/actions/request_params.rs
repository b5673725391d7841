//! `request_params`: parameters that clients may not set, or not so high.

use super::edits::Edits;
use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::request::Field;
use crate::{Api, Request};

/// Limits to the parameters of a request.
#[derive(Debug)]
pub(crate) struct RequestParams {
    blocked: Vec<String>,
    max_tokens: Option<i64>,
    max_n: Option<i64>,
    strip_unknown: bool,
}

/// All keys under which a body says how long an answer may be.
const TOKENS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// Without these there is no request.
const NEEDED: [&str; 4] = ["model", "messages", "prompt", "input"];

/// Reads the plugin's configuration.
pub(crate) fn read(object: &mut Object<'_>) -> RequestParams {
    let blocked = object.texts("blocked_params").unwrap_or_default();
    for name in NEEDED.iter().filter(|name| blocked.contains(name)) {
        object.error("blocked_params", format!("{} cannot be blocked", quoted(name)));
    }
    RequestParams {
        blocked: blocked.into_iter().map(str::to_owned).collect(),
        max_tokens: object.integer("max_tokens_limit", 1..=i64::from(i32::MAX)),
        max_n: object.integer("max_n", 1..=i64::from(i32::MAX)),
        strip_unknown: object.flag("strip_unknown").unwrap_or(false),
    }
}

impl RequestParams {
    /// Edits the body. What other actions have set is known.
    pub(crate) fn apply(&self, request: &Request<'_>, edits: &mut Edits<'_, '_>) {
        for field in request.fields() {
            let key = field.key.decode();
            let limit = match key.as_ref() {
                key if TOKENS.contains(&key) => self.max_tokens,
                "n" => self.max_n,
                _ => None,
            };
            if let Some(limit) = limit {
                cap(&key, field, limit, request.body(), edits);
            }
            if self.strip_unknown && !is_known(&key, request.api()) && !edits.is_set(&key) {
                edits.remove(&key);
            }
        }
        for name in &self.blocked {
            edits.remove(name);
        }
    }
}

/// Brings a number down to `limit`. One with a fraction is removed, and what is no number is left, as VSR does.
fn cap(key: &str, field: &Field<'_>, limit: i64, body: &[u8], edits: &mut Edits<'_, '_>) {
    let text = body
        .get(field.value.clone())
        .and_then(|value| std::str::from_utf8(value).ok());
    let Some(number) = text.and_then(|text| text.parse::<f64>().ok()) else {
        return;
    };
    if number.fract() != 0.0 {
        edits.remove(key);
    } else if number > limit as f64 {
        edits.set(key, limit.to_string());
    }
}

/// Whether the API documents a parameter.
fn is_known(key: &str, api: Api) -> bool {
    let params = match api {
        Api::ChatCompletions => {
            "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens \
             messages metadata modalities model n parallel_tool_calls prediction presence_penalty \
             prompt_cache_key reasoning_effort response_format safety_identifier seed service_tier stop store \
             stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity \
             web_search_options"
        }
        Api::Completions => {
            "best_of echo frequency_penalty logit_bias logprobs max_tokens model n presence_penalty prompt seed \
             stop stream stream_options suffix temperature top_p user"
        }
        Api::Responses => {
            "background conversation include input instructions max_output_tokens max_tool_calls metadata model \
             parallel_tool_calls previous_response_id prompt prompt_cache_key reasoning safety_identifier \
             service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p \
             truncation user"
        }
        Api::Messages => {
            "container context_management max_tokens mcp_servers messages metadata model output_config \
             service_tier stop_sequences stream system temperature thinking tool_choice tools top_k top_p"
        }
    };
    params.split(' ').any(|param| param == key)
}
