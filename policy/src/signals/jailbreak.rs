//! `jailbreak`: attacks on the model.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared jailbreak signals.
#[derive(Debug)]
struct Jailbreaks {}

/// Reads `routing.signals.jailbreak`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `jailbreak` are not supported yet");
    }
    Box::new(Jailbreaks {})
}

impl Signal for Jailbreaks {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
