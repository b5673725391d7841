//! The `promptswitch:` block.

use serde_json::Value;

use super::reader::Object;
use super::report::{kind, quoted};
use super::{endpoints, offload};
use crate::settings::DEFAULT_PATHS;
use crate::template::is_header_name;
use crate::{Api, Limits, Mode, Output, PathRule, Settings, Sticky, Template};

/// Headers that HTTP itself or the body depends on.
const RESERVED: [&str; 12] = [
    "host",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

const APIS: [Api; 4] = [
    Api::ChatCompletions,
    Api::Completions,
    Api::Responses,
    Api::Messages,
];

/// 1 GiB; a Wasm module has 4 at most.
const LARGEST_BODY: i64 = 1 << 30;

pub(super) fn read(object: Option<Object<'_>>) -> Settings {
    let mut settings = Settings::default();
    let Some(mut object) = object else { return settings };
    settings.mode = object
        .choice("mode", &[("body", Mode::Body), ("headers", Mode::Headers)])
        .unwrap_or(Mode::Body);
    if object.get("outputs").is_some() {
        settings.outputs = read_outputs(&mut object);
    }
    if object.get("paths").is_some() {
        settings.paths = read_paths(&mut object);
    }
    settings.strip = read_strip(&mut object);
    if let Some(limits) = object.object("limits") {
        settings.limits = read_limits(limits, settings.limits);
    }
    read_sticky(&mut object, &mut settings);
    settings.response_headers = object.flag("response_headers").unwrap_or(true);
    settings.objective = object.header_text("objective").to_owned();
    settings.namespace = object.header_text("namespace").to_owned();
    settings.offload = object.object("offload").and_then(offload::read);
    settings.endpoints = object.object("endpoints").map(endpoints::read);
    if object.get("guard").is_some() {
        object.error("guard", "is not supported yet");
    }
    object.finish();
    settings
}

/// The headers that a client must not set: those of the outputs, and those to strip.
pub(super) fn owned_headers(settings: &Settings) -> Vec<String> {
    let outputs = settings.outputs.iter().map(|output| &output.header);
    let mut owned: Vec<_> = outputs.chain(&settings.strip).cloned().collect();
    owned.sort_unstable();
    owned.dedup();
    owned
}

fn read_outputs(object: &mut Object<'_>) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    for mut item in object.objects("outputs") {
        let header = item.need_text("header").unwrap_or_default().to_ascii_lowercase();
        if !header.is_empty() {
            check_header(&header, |message| item.error("header", message));
        }
        if outputs.iter().any(|output| output.header == header) {
            item.error("header", format!("{} is set twice", quoted(&header)));
        }
        let source = item.header_text("value");
        if source.is_empty() {
            item.need_text("value");
        }
        match Template::read(source) {
            Ok(value) => outputs.push(Output { header, value }),
            Err(message) => item.error("value", message),
        }
        item.finish();
    }
    outputs
}

/// Reports a name that is no header's, or is of a header that HTTP itself depends on.
pub(crate) fn check_header(name: &str, error: impl FnOnce(String)) {
    if !is_header_name(name) {
        error(format!("{} is not a header name", quoted(name)));
    } else if RESERVED.contains(&name) {
        error(format!("{} is not the filter's to set or remove", quoted(name)));
    }
}

fn read_strip(object: &mut Object<'_>) -> Vec<String> {
    let names = object.texts("strip").unwrap_or_default();
    let names: Vec<_> = names.into_iter().map(str::to_ascii_lowercase).collect();
    for (index, name) in names.iter().enumerate() {
        let path = format!("{}[{index}]", object.at("strip"));
        check_header(name, |message| object.report().error(path, message));
    }
    names
}

fn read_paths(object: &mut Object<'_>) -> Vec<PathRule> {
    let (base, report) = (object.at("paths"), object.report());
    let Some(items) = object.get("paths").and_then(Value::as_array) else {
        object.error("paths", "must be a list");
        return Vec::new();
    };
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{base}[{index}]");
        let rule = match item {
            Value::String(suffix) => by_ending(suffix),
            Value::Object(map) => read_path(Object::new(path.clone(), map, report)),
            other => Err(format!("must be a suffix or a mapping, found {}", kind(other))),
        };
        match rule {
            Ok(rule) if !rule.suffix.starts_with('/') => report.error(path, "must start with `/`"),
            Ok(rule) => rules.push(rule),
            Err(message) => report.error(path, message),
        }
    }
    // The longest suffix that fits counts, whatever the order in the document.
    rules.sort_by_key(|rule: &PathRule| std::cmp::Reverse(rule.suffix.len()));
    rules
}

fn by_ending(suffix: &str) -> Result<PathRule, String> {
    let fits = |(known, _): &&(&str, Api)| suffix.ends_with(known.trim_start_matches("/v1"));
    match DEFAULT_PATHS.iter().find(fits) {
        Some((_, api)) => Ok(PathRule {
            suffix: suffix.to_owned(),
            api: *api,
        }),
        None => Err(format!(
            "{} does not tell the API: give {{suffix, api}}",
            quoted(suffix)
        )),
    }
}

fn read_path(mut object: Object<'_>) -> Result<PathRule, String> {
    let suffix = object.need_text("suffix").unwrap_or("/").to_owned();
    let apis = APIS.map(|api| (api.as_str(), api));
    if object.get("api").is_none() {
        object.error("api", "is missing");
    }
    let api = object.choice("api", &apis).unwrap_or(Api::ChatCompletions);
    object.finish();
    Ok(PathRule { suffix, api })
}

fn read_sticky(object: &mut Object<'_>, settings: &mut Settings) {
    let choices = [
        ("conversation", Sticky::Conversation),
        ("request", Sticky::Request),
    ];
    settings.sticky = object.choice("sticky", &choices).unwrap_or_default();
    let header = object.text("sticky_header").map(str::to_ascii_lowercase);
    if let Some(name) = &header {
        check_header(name, |message| object.error("sticky_header", message));
    }
    settings.sticky_header = header;
}

fn read_limits(mut object: Object<'_>, defaults: Limits) -> Limits {
    let max_body_bytes = read_size(&mut object, "max_body_bytes").unwrap_or(defaults.max_body_bytes);
    let max_tokens = object
        .integer("max_tokens", 16..=128)
        .and_then(|tokens| usize::try_from(tokens).ok());
    let max_cache_bytes = read_size(&mut object, "max_cache_bytes").unwrap_or(defaults.max_cache_bytes);
    object.finish();
    Limits {
        max_body_bytes,
        max_tokens: max_tokens.unwrap_or(defaults.max_tokens),
        max_cache_bytes,
    }
}

/// A number of bytes, or a text such as `512KiB` or `1MB`.
fn read_size(object: &mut Object<'_>, key: &'static str) -> Option<usize> {
    let bytes = match object.get(key)? {
        Value::String(text) => parse_size(text),
        _ => {
            return object
                .integer(key, 1..=LARGEST_BODY)
                .and_then(|bytes| usize::try_from(bytes).ok());
        }
    };
    let bytes = bytes.filter(|bytes| (1..=LARGEST_BODY).contains(bytes));
    if bytes.is_none() {
        object.error(
            key,
            "must be 1 to 1GiB, as a number of bytes or as in `512KiB`, `4MiB` or `1MB`",
        );
    }
    bytes.and_then(|bytes| usize::try_from(bytes).ok())
}

fn parse_size(text: &str) -> Option<i64> {
    let (number, unit) =
        text.split_at_checked(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))?;
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}
