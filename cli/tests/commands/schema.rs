use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

use super::{POLICY, folder, run, shared, write, yaml};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A schema, made ready; that makes sure that it is one.
struct Validator(Schemas, SchemaIndex);

impl Validator {
    fn new(schema: Value) -> Validator {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("promptswitch.json", schema).unwrap();
        let index = compiler.compile("promptswitch.json", &mut schemas).unwrap();
        Validator(schemas, index)
    }

    fn check(&self, document: &Value) -> Result<(), String> {
        self.0
            .validate(document, self.1)
            .map_err(|error| format!("{error:#}"))
    }
}

fn schema() -> Value {
    let (status, out, errors) = run(&["schema"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    serde_json::from_str(&out).unwrap()
}

/// The configuration of envoy/envoy.yaml.
fn guide() -> Value {
    let envoy = yaml(&root().join("envoy/envoy.yaml"));
    let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filter = &envoy.pointer(filters).unwrap()[0];
    filter["typed_config"]["config"]["configuration"]["value"].clone()
}

/// RFC 7386.
fn merged(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut target = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            let old = target.get(key).unwrap_or(&Value::Null);
            let new = merged(old, value);
            target.insert(key.clone(), new);
        }
    }
    target.into()
}

/// Every document of this repository, and those of VSR's that are at hand, by name.
fn documents() -> Vec<(String, Value)> {
    let mut documents = vec![
        ("guide".to_owned(), guide()),
        ("test policy".to_owned(), serde_saphyr::from_str(POLICY).unwrap()),
    ];
    for entry in std::fs::read_dir(root().join("tests/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        for scenario in yaml(&path).as_array().unwrap() {
            let config = &scenario["config"];
            if config.is_object() {
                documents.push((scenario["name"].to_string(), merged(&guide(), config)));
            }
        }
    }
    for recipe in ["balance", "feedback", "knowledge", "privacy"] {
        let path = shared(&format!("probes/{recipe}/config.yaml"));
        documents.extend(path.map(|path| (recipe.to_owned(), yaml(&path))));
    }
    documents.extend(shared("istio/config.yaml").map(|path| ("istio".to_owned(), yaml(&path))));
    documents
}

#[test]
fn the_shipped_schema_and_page_are_what_the_command_prints() {
    for (arguments, path) in [
        (&["schema"][..], "schema/promptswitch.schema.json"),
        (&["schema", "--reference"], "docs/reference.md"),
    ] {
        let (status, out, _) = run(arguments);
        let shipped = std::fs::read_to_string(root().join(path)).unwrap();
        assert_eq!(status, 0);
        assert!(
            out == shipped,
            "{path} is not current: promptswitch {} > {path}",
            arguments.join(" ")
        );
    }
}

#[test]
fn the_schema_is_one_and_accepts_every_document() {
    let validator = Validator::new(schema());
    for (name, document) in documents() {
        assert_eq!(validator.check(&document), Ok(()), "{name}");
    }
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let validator = Validator::new(schema());
    let policy: Value = serde_saphyr::from_str(POLICY).unwrap();
    assert_eq!(validator.check(&policy), Ok(()));
    for patch in [
        json!({"version": "v0.2"}),
        json!({"rooting": {}}),
        json!({"providers": null}),
        json!({"routing": {"decisions": [{"name": "a", "prority": 1}]}}),
        json!({"routing": {"decisions": [{"priority": 1}]}}),
        json!({"routing": {"decisions": [{"name": "a", "priority": "high"}]}}),
        json!({"routing": {"decisions": [{"name": "a", "rules": {"operator": "XOR", "conditions": []}}]}}),
        json!({"routing": {"decisions": [{"name": "a", "rules": {"conditions": [{"conditions": [{"tipe": "x"}]}]}}]}}),
        json!({"routing": {"decisions": [{"name": "a", "plugins": [{"type": "rag", "configuration": {}, "x": 1}]}]}}),
        json!({"routing": {"decisions": [{"name": "a", "plugins": [{"type": "memory"}]}]}}),
        json!({"routing": {"signals": {"keywords": [{"name": "a", "keywords": "b"}]}}}),
        json!({"routing": {"signals": {"classifiers": [{"name": "a"}]}}}),
        json!({"promptswitch": {"limits": {"max_tokens": 1000}}}),
        json!({"global": {"services": {"ratelimit": {"enabled": true}}}}),
    ] {
        assert!(validator.check(&merged(&policy, &patch)).is_err(), "{patch}");
    }
}

