/// Why the classifier cannot be loaded or cannot score a text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An embedded asset is damaged, or does not belong with the others.
    #[error("model asset {name}: {why}")]
    Asset {
        /// File name in `model/assets/`.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The model does not give its own recorded answer on this machine.
    #[error("model self-check: scores are {error} away from the golden case")]
    Golden {
        /// Largest absolute difference of a score; NaN when a score is.
        error: f32,
    },
    /// A token that the tokenizer cannot have given.
    #[error("tokenizer: {0}")]
    Token(String),
    /// The graph failed on a text.
    #[error("graph: {0}")]
    Run(String),
}
