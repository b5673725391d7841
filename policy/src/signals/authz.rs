//! `authz`: who asks, by identity headers.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared authz signals.
#[derive(Debug)]
struct Authzs {}

/// Reads `routing.signals.role_bindings`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `authz` are not supported yet");
    }
    Box::new(Authzs {})
}

impl Signal for Authzs {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
