//! `routing`: signals and decisions.

use std::collections::BTreeMap;

use super::decisions;
use super::global::Global;
use super::providers::Providers;
use super::reader::Object;
use super::report::quoted;
use crate::decision::{Decisions, Strategy};
use crate::signals::domain::Domains;
use crate::signals::keyword::Keywords;
use crate::signals::{SignalId, SignalKind, Signals};

pub(super) const STRATEGIES: [(&str, Strategy); 2] = [
    ("priority", Strategy::Priority),
    ("confidence", Strategy::Confidence),
];

/// The kinds of signal that VSR has and that are not supported yet: the section, and the `type` in rules.
pub(super) const OTHER_SIGNALS: [(&str, &str); 18] = [
    ("embeddings", "embedding"),
    ("complexity", "complexity"),
    ("language", "language"),
    ("context", "context"),
    ("structure", "structure"),
    ("conversation", "conversation"),
    ("fact_check", "fact_check"),
    ("user_feedbacks", "user_feedback"),
    ("reasks", "reask"),
    ("preferences", "preference"),
    ("modality", "modality"),
    ("role_bindings", "authz"),
    ("jailbreak", "jailbreak"),
    ("pii", "pii"),
    ("kb", "kb"),
    ("events", "event"),
    ("metadata", "metadata"),
    ("classifiers", "classifier"),
];

pub(super) struct Routing {
    pub(super) signals: Signals,
    pub(super) decisions: Decisions,
}

/// What a rule's leaf names.
pub(super) type SignalNames = BTreeMap<(SignalKind, String), SignalId>;

pub(super) fn read(object: Option<Object<'_>>, global: &Global, providers: &Providers) -> Routing {
    let Some(mut object) = object else {
        return Routing {
            signals: Signals::default(),
            decisions: Decisions::new(Vec::new(), Strategy::Priority),
        };
    };
    let (signals, names) = match object.object("signals") {
        Some(signals) => read_signals(signals, global),
        None => Default::default(),
    };
    let strategy = object.choice("strategy", &STRATEGIES).or(global.strategy);
    let decisions = decisions::read(object.objects("decisions"), &names, providers);
    object.tuning("modelCards", "no supported algorithm reads them");
    object.unsupported("projections", "projections are not supported yet");
    object.finish();
    Routing {
        signals,
        decisions: Decisions::new(decisions, strategy.unwrap_or(Strategy::Priority)),
    }
}

fn read_signals(mut object: Object<'_>, global: &Global) -> (Signals, SignalNames) {
    let keywords = Keywords::read(object.objects("keywords"));
    let domains = Domains::read(object.objects("domains"), global.domain);
    for (section, kind) in OTHER_SIGNALS {
        object.unsupported(
            section,
            &format!("signals of type `{kind}` are not supported yet"),
        );
    }
    let mut names = SignalNames::new();
    declare(
        &mut names,
        &object,
        "keywords",
        SignalKind::Keyword,
        keywords.names(),
    );
    declare(
        &mut names,
        &object,
        "domains",
        SignalKind::Domain,
        domains.names(),
    );
    object.finish();
    (Signals { keywords, domains }, names)
}

fn declare<'n>(
    into: &mut SignalNames,
    object: &Object<'_>,
    section: &str,
    kind: SignalKind,
    names: impl Iterator<Item = &'n str>,
) {
    for (index, name) in names.enumerate().filter(|(_, name)| !name.is_empty()) {
        if into
            .insert((kind, name.to_owned()), SignalId { kind, index })
            .is_some()
        {
            let path = format!("{}[{index}].name", object.at(section));
            object
                .report()
                .error(path, format!("{} is declared twice", quoted(name)));
        }
    }
}
