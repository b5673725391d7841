//! The table as a page.

use std::fmt::Write;

use super::keys::{Key, Parity, Section, Shape};

const HEAD: &str = "\
<!-- Made by `promptswitch schema --reference` of cli/src/schema/keys.txt; edit that file. -->
# Reference

Every key that is read, and how it compares with [vLLM Semantic Router](https://github.com/vllm-project/semantic-router) (VSR) v0.3.
A key that is not here is an error, as is a value of another type. `promptswitch validate` reports all of them at once.

- same: as VSR does.
- differs: read, and how it differs.
- refused: an error that says why, unless it is empty or off, since leaving it out would change routing or safety.
- unused: accepted, and without effect here; a warning where one could expect an effect.
- ours: VSR has no such key.

A bold type has to be there. `a[]` is an item of a list, `<a>` a name of one's own choice.
[`promptswitch.schema.json`](../schema/promptswitch.schema.json) says the same to editors:
`# yaml-language-server: $schema=...` as the first line of a document.
";

/// The reference page, in Markdown.
pub(super) fn page(sections: &[Section]) -> String {
    let mut page = HEAD.to_owned();
    for section in sections {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\n## {}\n", section.title);
        for line in &section.text {
            let _ = writeln!(page, "{line}\n");
        }
        page += "| key | type | default | meaning | VSR |\n|---|---|---|---|---|\n";
        for key in &section.keys {
            page += &row(key);
        }
    }
    page
}

fn row(key: &Key) -> String {
    let path = match key.path.split_once(':') {
        Some((_, path)) => path,
        None => key.path,
    };
    let shape = shape(&key.shape);
    let shape = if key.required {
        format!("**{shape}**")
    } else {
        shape
    };
    let default = match key
        .default
        .strip_prefix('(')
        .and_then(|words| words.strip_suffix(')'))
    {
        Some(words) => format!("see {}", code(words)),
        None if key.default.is_empty() => String::new(),
        None => code(key.default),
    };
    let parity = match key.parity {
        Parity::Same => "same".to_owned(),
        Parity::Ours => "ours".to_owned(),
        Parity::Differs(how) => format!("differs: {how}"),
        Parity::Refused(why) => format!("refused: {why}"),
        Parity::Unused(why) => format!("unused: {why}"),
    };
    format!(
        "| {} | {shape} | {default} | {} | {parity} |\n",
        code(path),
        key.meaning
    )
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Number(low, high) => format!("number{}", bounds(low, high)),
        Shape::Integer(low, high) => format!("whole number{}", bounds(low, high)),
        Shape::Choice(names) => names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", "),
        Shape::Texts => "list of texts".to_owned(),
        Shape::TextLists => "list of lists of texts".to_owned(),
        Shape::Size => "bytes, or as `4MiB`".to_owned(),
        Shape::Tokens => "tokens, or as `32K`".to_owned(),
        Shape::Mapping => "mapping".to_owned(),
        Shape::List => "list".to_owned(),
        Shape::Rule => "rule".to_owned(),
        Shape::Routing => "as `routing`".to_owned(),
        Shape::Any => "any".to_owned(),
    }
}

fn bounds<T: std::fmt::Display>(low: &Option<T>, high: &Option<T>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!(" {low} to {high}"),
        (Some(low), None) => format!(" from {low}"),
        (None, Some(high)) => format!(" to {high}"),
        (None, None) => String::new(),
    }
}
