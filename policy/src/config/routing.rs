//! `routing`: signals, projections and decisions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::cards;
use super::decisions::{self, Setting};
use super::examples::Examples;
use super::global::Global;
use super::projections;
use super::providers::Providers;
use super::reader::Object;
use super::recipes::{self, Profile};
use super::report::Report;
use super::setup::Setup;
use crate::Scorer;
use crate::decision::{Decisions, Strategy};
use crate::recipes::Recipe;
use crate::signals::{SECTIONS, Signals};

pub(super) const STRATEGIES: [(&str, Strategy); 2] = [
    ("priority", Strategy::Priority),
    ("confidence", Strategy::Confidence),
];

/// The kinds of signal that VSR has and that are not supported: the section, and the `type` in rules.
pub(super) const OTHER_SIGNALS: [(&str, &str); 1] = [("classifiers", "classifier")];

pub(super) struct Routing {
    pub(super) signals: Signals,
    /// Never empty.
    pub(super) recipes: Vec<Recipe>,
    /// Which of the models an adapter adapts.
    pub(super) adapters: BTreeMap<String, usize>,
}

pub(super) fn read(
    mut profiles: Vec<Profile<'_>>,
    global: &Global,
    providers: &Providers,
    report: &Report,
    scorer: &mut dyn Scorer,
) -> Routing {
    let measured = profiles
        .iter_mut()
        .filter_map(|profile| profile.routing.get("projections"));
    let measured = measured.flat_map(measured_kbs).collect();
    let mut signals = read_signals(
        sections(&mut profiles, "signals"),
        global,
        measured,
        report,
        scorer,
    );
    signals.projections = projections::read(sections(&mut profiles, "projections"), &signals);
    let mut names = BTreeSet::new();
    let top = profiles.iter_mut().find(|profile| profile.is_top);
    let cards = top
        .map(|profile| profile.routing.objects("modelCards"))
        .unwrap_or_default();
    let cards = cards::read(cards, providers);
    let setting = Setting {
        global,
        signals: &signals,
        providers,
        cards: &cards,
    };
    let read = |profile| read_profile(profile, &mut names, &setting);
    let recipes = profiles.into_iter().map(read).collect();
    Routing {
        signals,
        recipes,
        adapters: cards::adapters(&cards),
    }
}

fn sections<'v>(profiles: &mut [Profile<'v>], key: &'static str) -> Vec<Object<'v>> {
    let objects = profiles.iter_mut();
    objects
        .filter_map(|profile| profile.routing.object(key))
        .collect()
}

fn read_profile<'v>(profile: Profile<'v>, names: &mut BTreeSet<&'v str>, setting: &Setting<'_>) -> Recipe {
    let mut object = profile.routing;
    let strategy = object.choice("strategy", &STRATEGIES).or(setting.global.strategy);
    let decisions = decisions::read(object.objects("decisions"), names, setting);
    let tiered = decisions.iter().filter(|decision| decision.tier > 0).count();
    if tiered > 0 && tiered < decisions.len() {
        object.warn(
            "decisions",
            "have a tier in part; those without one go before those with one, as in VSR",
        );
    }
    object.finish();
    Recipe {
        name: profile.name.map(str::to_owned),
        decisions: Decisions::new(decisions, strategy.unwrap_or(Strategy::Priority)),
    }
}

fn read_signals<'v>(
    mut objects: Vec<Object<'v>>,
    global: &Global,
    measured: BTreeSet<String>,
    report: &'v Report,
    scorer: &mut dyn Scorer,
) -> Signals {
    let mut signals = Signals::default();
    let (mut examples, mut kbs) = (Examples::default(), global.kbs.clone());
    kbs.measured = measured;
    for (section, kind, read) in SECTIONS {
        let mut setup = Setup {
            signals: &signals,
            report,
            scorer,
            examples: &mut examples,
            domain: global.domain,
            authz: &global.authz,
            modality: &global.modality,
            modules: &global.modules,
            kbs: &mut kbs,
        };
        let signal = read(recipes::merge(&mut objects, section), &mut setup);
        signals.add(kind, signal);
    }
    for mut object in objects {
        for (section, kind) in OTHER_SIGNALS {
            object.unsupported(
                section,
                &format!("signals of type `{kind}` are not supported yet"),
            );
        }
        object.finish();
    }
    signals
}

/// The knowledge bases whose metrics some `projections` go by; what is wrong with those is reported where they are
/// read.
fn measured_kbs(projections: &Value) -> BTreeSet<String> {
    let scores = items(projections, "scores");
    let inputs = scores.flat_map(|score| items(score, "inputs"));
    inputs
        .filter_map(|input| Some(input.get("kb")?.as_str()?.to_owned()))
        .collect()
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
