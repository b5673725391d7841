//! How many tokens a request may take, from the lengths of its parts alone.
//!
//! As VSR has it: a token for every four bytes of text begun, one for each byte of JSON (schemas, arguments of tools
//! and their results are dense), 8192 for an image, a few for each turn, call and tool, and what the answer may take.

use crate::json::{Result, Scanner, Text};
use crate::{Api, Request};

const BYTES_PER_TOKEN: u64 = 4;
const IMAGE: u64 = 8192;
const TURN: u64 = 4;
/// A call of a tool, its result, or its definition.
const TOOL: u64 = 8;

#[derive(Default)]
struct Estimate {
    text: u64,
    json: u64,
    images: u64,
    turns: u64,
    tools: u64,
}

/// The estimate for a whole request.
pub(super) fn tokens(request: &Request<'_>) -> u64 {
    let mut estimate = Estimate::default();
    let scanner = |key| {
        request
            .field(key)
            .map(Scanner::new)
            .filter(|scanner| !is_null(scanner.clone()))
    };
    if let Some(mut prompt) = scanner(request.prompt_key()) {
        // The body has been scanned once already, so that this cannot fail; what was counted before stays.
        let _ = estimate.prompt(request.api(), &mut prompt);
    }
    for key in ["system", "instructions"] {
        if let Some(mut system) = scanner(key) {
            estimate.turn("system".len());
            let _ = estimate.content(&mut system, false);
        }
    }
    for key in ["tools", "functions"] {
        if let Some(mut tools) = scanner(key) {
            let _ = estimate.definitions(&mut tools);
        }
    }
    for key in ["tool_choice", "function_call", "response_format"] {
        if let Some(mut value) = scanner(key) {
            let _ = estimate.json(&mut value);
        }
    }
    let answer = ["max_completion_tokens", "max_output_tokens", "max_tokens"];
    let answer = answer
        .into_iter()
        .find_map(|key| request.field(key).filter(|raw| *raw != b"null"));
    let answer = answer.and_then(|raw| std::str::from_utf8(raw).ok()?.trim().parse::<u64>().ok());
    let tokens = estimate.text.div_ceil(BYTES_PER_TOKEN) + estimate.json + IMAGE * estimate.images;
    (tokens + TURN * estimate.turns + TOOL * estimate.tools).saturating_add(answer.unwrap_or(0))
}

fn is_null(mut scanner: Scanner<'_>) -> bool {
    scanner.peek() == Some(b'n')
}

impl Estimate {
    fn turn(&mut self, role: usize) {
        self.turns += 1;
        self.text += role as u64;
    }

    fn prompt(&mut self, api: Api, scanner: &mut Scanner<'_>) -> Result {
        if scanner.peek() != Some(b'[') || api == Api::Completions {
            self.turn("user".len());
            return self.content(scanner, false);
        }
        scanner.array(|scanner| self.message(scanner))
    }

    fn message(&mut self, scanner: &mut Scanner<'_>) -> Result {
        if scanner.peek() != Some(b'{') {
            self.turn(0);
            return self.json(scanner);
        }
        self.turn(0);
        let is_result = is_tool_turn(&mut scanner.clone())?;
        self.tools += u64::from(is_result);
        scanner.object(|scanner, key| {
            let is = |names: &[&str]| names.iter().any(|name| key.is(name));
            if is(&["content", "output"]) {
                self.content(scanner, is_result)
            } else if is(&["tool_calls"]) && scanner.peek() == Some(b'[') {
                scanner.array(|scanner| self.call(scanner))
            } else if is(&["function_call"]) && scanner.peek() == Some(b'{') {
                self.call(scanner)
            } else if is(&["arguments"]) {
                self.tools += 1;
                self.json(scanner)
            } else if is(&[
                "role",
                "name",
                "tool_call_id",
                "call_id",
                "refusal",
                "reasoning_content",
            ]) {
                self.text(scanner)
            } else {
                scanner.skip()
            }
        })
    }

