//! `system_prompt`: what the decision tells the model, before or instead of what the client tells it.

use super::edits::{Edits, escaped, items, quoted};
use crate::config::reader::Object;
use crate::request::Role;
use crate::{Api, Edit, Request};

/// A system prompt.
#[derive(Debug)]
pub(crate) struct SystemPrompt {
    text: String,
    mode: Mode,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Insert,
    Replace,
}

/// Reads the plugin's configuration. The mode is `replace` unless given, as in VSR.
pub(crate) fn read(object: &mut Object<'_>) -> Option<SystemPrompt> {
    let modes = [("insert", Mode::Insert), ("replace", Mode::Replace)];
    let mode = object.choice("mode", &modes).unwrap_or(Mode::Replace);
    let text = object.need_text("system_prompt")?.to_owned();
    Some(SystemPrompt { text, mode })
}

impl SystemPrompt {
    /// Edits the body; false if the API has no place for a system prompt.
    ///
    /// Of chat messages the first is the system's, if any is, as VSR has it.
    pub(crate) fn apply(&self, request: &Request<'_>, edits: &mut Edits<'_, '_>) -> bool {
        match request.api() {
            Api::ChatCompletions => self.to_messages(request, edits),
            Api::Messages => self.to_field("system", request, edits),
            Api::Responses => self.to_field("instructions", request, edits),
            Api::Completions => false,
        }
    }

    fn to_messages(&self, request: &Request<'_>, edits: &mut Edits<'_, '_>) -> bool {
        let Some(field) = request.fields().iter().rfind(|field| field.key.is("messages")) else {
            return false;
        };
        let start = field.value.start;
        let Some(messages) = items(request.body(), start) else {
            return false;
        };
        let turns = request.turns();
        let first = turns.first().filter(|turn| messages.first() == Some(&turn.whole));
        let inside = match first.filter(|turn| turn.role == Some(Role::System)) {
            Some(turn) => {
                let content = turn
                    .content
                    .clone()
                    .and_then(|place| self.prefixed(request.body(), place.start, false));
                content.unwrap_or_else(|| Edit {
                    range: turn.whole.clone(),
                    with: self.message(),
                })
            }
            None => {
                let mut with = self.message();
                with.extend(if messages.is_empty() { "" } else { "," }.bytes());
                let range = start + 1..start + 1;
                Edit { range, with }
            }
        };
        edits.inside("messages", vec![inside]);
        true
    }

    fn to_field(&self, key: &'static str, request: &Request<'_>, edits: &mut Edits<'_, '_>) -> bool {
        let field = request.fields().iter().rfind(|field| field.key.is(key));
        match field.and_then(|field| self.prefixed(request.body(), field.value.start, key == "instructions"))
        {
            Some(edit) => edits.inside(key, vec![edit]),
            None => edits.set_text(key, &self.text),
        }
        true
    }

    /// The edit that puts the prompt before the string, or the list of text parts, or of instructions, at byte
    /// `at`; None where it has to take the place of what is there.
    fn prefixed(&self, body: &[u8], at: usize, instructions: bool) -> Option<Edit> {
        if matches!(self.mode, Mode::Replace) {
            return None;
        }
        let with = match body.get(at)? {
            b'"' => [escaped(&self.text), br"\n\n".to_vec()].concat(),
            b'[' => {
                let mut part = if instructions { self.message() } else { self.part() };
                if !items(body, at)?.is_empty() {
                    part.push(b',');
                }
                part
            }
            _ => return None,
        };
        Some(Edit {
            range: at + 1..at + 1,
            with,
        })
    }

    fn part(&self) -> Vec<u8> {
        [
            br#"{"type":"text","text":"#.to_vec(),
            quoted(&self.text),
            b"}".to_vec(),
        ]
        .concat()
    }

    fn message(&self) -> Vec<u8> {
        [
            br#"{"role":"system","content":"#.to_vec(),
            quoted(&self.text),
            b"}".to_vec(),
        ]
        .concat()
    }
}
