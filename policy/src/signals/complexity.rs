//! `complexity`: likeness to hard or to easy examples.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared complexity signals.
#[derive(Debug)]
struct Complexitys {}

/// Reads `routing.signals.complexity`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `complexity` are not supported yet");
    }
    Box::new(Complexitys {})
}

impl Signal for Complexitys {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