    /// A string is text, and so are text parts; other parts are JSON. All of a tool's result is JSON but its images.
    fn content(&mut self, scanner: &mut Scanner<'_>, is_result: bool) -> Result {
        match scanner.peek() {
            Some(b'"') if !is_result => self.text(scanner),
            Some(b'[') => scanner.array(|scanner| self.part(scanner, is_result)),
            Some(b'{') => self.part(scanner, is_result),
            _ => self.json(scanner),
        }
    }

    fn part(&mut self, scanner: &mut Scanner<'_>, is_result: bool) -> Result {
        let mut kind = None;
        if scanner.peek() == Some(b'{') {
            scanner.clone().object(|scanner, key| {
                if key.is("type") && scanner.peek() == Some(b'"') {
                    kind = Some(scanner.string()?);
                    return Ok(());
                }
                scanner.skip()
            })?;
        }
        let is = |names: &[&str]| kind.is_some_and(|kind: Text<'_>| names.iter().any(|name| kind.is(name)));
        if is(&["image", "image_url", "input_image"]) {
            self.images += 1;
            scanner.skip()
        } else if is_result {
            self.json(scanner)
        } else if is(&["text", "input_text", "output_text"]) {
            self.members(scanner, &["text"], &[])
        } else if is(&["tool_use"]) {
            self.tools += 1;
            self.members(scanner, &["id", "type", "name"], &["input"])
        } else if is(&["tool_result"]) {
            self.tools += 1;
            scanner.object(|scanner, key| match key {
                key if key.is("content") => self.content(scanner, true),
                key if key.is("tool_use_id") => self.text(scanner),
                _ => scanner.skip(),
            })
        } else {
            self.json(scanner)
        }
    }

    /// A call of a tool, by an assistant.
    fn call(&mut self, scanner: &mut Scanner<'_>) -> Result {
        self.tools += 1;
        if scanner.peek() != Some(b'{') {
            return self.json(scanner);
        }
        scanner.object(|scanner, key| {
            if key.is("function") && scanner.peek() == Some(b'{') {
                self.members(scanner, &["name"], &["arguments"])
            } else if key.is("arguments") {
                self.json(scanner)
            } else if key.is("id") || key.is("type") || key.is("name") {
                self.text(scanner)
            } else {
                scanner.skip()
            }
        })
    }

    fn definitions(&mut self, scanner: &mut Scanner<'_>) -> Result {
        if scanner.peek() != Some(b'[') {
            return self.json(scanner);
        }
        scanner.array(|scanner| {
            self.tools += 1;
            self.json(scanner)
        })
    }

    /// Counts some members of an object as text, and some as JSON.
    fn members(&mut self, scanner: &mut Scanner<'_>, texts: &[&str], json: &[&str]) -> Result {
        scanner.object(|scanner, key| {
            if texts.iter().any(|name| key.is(name)) {
                self.text(scanner)
            } else if json.iter().any(|name| key.is(name)) {
                self.json(scanner)
            } else {
                scanner.skip()
            }
        })
    }

    fn text(&mut self, scanner: &mut Scanner<'_>) -> Result {
        if scanner.peek() == Some(b'"') {
            self.text += scanner.string()?.decoded_len() as u64;
            return Ok(());
        }
        self.json(scanner)
    }

    fn json(&mut self, scanner: &mut Scanner<'_>) -> Result {
        let is_null = scanner.peek() == Some(b'n');
        let start = scanner.position();
        scanner.skip()?;
        if !is_null {
            self.json += (scanner.position() - start) as u64;
        }
        Ok(())
    }
}

/// Whether a turn is the result of a tool.
fn is_tool_turn(scanner: &mut Scanner<'_>) -> Result<bool> {
    let mut found = false;
    scanner.object(|scanner, key| {
        if scanner.peek() == Some(b'"') && (key.is("role") || key.is("type")) {
            let value = scanner.string()?;
            found |= ["tool", "function", "function_call_output"]
                .iter()
                .any(|name| value.is(name));
            return Ok(());
        }
        scanner.skip()
    })?;
    Ok(found)
}
