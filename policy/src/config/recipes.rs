//! `recipes` and `entrypoints`: several policies in one document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::global::Global;
use super::providers::Providers;
use super::reader::Object;
use super::report::quoted;
use crate::recipes::{DEFAULT_RECIPE, Recipe};

/// A `routing` block, and the recipe that it is of.
pub(super) struct Profile<'v> {
    /// None where the document has neither recipes nor entrypoints.
    pub(super) name: Option<&'v str>,
    pub(super) routing: Object<'v>,
    pub(super) is_top: bool,
}

/// All `routing` blocks: the document's own, then those of its recipes.
pub(super) fn read<'v>(document: &mut Object<'v>) -> Vec<Profile<'v>> {
    let mut routing = document.object_or_empty("routing");
    let recipes = document.objects("recipes");
    let named = !recipes.is_empty() || document.get("entrypoints").is_some();
    let top_decides = ["signals", "projections", "decisions"]
        .iter()
        .any(|key| routing.get(key).is_some_and(|value| !is_empty(value)));
    let mut taken = BTreeSet::new();
    let mut profiles: Vec<_> = recipes
        .into_iter()
        .map(|object| read_recipe(object, &mut taken, top_decides))
        .collect();
    let explicit = profiles
        .iter()
        .any(|profile| profile.name == Some(DEFAULT_RECIPE));
    let top = Profile {
        name: (named && !explicit).then_some(DEFAULT_RECIPE),
        routing,
        is_top: true,
    };
    profiles.insert(0, top);
    profiles
}

fn read_recipe<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>, top_decides: bool) -> Profile<'v> {
    let name = object.unique_name("name", taken);
    if name == DEFAULT_RECIPE && top_decides {
        object.error(
            "name",
            "`default` is what the top-level routing decides; use one of the two",
        );
    }
    if object.get("routing").is_none() {
        object.error("routing", "is missing");
    }
    let mut routing = object.object_or_empty("routing");
    routing.unsupported(
        "modelCards",
        "belongs to the top-level routing: recipes share the models",
    );
    object.unsupported(
        "dsl",
        "is not supported; give the `routing` that VSR compiles it to",
    );
    object.ignore(&["description"]);
    object.finish();
    Profile {
        name: Some(name),
        routing,
        is_top: false,
    }
}

/// Which recipe each model name that asks for a decision leads to.
pub(super) fn read_entrypoints(
    document: &mut Object<'_>,
    recipes: &[Recipe],
    global: &Global,
    providers: &Providers,
) -> BTreeMap<String, usize> {
    let find = |name: &str| {
        recipes
            .iter()
            .position(|recipe| recipe.name.as_deref() == Some(name))
    };
    let default = find(DEFAULT_RECIPE).unwrap_or(0);
    let autos = global.auto_names.iter().map(|name| (name.clone(), default));
    let mut names: BTreeMap<_, _> = autos.collect();
    let mut used = BTreeSet::from([0, default]);
    for mut object in document.objects("entrypoints") {
        let recipe = object.need_text("recipe").and_then(|name| {
            let found = find(name.trim());
            if found.is_none() {
                object.error("recipe", format!("there is no recipe {}", quoted(name)));
            }
            found
        });
        for name in read_names(&mut object, &names, global, providers) {
            // A wrong recipe has been reported; the name is taken all the same.
            names.insert(name, recipe.unwrap_or_default());
        }
        used.extend(recipe);
        object.finish();
    }
    for (index, recipe) in recipes
        .iter()
        .enumerate()
        .filter(|(index, _)| !used.contains(index))
    {
        // The first is the top-level routing.
        let path = format!("recipes[{}]", index - 1);
        let name = quoted(recipe.name.as_deref().unwrap_or_default());
        document
            .report()
            .warn(path, format!("has no effect: no entrypoint leads to {name}"));
    }
    names
}

fn read_names(
    object: &mut Object<'_>,
    taken: &BTreeMap<String, usize>,
    global: &Global,
    providers: &Providers,
) -> Vec<String> {
    let listed = object.texts("model_names").unwrap_or_default();
    if listed.is_empty() {
        object.error("model_names", "is empty");
    }
    let mut names = Vec::new();
    for (index, name) in listed.iter().map(|name| name.trim()).enumerate() {
        let clash = if name.is_empty() {
            "is empty"
        } else if providers.declared(name).is_some() {
            "is a declared model"
        } else if global.auto_names.contains(name) {
            "is an auto name"
        } else if taken.contains_key(name) || names.iter().any(|known| known == name) {
            "is taken by another entrypoint"
        } else {
            names.push(name.to_owned());
            continue;
        };
        let path = format!("{}[{index}]", object.at("model_names"));
        let message = format!("{} {clash}; an entrypoint needs a name of its own", quoted(name));
        object.report().error(path, message);
    }
    names
}

/// The items of one section of all profiles. VSR lets recipes declare one signal twice if it is the same.
pub(super) fn merge<'v>(sections: &mut [Object<'v>], key: &'static str) -> Vec<Object<'v>> {
    let mut merged: Vec<Object<'v>> = Vec::new();
    let mut first: BTreeMap<&'v str, usize> = BTreeMap::new();
    for section in sections {
        let before = merged.len();
        for object in section.objects(key) {
            let name = object.peek("name").and_then(Value::as_str).unwrap_or_default();
            let known = first.get(name).filter(|index| **index < before);
            let known = known.and_then(|index| merged.get(*index));
            if known.is_some_and(|known| known.same_as(&object)) {
                continue;
            }
            first.entry(name).or_insert(merged.len());
            merged.push(object);
        }
    }
    merged
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map
            .values()
            .all(|value| value.is_null() || value == &Value::Array(Vec::new())),
        _ => false,
    }
}
