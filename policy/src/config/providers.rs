//! `providers`: the models there are.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Object;
use super::report::quoted;
use crate::policy::Model;

pub(super) struct Providers {
    pub(super) models: Vec<Model>,
    /// Where in `models` a name or an upstream name is.
    pub(super) names: BTreeMap<String, usize>,
    /// None when there is none, which has been reported.
    pub(super) default_model: Option<usize>,
    /// How thinking is switched, by model.
    pub(super) reasoning: Vec<Option<Reasoning>>,
}

/// How VSR would switch a model's thinking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasoning {
    /// By a field that is written only to switch it on.
    OnOnly,
    /// By a field that is always written, `true` or `false`.
    OnAndOff,
}

pub(super) fn read(mut object: Object<'_>, auto_names: &BTreeSet<String>) -> Providers {
    let mut defaults = object.object_or_empty("defaults");
    let families = read_families(&mut defaults);
    let mut providers = Providers {
        models: vec![],
        names: BTreeMap::new(),
        default_model: None,
        reasoning: vec![],
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
    defaults.ignore(&["default_reasoning_effort"]);
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
        families: &BTreeMap<String, Reasoning>,
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
        });
        self.reasoning.push(read_reasoning(&mut object, families));
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

fn read_reasoning(object: &mut Object<'_>, families: &BTreeMap<String, Reasoning>) -> Option<Reasoning> {
    let family = object
        .text("reasoning_family")
        .filter(|family| !family.is_empty())?;
    let known = families.get(family).copied();
    if known.is_none() {
        object.error(
            "reasoning_family",
            format!(
                "{} is not in providers.defaults.reasoning_families",
                quoted(family)
            ),
        );
    }
    known
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
    object.tuning("pricing", "no choice depends on prices");
    object.ignore(&["description"]);
}

fn read_families(defaults: &mut Object<'_>) -> BTreeMap<String, Reasoning> {
    let mut families = BTreeMap::new();
    for mut family in defaults.members("reasoning_families") {
        let types = [
            ("chat_template_kwargs", Reasoning::OnAndOff),
            ("reasoning_effort", Reasoning::OnOnly),
            ("top_level_reasoning_effort", Reasoning::OnOnly),
            ("deepseek", Reasoning::OnAndOff),
        ];
        let reasoning = family.1.choice("type", &types).unwrap_or(Reasoning::OnAndOff);
        family.1.text("parameter");
        family.1.finish();
        families.insert(family.0.to_owned(), reasoning);
    }
    families
}
