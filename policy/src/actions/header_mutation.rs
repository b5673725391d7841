//! `header_mutation`: request headers that the upstream gets, or does not get.

use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::config::settings::check_header;
use crate::headers::is_header_value;

/// A change to the headers that the upstream gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderChange {
    /// The name, in lower case.
    pub name: String,
    /// What becomes of it.
    pub operation: HeaderOperation,
}

/// What becomes of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderOperation {
    /// It has this value alone.
    Set(String),
    /// It has this value too.
    Append(String),
    /// It goes.
    Remove,
}

/// Reads the plugin's configuration: what is added, then updated, then deleted.
pub(crate) fn read(object: &mut Object<'_>, owned: &[String]) -> Vec<HeaderChange> {
    let mut changes = Vec::new();
    let operations: [(_, fn(String) -> _); 2] =
        [("add", HeaderOperation::Append), ("update", HeaderOperation::Set)];
    for (key, operation) in operations {
        for mut pair in object.objects(key) {
            let name = pair.need_text("name").unwrap_or_default().to_ascii_lowercase();
            if !name.is_empty() {
                check(&name, owned, |message| pair.error("name", message));
            }
            let value = pair.text("value").unwrap_or_default();
            if !is_header_value(value) {
                pair.error("value", "must be printable ASCII, and not empty");
            }
            let operation = operation(value.to_owned());
            changes.push(HeaderChange { name, operation });
            pair.finish();
        }
    }
    for (index, name) in object.texts("delete").unwrap_or_default().into_iter().enumerate() {
        let name = name.to_ascii_lowercase();
        let path = format!("{}[{index}]", object.at("delete"));
        check(&name, owned, |message| object.report().error(path, message));
        let operation = HeaderOperation::Remove;
        changes.push(HeaderChange { name, operation });
    }
    changes
}

fn check(name: &str, owned: &[String], error: impl FnOnce(String)) {
    if owned.iter().any(|owned| owned == name) {
        error(format!(
            "{} is set or removed by promptswitch.outputs or .strip",
            quoted(name)
        ));
    } else {
        check_header(name, error);
    }
}
