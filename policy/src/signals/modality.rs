//! `modality`: whether text or an image is asked for.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared modality signals.
#[derive(Debug)]
struct Modalitys {}

/// Reads `routing.signals.modality`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `modality` are not supported yet");
    }
    Box::new(Modalitys {})
}

impl Signal for Modalitys {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
