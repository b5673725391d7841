//! `user_feedback`: what the user says of the answer before.

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::{Reading, Signal};

/// The declared user_feedback signals.
#[derive(Debug)]
struct UserFeedbacks {}

/// Reads `routing.signals.user_feedbacks`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    for object in objects {
        let path = object.path().to_owned();
        object
            .report()
            .error(path, "signals of type `user_feedback` are not supported yet");
    }
    Box::new(UserFeedbacks {})
}

impl Signal for UserFeedbacks {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&self, _reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(Vec::new())
    }
}
