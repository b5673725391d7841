//! The requests of the benchmark: four sizes, 64 different bodies of each.
//!
//! No data set is read, so that a fresh clone has them; a fixed generator makes the same ones every time.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::random::Random;
use crate::run::root;

/// Different bodies of each kind; the load script makes every request of them unique.
pub(super) const COUNT: usize = 64;
/// Where the load script writes the words of one request.
pub(super) const MARK: &str = "@SERIAL@";
/// As many words as the load script writes there.
const SERIAL_WORDS: usize = 5;
/// An English word is about 4/3 of a token.
const WORDS_PER_100_TOKENS: usize = 75;
const HISTORY_BYTES: usize = 1 << 20; // 1 MiB

/// One kind of request body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Short, for the name of a folder.
    pub(super) name: &'static str,
    /// For the tables.
    pub(super) title: &'static str,
    tokens: usize,
    has_history: bool,
}

/// What is measured, smallest first.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "16",
        title: "16 tokens",
        tokens: 16,
        has_history: false,
    },
    Kind {
        name: "128",
        title: "128 tokens",
        tokens: 128,
        has_history: false,
    },
    Kind {
        name: "2000",
        title: "2,000 tokens",
        tokens: 2000,
        has_history: false,
    },
    Kind {
        name: "1mb",
        title: "1 MB history",
        tokens: 16,
        has_history: true,
    },
];

/// The kind whose requests warm a proxy up before its memory is read.
pub(super) const WARM_UP: Kind = KINDS[1];

/// The bodies of one kind, as files for the load script.
#[derive(Debug)]
pub(super) struct Bodies {
    pub(super) kind: Kind,
    pub(super) folder: PathBuf,
    /// Size of the first one; the others differ by a few words.
    pub(super) bytes: usize,
}

impl Bodies {
    /// Writes them under `target/bench`.
    pub(super) fn write(kind: Kind) -> Result<Self> {
        let folder = root().join("target/bench").join(kind.name);
        fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        let mut random = Random::new(kind.tokens as u64);
        let history = if kind.has_history {
            history(&mut random)
        } else {
            Vec::new()
        };
        let mut bytes = 0;
        for i in 0..COUNT {
            let body = body(&prompt(kind.tokens, &mut random), &history).to_string();
            bytes = if i == 0 { body.len() } else { bytes };
            let file = folder.join(format!("{i}.json"));
            fs::write(&file, body).with_context(|| file.display().to_string())?;
        }
        Ok(Self { kind, folder, bytes })
    }

    /// A body as the load script would send it, with words of its own.
    pub(super) fn read(&self, index: usize, words: &str) -> Result<String> {
        let file = self.folder.join(format!("{index}.json"));
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(text.replace(MARK, words))
    }
}

/// `model` first and `messages` last, as clients send them. The words in `user` make bodies differ early: wrk keeps
/// its strings in a hash table, which would compare megabytes otherwise.
fn body(prompt: &str, history: &[Value]) -> Value {
    let mut messages = vec![json!({"role": "system", "content": "You are a helpful assistant."})];
    messages.extend_from_slice(history);
    messages.push(json!({"role": "user", "content": prompt}));
    json!({"model": "auto", "user": MARK, "temperature": 0.7, "messages": messages})
}

/// A question of about this many tokens.
fn prompt(tokens: usize, random: &mut Random) -> String {
    let words = (tokens * WORDS_PER_100_TOKENS / 100).saturating_sub(SERIAL_WORDS);
    format!("{}: {MARK}", text(words, random))
}

/// A long conversation: questions and answers in turn.
fn history(random: &mut Random) -> Vec<Value> {
    let (mut messages, mut bytes) = (Vec::new(), 0);
    while bytes < HISTORY_BYTES {
        for (role, words) in [("user", 30), ("assistant", 300)] {
            let text = text(words, random);
            bytes += text.len() + 40; // the JSON around it
            messages.push(json!({"role": role, "content": text}));
        }
    }
    messages
}

/// Sentences on changing subjects, cut off after so many words.
fn text(words: usize, random: &mut Random) -> String {
    let mut text: Vec<&str> = Vec::with_capacity(words + 32);
    while text.len() < words {
        let sentence = [OPENINGS, SUBJECTS, LINKS, SUBJECTS, ENDS].map(|list| random.choose(list));
        text.extend(sentence.iter().flat_map(|part| part.split(' ')));
    }
    text.truncate(words);
    text.join(" ")
}

const OPENINGS: &[&str] = &[
    "Explain how",
    "Prove that",
    "Describe why",
    "Show me that",
    "Tell me whether",
    "Work out how far",
    "Discuss whether",
    "Write a short essay on how",
    "Give three reasons why",
    "Summarise how",
    "I would like to know if",
    "Check that",
];

const LINKS: &[&str] = &[
    "depends on",
    "is related to",
    "differs from",
    "has changed",
    "is limited by",
    "can be derived from",
    "leads to",
    "is the cause of",
    "should be compared with",
    "contradicts",
    "was influenced by",
    "makes use of",
];

const ENDS: &[&str] = &[
    "in simple words.",
    "with an example.",
    "step by step.",
    "for a student in the first year.",
    "and cite sources.",
    "under these assumptions.",
    "in less than two hundred words.",
    "and say what is not known.",
    "if at all.",
];

const SUBJECTS: &[&str] = &[
    "the derivative of a polynomial",
    "the eigenvalues of a matrix",
    "the sum of an infinite series",
    "the kinetic energy of a rolling wheel",
    "the wavelength of light in glass",
    "entropy in a closed system",
    "the pH of a buffer solution",
    "the yield of an organic reaction",
    "the boiling point of an alcohol",
    "protein folding in the cell",
    "the immune answer to a virus",
    "natural selection on an island",
    "the price of bread",
    "the interest rate of the central bank",
    "supply and demand in the labour market",
    "the liability of a landlord",
    "a contract signed under pressure",
    "the burden of proof in a criminal case",
    "the fall of the Roman empire",
    "the trade along the silk road",
    "the causes of the first world war",
    "the memory of a witness",
    "the development of language in children",
    "the treatment of anxiety",
    "the categorical imperative",
    "the problem of free will",
    "the ethics of lying",
    "a Linux process that leaks memory",
    "a Python function with a closure",
    "the index of a database table",
    "the load on a suspension bridge",
    "the gain of an amplifier",
    "the fatigue of a steel beam",
    "a marketing plan for a small shop",
    "the balance sheet of a bakery",
    "the dose of a common painkiller",
    "high blood pressure in old age",
    "a recipe for apple cake",
    "the rules of chess",
    "a holiday in the mountains",
];
