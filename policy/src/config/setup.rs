//! What reading a signal may need beside its own section.

use crate::Scorer;
use crate::signals::Signals;
use crate::signals::authz::AuthzDefaults;
use crate::signals::domain::DomainDefaults;
use crate::signals::modality::ModalityDetector;

/// What reading a signal may need beside its own section.
pub(crate) struct Setup<'s> {
    /// The signals read so far, for rules inside of signals.
    pub(crate) signals: &'s Signals,
    /// Embeds example sentences, once for all.
    pub(crate) scorer: &'s mut dyn Scorer,
    /// `global.model_catalog.modules.classifier.domain`.
    pub(crate) domain: DomainDefaults,
    /// `global.services.authz`.
    pub(crate) authz: &'s AuthzDefaults,
    /// `global.model_catalog.modules.modality_detector`.
    pub(crate) modality: &'s ModalityDetector,
}
