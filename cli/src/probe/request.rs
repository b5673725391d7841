//! From a probe to the body of a chat completions request.

use serde_json::{Map, Value, json};

use super::file::{GeneratedText, Image, Padding, Placement, Probe, Variant};

/// The name that asks for a decision where a document gives none.
const AUTO: &str = "auto";

/// How much of a query a report shows, in characters.
const EXCERPT: usize = 80;

/// What VSR allows.
const MAX_REPEAT: usize = 10_000;
const MAX_TEXT_BYTES: usize = 10 << 20; // 10 MiB

/// The body of a probe, for the policy of `document`.
///
/// # Errors
/// What the probe cannot have.
pub(super) fn body(probe: &Probe, document: &Value) -> Result<String, String> {
    let variant = &probe.variant;
    let messages = match &variant.messages {
        Some(messages) => expanded(messages, probe)?,
        None => vec![json!({"role": "user", "content": text(variant)?})],
    };
    let mut body = Map::new();
    body.insert("model".to_owned(), model(probe, document).into());
    body.insert("messages".to_owned(), messages.into());
    let rest = [
        ("tools", &variant.tools),
        ("tool_choice", &variant.tool_choice),
        ("metadata", &variant.metadata),
    ];
    for (key, value) in rest {
        if let Some(value) = value {
            body.insert(key.to_owned(), value.clone());
        }
    }
    Ok(Value::Object(body).to_string())
}

/// The beginning of what a probe asks, on one line.
pub(super) fn excerpt(probe: &Probe) -> String {
    let messages = probe.variant.messages.iter().flatten().rev();
    let mut asked = messages.filter(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    let content = asked.next().and_then(|message| message.get("content"));
    let query = probe.variant.query.as_deref();
    let query = query
        .or_else(|| content.and_then(Value::as_str))
        .unwrap_or_default();
    let line: Vec<_> = query.split_whitespace().collect();
    line.join(" ").chars().take(EXCERPT).collect()
}

/// The model that the probe names, else one that leads to the recipe it expects, else an auto name.
fn model(probe: &Probe, document: &Value) -> String {
    if let Some(model) = &probe.model {
        return model.clone();
    }
    let entrypoint = |recipe: &str| {
        let entrypoints = document
            .get("entrypoints")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut fitting = entrypoints.filter(|one| recipe.is_empty() || one["recipe"] == *recipe);
        let names = fitting.next()?.get("model_names")?;
        names.get(0)?.as_str().map(str::to_owned)
    };
    let auto = || {
        let router = document.get("global")?.get("router")?;
        let many = router.get("auto_model_names").and_then(|names| names.get(0));
        let name = many.or_else(|| router.get("auto_model_name"))?;
        name.as_str().map(str::to_owned)
    };
    let recipe = probe
        .expected
        .recipe
        .as_deref()
        .filter(|recipe| *recipe != "default");
    let by_recipe = recipe.and_then(entrypoint);
    let has_default = document.pointer("/routing/decisions").is_some()
        || document
            .get("recipes")
            .and_then(Value::as_array)
            .is_some_and(|recipes| {
                recipes
                    .iter()
                    .any(|recipe| recipe.get("name").and_then(Value::as_str) == Some("default"))
            });
    let first = || if has_default { None } else { entrypoint("") };
    by_recipe
        .or_else(first)
        .or_else(auto)
        .unwrap_or_else(|| AUTO.to_owned())
}

/// The query as often as it is to be repeated, and its padding, as VSR joins them: by line breaks.
fn text(variant: &Variant) -> Result<String, String> {
    let query = variant.query.as_deref().unwrap_or_default().trim();
    let repeat = checked(variant.repeat)?;
    let mut lines = vec![query; repeat];
    if let Some(Padding {
        text,
        repeat,
        placement,
    }) = &variant.padding
    {
        let padding = vec![text.trim(); checked(*repeat)?];
        let before = match placement.unwrap_or(Placement::Before) {
            Placement::Before => padding.len(),
            Placement::After => 0,
            Placement::Around => padding.len() / 2,
        };
        let (before, after) = padding.split_at(before);
        lines = [before, &lines, after].concat();
    }
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    if bytes > MAX_TEXT_BYTES {
        return Err(format!("a query grows larger than {MAX_TEXT_BYTES} bytes"));
    }
    Ok(lines.join("\n"))
}

fn checked(repeat: Option<usize>) -> Result<usize, String> {
    match repeat.unwrap_or(1) {
        repeat @ 1..=MAX_REPEAT => Ok(repeat),
        other => Err(format!("repeat must be 1 to {MAX_REPEAT}, found {other}")),
    }
}

/// The messages, with the text and the images that they stand for.
fn expanded(messages: &[Value], probe: &Probe) -> Result<Vec<Value>, String> {
    let mut messages = messages.to_vec();
    if let Some(generated) = &probe.variant.generated_text {
        generate(&mut messages, generated).map_err(|why| format!("generated_text: {why}"))?;
    }
    let parts = messages
        .iter_mut()
        .filter_map(|message| message.get_mut("content")?.as_array_mut())
        .flatten();
    for part in parts.filter(|part| part["type"] == "image_fixture") {
        let name = part["fixture"].as_str().unwrap_or_default();
        let Some(Image {
            media_type,
            data_base64,
        }) = probe.images.get(name)
        else {
            return Err(format!("there is no image `{name}` in fixtures.images"));
        };
        let url = format!("data:{media_type};base64,{data_base64}");
        *part = json!({"type": "image_url", "image_url": {"url": url}});
    }
    Ok(messages)
}

fn generate(messages: &mut [Value], wanted: &GeneratedText) -> Result<(), &'static str> {
    let message = messages
        .get_mut(wanted.message_index)
        .ok_or("there is no such message")?;
    let content = message.get_mut("content").and_then(Value::as_array_mut);
    let content = content.ok_or("the message's content is not a list")?;
    if wanted.content_index > content.len() || wanted.target_text_bytes > MAX_TEXT_BYTES {
        return Err("content_index or target_text_bytes is out of range");
    }
    let present: usize = content
        .iter()
        .filter_map(|part| part["text"].as_str())
        .map(str::len)
        .sum();
    let character = wanted.character.as_deref().unwrap_or("x");
    let missing = wanted.target_text_bytes.saturating_sub(present);
    let part = json!({"type": "text", "text": character.repeat(missing)});
    content.insert(wanted.content_index, part);
    Ok(())
}
