//! `promptswitch classify`

use std::fmt::Write;

use promptswitch_policy::DOMAINS;
use serde_json::{Map, json};

use crate::{Outcome, scorer};

/// Show the category of texts, as the model sees it
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The texts
    #[arg(required = true)]
    text: Vec<String>,
    /// How many tokens of a text to read
    #[arg(long, default_value_t = 128)]
    max_tokens: usize,
    /// Print one JSON object a line, with all scores
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let classifier = scorer::load().map_err(|error| format!("error: {error}\n"))?;
    let mut out = String::new();
    for text in &arguments.text {
        let scores = scorer::score(&classifier, text, arguments.max_tokens)
            .map_err(|error| format!("error: {error}\n"))?;
        let line = if arguments.json {
            as_json(&scores.domain.0)
        } else {
            as_text(&scores.domain.0, text)
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{line}");
    }
    Ok(out.into())
}

fn as_json(scores: &[f32]) -> String {
    let (best, confidence) = scorer::best(scores);
    let all: Map<_, _> = DOMAINS
        .iter()
        .zip(scores)
        .map(|(name, score)| ((*name).to_owned(), json!(score)))
        .collect();
    json!({"category": DOMAINS.get(best), "confidence": confidence, "scores": all}).to_string()
}

fn as_text(scores: &[f32], text: &str) -> String {
    format!("{}  {}", scorer::ranked(scores, 3), text.escape_debug())
}
