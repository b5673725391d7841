//! The table as a JSON Schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::keys::{Key, Parity, Section, Shape};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Prefixes of paths that are not in the document itself.
const RULE: &str = "rule.";
const PLUGIN: &str = "plugin:";

/// Plugins under their older names.
const RENAMED: [(&str, &str); 2] = [
    ("semantic-cache", "response_cache"),
    ("semantic_cache", "response_cache"),
];

/// A schema of the documents that are accepted. It is wider than the parser where values depend on each other.
pub(super) fn schema(sections: &[Section]) -> Value {
    let (mut document, mut rule, mut plugins) = (Node::default(), Node::default(), Node::default());
    for key in sections.iter().flat_map(|section| &section.keys) {
        if let Some(path) = key.path.strip_prefix(RULE) {
            rule.insert(path, key);
        } else if let Some(path) = key.path.strip_prefix(PLUGIN) {
            plugins.insert(path, key);
        } else {
            document.insert(key.path, key);
        }
    }
    let mut routing = Node::default();
    if let Some(node) = document.members.get_mut("routing") {
        routing.members = std::mem::take(&mut node.members);
    }
    with_plugins(&mut routing);
    let mut schema = json!({
        "$schema": DRAFT,
        "title": "promptswitch",
        "description": "A vLLM Semantic Router v0.3 document with a block of promptswitch's own",
    });
    merge(&mut schema, document.schema());
    let definitions = json!({
        "rule": rule.schema(),
        "routing": routing.schema(),
        "plugin": plugin(&plugins),
        "off": {
            "description": "nothing, or something turned off",
            "anyOf": [
                {"enum": [null, false, ""]},
                {"type": "array", "maxItems": 0},
                {"type": "object", "maxProperties": 0},
                {"type": "object", "properties": {"enabled": {"const": false}}, "required": ["enabled"]},
            ],
        },
    });
    merge(&mut schema, json!({"$defs": definitions}));
    schema
}

/// What a key may be, and what may be below it.
#[derive(Default)]
struct Node<'k> {
    key: Option<&'k Key>,
    members: BTreeMap<String, Node<'k>>,
    items: Option<Box<Node<'k>>>,
    /// For a mapping of names that the user chooses.
    values: Option<Box<Node<'k>>>,
    /// In place of all else.
    reference: Option<&'static str>,
}

impl<'k> Node<'k> {
    fn insert(&mut self, path: &str, key: &'k Key) {
        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
        let node = match step.strip_suffix("[]") {
            _ if step.starts_with('<') => self.values.get_or_insert_default(),
            Some(name) => self.member(name).items.get_or_insert_default(),
            None => self.member(step),
        };
        if rest.is_empty() {
            node.key = Some(key);
        } else {
            node.insert(rest, key);
        }
    }

    fn member(&mut self, name: &str) -> &mut Node<'k> {
        self.members.entry(name.to_owned()).or_default()
    }

    fn schema(&self) -> Value {
        if let Some(name) = self.reference {
            return refers_to(name);
        }
        let mut schema = self.key.map(described).unwrap_or_else(|| json!({}));
        if let Some(items) = &self.items {
            merge(&mut schema, json!({"type": "array", "items": items.schema()}));
        } else if let Some(values) = &self.values {
            merge(
                &mut schema,
                json!({"type": "object", "additionalProperties": values.schema()}),
            );
        } else if !self.members.is_empty() {
            merge(&mut schema, self.object());
        }
        schema
    }

    fn object(&self) -> Value {
        let properties = self
            .members
            .iter()
            .map(|(name, node)| (name.clone(), node.schema()));
        let is_required = |node: &Node<'_>| node.key.is_some_and(|key| key.required);
        let required = self.members.iter().filter(|(_, node)| is_required(node));
        let required: Vec<_> = required.map(|(name, _)| name.as_str()).collect();
        let mut object = json!({
            "type": "object",
            "properties": properties.collect::<Map<_, _>>(),
            "additionalProperties": false,
        });
        if !required.is_empty() {
            merge(&mut object, json!({"required": required}));
        }
        object
    }
}

