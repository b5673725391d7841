//! The prompt classifier: text in, calibrated scores out.
//!
//! The trained graph, its tokenizer and its golden cases are embedded from `assets/`, so that a native build and
//! the Wasm module that Envoy loads give the same answer. `assets/CARD.md` says what the model is and what trained
//! it; `train/` makes it again.

mod card;
mod error;
mod graph;
mod onnx;
mod operators;
mod text;

pub use card::Card;
pub use error::Error;

use graph::Graph;
use text::Encoder;

/// Number of domains: MMLU-Pro's 14 categories, in the order of [`Classifier::labels`].
pub const DOMAINS: usize = 14;

/// How far an answer may be from its golden case: the tolerance between native and Wasm arithmetic.
pub const GOLDEN_TOLERANCE: f32 = 1e-3;

const GRAPH: &[u8] = include_bytes!("../assets/model.onnx");
const TOKENIZER: &[u8] = include_bytes!("../assets/tokenizer.json");
const CARD: &[u8] = include_bytes!("../assets/model.json");
const GOLDEN: &[u8] = include_bytes!("../assets/golden.json");

/// The embedded model, ready to run. Loading takes tens of milliseconds; a classification about one.
#[derive(Debug)]
pub struct Classifier {
    card: Card,
    encoder: Encoder,
    graph: Graph,
}

impl Classifier {
    /// Loads the embedded assets and checks one golden case, so that a damaged or mismatched asset, or a host whose
    /// arithmetic differs, is refused here and not noticed in routing.
    pub fn load() -> Result<Self, Error> {
        let classifier = Self::from_assets(CARD, TOKENIZER, GRAPH)?;
        if let Some(case) = golden_cases()?.first() {
            classifier.check(case)?;
        }
        Ok(classifier)
    }

    fn from_assets(card: &[u8], tokenizer: &[u8], graph: &'static [u8]) -> Result<Self, Error> {
        let card = Card::parse(card)?;
        let encoder = Encoder::new(&card, tokenizer)?;
        let graph = Graph::new(&card, graph)?;
        Ok(Self { card, encoder, graph })
    }

    /// The chance of each domain for `text`, in the order of [`Classifier::labels`]; the values sum to 1.
    ///
    /// At most `max_tokens` tokens are read (the card's own limit caps it): the head and the tail of a long text.
    /// Any text gives scores, the empty one too.
    pub fn domain(&self, text: &str, max_tokens: usize) -> Result<[f32; DOMAINS], Error> {
        let tokens = self.encoder.encode(text, max_tokens)?;
        self.graph.domain(&tokens)
    }

    /// The domains' names, in the order of the scores.
    pub fn labels(&self) -> &[String] {
        &self.card.labels
    }

    /// What the model says of itself: revision, windows, token limits.
    pub fn card(&self) -> &Card {
        &self.card
    }

    fn check(&self, case: &Golden) -> Result<(), Error> {
        let scores = self.domain(&case.text, self.card.max_tokens)?;
        let error = scores
            .iter()
            .zip(&case.domain)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        // Written so that a NaN fails.
        if error <= GOLDEN_TOLERANCE && case.domain.len() == DOMAINS {
            Ok(())
        } else {
            Err(Error::Golden { error })
        }
    }
}

/// A text and the scores that the exported graph gave for it when it was made.
#[derive(Debug, serde::Deserialize)]
struct Golden {
    text: String,
    domain: Vec<f32>,
}

fn golden_cases() -> Result<Vec<Golden>, Error> {
    serde_json::from_slice(GOLDEN).map_err(|source| Error::Asset {
        name: "golden.json",
        why: source.to_string(),
    })
}

#[cfg(test)]
mod tests;
