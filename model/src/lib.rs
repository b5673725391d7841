//! The prompt classifier: text in, the scores of all its heads out.
//!
//! The trained graph, its tokenizer and its golden cases are embedded from `assets/`, so that a native build and
//! the Wasm module that Envoy loads give the same answer. `assets/CARD.md` says what the model is and what trained
//! it; `train/` makes it again.

mod card;
mod error;
mod graph;
mod kernel;
mod onnx;
mod operators;
mod spelling;
mod text;
mod unigram;

pub use card::Card;
pub use error::Error;

use graph::Graph;
use text::Encoder;

/// Number of domains: MMLU-Pro's 14 categories, in the order of [`Classifier::labels`].
pub const DOMAINS: usize = 14;

/// The guard's classes, in the order of [`Scores::guard`].
pub const GUARD_LABELS: [&str; 3] = ["benign", "jailbreak", "injection"];

/// The classes of a turn's feedback, in the order of [`Scores::feedback`].
pub const FEEDBACK_LABELS: [&str; 4] = [
    "satisfied",
    "need_clarification",
    "wrong_answer",
    "want_different",
];

/// How far an answer may be from its golden case: the tolerance between native and Wasm arithmetic.
pub const GOLDEN_TOLERANCE: f32 = 1e-3;

const GRAPH: &[u8] = include_bytes!("../assets/model.onnx");
const TOKENIZER: &[u8] = include_bytes!("../assets/tokenizer.json");
const CARD: &[u8] = include_bytes!("../assets/model.json");
const GOLDEN: &[u8] = include_bytes!("../assets/golden.json");

/// What the model says of one text. The chances are calibrated; `assets/CARD.md` says how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The chance of each domain, in the order of [`Classifier::labels`]; they sum to 1.
    pub domain: [f32; DOMAINS],
    /// The chances of [`GUARD_LABELS`]; they sum to 1.
    pub guard: [f32; 3],
    /// The chance that an answer needs facts that ought to be checked.
    pub fact_check: f32,
    /// The chances of [`FEEDBACK_LABELS`] for what a turn says of the reply before it; they sum to 1.
    pub feedback: [f32; 4],
    /// A vector of length 1: the dot product of two says how alike their texts are.
    pub embedding: Vec<f32>,
}

/// The embedded model. Loading takes tens of milliseconds, a classification about one, and some more where it is the first of
/// its length: [`Classifier::prepare`] takes those before.
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

    /// Compiles the graph for one more length of texts; false when it is compiled for all. A few milliseconds.
    pub fn prepare(&self) -> Result<bool, Error> {
        self.graph.prepare()
    }

    /// What every head says of `text`, from one run of the graph.
    ///
    /// At most `max_tokens` tokens are read (the card's own limit caps it): the head and the tail of a long text.
    /// Any text gives scores, the empty one too. A text of which the model knows no token is of the domain `other`:
    /// what the graph says of it is whatever its biases happen to be.
    pub fn score(&self, text: &str, max_tokens: usize) -> Result<Scores, Error> {
        self.score_tokens(&self.tokens(text, max_tokens))
    }

    /// The tokens of `text` that [`Classifier::score`] reads: at least one, at most `max_tokens`.
    pub fn tokens(&self, text: &str, max_tokens: usize) -> Vec<i64> {
        self.encoder.encode(text, max_tokens)
    }

    /// What every head says of a text's tokens. A token that is not below [`Classifier::vocabulary`] is an error; tokens
    /// after the first `max_tokens` of the card are not read.
    pub fn score_tokens(&self, tokens: &[i64]) -> Result<Scores, Error> {
        let limit = i64::from(self.vocabulary());
        if let Some(token) = tokens.iter().find(|token| !(0..limit).contains(*token)) {
            return Err(Error::Token(format!("token {token} is not in 0..{limit}")));
        }
        let mut scores = self.graph.score(&self.encoder, tokens)?;
        if !self.encoder.knows_any(tokens) {
            for (chance, label) in scores.domain.iter_mut().zip(&self.card.labels) {
                *chance = if label == "other" { 1.0 } else { 0.0 };
            }
        }
        Ok(scores)
    }

    /// The number of tokens that the tokenizer knows.
    pub fn vocabulary(&self) -> u32 {
        self.encoder.vocabulary()
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
        let tokens = self.encoder.encode(&case.text, self.card.max_tokens);
        let error = case.distance(&self.graph.score(&self.encoder, &tokens)?);
        // Written so that a NaN fails.
        if error <= GOLDEN_TOLERANCE {
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
    domain: [f32; DOMAINS],
    guard: [f32; 3],
    fact_check: f32,
    feedback: [f32; 4],
    embedding: Vec<f32>,
}

impl Golden {
    /// The largest difference of any number; NaN when one is, or when the embedding's length differs.
    fn distance(&self, scores: &Scores) -> f32 {
        if self.embedding.len() != scores.embedding.len() {
            return f32::NAN;
        }
        let expected = self
            .domain
            .iter()
            .chain(&self.guard)
            .chain([&self.fact_check])
            .chain(&self.feedback);
        let found = scores
            .domain
            .iter()
            .chain(&scores.guard)
            .chain([&scores.fact_check])
            .chain(&scores.feedback);
        let pairs = expected
            .chain(&self.embedding)
            .zip(found.chain(&scores.embedding));
        pairs
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
    }
}

fn golden_cases() -> Result<Vec<Golden>, Error> {
    serde_json::from_slice(GOLDEN).map_err(|source| Error::Asset {
        name: "golden.json",
        why: source.to_string(),
    })
}

#[cfg(test)]
mod tests;