/// A value of a schema with all that it may have; `fill` makes those without parts.
fn example(schema: &Value, all: &Value, depth: usize, fill: &dyn Fn(&Value) -> Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return match (reference, depth) {
            ("#/$defs/rule", 3..) => json!({"type": "domain", "name": "math"}),
            ("#/$defs/plugin", _) => Value::Null,
            _ => example(all.pointer(&reference[1..]).unwrap(), all, depth + 1, fill),
        };
    }
    if let Some(properties) = schema["properties"].as_object() {
        let members = properties
            .iter()
            .map(|(key, value)| (key.clone(), example(value, all, depth, fill)));
        return members.collect::<Map<_, _>>().into();
    }
    if schema["additionalProperties"].is_object() {
        return json!({"any": example(&schema["additionalProperties"], all, depth, fill)});
    }
    if schema["items"]["properties"].is_object() || schema["items"]["$ref"] == "#/$defs/rule" {
        return json!([example(&schema["items"], all, depth, fill)]);
    }
    if schema["items"]["$ref"] == "#/$defs/plugin" {
        let cases = all["$defs"]["plugin"]["allOf"].as_array().unwrap();
        let plugins = cases.iter().map(|case| {
            let configuration = example(&case["then"]["properties"]["configuration"], all, depth, fill);
            json!({"type": case["if"]["properties"]["type"]["const"], "configuration": configuration})
        });
        return plugins.collect();
    }
    fill(schema)
}

fn sample(schema: &Value) -> Value {
    if let Some(choices) = schema["enum"].as_array() {
        return choices[0].clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!("text"),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("array") => json!(["text"]),
        _ => Value::Null,
    }
}

/// The keys that the parser does not know in a document that has all of the schema's.
fn unknown(name: &str, fill: &dyn Fn(&Value) -> Value) -> BTreeSet<String> {
    let schema = schema();
    let mut document = example(&schema, &schema, 0, fill);
    document["version"] = json!("v0.3");
    let path = write(&folder("all_keys"), name, &document.to_string());
    let (_, _, errors) = run(&["validate", &path]);
    let unknown = errors.lines().filter(|line| line.contains(": unknown key "));
    unknown.map(str::to_owned).collect()
}

#[test]
fn the_parser_knows_every_key_of_the_schema() {
    // Some keys are only asked for beside certain values.
    let filled = unknown("filled.json", &sample);
    let empty = unknown("empty.json", &|_| Value::Null);
    // A group of conditions has none of a signal's keys, and an algorithm none of another's.
    let excused = |line: &&String| {
        let parts = [".rules", ".composer", ".algorithm"];
        parts.iter().any(|part| line.contains(part))
    };
    let both: Vec<_> = filled
        .intersection(&empty)
        .filter(|line| !excused(line))
        .collect();
    assert!(both.is_empty(), "{both:#?}");
}

/// The names that the parser's source asks for, as far as they stand there as literals.
fn asked_for(source: &str) -> BTreeSet<String> {
    const CALLS: [&str; 12] = [
        ".text(\"",
        ".need_text(\"",
        ".flag(\"",
        ".number(\"",
        ".integer(\"",
        ".choice(\"",
        ".texts(\"",
        ".objects(\"",
        ".object(\"",
        ".tuning(\"",
        ".unsupported(\"",
        ".header_text(\"",
    ];
    // A call may be on several lines.
    let code: String = source
        .split("#[cfg(test)]")
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let calls = CALLS.iter().flat_map(|call| code.split(call).skip(1));
    calls
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_table_has_every_key_that_the_parser_asks_for() {
    let table = std::fs::read_to_string(root().join("cli/src/schema/keys.txt")).unwrap();
    let paths = table.lines().filter_map(|line| line.split(" | ").next());
    let known: BTreeSet<_> = paths.flat_map(|path| path.split(['.', ':', '['])).collect();
    // A path in `promptswitch.paths` may be a text, so that the table has the list alone.
    let of_paths = ["suffix", "api"];
    let mut folders = vec![root().join("policy/src")];
    let mut missing = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                missing.extend(asked_for(&std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    missing.retain(|name| !known.contains(name.as_str()) && !of_paths.contains(&name.as_str()));
    assert!(missing.is_empty(), "{missing:?}");
}
