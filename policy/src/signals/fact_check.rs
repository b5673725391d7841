//! `fact_check`: whether facts need to be checked.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared fact_check signals.
#[derive(Debug)]
struct FactChecks {}

/// Reads `routing.signals.fact_check`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `fact_check` are not supported yet");
    }
    Box::new(FactChecks {})
}

impl Signal for FactChecks {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
