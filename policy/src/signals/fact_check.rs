//! `fact_check`: whether facts need to be checked.

use std::collections::BTreeSet;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal, read_known_name};

/// What a text can be, and what rules call it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Need {
    Check,
    NoCheck,
}

const NEEDS: [(&str, Need); 2] = [
    ("needs_fact_check", Need::Check),
    ("no_fact_check_needed", Need::NoCheck),
];

/// The declared fact_check signals.
#[derive(Debug)]
struct FactChecks {
    signals: Vec<(String, Option<Need>)>,
    threshold: f32,
}

/// Reads `routing.signals.fact_check`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| read_known_name(object, &mut taken, &NEEDS);
    Box::new(FactChecks {
        signals: objects.into_iter().map(read).collect(),
        threshold: setup.modules.fact_check_threshold,
    })
}

impl Signal for FactChecks {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|(name, _)| name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let chance = reading.scores()?.fact_check;
        // The likelier label has to be the one, whatever the threshold.
        let need = if chance >= self.threshold.max(0.5) {
            Need::Check
        } else {
            Need::NoCheck
        };
        // As in VSR, a signal that matches is sure.
        let tell = |(_, known): &(String, Option<Need>)| (*known == Some(need)).then_some(1.0);
        Ok(self.signals.iter().map(tell).collect())
    }
}

#[cfg(test)]
mod tests;
