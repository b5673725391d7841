//! `kb`: the nearest of labelled example banks.

pub(crate) mod bases;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal, read_name};
use bases::{Kb, Match, Target};

/// The declared kb signals.
#[derive(Debug)]
struct KbSignals {
    signals: Vec<KbSignal>,
    /// All that signals or projections name, by name.
    bases: BTreeMap<String, Arc<Kb>>,
}

#[derive(Debug)]
struct KbSignal {
    name: String,
    /// None when something is wrong with it, which has been reported.
    asks: Option<Question>,
}

/// What is asked of which base.
#[derive(Debug)]
struct Question {
    kb: Arc<Kb>,
    target: Target,
    how: Match,
}

#[derive(Clone, Copy)]
enum Kind {
    Label,
    Group,
}

/// Reads `routing.signals.kb`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| KbSignal::read(object, setup, &mut taken);
    let signals = objects.into_iter().map(read).collect();
    for name in setup.kbs.measured.clone() {
        // A projection that names one that there is not reports it.
        let _ = setup.kb(&name);
    }
    Box::new(KbSignals {
        signals,
        bases: setup.kbs.ready(),
    })
}

impl KbSignal {
    fn read<'v>(mut object: Object<'v>, setup: &mut Setup<'_>, taken: &mut BTreeSet<&'v str>) -> KbSignal {
        let name = read_name(&mut object, taken);
        let how = object.choice("match", &[("best", Match::Best), ("threshold", Match::Threshold)]);
        let asks = read_question(&mut object, setup, how.unwrap_or(Match::Threshold));
        object.ignore(&["description"]);
        object.finish();
        KbSignal { name, asks }
    }
}

fn read_question(object: &mut Object<'_>, setup: &mut Setup<'_>, how: Match) -> Option<Question> {
    let kb = object.need_text("kb");
    let mut target = object.object_or_empty("target");
    if target.get("kind").is_none() {
        target.error("kind", "is missing: label or group");
    }
    let kind = target.choice("kind", &[("label", Kind::Label), ("group", Kind::Group)]);
    let value = target.need_text("value");
    let kb = setup.kb(kb?).map_err(|why| object.error("kb", why)).ok()?;
    let (found, kind) = match kind? {
        Kind::Label => (kb.label(value?), "label"),
        Kind::Group => (kb.find_group(value?), "group"),
    };
    if found.is_none() {
        target.error("value", format!("there is no {kind} {}", quoted(value?)));
    }
    target.finish();
    Some(Question {
        kb,
        target: found?,
        how,
    })
}

impl Signal for KbSignals {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let scores = reading.scores()?;
        // Signals of one base mostly stand together, so it is enough to keep the last one measured.
        let mut last = None;
        let mut test = |asks: &Question| {
            let (kb, measured) = match last.take() {
                Some((kb, measured)) if Arc::ptr_eq(&kb, &asks.kb) => (kb, measured),
                _ => (asks.kb.clone(), asks.kb.measure(scores)),
            };
            let score = kb.test(&measured, asks.target, asks.how);
            last = Some((kb, measured));
            score.map(|score| score.clamp(0.0, 1.0))
        };
        Ok(self
            .signals
            .iter()
            .map(|signal| signal.asks.as_ref().and_then(&mut test))
            .collect())
    }

    fn has_metric(&self, kb: &str, metric: &str) -> bool {
        self.bases.get(kb).is_some_and(|kb| kb.metric(metric).is_some())
    }

    fn metric(&self, kb: &str, metric: &str, reading: &mut Reading<'_>) -> Result<Option<f32>, String> {
        let found = self.bases.get(kb).and_then(|kb| Some((kb, kb.metric(metric)?)));
        let Some((kb, metric)) = found else {
            return Ok(None);
        };
        Ok(Some(kb.value(&kb.measure(reading.scores()?), metric)))
    }
}

#[cfg(test)]
mod tests;
