//! `language`: the language of the text.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared language signals.
#[derive(Debug)]
struct Languages {}

/// Reads `routing.signals.language`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `language` are not supported yet");
    }
    Box::new(Languages {})
}

impl Signal for Languages {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
