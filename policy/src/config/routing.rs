//! `routing`: signals and decisions.

use std::collections::BTreeSet;

use serde_json::Value;

use super::decisions;
use super::examples::Examples;
use super::global::Global;
use super::providers::Providers;
use super::reader::Object;
use super::setup::Setup;
use crate::Scorer;
use crate::decision::{Decisions, Strategy};
use crate::signals::{SECTIONS, Signals};

pub(super) const STRATEGIES: [(&str, Strategy); 2] = [
    ("priority", Strategy::Priority),
    ("confidence", Strategy::Confidence),
];

/// The kinds of signal that VSR has and that are not supported: the section, and the `type` in rules.
pub(super) const OTHER_SIGNALS: [(&str, &str); 1] = [("classifiers", "classifier")];

pub(super) struct Routing {
    pub(super) signals: Signals,
    pub(super) decisions: Decisions,
}

pub(super) fn read(
    object: Option<Object<'_>>,
    global: &Global,
    providers: &Providers,
    scorer: &mut dyn Scorer,
) -> Routing {
    let Some(mut object) = object else {
        return Routing {
            signals: Signals::default(),
            decisions: Decisions::new(Vec::new(), Strategy::Priority),
        };
    };
    let measured = object.get("projections").map(measured_kbs).unwrap_or_default();
    let signals = match object.object("signals") {
        Some(signals) => read_signals(signals, global, measured, scorer),
        None => Signals::default(),
    };
    let strategy = object.choice("strategy", &STRATEGIES).or(global.strategy);
    let decisions = decisions::read(object.objects("decisions"), &signals, providers);
    object.tuning("modelCards", "no supported algorithm reads them");
    object.unsupported("projections", "projections are not supported yet");
    object.finish();
    Routing {
        signals,
        decisions: Decisions::new(decisions, strategy.unwrap_or(Strategy::Priority)),
    }
}

fn read_signals(
    mut object: Object<'_>,
    global: &Global,
    measured: BTreeSet<String>,
    scorer: &mut dyn Scorer,
) -> Signals {
    let mut signals = Signals::default();
    let (mut examples, mut kbs) = (Examples::default(), global.kbs.clone());
    kbs.measured = measured;
    for (section, kind, read) in SECTIONS {
        let mut setup = Setup {
            signals: &signals,
            report: object.report(),
            scorer,
            examples: &mut examples,
            domain: global.domain,
            authz: &global.authz,
            modality: &global.modality,
            modules: &global.modules,
            kbs: &mut kbs,
        };
        let signal = read(object.objects(section), &mut setup);
        signals.add(kind, signal);
    }
    for (section, kind) in OTHER_SIGNALS {
        object.unsupported(
            section,
            &format!("signals of type `{kind}` are not supported yet"),
        );
    }
    object.finish();
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
