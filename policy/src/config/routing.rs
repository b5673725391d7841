//! `routing`: signals and decisions.

use super::cards;
use super::decisions::{self, Setting};
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
    let signals = match object.object("signals") {
        Some(signals) => read_signals(signals, global, scorer),
        None => Signals::default(),
    };
    let strategy = object.choice("strategy", &STRATEGIES).or(global.strategy);
    let cards = cards::read(object.objects("modelCards"), providers);
    let setting = Setting {
        global,
        signals: &signals,
        providers,
        cards: &cards,
    };
    let decisions = decisions::read(object.objects("decisions"), &setting);
    object.unsupported("projections", "projections are not supported yet");
    object.finish();
    Routing {
        signals,
        decisions: Decisions::new(decisions, strategy.unwrap_or(Strategy::Priority)),
    }
}

fn read_signals(mut object: Object<'_>, global: &Global, scorer: &mut dyn Scorer) -> Signals {
    let mut signals = Signals::default();
    for (section, kind, read) in SECTIONS {
        let mut setup = Setup {
            signals: &signals,
            scorer,
            domain: global.domain,
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
