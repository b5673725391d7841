//! `routing.decisions`.

use std::collections::{BTreeMap, BTreeSet};

use super::cards::Card;
use super::global::Global;
use super::providers::Providers;
use super::reader::Object;
use super::report::quoted;
use super::{plugins, rules};
use crate::actions::{lora, reasoning, retention};
use crate::decision::{Choice, Decision};
use crate::selection;
use crate::signals::Signals;

/// Priorities and tiers are whole numbers that a float holds exactly.
const LARGEST: i64 = 1_000_000_000;

/// What the rest of the document says that decisions refer to.
pub(super) struct Setting<'s> {
    pub(super) global: &'s Global,
    pub(super) signals: &'s Signals,
    pub(super) providers: &'s Providers,
    /// By model.
    pub(super) cards: &'s BTreeMap<usize, Card>,
}

/// The names must differ from those in `names`, where they are put: decisions of all recipes share them.
pub(super) fn read<'v>(
    objects: Vec<Object<'v>>,
    names: &mut BTreeSet<&'v str>,
    setting: &Setting<'_>,
) -> Vec<Decision> {
    let read = |object| read_decision(object, names, setting);
    objects.into_iter().map(read).collect()
}

fn read_decision<'v>(
    mut object: Object<'v>,
    names: &mut BTreeSet<&'v str>,
    setting: &Setting<'_>,
) -> Decision {
    let name = object.unique_name("name", names);
    let mut actions = plugins::read(&mut object, setting.global);
    actions.retention = retention::read(&mut object);
    let models = read_models(&mut object, setting, actions.fast_response.is_some());
    let weighted = models.iter().any(|choice| choice.weight.is_some());
    let selection = selection::read(&mut object, weighted);
    if matches!(selection, selection::Selection::Static) && models.len() > 1 {
        object.warn("modelRefs", "have no weights, so only the first is used");
    }
    let decision = Decision {
        name: name.to_owned(),
        priority: object.integer("priority", -LARGEST..=LARGEST).unwrap_or(0),
        tier: object.integer("tier", 0..=LARGEST).unwrap_or(0),
        rule: rules::read(object.object("rules"), setting.signals),
        models,
        selection,
        actions,
    };
    object.tuning("adaptations", "there is no router learning to adapt");
    object.unsupported("candidateIterations", "is not supported");
    object.ignore(&["description"]);
    object.finish();
    decision
}

fn read_models(object: &mut Object<'_>, setting: &Setting<'_>, answered: bool) -> Vec<Choice> {
    let refs = object.objects("modelRefs");
    if refs.is_empty() && !answered {
        object.warn("modelRefs", "is empty, so the default model answers");
    }
    let choices: Vec<_> = refs
        .into_iter()
        .filter_map(|object| read_model_ref(object, setting))
        .collect();
    let weights = || choices.iter().filter_map(|choice| choice.weight);
    match weights().count() {
        0 => {}
        count if count < choices.len() => object.error("modelRefs", "give all of them a weight or none"),
        _ if weights().sum::<f64>() <= 0.0 => object.error("modelRefs", "one of them needs a weight above 0"),
        _ => {}
    }
    choices
}

fn read_model_ref(mut object: Object<'_>, setting: &Setting<'_>) -> Option<Choice> {
    let providers = setting.providers;
    let model = object.need_text("model").and_then(|name| {
        let index = providers.declared(name);
        if index.is_none() {
            object.error("model", format!("{} is not in providers.models", quoted(name)));
        }
        index
    });
    let weight = object.number("weight", 0.0..=1e9);
    let card = model.and_then(|index| setting.cards.get(&index));
    let lora = lora::read(&mut object, card.map_or(&[], |card| &card.loras));
    let family = model.and_then(|index| providers.models.get(index)?.reasoning.as_ref());
    let reasoning = reasoning::read(&mut object, family, &providers.default_effort);
    object.ignore(&["reasoning_description"]);
    object.finish();
    Some(Choice {
        model: model?,
        weight,
        lora,
        reasoning,
        quality: card.and_then(|card| card.quality),
    })
}
