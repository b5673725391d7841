//! `routing.decisions`.

use std::collections::BTreeSet;

use super::providers::{Providers, Reasoning};
use super::reader::Object;
use super::report::quoted;
use super::rules;
use crate::decision::{Choice, Decision};
use crate::signals::Signals;

/// Priorities and tiers are whole numbers that a float holds exactly.
const LARGEST: i64 = 1_000_000_000;

/// The names must differ from those in `names`, where they are put: decisions of all recipes share them.
pub(super) fn read<'v>(
    objects: Vec<Object<'v>>,
    names: &mut BTreeSet<&'v str>,
    signals: &Signals,
    providers: &Providers,
) -> Vec<Decision> {
    let read = |object| read_decision(object, names, signals, providers);
    objects.into_iter().map(read).collect()
}

fn read_decision<'v>(
    mut object: Object<'v>,
    names: &mut BTreeSet<&'v str>,
    signals: &Signals,
    providers: &Providers,
) -> Decision {
    let name = object.unique_name("name", names);
    let decision = Decision {
        name: name.to_owned(),
        priority: object.integer("priority", -LARGEST..=LARGEST).unwrap_or(0),
        tier: object.integer("tier", 0..=LARGEST).unwrap_or(0),
        rule: rules::read(object.object("rules"), signals),
        models: read_models(&mut object, providers),
    };
    if object
        .object("algorithm")
        .is_some_and(|mut algorithm| algorithm.text("type") != Some("static"))
    {
        object.error("algorithm", "only the algorithm `static` is supported");
    }
    object.objects("plugins").into_iter().for_each(read_plugin);
    object.unsupported("emits", "retention hints are not supported");
    object.tuning("adaptations", "there is no router learning to adapt");
    object.unsupported("candidateIterations", "is not supported");
    object.ignore(&["description"]);
    object.finish();
    decision
}

fn read_models(object: &mut Object<'_>, providers: &Providers) -> Vec<Choice> {
    let refs = object.objects("modelRefs");
    if refs.is_empty() {
        object.warn("modelRefs", "is empty, so the default model answers");
    }
    let choices: Vec<_> = refs
        .into_iter()
        .filter_map(|object| read_model_ref(object, providers))
        .collect();
    let weights = || choices.iter().filter_map(|choice| choice.weight);
    match weights().count() {
        0 if choices.len() > 1 => object.warn("modelRefs", "have no weights, so only the first is used"),
        0 => {}
        count if count < choices.len() => object.error("modelRefs", "give all of them a weight or none"),
        _ if weights().sum::<f64>() <= 0.0 => object.error("modelRefs", "one of them needs a weight above 0"),
        _ => {}
    }
    choices
}

fn read_model_ref(mut object: Object<'_>, providers: &Providers) -> Option<Choice> {
    let model = object.need_text("model").and_then(|name| {
        let index = providers.declared(name);
        if index.is_none() {
            object.error("model", format!("{} is not in providers.models", quoted(name)));
        }
        index
    });
    let weight = object.number("weight", 0.0..=1e9);
    let thinks = object.flag("use_reasoning");
    if let Some(index) = model {
        check_reasoning(&object, thinks, providers.reasoning.get(index).copied().flatten());
    }
    object.unsupported(
        "lora_name",
        "LoRA adapters are not supported yet; declare the adapter as a model",
    );
    object.ignore(&["reasoning_effort", "reasoning_description"]);
    object.finish();
    model.map(|model| Choice { model, weight })
}

/// VSR writes a model's thinking switch into the body; where it would, leaving that out changes the answer.
fn check_reasoning(object: &Object<'_>, thinks: Option<bool>, reasoning: Option<Reasoning>) {
    const KEY: &str = "use_reasoning";
    match (thinks.unwrap_or(false), reasoning) {
        (true, None) => object.warn(KEY, "has no effect: the model has no reasoning_family"),
        (true, Some(_)) => object.error(KEY, "switching a model's thinking on is not supported yet"),
        (false, Some(Reasoning::OnAndOff)) => object.error(
            KEY,
            "switching a model's thinking off, as VSR does for its reasoning_family, is not supported yet",
        ),
        (false, None | Some(Reasoning::OnOnly)) => {}
    }
}

/// The plugins that VSR has, and whether requests or responses differ without them.
const PLUGINS: [(&str, bool); 18] = [
    ("router_replay", false),
    ("response_cache", true),
    ("semantic-cache", true),
    ("semantic_cache", true),
    ("system_prompt", true),
    ("header_mutation", true),
    ("fast_response", true),
    ("tools", true),
    ("tool_selection", true),
    ("request_params", true),
    ("context_compression", true),
    ("rag", true),
    ("memory", true),
    ("hallucination", true),
    ("response_jailbreak", true),
    ("image_gen", true),
    ("jailbreak", true),
    ("pii", true),
];

fn read_plugin(mut plugin: Object<'_>) {
    let off = plugin
        .object("configuration")
        .is_some_and(|mut c| c.flag("enabled") == Some(false));
    let Some(name) = plugin.need_text("type") else {
        return plugin.finish();
    };
    match PLUGINS.iter().find(|(known, _)| *known == name) {
        None => plugin.error("type", format!("unknown plugin {}", quoted(name))),
        Some(_) if off => {}
        Some((_, true)) => plugin.error("type", format!("the plugin `{name}` is not supported yet")),
        Some((_, false)) => plugin.warn(
            "type",
            format!("the plugin `{name}` has no effect: nothing is recorded"),
        ),
    }
    plugin.finish();
}
