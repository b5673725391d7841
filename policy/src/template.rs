//! The value of an output header, with placeholders.

use std::fmt::Write;

use crate::Headers;

/// A header value such as `{namespace}/{model}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Slot(Slot),
    /// The request's own header of this lower-case name.
    Header(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Model,
    UpstreamModel,
    Decision,
    Category,
    Endpoints,
    Objective,
    Namespace,
}

/// `{header:x-user-id}`.
const HEADER: &str = "header:";

const SLOTS: [(&str, Slot); 7] = [
    ("model", Slot::Model),
    ("upstream_model", Slot::UpstreamModel),
    ("decision", Slot::Decision),
    ("category", Slot::Category),
    ("endpoints", Slot::Endpoints),
    ("objective", Slot::Objective),
    ("namespace", Slot::Namespace),
];

impl Template {
    /// `{model}`.
    pub(crate) fn model() -> Template {
        Template(vec![Part::Slot(Slot::Model)])
    }

    /// Reads a template; the error says what is wrong with it.
    pub(crate) fn read(source: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (name, after) = tail.split_once('}').ok_or("`{` is not closed")?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(placeholder(name)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Template(parts))
    }

    /// Whether it names the endpoints.
    pub(crate) fn has_endpoints(&self) -> bool {
        self.0.contains(&Part::Slot(Slot::Endpoints))
    }

    /// The value; a header that the request does not have, or that is no text, is empty in it.
    pub(crate) fn render<'v>(&self, value: impl Fn(Slot) -> &'v str, headers: &dyn Headers) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Slot(slot) => out.push_str(value(*slot)),
                Part::Header(name) => {
                    let value = headers
                        .header(name)
                        .and_then(|value| String::from_utf8(value).ok());
                    out.push_str(&value.unwrap_or_default());
                }
            }
        }
        out
    }
}

fn placeholder(name: &str) -> Result<Part, String> {
    if let Some(header) = name.strip_prefix(HEADER) {
        let header = header.to_ascii_lowercase();
        return match is_header_name(&header) {
            true => Ok(Part::Header(header)),
            false => Err(format!("`{}` is not a header name", header.escape_debug())),
        };
    }
    let slot = SLOTS.iter().find(|(known, _)| *known == name);
    slot.map(|(_, slot)| Part::Slot(*slot))
        .ok_or_else(|| unknown(name))
}

/// Whether a name is a token, as RFC 9110 has it.
pub(crate) fn is_header_name(name: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(is_token)
}

fn unknown(name: &str) -> String {
    let mut message = format!("unknown placeholder `{{{}}}`; known are", name.escape_debug());
    for (index, (known, _)) in SLOTS.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(message, "{comma} {{{known}}}");
    }
    message.push_str(" and {header:NAME}");
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_the_rest_stays() {
        for (source, expected) in [
            ("{model}", "M"),
            ("a-{namespace}/{model}.", "a-/M."),
            ("", ""),
            ("}", "}"),
        ] {
            let template = Template::read(source).unwrap();
            let rendered = template.render(|slot| if slot == Slot::Model { "M" } else { "" }, &());
            assert_eq!(rendered, expected, "{source}");
        }
    }

    #[test]
    fn a_header_of_the_request_fills_its_placeholder_if_it_is_text() {
        let headers = |name: &str| match name {
            "x-user" => Some(b"ann".to_vec()),
            "x-odd" => Some(vec![0xff]),
            _ => None,
        };
        for (source, expected) in [
            ("{header:X-User}", "ann"),
            ("t-{header:x-user}/{header:x-none}.", "t-ann/."),
            ("{header:x-odd}", ""),
        ] {
            let rendered = Template::read(source).unwrap().render(|_| "", &headers);
            assert_eq!(rendered, expected, "{source}");
        }
        for source in ["{header:}", "{header:a b}"] {
            assert!(
                Template::read(source)
                    .unwrap_err()
                    .ends_with("is not a header name"),
                "{source}"
            );
        }
    }

    #[test]
    fn an_unknown_or_open_placeholder_is_an_error() {
        assert!(
            Template::read("{mode}")
                .unwrap_err()
                .starts_with("unknown placeholder `{mode}`; known are {model},")
        );
        assert_eq!(Template::read("x{model").unwrap_err(), "`{` is not closed");
    }
}
