//! `providers`: the models there are.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Object;
use super::report::quoted;
use crate::actions::reasoning::{self, Family};
use crate::policy::Model;

pub(super) struct Providers {
    pub(super) models: Vec<Model>,
    /// Where in `models` a name or an upstream name is.
    pub(super) names: BTreeMap<String, usize>,
    /// None when there is none, which has been reported.
    pub(super) default_model: Option<usize>,
    /// How much models think that are told to, unless told how much.
    pub(super) default_effort: String,
}

pub(super) fn read(mut object: Object<'_>, auto_names: &BTreeSet<String>) -> Providers {
    let mut defaults = object.object_or_empty("defaults");
    let families = read_families(&mut defaults);
    let mut providers = Providers {
        models: vec![],
        names: BTreeMap::new(),
        default_model: None,
        default_effort: defaults
            .text("default_reasoning_effort")
            .filter(|effort| !effort.is_empty())
            .unwrap_or("medium")
            .to_owned(),
    };
    let mut taken = BTreeSet::new();
    for model in object.objects("models") {
        providers.read_model(model, &families, auto_names, &mut taken);
    }
    providers.index();
    if let Some(name) = defaults.need_text("default_model") {
        providers.default_model = providers.declared(name);
        if providers.default_model.is_none() {
            defaults.error(
                "default_model",
                format!("{} is not in providers.models", quoted(name)),
            );
        }
    }
    defaults.finish();
    object.finish();
    providers
}

impl Providers {
    /// The model of a name.
    pub(super) fn declared(&self, name: &str) -> Option<usize> {
        let index = *self.names.get(name)?;
        self.models
            .get(index)
            .filter(|model| model.name == name)
            .map(|_| index)
    }

    fn read_model<'v>(
        &mut self,
        mut object: Object<'v>,
        families: &BTreeMap<String, Option<Family>>,
        auto_names: &BTreeSet<String>,
        taken: &mut BTreeSet<&'v str>,
    ) {
        let name = object.unique_name("name", taken);
        if auto_names.contains(name) {
            object.error(
                "name",
                format!("{} is an auto name; a model cannot have it", quoted(name)),
            );
        }
        let upstream = match object.header_text("provider_model_id") {
            "" => name,
            id => id,
        };
        self.models.push(Model {
            name: name.to_owned(),
            upstream: upstream.to_owned(),
            reasoning: read_reasoning(&mut object, families),
            price: object.object("pricing").map(read_pricing),
        });
        read_rest(&mut object);
        object.finish();
    }

    /// Fills `names`. A model's own name goes before another's upstream name, and the first model before others.
    fn index(&mut self) {
        let names = self.models.iter().map(|model| &model.name).enumerate();
        let upstreams = self.models.iter().map(|model| &model.upstream).enumerate();
        for (index, name) in names.chain(upstreams) {
            self.names.entry(name.clone()).or_insert(index);
        }
    }
}

fn read_reasoning(object: &mut Object<'_>, families: &BTreeMap<String, Option<Family>>) -> Option<Family> {
    let family = object
        .text("reasoning_family")
        .filter(|family| !family.is_empty())?;
    let known = families.get(family);
    if known.is_none() {
        object.error(
            "reasoning_family",
            format!(
                "{} is not in providers.defaults.reasoning_families",
                quoted(family)
            ),
        );
    }
    let family = known.cloned().flatten()?;
    Some(family.at(object.get("backend_refs")))
}

fn read_rest(object: &mut Object<'_>) {
    let formats = [("openai", true), ("anthropic", false)];
    if object.choice("api_format", &formats) == Some(false) {
        object.error("api_format", "translation between APIs is not supported yet");
    }
    object.unsupported("external_model_ids", "is not supported; give provider_model_id");
    object.tuning(
        "backend_refs",
        "where a model is served, and with which credentials, is the gateway's to say",
    );
    object.tuning(
        "reliability",
        "retries, outlier detection and health checks are the gateway's to do",
    );
    object.ignore(&["description"]);
}

fn read_families(defaults: &mut Object<'_>) -> BTreeMap<String, Option<Family>> {
    let families = defaults.members("reasoning_families").into_iter();
    families
        .map(|(name, family)| (name.to_owned(), reasoning::read_family(family)))
        .collect()
}

/// What a million tokens of a prompt cost; where that is nothing, a million of an answer. As VSR has it.
fn read_pricing(mut object: Object<'_>) -> f64 {
    object.text("currency");
    let mut price = |key| object.number(key, 0.0..=1e9).unwrap_or(0.0);
    let (prompt, completion) = (price("prompt_per_1m"), price("completion_per_1m"));
    price("cached_input_per_1m");
    price("cache_write_per_1m");
    object.finish();
    if prompt > 0.0 { prompt } else { completion }
}
