//! Asking a companion, which runs a larger model: when, with what words, and what its answer is worth.

use serde_json::{Value, json};

use crate::{DOMAINS, DomainScores, FeedbackScores, GuardScores, Reason, Scores, Verdict};

/// The `promptswitch.offload` block.
#[derive(Clone, Debug, PartialEq)]
pub struct Offload {
    /// The Envoy cluster that leads to the companion.
    pub cluster: String,
    /// The `:authority` of the question.
    pub authority: String,
    /// The `:path` of the question.
    pub path: String,
    /// How long the request waits for the answer, in milliseconds; 1 to 10,000.
    pub timeout_ms: u32,
    /// Below this chance of its best domain a prompt is unsure, 0 to 1.
    pub below_confidence: f32,
    /// How many questions a VM may have open; 1 to 10,000.
    pub max_in_flight: usize,
    /// Which prompts are asked about.
    pub mode: OffloadMode,
}

/// Which prompts a companion is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffloadMode {
    /// Those that the filter's own model is unsure of.
    #[default]
    Unsure,
    /// All that are classified.
    Always,
    /// All that are classified; nothing waits for the answer, which is only compared.
    Shadow,
}

/// What a companion says of a text. Heads that it does not have are None.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// The chance of each domain, in the order of [`DOMAINS`].
    pub domain: [f32; 14],
    /// Benign, jailbreak, injection.
    pub guard: Option<[f32; 3]>,
    /// The chance that an answer needs facts to be checked.
    pub fact_check: Option<f32>,
    /// Satisfied, need_clarification, wrong_answer, want_different.
    pub feedback: Option<[f32; 4]>,
}

/// Of a longer text the companion gets the start and the end, in bytes: more than its model reads.
const HEAD_BYTES: usize = 4096;
const TAIL_BYTES: usize = 2048;
/// The share of the filter's own model in a joined chance. Two models that err apart are right together more often than
/// the better of them alone.
const OWN_SHARE: f32 = 0.25;
/// How far chances may be from adding up to 1.
const TOLERANCE: f32 = 0.02;

const GUARD: [&str; 3] = ["benign", "jailbreak", "injection"];
const FEEDBACK: [&str; 4] = [
    "satisfied",
    "need_clarification",
    "wrong_answer",
    "want_different",
];

impl Offload {
    /// Whether the companion is to be asked about a request that was decided so. Where the model did not run, its
    /// scores are not what the decision hangs on.
    pub fn is_wanted(&self, verdict: &Verdict) -> bool {
        let classified = matches!(
            verdict.reason,
            Reason::Decision | Reason::Default | Reason::FastResponse
        );
        let Some(scores) = verdict.scores.as_ref().filter(|_| classified) else {
            return false;
        };
        match self.mode {
            OffloadMode::Unsure => scores.domain.best().1 < self.below_confidence,
            OffloadMode::Always => true,
            // A request that is answered at once is gone before a question could be sent.
            OffloadMode::Shadow => verdict.reply.is_none(),
        }
    }

    /// The body of the question about `text`.
    pub fn question(text: &str) -> Vec<u8> {
        let heads = ["domain", "guard", "fact_check", "feedback"];
        json!({"text": window(text), "heads": heads})
            .to_string()
            .into_bytes()
    }
}

fn window(text: &str) -> String {
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        return text.to_owned();
    }
    let head = text
        .get(..text.floor_char_boundary(HEAD_BYTES))
        .unwrap_or_default();
    let tail = text
        .get(text.ceil_char_boundary(text.len() - TAIL_BYTES)..)
        .unwrap_or_default();
    [head, "\n", tail].concat()
}

impl Opinion {
    /// Reads the answer of `POST /v1/classify` to one text.
    ///
    /// # Errors
    /// What is wrong with it, in a few words: it is not JSON, lacks a domain, or has chances that are none.
    pub fn read(body: &[u8]) -> Result<Opinion, &'static str> {
        let answer: Value = serde_json::from_slice(body).map_err(|_| "not JSON")?;
        let result = answer.pointer("/results/0").ok_or("no result")?;
        let domain = result.pointer("/domain/scores").ok_or("no domain scores")?;
        Ok(Opinion {
            domain: chances(domain, &DOMAINS)?,
            guard: optional(result.pointer("/guard/scores"), &GUARD)?,
            fact_check: result.get("fact_check").map(chance).transpose()?,
            feedback: optional(result.pointer("/feedback/scores"), &FEEDBACK)?,
        })
    }

    /// The domain that it holds for the likeliest.
    pub fn best(&self) -> &'static str {
        DomainScores(self.domain).best().0
    }
}

fn optional<const N: usize>(
    found: Option<&Value>,
    labels: &[&str; N],
) -> Result<Option<[f32; N]>, &'static str> {
    found.map(|scores| chances(scores, labels)).transpose()
}

fn chances<const N: usize>(scores: &Value, labels: &[&str; N]) -> Result<[f32; N], &'static str> {
    let mut found = [0.0; N];
    for (place, label) in found.iter_mut().zip(labels) {
        *place = chance(scores.get(label).ok_or("a label is missing")?)?;
    }
    let sum: f32 = found.iter().sum();
    let alike = scores.as_object().is_some_and(|all| all.len() == N);
    if alike && (sum - 1.0).abs() <= TOLERANCE {
        Ok(found)
    } else {
        Err("chances do not add up to 1")
    }
}

fn chance(value: &Value) -> Result<f32, &'static str> {
    let number = value.as_f64().filter(|number| (0.0..=1.0).contains(number));
    number.map(|number| number as f32).ok_or("a chance is none")
}

impl Scores {
    /// These scores with a companion's opinion: of each chance a quarter is the own model's and the rest the
    /// companion's. The embedding stays, as examples were embedded by the own model.
    pub fn joined(&self, opinion: &Opinion) -> Scores {
        let GuardScores {
            benign,
            jailbreak,
            injection,
        } = self.guard;
        let FeedbackScores {
            satisfied,
            need_clarification,
            wrong_answer,
            want_different,
        } = self.feedback;
        let (guard, feedback) = (
            [benign, jailbreak, injection],
            [satisfied, need_clarification, wrong_answer, want_different],
        );
        let [fact_check] = join([self.fact_check], [opinion.fact_check.unwrap_or(self.fact_check)]);
        Scores::new(
            join(self.domain.0, opinion.domain),
            join(guard, opinion.guard.unwrap_or(guard)),
            fact_check,
            join(feedback, opinion.feedback.unwrap_or(feedback)),
            self.embedding.clone(),
        )
    }
}

fn join<const N: usize>(own: [f32; N], other: [f32; N]) -> [f32; N] {
    let mut joined = own;
    for (place, other) in joined.iter_mut().zip(other) {
        *place = OWN_SHARE * *place + (1.0 - OWN_SHARE) * other;
    }
    joined
}

#[cfg(test)]
mod tests;
