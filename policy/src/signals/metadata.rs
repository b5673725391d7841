//! `metadata`: the `metadata` of the body, which is the client's own word and says nothing about who it is.

use std::collections::BTreeSet;

use crate::Request;
use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::json::{Scanner, Text};
use crate::signals::{Reading, Signal, read_name};

/// Entries beyond these limits, and those that are no strings, are as good as absent.
const MAX_ENTRIES: usize = 32;
const MAX_KEY_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 1024;

/// The declared metadata signals.
#[derive(Debug)]
struct MetadataRules {
    rules: Vec<MetadataRule>,
}

#[derive(Debug)]
struct MetadataRule {
    name: String,
    key: String,
    predicate: Predicate,
}

#[derive(Debug)]
enum Predicate {
    /// It is one of these.
    In(Vec<String>),
    /// It is there, or is not.
    Exists(bool),
}

/// Reads `routing.signals.metadata`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| MetadataRule::read(object, &mut taken);
    let rules = objects.into_iter().map(read).collect();
    Box::new(MetadataRules { rules })
}

impl MetadataRule {
    fn read<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> MetadataRule {
        let name = read_name(&mut object, taken);
        let key = object.need_text("key").unwrap_or_default();
        if key.len() > MAX_KEY_BYTES {
            object.error("key", format!("is longer than {MAX_KEY_BYTES} bytes"));
        }
        let mut predicate = object.object_or_empty("predicate");
        let (equals, exists) = (predicate.text("equals"), predicate.flag("exists"));
        let any = predicate.texts("in").filter(|values| !values.is_empty());
        let given =
            usize::from(equals.is_some()) + usize::from(exists.is_some()) + usize::from(any.is_some());
        if given != 1 {
            object.error("predicate", "needs one of equals, in and exists");
        }
        let values = equals.map(|value| vec![value]).or(any);
        if values.iter().flatten().any(|value| value.len() > MAX_VALUE_BYTES) {
            object.error(
                "predicate",
                format!("has a value longer than {MAX_VALUE_BYTES} bytes"),
            );
        }
        predicate.finish();
        object.ignore(&["description"]);
        object.finish();
        let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        MetadataRule {
            name,
            key: key.to_owned(),
            predicate: match values {
                Some(values) => Predicate::In(owned(values)),
                None => Predicate::Exists(exists.unwrap_or(true)),
            },
        }
    }

    fn matches(&self, entries: &[(Text<'_>, Text<'_>)]) -> bool {
        // Where a key occurs twice the last one counts.
        let value = entries
            .iter()
            .rfind(|(key, _)| key.is(&self.key))
            .map(|(_, value)| value);
        match &self.predicate {
            Predicate::In(values) => value.is_some_and(|value| values.iter().any(|one| value.is(one))),
            Predicate::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

impl Signal for MetadataRules {
    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let entries = entries(reading.request());
        let confidence = |rule: &MetadataRule| rule.matches(&entries).then_some(1.0);
        Ok(self.rules.iter().map(confidence).collect())
    }
}

fn entries<'a>(request: &Request<'a>) -> Vec<(Text<'a>, Text<'a>)> {
    let (mut entries, mut seen) = (Vec::new(), 0);
    let Some(metadata) = request.field("metadata") else {
        return entries;
    };
    // It has been scanned once already; what is no object has no entries.
    let _ = Scanner::new(metadata).object(|scanner, key| {
        seen += 1;
        if scanner.peek() != Some(b'"') {
            return scanner.skip();
        }
        let value = scanner.string()?;
        if seen <= MAX_ENTRIES && key.decoded_len() <= MAX_KEY_BYTES && value.decoded_len() <= MAX_VALUE_BYTES
        {
            entries.push((key, value));
        }
        Ok(())
    });
    entries
}

#[cfg(test)]
mod tests;
