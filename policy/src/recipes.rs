//! `recipes`: several policies in one document, of which the model that a client names picks one.

use crate::decision::Decisions;

/// The name of the recipe that the top-level `routing` is.
pub(crate) const DEFAULT_RECIPE: &str = "default";

/// One policy of a document. Signals and projections belong to the document, so that recipes can share them.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// None in a document without recipes.
    pub(crate) name: Option<String>,
    pub(crate) decisions: Decisions,
}
