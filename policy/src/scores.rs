//! What a model says of a text: the one narrow type between the policy and whatever computes scores.

use crate::DomainScores;

/// A model's judgement of one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The subject of the text.
    pub domain: DomainScores,
    /// Whether the text attacks the model that is to answer it.
    pub guard: GuardScores,
    /// The chance that a good answer needs facts to be checked, 0 to 1.
    pub fact_check: f32,
    /// What the text says about the answer before it.
    pub feedback: FeedbackScores,
    /// The meaning of the text: a vector of length 1, as wide as the model makes it. The dot product of two is their
    /// cosine.
    pub embedding: Vec<f32>,
}

impl Scores {
    /// Scores from the heads of a model, each in the order of the fields below and of [`crate::DOMAINS`].
    pub fn new(
        domain: [f32; 14],
        [benign, jailbreak, injection]: [f32; 3],
        fact_check: f32,
        [satisfied, need_clarification, wrong_answer, want_different]: [f32; 4],
        embedding: Vec<f32>,
    ) -> Scores {
        Scores {
            domain: DomainScores(domain),
            guard: GuardScores {
                benign,
                jailbreak,
                injection,
            },
            fact_check,
            feedback: FeedbackScores {
                satisfied,
                need_clarification,
                wrong_answer,
                want_different,
            },
            embedding,
        }
    }
}

/// The chance of each kind of attack; they add up to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GuardScores {
    /// No attack.
    pub benign: f32,
    /// Talks the model out of its rules.
    pub jailbreak: f32,
    /// Smuggles in instructions of another's.
    pub injection: f32,
}

/// The chance of each kind of feedback; they add up to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeedbackScores {
    /// No complaint; also of text that is no feedback.
    pub satisfied: f32,
    /// Asks for the same again, clearer.
    pub need_clarification: f32,
    /// Says that the answer was wrong.
    pub wrong_answer: f32,
    /// Asks for another answer.
    pub want_different: f32,
}

/// Something that can judge text: the filter's model, or a test's fake.
pub trait Scorer {
    /// The scores of `text`, which is as long as the client made it; any text has some.
    ///
    /// # Errors
    /// One line on what failed, without any of the text: it is logged.
    fn score(&mut self, text: &str) -> Result<Scores, String>;
}
