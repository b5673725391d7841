//! The value of an output header, with placeholders.

use std::fmt::Write;

/// A header value such as `{namespace}/{model}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Slot(Slot),
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
            let slot = SLOTS.iter().find(|(known, _)| *known == name);
            let (_, slot) = slot.ok_or_else(|| unknown(name))?;
            parts.push(Part::Slot(*slot));
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

    pub(crate) fn render<'v>(&self, value: impl Fn(Slot) -> &'v str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            out.push_str(match part {
                Part::Literal(text) => text,
                Part::Slot(slot) => value(*slot),
            });
        }
        out
    }
}

fn unknown(name: &str) -> String {
    let mut message = format!("unknown placeholder `{{{}}}`; known are", name.escape_debug());
    for (index, (known, _)) in SLOTS.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(message, "{comma} {{{known}}}");
    }
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
            let rendered = template.render(|slot| if slot == Slot::Model { "M" } else { "" });
            assert_eq!(rendered, expected, "{source}");
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
