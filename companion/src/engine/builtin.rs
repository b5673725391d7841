//! The model that ships: the one that the filter carries, so that a callout and the filter can be compared.

use std::sync::Arc;

use promptswitch_model::{Classifier, Error, FEEDBACK_LABELS, GUARD_LABELS};

use super::{About, Engine, EngineError, Heads, Labels, Scores, Tokens, Worker};

/// The name that configuration and requests give this model.
pub const ID: &str = "promptswitch-small";

/// The embedded classifier.
#[derive(Debug)]
pub struct Builtin {
    classifier: Arc<Classifier>,
    about: About,
}

impl Builtin {
    /// Loads it and checks its golden case.
    pub fn load() -> Result<Self, EngineError> {
        let classifier = load()?;
        let card = classifier.card();
        let names = |labels: &[&str]| labels.iter().map(ToString::to_string).collect();
        let about = About {
            id: ID.into(),
            revision: card.revision.clone(),
            width: card.embedding_width,
            max_tokens: card.max_tokens,
            vocabulary: classifier.vocabulary(),
            labels: Some(Labels {
                domain: card.labels.clone(),
                guard: names(&GUARD_LABELS),
                feedback: names(&FEEDBACK_LABELS),
            }),
        };
        Ok(Self {
            classifier: Arc::new(classifier),
            about,
        })
    }
}

impl Engine for Builtin {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, text: &str) -> Result<Tokens, EngineError> {
        let tokens = self.classifier.tokens(text, self.about.max_tokens);
        // Ids are below the vocabulary, so that the fallback is never taken.
        Ok(tokens
            .into_iter()
            .map(|id| u32::try_from(id).unwrap_or_default())
            .collect())
    }

    fn complete(&self, tokens: Tokens) -> Result<Tokens, EngineError> {
        let head = self.classifier.card().head_tokens;
        Ok(super::window(&tokens, head, self.about.max_tokens))
    }

    /// A classifier of its own: two threads that share one would keep taking its one kept state from each other.
    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        Ok(Box::new(OneByOne(load()?)))
    }
}

fn load() -> Result<Classifier, EngineError> {
    let load = || {
        let classifier = Classifier::load()?;
        while classifier.prepare()? {}
        Ok(classifier)
    };
    load().map_err(|error: Error| EngineError::File {
        file: ID.into(),
        why: error.to_string(),
    })
}

fn run(error: Error) -> EngineError {
    match error {
        Error::Token(why) => EngineError::Tokenize(why),
        other => EngineError::Run(other.to_string()),
    }
}

/// The graph is compiled for one text at a time: a text takes well under a millisecond, so that a batch gains nothing.
struct OneByOne(Classifier);

impl Worker for OneByOne {
    fn run(&mut self, batch: &[&[u32]]) -> Result<Vec<Scores>, EngineError> {
        let score = |tokens: &&[u32]| {
            let tokens: Vec<i64> = tokens.iter().map(|&id| id.into()).collect();
            let scores = self.0.score_tokens(&tokens).map_err(run)?;
            Ok(Scores {
                heads: Some(Heads {
                    domain: scores.domain.to_vec(),
                    guard: scores.guard.to_vec(),
                    fact_check: scores.fact_check,
                    feedback: scores.feedback.to_vec(),
                }),
                embedding: scores.embedding,
            })
        };
        batch.iter().map(score).collect()
    }
}