/// Lets the plugins of decisions refer to the schema of plugins.
fn with_plugins(routing: &mut Node<'_>) {
    let decision = routing.member("decisions").items.get_or_insert_default();
    let plugin = decision.member("plugins").items.get_or_insert_default();
    plugin.reference = Some("plugin");
}

/// A plugin: its type says what its configuration may be.
fn plugin(plugins: &Node<'_>) -> Value {
    let renamed = RENAMED
        .iter()
        .filter_map(|(old, new)| Some((*old, plugins.members.get(*new)?)));
    let all = plugins
        .members
        .iter()
        .map(|(name, node)| (name.as_str(), node))
        .chain(renamed);
    let all: Vec<_> = all.collect();
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    let cases = all.iter().map(|(name, node)| {
        let required: &[&str] = if is_refused(node) { &["configuration"] } else { &[] };
        json!({
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"properties": {"configuration": node.schema()}, "required": required},
        })
    });
    json!({
        "type": "object",
        "properties": {"type": {"description": "What is done to the request.", "enum": names}, "configuration": {"type": "object"}},
        "required": ["type"],
        "additionalProperties": false,
        "allOf": cases.collect::<Vec<_>>(),
    })
}

fn is_refused(node: &Node<'_>) -> bool {
    node.key
        .is_some_and(|key| matches!(key.parity, Parity::Refused(_)))
}

/// The schema of a key's own value, with what it means.
fn described(key: &Key) -> Value {
    let note = match key.parity {
        Parity::Same | Parity::Ours => String::new(),
        Parity::Differs(how) => format!(" Differs from VSR: {how}."),
        Parity::Refused(why) => format!(" Not supported: {why}."),
        Parity::Unused(why) => format!(" Has no effect: {why}."),
    };
    let mut schema = json!({"description": format!("{}{note}", key.meaning)});
    if matches!(key.parity, Parity::Refused(_)) {
        merge(&mut schema, refers_to("off"));
        return schema;
    }
    merge(&mut schema, value(&key.shape));
    if let Some(default) = default(key) {
        merge(&mut schema, json!({"default": default}));
    }
    schema
}

fn value(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Number(low, high) => bounded("number", low.map(Value::from), high.map(Value::from)),
        Shape::Integer(low, high) => bounded("integer", low.map(Value::from), high.map(Value::from)),
        Shape::Choice(names) => json!({"enum": names}),
        Shape::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Shape::TextLists => json!({"type": "array", "items": value(&Shape::Texts)}),
        Shape::Size => {
            json!({"type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+ *([kKmMgG][iI]?)?[bB]?$"})
        }
        Shape::Tokens => {
            json!({"type": ["number", "string"], "minimum": 0, "pattern": "^ *[0-9]*[.]?[0-9]* *[kKmM]? *$"})
        }
        Shape::Mapping => json!({"type": "object"}),
        Shape::List => json!({"type": "array"}),
        Shape::Rule => refers_to("rule"),
        Shape::Routing => refers_to("routing"),
        Shape::Any => json!({}),
    }
}

fn bounded(kind: &str, low: Option<Value>, high: Option<Value>) -> Value {
    let mut schema = json!({"type": kind});
    if let Some(low) = low {
        merge(&mut schema, json!({"minimum": low}));
    }
    if let Some(high) = high {
        merge(&mut schema, json!({"maximum": high}));
    }
    schema
}

/// The default as a value; None where it is none, or words.
fn default(key: &Key) -> Option<Value> {
    if key.default.is_empty() || key.default.starts_with('(') {
        return None;
    }
    match key.shape {
        Shape::Number(..) | Shape::Integer(..) | Shape::Flag => serde_json::from_str(key.default).ok(),
        _ => Some(key.default.into()),
    }
}

fn refers_to(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// Adds the members of `more`, which win.
fn merge(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}
