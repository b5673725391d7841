//! `context`: the length of the request in tokens.

mod estimate;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::reader::Object;
use crate::config::report::{kind, quoted};
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal, read_name};

/// The declared context signals.
#[derive(Debug)]
struct Contexts {
    bands: Vec<Band>,
}

/// How many tokens a request has to have, both ends included.
#[derive(Debug)]
struct Band {
    name: String,
    min: u64,
    max: u64,
}

/// Reads `routing.signals.context`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| Band::read(object, &mut taken);
    let bands = objects.into_iter().map(read).collect();
    Box::new(Contexts { bands })
}

impl Signal for Contexts {
    fn names(&self) -> Vec<String> {
        self.bands.iter().map(|band| band.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let tokens = estimate::tokens(reading.request());
        let matches = |band: &Band| (band.min..=band.max).contains(&tokens).then_some(1.0);
        Ok(self.bands.iter().map(matches).collect())
    }
}

impl Band {
    fn read<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> Band {
        let name = read_name(&mut object, taken);
        let (min, max) = (
            read_tokens(&mut object, "min_tokens"),
            read_tokens(&mut object, "max_tokens"),
        );
        if object.get("min_tokens").or(object.get("max_tokens")).is_none() {
            object.error("min_tokens", "is missing, and so is max_tokens");
        }
        let (min, max) = (min.unwrap_or(0), max.unwrap_or(u64::MAX));
        if min > max {
            object.error("min_tokens", "is above max_tokens");
        }
        object.ignore(&["description"]);
        object.finish();
        Band { name, min, max }
    }
}

/// A number of tokens: a number, or a string that may end in K (thousands) or M (millions). An empty one is none.
fn read_tokens(object: &mut Object<'_>, key: &'static str) -> Option<u64> {
    let value = object.get(key)?;
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => parse(text.trim()),
        _ => None,
    };
    let number = number.filter(|number| (0.0..1e15).contains(number));
    if number.is_none() {
        let found = value.as_str().map_or_else(|| kind(value).to_owned(), quoted);
        object.error(
            key,
            format!("must be a number of tokens, such as 8000 or \"32K\", found {found}"),
        );
    }
    number.map(|number| number as u64)
}

fn parse(text: &str) -> Option<f64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'K' | b'k' => (text.get(..text.len() - 1)?, 1e3),
        b'M' | b'm' => (text.get(..text.len() - 1)?, 1e6),
        _ => (text, 1.0),
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests;
