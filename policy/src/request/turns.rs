//! The turns of a conversation, one by one.

use std::ops::Range;

use super::read::content;
use super::{Api, Request};
use crate::json::{Result, Scanner, Text};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    Developer,
    User,
    Assistant,
    /// Also `function`, and what the Responses API calls `function_call_output`.
    Tool,
}

/// One turn of a conversation.
#[derive(Clone, Default)]
pub(crate) struct Turn<'a> {
    /// None for a role that no API knows.
    pub(crate) role: Option<Role>,
    /// What is said: a string, or the text parts of an array.
    pub(crate) texts: Vec<Text<'a>>,
    /// The text of tool results inside of the turn, as Anthropic's API has them in user turns.
    pub(crate) tool_results: Vec<Text<'a>>,
    /// How many tool results there are inside of the turn, also those without text.
    pub(crate) tool_result_count: usize,
    /// How many image parts it has.
    pub(crate) images: usize,
    /// How many tools it calls.
    pub(crate) tool_calls: usize,
    /// The whole turn, from `{` to `}`, in bytes of the body; empty for a plain string.
    pub(crate) whole: Range<usize>,
    /// The value of `content`, if there is one.
    pub(crate) content: Option<Range<usize>>,
}

impl Turn<'_> {
    /// What is said, its parts joined by newlines.
    pub(crate) fn text(&self) -> String {
        let parts: Vec<_> = self.texts.iter().map(Text::decode).collect();
        parts.join("\n")
    }
}

impl Role {
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Option<Role>> {
        if scanner.peek() != Some(b'"') {
            scanner.skip()?;
            return Ok(None);
        }
        let name = scanner.string()?;
        let table = [
            ("user", Role::User),
            ("assistant", Role::Assistant),
            ("system", Role::System),
            ("developer", Role::Developer),
            ("tool", Role::Tool),
            ("function", Role::Tool),
        ];
        let found = table.iter().find(|(known, _)| name.is(known));
        Ok(found.map(|(_, role)| *role))
    }
}

/// The turns of a request, which has been scanned once already and so is JSON.
pub(super) fn read<'a>(request: &Request<'a>) -> Vec<Turn<'a>> {
    let key = request.prompt_key();
    let Some(field) = request.fields().iter().rfind(|field| field.key.is(key)) else {
        return Vec::new();
    };
    let Some(upto) = request.body().get(..field.value.end) else {
        return Vec::new();
    };
    let mut turns = Vec::new();
    let mut scanner = Scanner::starting(upto, field.value.start);
    // The scan cannot fail where the first one did not; what was read before would still be right.
    let _ = prompt(request.api(), &mut scanner, &mut turns);
    turns
}

fn prompt<'a>(api: Api, scanner: &mut Scanner<'a>, turns: &mut Vec<Turn<'a>>) -> Result {
    if scanner.peek() == Some(b'[') && api != Api::Completions {
        return scanner.array(|scanner| {
            if scanner.peek() == Some(b'{') {
                turns.push(turn(scanner)?);
                return Ok(());
            }
            scanner.skip()
        });
    }
    let texts = content(scanner)?;
    if matches!(api, Api::Completions | Api::Responses) {
        turns.push(Turn {
            role: Some(Role::User),
            texts,
            ..Turn::default()
        });
    }
    Ok(())
}

fn turn<'a>(scanner: &mut Scanner<'a>) -> Result<Turn<'a>> {
    let mut turn = Turn::default();
    let (mut call, mut result, mut output) = (false, false, Vec::new());
    scanner.peek();
    let start = scanner.position();
    scanner.object(|scanner, key| {
        if key.is("role") {
            turn.role = Role::read(scanner)?;
        } else if key.is("content") {
            scanner.peek();
            let start = scanner.position();
            turn.texts.clear();
            parts(scanner, &mut turn)?;
            turn.content = Some(start..scanner.position());
        } else if key.is("tool_calls") && scanner.peek() == Some(b'[') {
            scanner.array(|scanner| {
                turn.tool_calls += 1;
                scanner.skip()
            })?;
        } else if key.is("function_call") && scanner.peek() == Some(b'{') {
            turn.tool_calls += 1;
            scanner.skip()?;
        } else if key.is("type") && scanner.peek() == Some(b'"') {
            let kind = scanner.string()?;
            call = kind.is("function_call");
            result = kind.is("function_call_output");
        } else if key.is("output") {
            output = content(scanner)?;
        } else {
            scanner.skip()?;
        }
        Ok(())
    })?;
    turn.whole = start..scanner.position();
    if call {
        turn.role = Some(Role::Assistant);
        turn.tool_calls += 1;
    } else if turn.role.is_none() && (result || !output.is_empty()) {
        turn.role = Some(Role::Tool);
        turn.texts = output;
    }
    Ok(turn)
}

fn parts<'a>(scanner: &mut Scanner<'a>, turn: &mut Turn<'a>) -> Result {
    if scanner.peek() != Some(b'[') {
        turn.texts = content(scanner)?;
        return Ok(());
    }
    scanner.array(|scanner| match scanner.peek() {
        Some(b'"') => {
            turn.texts.push(scanner.string()?);
            Ok(())
        }
        Some(b'{') => part(scanner, turn),
        _ => scanner.skip(),
    })
}

fn part<'a>(scanner: &mut Scanner<'a>, turn: &mut Turn<'a>) -> Result {
    let (mut kind, mut text, mut inner) = (None, None, Vec::new());
    scanner.object(|scanner, key| {
        let is_string = scanner.peek() == Some(b'"');
        if key.is("type") && is_string {
            kind = Some(scanner.string()?);
        } else if key.is("text") && is_string {
            text = Some(scanner.string()?);
        } else if key.is("content") {
            inner = content(scanner)?;
        } else {
            scanner.skip()?;
        }
        Ok(())
    })?;
    let is = |names: &[&str]| kind.is_some_and(|kind| names.iter().any(|name| kind.is(name)));
    if is(&["text", "input_text", "output_text"]) {
        turn.texts.extend(text);
    } else if is(&["image_url", "input_image", "image"]) {
        turn.images += 1;
    } else if is(&["tool_use"]) {
        turn.tool_calls += 1;
    } else if is(&["tool_result"]) {
        turn.tool_results.extend(inner);
        turn.tool_result_count += 1;
    }
    Ok(())
}
