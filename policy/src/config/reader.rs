//! A cursor over a parsed document that reports what it cannot use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::nearest::nearest;
use super::report::{Report, kind, quoted};
use crate::headers::is_header_value;

/// An object of the document. Each key that is read becomes a known one; [`Object::finish`] reports the others.
/// A `null` is as good as no key.
pub(crate) struct Object<'v> {
    path: String,
    map: &'v Map<String, Value>,
    known: Vec<&'static str>,
    report: &'v Report,
}

impl<'v> Object<'v> {
    pub(crate) fn new(path: String, map: &'v Map<String, Value>, report: &'v Report) -> Self {
        Object {
            path,
            map,
            known: Vec::new(),
            report,
        }
    }

    pub(crate) fn report(&self) -> &'v Report {
        self.report
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The object as JSON.
    pub(crate) fn source(&self) -> String {
        serde_json::to_string(self.map).unwrap_or_default()
    }

    /// The path of a key.
    pub(crate) fn at(&self, key: &str) -> String {
        let plain = (1..=64).contains(&key.len())
            && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let key = if plain { key.to_owned() } else { quoted(key) };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(crate) fn error(&self, key: &str, message: impl Into<String>) {
        self.report.error(self.at(key), message);
    }

    pub(crate) fn warn(&self, key: &str, message: impl Into<String>) {
        self.report.warn(self.at(key), message);
    }

    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'v Value> {
        self.known.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// A value, which does not become known by that.
    pub(crate) fn peek(&self, key: &str) -> Option<&'v Value> {
        self.map.get(key)
    }

    /// Whether another object says the same.
    pub(crate) fn same_as(&self, other: &Object<'_>) -> bool {
        same_maps(self.map, other.map, 0)
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.error(key, format!("must be {wanted}, found {}", kind(value)));
        }
        read
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<&'v str> {
        self.typed(key, "a string", Value::as_str)
    }

    /// A string that has to be there and not be empty.
    pub(crate) fn need_text(&mut self, key: &'static str) -> Option<&'v str> {
        let absent = self.get(key).is_none();
        let text = self.text(key);
        if absent || text == Some("") {
            self.error(key, "is missing");
        }
        text.filter(|text| !text.is_empty())
    }

    /// A string that is written to headers, and arrives there as it is; empty if there is none.
    pub(crate) fn header_text(&mut self, key: &'static str) -> &'v str {
        let text = self.text(key).unwrap_or_default();
        if !text.is_empty() && !is_header_value(text) {
            self.error(key, "must be printable ASCII: it is written to headers");
        }
        text
    }

    /// A name that has to be there, is written to headers, and is not among `taken`, where it is put.
    pub(crate) fn unique_name(&mut self, key: &'static str, taken: &mut BTreeSet<&'v str>) -> &'v str {
        let name = self.header_text(key);
        if name.is_empty() {
            self.need_text(key);
        } else if !taken.insert(name) {
            self.error(key, format!("{} is declared twice", quoted(name)));
        }
        name
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub(crate) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = self.typed(key, "a number", decimal)?;
        if !range.contains(&number) {
            self.error(
                key,
                format!("must be {} to {}, found {number}", range.start(), range.end()),
            );
            return None;
        }
        Some(number)
    }

    /// A whole number; `5.0` is one, because a protobuf `Struct` knows only floats.
    pub(crate) fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let number = self.typed(key, "a whole number", whole)?;
        if !range.contains(&number) {
            self.error(
                key,
                format!("must be {} to {}, found {number}", range.start(), range.end()),
            );
            return None;
        }
        Some(number)
    }

    /// One of several names, in any case.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let name = self.text(key)?;
        let found = choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if found.is_none() {
            let known: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
            self.error(
                key,
                format!("must be one of {}, found {}", known.join(", "), quoted(name)),
            );
        }
        found.map(|(_, choice)| *choice)
    }

    pub(crate) fn object(&mut self, key: &'static str) -> Option<Object<'v>> {
        let map = self.typed(key, "a mapping", Value::as_object)?;
        Some(Object::new(self.at(key), map, self.report))
    }

    /// The object at `key`; an empty one, which lacks all that is needed, if there is none.
    pub(crate) fn object_or_empty(&mut self, key: &'static str) -> Object<'v> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let path = self.at(key);
        self.object(key)
            .unwrap_or_else(|| Object::new(path, &EMPTY, self.report))
    }

    /// The objects of a mapping of objects, by key; those that are none are reported and left out.
    pub(crate) fn members(&mut self, key: &'static str) -> Vec<(&'v str, Object<'v>)> {
        let Some(parent) = self.object(key) else {
            return Vec::new();
        };
        let read = |(key, value): (&'v String, &'v Value)| match value.as_object() {
            Some(map) => Some((key.as_str(), Object::new(parent.at(key), map, parent.report))),
            None => {
                parent.error(key, format!("must be a mapping, found {}", kind(value)));
                None
            }
        };
        parent.map.iter().filter_map(read).collect()
    }

    /// The values of a mapping that `read` takes, by key; those that it does not are reported and left out.
    pub(crate) fn each<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl Fn(&'v Value) -> Option<T>,
    ) -> Option<BTreeMap<String, T>> {
        let parent = self.object(key)?;
        let read = |(key, value): (&'v String, &'v Value)| {
            let found = read(value);
            if found.is_none() {
                parent.error(key, format!("must be {wanted}"));
            }
            Some((key.clone(), found?))
        };
        Some(parent.map.iter().filter_map(read).collect())
    }

    /// What a mapping has, by key, with the paths.
    pub(crate) fn entries(&mut self, key: &'static str) -> Vec<(&'v str, String, &'v Value)> {
        let Some(parent) = self.object(key) else {
            return Vec::new();
        };
        let entries = parent.map.iter();
        let entry = |(key, value): (&'v String, &'v Value)| (key.as_str(), parent.at(key), value);
        entries.map(entry).collect()
    }

    /// The items of a list of objects; those that are none are reported and left out.
    pub(crate) fn objects(&mut self, key: &'static str) -> Vec<Object<'v>> {
        let (path, report) = (self.at(key), self.report);
        let items = self
            .typed(key, "a list", Value::as_array)
            .into_iter()
            .flatten()
            .enumerate();
        let read = |(index, item): (usize, &'v Value)| {
            let path = format!("{path}[{index}]");
            match item.as_object() {
                Some(map) => Some(Object::new(path, map, report)),
                None => {
                    report.error(path, format!("must be a mapping, found {}", kind(item)));
                    None
                }
            }
        };
        items.filter_map(read).collect()
    }

    /// The items of a list of strings; those that are none are reported and left out.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<&'v str>> {
        let items = self.typed(key, "a list of strings", Value::as_array)?;
        let read = |(index, item): (usize, &'v Value)| {
            if !item.is_string() {
                let path = format!("{}[{index}]", self.at(key));
                self.report
                    .error(path, format!("must be a string, found {}", kind(item)));
            }
            item.as_str()
        };
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    /// Keys that mean nothing to a router, such as descriptions.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// A key that only tunes VSR itself: a warning, unless it is empty or turned off.
    pub(crate) fn tuning(&mut self, key: &'static str, why: &str) {
        if self.get(key).is_some_and(is_on) {
            self.warn(key, format!("has no effect: {why}"));
        }
    }

    /// A key that changes routing or safety: an error, unless it is empty or turned off.
    pub(crate) fn unsupported(&mut self, key: &'static str, why: &str) {
        if self.get(key).is_some_and(is_on) {
            self.error(key, why);
        }
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self) {
        for key in self.map.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let hint = match nearest(key, &self.known) {
                Some(known) => format!("; did you mean `{known}`?"),
                None => String::new(),
            };
            self.error(key, format!("unknown key {}{hint}", quoted(key)));
        }
    }
}

