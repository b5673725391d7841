//! `use_reasoning`: whether a model thinks before it answers, by the fields that its family knows.

use serde_json::Value;

use super::edits::{Edits, members, quoted, rewritten};
use crate::config::reader::Object;
use crate::{Api, Request};

/// What a model reference asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reasoning {
    pub(crate) on: bool,
    /// How much, if it is on and the family knows degrees.
    pub(crate) effort: String,
}

/// How a family of models is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    form: Form,
    /// The name of the field.
    parameter: String,
}

/// Which fields are written. The fields of VSR for each form are at [`Family::apply`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Flag,
    Effort(Place),
    DeepSeek,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// `chat_template_kwargs`, where vLLM looks.
    Template,
    Top,
}

const KWARGS: &str = "chat_template_kwargs";

const FORMS: [(&str, Form); 4] = [
    ("chat_template_kwargs", Form::Flag),
    ("reasoning_effort", Form::Effort(Place::Template)),
    ("top_level_reasoning_effort", Form::Effort(Place::Top)),
    ("deepseek", Form::DeepSeek),
];

/// Reads one of `reasoning_families`.
pub(crate) fn read_family(mut object: Object<'_>) -> Option<Family> {
    if object.get("type").is_none() {
        object.error("type", "is missing");
    }
    let form = object.choice("type", &FORMS);
    let parameter = match form {
        Some(Form::Effort(_)) => object.text("parameter").unwrap_or("reasoning_effort"),
        Some(Form::Flag) => object.need_text("parameter").unwrap_or_default(),
        _ => object.text("parameter").unwrap_or_default(),
    };
    let parameter = parameter.to_owned();
    object.finish();
    Some(Family {
        form: form?,
        parameter,
    })
}

/// Reads what a model reference says about thinking.
pub(crate) fn read(object: &mut Object<'_>, family: Option<&Family>, default_effort: &str) -> Reasoning {
    let on = object.flag("use_reasoning").unwrap_or(false);
    if on && family.is_none() {
        object.warn(
            "use_reasoning",
            "has no effect: the model has no reasoning_family",
        );
    }
    let effort = object
        .text("reasoning_effort")
        .filter(|effort| !effort.is_empty());
    let effort = effort.unwrap_or(default_effort).to_owned();
    Reasoning { on, effort }
}

impl Family {
    /// The family as a provider of its own knows it: OpenAI and OpenRouter take the effort at the top of a body,
    /// and DeepSeek has a form of its own.
    pub(crate) fn at(mut self, backends: Option<&Value>) -> Family {
        let urls = backends.and_then(Value::as_array).into_iter().flatten();
        for url in urls.filter_map(|backend| backend.get("base_url")?.as_str()) {
            match host(url) {
                "api.deepseek.com" => self.form = Form::DeepSeek,
                "api.openai.com" | "openrouter.ai" if matches!(self.form, Form::Effort(_)) => {
                    self.form = Form::Effort(Place::Top);
                }
                _ => {}
            }
        }
        self
    }

    /// Edits the body, as VSR does:
    ///
    /// | family | on | off |
    /// |---|---|---|
    /// | chat_template_kwargs | the flag in the kwargs is true | it is false |
    /// | reasoning_effort | the effort in the kwargs | the client's effort, else low, in the kwargs |
    /// | top_level_reasoning_effort | the effort at the top | the client's effort, if any |
    /// | deepseek | thinking enabled, and the effort at the top | thinking disabled |
    ///
    /// `reasoning_effort` at the top goes unless it is in the table, and the other kwargs stay. The Responses API
    /// has the effort in its `reasoning`.
    pub(crate) fn apply(&self, wanted: &Reasoning, request: &Request<'_>, edits: &mut Edits<'_, '_>) {
        let effort = wanted.on.then_some(wanted.effort.as_str());
        match (self.form, request.api()) {
            (_, Api::Completions) => {}
            (Form::Effort(_), Api::Responses) => {
                if let Some(effort) = effort {
                    edits.set(
                        "reasoning",
                        with(request.field("reasoning"), "effort", quoted(effort)),
                    );
                }
            }
            (Form::Flag, _) => {
                edits.remove("reasoning_effort");
                self.set_in_template(wanted.on.to_string().into_bytes(), request, edits);
            }
            (Form::Effort(Place::Template), _) => {
                let kept = || client_effort(request).map_or_else(|| quoted("low"), <[u8]>::to_vec);
                let value = effort.map_or_else(kept, quoted);
                edits.remove("reasoning_effort");
                self.set_in_template(value, request, edits);
            }
            (Form::Effort(Place::Top), _) => self.set_at_top(effort, request, edits),
            (Form::DeepSeek, _) => deepseek(effort, edits),
        }
    }

    fn set_in_template(&self, value: Vec<u8>, request: &Request<'_>, edits: &mut Edits<'_, '_>) {
        edits.set(KWARGS, with(request.field(KWARGS), &self.parameter, value));
    }

    fn set_at_top(&self, effort: Option<&str>, request: &Request<'_>, edits: &mut Edits<'_, '_>) {
        edits.remove("reasoning_effort");
        if let Some(value) = effort
            .map(quoted)
            .or_else(|| client_effort(request).map(<[u8]>::to_vec))
        {
            edits.set(&self.parameter, value);
        }
        let Some(kwargs) = request.field(KWARGS) else {
            return;
        };
        let fields = members(kwargs).unwrap_or_default();
        match fields
            .iter()
            .filter(|field| !field.key.is(&self.parameter))
            .count()
        {
            others if others == fields.len() => {}
            0 => edits.remove(KWARGS),
            _ => edits.set(KWARGS, rewritten(kwargs, |edits| edits.remove(&self.parameter))),
        }
    }
}

fn deepseek(effort: Option<&str>, edits: &mut Edits<'_, '_>) {
    edits.remove(KWARGS);
    match effort {
        Some(effort) => {
            edits.set("thinking", *br#"{"type":"enabled"}"#);
            edits.set_text("reasoning_effort", effort);
        }
        None => {
            edits.set("thinking", *br#"{"type":"disabled"}"#);
            edits.remove("reasoning_effort");
        }
    }
}

fn client_effort<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    request.field("reasoning_effort")
}

/// An object with one member more, or another value for it.
fn with(object: Option<&[u8]>, key: &str, value: Vec<u8>) -> Vec<u8> {
    rewritten(object.unwrap_or_default(), |edits| edits.set(key, value))
}

/// The host of a URL, without its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    authority.split(':').next().unwrap_or_default()
}
