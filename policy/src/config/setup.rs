//! What reading a signal may need beside its own section.

use std::sync::Arc;

use super::examples::Examples;
use super::modules::Modules;
use super::reader::Object;
use super::report::Report;
use crate::Scorer;
use crate::signals::Signals;
use crate::signals::authz::AuthzDefaults;
use crate::signals::bank::Bank;
use crate::signals::domain::DomainDefaults;
use crate::signals::kb::bases::{Kb, Kbs};
use crate::signals::modality::ModalityDetector;

/// What reading a signal may need beside its own section.
pub(crate) struct Setup<'s> {
    /// The signals read so far, for rules inside of signals.
    pub(crate) signals: &'s Signals,
    /// Where findings go that belong to another section.
    pub(crate) report: &'s Report,
    /// Embeds example sentences; asked through [`Setup::bank`], once for each.
    pub(crate) scorer: &'s mut dyn Scorer,
    /// The example sentences embedded so far.
    pub(crate) examples: &'s mut Examples,
    /// `global.model_catalog.modules.classifier.domain`.
    pub(crate) domain: DomainDefaults,
    /// `global.services.authz`.
    pub(crate) authz: &'s AuthzDefaults,
    /// `global.model_catalog.modules.modality_detector`.
    pub(crate) modality: &'s ModalityDetector,
    /// The rest of `global.model_catalog` that signals go by.
    pub(crate) modules: &'s Modules,
    /// `global.model_catalog.kbs`, and the built-in ones.
    pub(crate) kbs: &'s mut Kbs,
}

impl Setup<'_> {
    /// The example sentences listed under a key; an empty list has been reported.
    pub(crate) fn bank(&mut self, object: &mut Object<'_>, key: &'static str) -> Bank {
        let listed = object.texts(key).is_some_and(|texts| !texts.is_empty());
        if !listed {
            object.error(key, "lists no example");
            return Bank::default();
        }
        self.examples.bank(object, key, self.scorer)
    }

    /// The knowledge base of this name, with its examples embedded when it is first asked for.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn kb(&mut self, name: &str) -> Result<Arc<Kb>, String> {
        self.kbs.get(name, self.examples, self.scorer, self.report)
    }
}
