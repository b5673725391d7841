//! The table of all keys, of which the schema and the reference page are made.

const TABLE: &str = include_str!("keys.txt");

/// A part of the table.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) text: Vec<&'static str>,
    pub(super) keys: Vec<Key>,
}

/// One key of a document.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// A value, or words in parentheses; may be empty.
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
    pub(super) parity: Parity,
}

/// What a value looks like.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) enum Shape {
    Text,
    Flag,
    /// Within bounds, if there are any.
    Number(Option<f64>, Option<f64>),
    Integer(Option<i64>, Option<i64>),
    Choice(Vec<&'static str>),
    Texts,
    TextLists,
    /// Bytes, or a text such as `4MiB`.
    Size,
    /// Tokens, or a text such as `32K`.
    Tokens,
    Mapping,
    List,
    /// A condition.
    Rule,
    /// A whole `routing` section.
    Routing,
    Any,
}

/// How a key compares with VSR's.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) enum Parity {
    Same,
    Differs(&'static str),
    /// An error, unless it is empty or off.
    Refused(&'static str),
    /// Accepted, and without effect.
    Unused(&'static str),
    /// VSR has no such key.
    Ours,
}

/// The table, by sections.
///
/// # Errors
/// The line that is no part of a table.
pub(super) fn sections() -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    let lines = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let wrong = || format!("keys.txt: cannot read `{line}`");
        if let Some(title) = line.strip_prefix("= ") {
            let (text, keys) = (Vec::new(), Vec::new());
            sections.push(Section { title, text, keys });
            continue;
        }
        let section = sections.last_mut().ok_or_else(wrong)?;
        if line.contains(" | ") {
            section.keys.push(key(line).ok_or_else(wrong)?);
        } else {
            section.text.push(line);
        }
    }
    Ok(sections)
}

fn key(line: &'static str) -> Option<Key> {
    let mut columns = line.split('|').map(str::trim);
    let path = columns.next()?;
    let shape = columns.next()?;
    let required = shape.ends_with('!');
    let key = Key {
        path,
        shape: self::shape(shape.trim_end_matches('!').trim())?,
        required,
        default: columns.next()?,
        meaning: columns.next()?,
        parity: parity(columns.next()?)?,
    };
    columns.next().is_none().then_some(key)
}

fn shape(text: &'static str) -> Option<Shape> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (low, high) = rest.split_once("..").unwrap_or_default();
    Some(match (word, text) {
        ("number", _) => Shape::Number(low.parse().ok(), high.parse().ok()),
        ("integer", _) => Shape::Integer(low.parse().ok(), high.parse().ok()),
        ("choice", _) => Shape::Choice(rest.split(", ").collect()),
        (_, "text") => Shape::Text,
        (_, "flag") => Shape::Flag,
        (_, "texts") => Shape::Texts,
        (_, "lists of texts") => Shape::TextLists,
        (_, "size") => Shape::Size,
        (_, "tokens") => Shape::Tokens,
        (_, "mapping") => Shape::Mapping,
        (_, "list") => Shape::List,
        (_, "rule") => Shape::Rule,
        (_, "routing") => Shape::Routing,
        (_, "any") => Shape::Any,
        _ => return None,
    })
}

fn parity(text: &'static str) -> Option<Parity> {
    let (word, why) = text.split_once(": ").unwrap_or((text, ""));
    match (word, why) {
        ("same", "") => Some(Parity::Same),
        ("ours", "") => Some(Parity::Ours),
        (_, "") => None,
        ("differs", how) => Some(Parity::Differs(how)),
        ("refused", why) => Some(Parity::Refused(why)),
        ("unused", why) => Some(Parity::Unused(why)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_no_key_is_there_twice() {
        let sections = sections().unwrap();
        let keys: Vec<_> = sections.iter().flat_map(|section| &section.keys).collect();
        let paths: BTreeSet<_> = keys.iter().map(|key| key.path).collect();
        assert!(paths.len() > 300);
        assert_eq!(paths.len(), keys.len());
        for key in keys {
            assert!(
                key.meaning.ends_with('.') && !key.path.contains(' '),
                "{}",
                key.path
            );
        }
    }

    #[test]
    fn a_line_has_five_columns_and_known_words() {
        let read = key("a.b[] | integer 1..5 ! | 3 | The b. | differs: more").unwrap();
        let expected = Key {
            path: "a.b[]",
            shape: Shape::Integer(Some(1), Some(5)),
            required: true,
            default: "3",
            meaning: "The b.",
            parity: Parity::Differs("more"),
        };
        assert_eq!(read, expected);
        for wrong in [
            "a | text | | x.",
            "a | text | | x. | same | y",
            "a | word | | x. | same",
            "a | text | | x. | differs",
        ] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }
}