/// Whether a section says anything: it is not empty and not `enabled: false`.
fn is_on(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty() && map.get("enabled") != Some(&Value::Bool(false)),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Deeper than any section goes; beyond it values count as different, so that no document overflows the stack.
const MAX_COMPARED_DEPTH: usize = 32;

fn same_maps(a: &Map<String, Value>, b: &Map<String, Value>, depth: usize) -> bool {
    let equal =
        |(key, value): (&String, &Value)| b.get(key).is_some_and(|other| same(value, other, depth + 1));
    a.len() == b.len() && a.iter().all(equal)
}

fn same(a: &Value, b: &Value, depth: usize) -> bool {
    if depth > MAX_COMPARED_DEPTH {
        return false;
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => same_maps(a, b, depth),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, depth + 1))
        }
        (Value::Object(_), _) | (Value::Array(_), _) => false,
        _ => a == b,
    }
}

fn whole(value: &Value) -> Option<i64> {
    // Beyond 2^53 floats have gaps, so a float may not be the number that was written.
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    value
        .as_i64()
        .or_else(|| decimal(value).filter(is_whole).map(|number| number as i64))
}

/// A number, or a text that is one with a point or an exponent: Envoy makes texts of such numbers when it reads a `Struct` from
/// YAML (seen in 1.39.0 and 1.40.0).
pub(crate) fn decimal(value: &Value) -> Option<f64> {
    let Value::String(text) = value else {
        return value.as_f64();
    };
    let is_written_out = text.contains(['.', 'e', 'E']);
    let number = text.parse().ok().filter(|_| is_written_out);
    number.filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests;
