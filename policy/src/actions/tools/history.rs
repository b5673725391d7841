//! Earlier calls of tools, and what came of them.

use crate::actions::edits::{Edits, cut, items, members};
use crate::request::Field;
use crate::{Edit, Request};

/// What a message is without its part in the history of tools.
enum Left {
    All,
    Nothing,
    /// Edits at places in the message.
    Some(Vec<Edit>),
}

const CALLS: [&str; 2] = ["tool_calls", "function_call"];

/// Types of Anthropic's content blocks, and of items of the Responses API.
const BLOCKS: [&str; 8] = [
    "tool_use",
    "tool_result",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "mcp_call",
    "tool_search_call",
];

/// Removes the history from the conversation.
pub(super) fn strip(request: &Request<'_>, edits: &mut Edits<'_, '_>) {
    let key = request.prompt_key();
    let Some(field) = request.fields().iter().rfind(|field| field.key.is(key)) else {
        return;
    };
    let Some(places) = items(request.body(), field.value.start) else {
        return;
    };
    let mut removed = vec![false; places.len()];
    let mut inside = Vec::new();
    for (place, removed) in places.iter().zip(&mut removed) {
        let message = request.body().get(place.clone()).unwrap_or_default();
        match left(message) {
            Left::All => {}
            Left::Nothing => *removed = true,
            Left::Some(edits) => inside.extend(edits.into_iter().map(|edit| shifted(edit, place.start))),
        }
    }
    if removed.iter().all(|removed| *removed) {
        return;
    }
    inside.extend(cut(&places, &removed));
    edits.inside(key, inside);
}

fn left(message: &[u8]) -> Left {
    let fields = members(message).unwrap_or_default();
    // The system's first message may be where the system prompt goes.
    if is_one_of(message, &fields, "role", &["system", "developer"]) {
        return Left::All;
    }
    if is_one_of(message, &fields, "role", &["tool", "function"])
        || is_one_of(message, &fields, "type", &BLOCKS)
    {
        return Left::Nothing;
    }
    let content = fields.iter().rfind(|field| field.key.is("content"));
    let blocks = content.and_then(|content| items(message, content.value.start));
    let blocks = blocks.unwrap_or_default();
    let block = |place| message.get(place).unwrap_or_default();
    let is_call = |block: &[u8]| is_one_of(block, &members(block).unwrap_or_default(), "type", &BLOCKS);
    let cuts: Vec<_> = blocks.iter().map(|place| is_call(block(place.clone()))).collect();
    let calls: Vec<_> = fields
        .iter()
        .map(|field| CALLS.iter().any(|key| field.key.is(key)))
        .collect();
    if !calls.contains(&true) && !cuts.contains(&true) {
        return Left::All;
    }
    let text = content.and_then(|content| content.text(message));
    let says = text.is_some_and(|text| !text.is_blank()) || cuts.contains(&false);
    if !says {
        return Left::Nothing;
    }
    let places: Vec<_> = fields.iter().map(|field| field.whole.clone()).collect();
    Left::Some([cut(&places, &calls), cut(&blocks, &cuts)].concat())
}

/// Whether any value of `key` is one of `names`.
fn is_one_of<'a>(object: &'a [u8], fields: &[Field<'a>], key: &str, names: &[&str]) -> bool {
    let values = fields.iter().filter(|field| field.key.is(key));
    let mut values = values.filter_map(|field| field.text(object));
    values.any(|value| names.iter().any(|name| value.is(name)))
}

fn shifted(edit: Edit, by: usize) -> Edit {
    Edit {
        range: edit.range.start + by..edit.range.end + by,
        with: edit.with,
    }
}
