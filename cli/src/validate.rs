//! `promptswitch validate`

use std::path::PathBuf;

use crate::scorer::Model;
use crate::{Outcome, load};

/// Check a policy, and report everything that is wrong with it
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy, in YAML or JSON
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let (policy, warnings) = load::policy(
        &load::document(&arguments.file)?,
        &arguments.file,
        &mut Model::new(),
    )?;
    Ok(format!(
        "{}ok: {} decisions, {} models, {} warnings\n",
        load::lines(&warnings),
        policy.decision_names().len(),
        policy.model_names().len(),
        warnings.len()
    )
    .into())
}
