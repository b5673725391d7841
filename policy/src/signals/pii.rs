//! `pii`: personal data in the text, found by the rules of [`crate::pii`].

use std::collections::BTreeSet;

use crate::config::nearest::nearest;
use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::config::setup::Setup;
use crate::pii::{Kind, scan};
use crate::signals::{Reading, Signal, read_name};

/// VSR's types that no rule finds: they take a model of their own.
const NOT_FOUND: [&str; 11] = [
    "AGE",
    "DATE_TIME",
    "DOMAIN_NAME",
    "GPE",
    "NRP",
    "ORGANIZATION",
    "PERSON",
    "STREET_ADDRESS",
    "TITLE",
    "US_DRIVER_LICENSE",
    "ZIP_CODE",
];

/// The declared pii signals.
#[derive(Debug)]
struct Piis {
    signals: Vec<Pii>,
}

#[derive(Debug)]
struct Pii {
    name: String,
    allowed: BTreeSet<Kind>,
    include_history: bool,
}

/// Reads `routing.signals.pii`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| Pii::read(object, &mut taken);
    Box::new(Piis {
        signals: objects.into_iter().map(read).collect(),
    })
}

impl Pii {
    fn read<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> Pii {
        let name = read_name(&mut object, taken);
        if object.number("threshold", 0.0..=1.0).is_some() {
            object.warn("threshold", "has no effect: rules find a type or do not");
        }
        let allowed = read_allowed(&mut object);
        let include_history = object.flag("include_history").unwrap_or(false);
        object.ignore(&["description"]);
        object.finish();
        Pii {
            name,
            allowed,
            include_history,
        }
    }
}

fn read_allowed(object: &mut Object<'_>) -> BTreeSet<Kind> {
    let listed = object.texts("pii_types_allowed").unwrap_or_default();
    let missed: Vec<_> = NOT_FOUND
        .into_iter()
        .filter(|name| !listed.contains(name))
        .collect();
    if !missed.is_empty() {
        object.warn(
            "pii_types_allowed",
            format!("these types are not detected: {}", missed.join(", ")),
        );
    }
    let find = |(index, name): (usize, &&str)| {
        let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == *name);
        if found.is_none() && !NOT_FOUND.contains(name) {
            let path = format!("{}[{index}]", object.at("pii_types_allowed"));
            object.report().error(path, unknown(name));
        }
        found
    };
    listed.iter().enumerate().filter_map(find).collect()
}

fn unknown(name: &str) -> String {
    let known: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .chain(NOT_FOUND)
        .collect();
    match nearest(name, &known) {
        Some(near) => format!("unknown type {}; did you mean `{near}`?", quoted(name)),
        None => format!("unknown type {}; known are {}", quoted(name), known.join(", ")),
    }
}

impl Signal for Piis {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let kinds = |text: &str| scan(text).into_iter().map(|found| found.kind);
        let user: BTreeSet<_> = kinds(reading.text()).collect();
        let history = self.signals.iter().any(|signal| signal.include_history);
        let turns = if history {
            reading.request().turns()
        } else {
            Vec::new()
        };
        let texts = turns
            .iter()
            .flat_map(|turn| turn.texts.iter().chain(&turn.tool_results));
        let all: BTreeSet<_> = texts.flat_map(|text| kinds(&text.decode())).collect();
        let tell = |signal: &Pii| {
            let found = if signal.include_history { &all } else { &user };
            // A rule that finds something is sure.
            found.difference(&signal.allowed).next().map(|_| 1.0)
        };
        Ok(self.signals.iter().map(tell).collect())
    }
}

#[cfg(test)]
mod tests;
