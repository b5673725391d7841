//! `promptswitch import`

mod categories;
mod flat;
mod models;
mod respell;

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::load::{self, failure};
use crate::scorer::Model;
use crate::{Outcome, Printed};

const VERSION: &str = "v0.3";

/// Turn an older VSR configuration into one of v0.3, and say what was changed and dropped
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The configuration: of October 2025, of v0.1 or v0.2, or of v0.3 with old spellings
    file: PathBuf,
    /// Where to write the result; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let Value::Object(old) = load::document(&arguments.file)? else {
        return Err(failure(&arguments.file, "must be a mapping"));
    };
    let (document, notes) = convert(old);
    let yaml = serde_saphyr::to_string(&document).map_err(|error| failure(&arguments.file, error))?;
    let wrong = load::policy(&document, &arguments.file, &mut Model::new()).err();
    let mut printed = Printed {
        notes: notes.0,
        failed: wrong.is_some(),
        ..Printed::default()
    };
    if let Some(findings) = wrong {
        printed.notes += "the result is not a policy yet:\n";
        printed.notes += &findings;
    }
    match &arguments.output {
        None => printed.out = yaml,
        Some(path) => std::fs::write(path, yaml).map_err(|error| failure(path, error))?,
    }
    Ok(printed)
}

/// The document in today's form, and what became of what is not in it any more.
fn convert(old: Map<String, Value>) -> (Value, Notes) {
    let mut notes = Notes::default();
    let is_new = old.get("version").and_then(Value::as_str) == Some(VERSION);
    let mut document = if is_new {
        Value::Object(old)
    } else {
        flat::convert(old, &mut notes)
    };
    respell::document(&mut document, &mut notes);
    (document, notes)
}

/// What happened to the keys of a document, one line each.
#[derive(Default)]
struct Notes(String);

impl Notes {
    /// A key that has another place or spelling now.
    fn moved(&mut self, from: &str, to: &str) {
        self.line("moved", &format!("{from} -> {to}"));
    }

    /// Something that was not there.
    fn added(&mut self, what: &str, why: &str) {
        self.line("added", &format!("{what}: {why}"));
    }

    /// A key that is gone.
    fn dropped(&mut self, what: &str, why: &str) {
        self.line("dropped", &format!("{what}: {why}"));
    }

    fn line(&mut self, verb: &str, text: &str) {
        // A name in the document may hold a line break.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.0 += &format!("{verb}: {text}\n");
    }
}

/// The key's value, taken out of the map; None if it is null.
fn take(map: &mut Map<String, Value>, key: &str) -> Option<Value> {
    map.shift_remove(key).filter(|value| !value.is_null())
}

/// The key's mapping, taken out of the map; an empty one if it is none.
fn take_map(map: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match take(map, key) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The items of a list; none if it is no list.
fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Sets a key of a mapping.
fn put(value: &mut Value, key: &str, member: impl Into<Value>) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), member.into());
    }
}

/// A key's text, or nothing.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a key is `true`.
fn is_true(value: &Value, key: &str) -> bool {
    value.get(key) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests;
