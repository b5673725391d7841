//! `lora_name`: the adapter that answers instead of the model that it adapts.

use crate::Verdict;
use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::decision::Choice;

/// Reads the adapter of a model reference. `declared` are the adapters on the model's card; without any, every
/// name passes.
pub(crate) fn read(object: &mut Object<'_>, declared: &[String]) -> Option<String> {
    let name = object.text("lora_name").filter(|name| !name.is_empty())?;
    if !declared.is_empty() && !declared.iter().any(|known| known == name) {
        object.error(
            "lora_name",
            format!("{} is not among the loras of the model's card", quoted(name)),
        );
    }
    Some(name.to_owned())
}

/// The upstream serves the adapter by its own name; routes still match the model's.
pub(crate) fn apply(choice: &Choice, verdict: &mut Verdict) {
    if let Some(name) = &choice.lora {
        verdict.upstream_model.clone_from(name);
    }
}
