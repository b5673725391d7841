//! `promptswitch eval`

mod guard;
mod judge;
mod pii;
mod rows;

use std::path::PathBuf;

use promptswitch_policy::{DOMAINS, LanguageDetector};
use serde_json::{Value, json};

use crate::Outcome;
use crate::metrics::{Answer, by_source, report};
use judge::Judge;
use rows::Row;

/// Measure the classifier on labelled texts, or the rules for languages and personal data
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to find out
    #[arg(long, value_enum)]
    task: Task,
    /// JSON objects with `text` and what it should be, one a line; may be compressed with gzip. What it should be is `label`,
    /// but `lang` (or `label`) for language, and `spans` of [start, end, type] in characters for pii
    file: PathBuf,
    /// Only rows whose `split` is this
    #[arg(long)]
    split: Option<String>,
    /// Whose answers to measure: the filter's model, or those of a companion that is running
    #[arg(long, value_enum, default_value_t = Model::Filter)]
    model: Model,
    /// How many tokens of a text the filter's model reads
    #[arg(long, default_value_t = 128)]
    max_tokens: usize,
    /// Where the companion answers
    #[arg(long, default_value = "http://127.0.0.1:8090/v1/classify")]
    url: String,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Model {
    /// The one in the filter
    Filter,
    /// The one at --url
    Companion,
}

impl Arguments {
    fn judge(&self) -> Judge {
        match self.model {
            Model::Filter => Judge::Filter {
                max_tokens: self.max_tokens,
            },
            Model::Companion => Judge::Companion {
                url: self.url.clone(),
            },
        }
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Task {
    /// The subject, one of 14
    Domain,
    /// Benign, jailbreak or injection; a harmful request without a trick and a system prompt count as benign
    Guard,
    /// The language, by rules
    Language,
    /// Personal data, by rules
    Pii,
    /// Whether a stronger model would do better
    Gain,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let rows = rows::read(&arguments.file, arguments.split.as_deref())?;
    let report = match arguments.task {
        Task::Domain => domain(&rows, &arguments.judge()),
        Task::Guard => guard::measure(&rows, &arguments.judge()),
        Task::Language => Ok(language(&rows)),
        Task::Pii => pii::measure(&rows),
        Task::Gain => {
            Err("the model has no head for gain: model/train/gain.py shows that none pays".to_owned())
        }
    };
    let report = report.map_err(|error| format!("error: {error}\n"))?;
    Ok(format!("{report:#}\n").into())
}

fn domain(rows: &[Row], judge: &Judge) -> Result<Value, String> {
    let label = |row: &Row| {
        DOMAINS
            .iter()
            .position(|known| row.field("label") == Some(*known))
    };
    let (labelled, skipped) = labelled(rows, label);
    let scores = judge.scores(&labelled)?;
    let answers: Vec<Answer> = labelled
        .iter()
        .zip(&scores)
        .map(|((_, label), scores)| Answer::best(*label, &scores.domain.0))
        .collect();
    Ok(summary(&answers, &labelled, &DOMAINS, skipped))
}

fn language(rows: &[Row]) -> Value {
    let codes: Vec<&str> = LanguageDetector::codes().collect();
    let label = |row: &Row| {
        let code = LanguageDetector::code(row.field("lang").or(row.field("label"))?)?;
        codes.iter().position(|known| *known == code)
    };
    let (labelled, skipped) = labelled(rows, label);
    let wanted = labelled
        .iter()
        .filter_map(|(_, label)| codes.get(*label).copied());
    let told = LanguageDetector::new(wanted);
    let answer = |(row, label): &(&Row, usize)| {
        let (code, confidence) = told.detect(&row.text);
        let predicted = codes.iter().position(|known| *known == code);
        Answer {
            label: *label,
            predicted: predicted.unwrap_or(usize::MAX),
            confidence,
        }
    };
    let answers: Vec<Answer> = labelled.iter().map(answer).collect();
    summary(&answers, &labelled, &codes, skipped)
}

/// The rows that have a label, and how many have none that is known.
fn labelled(rows: &[Row], label: impl Fn(&Row) -> Option<usize>) -> (Vec<(&Row, usize)>, usize) {
    let found: Vec<_> = rows.iter().filter_map(|row| Some((row, label(row)?))).collect();
    let skipped = rows.len() - found.len();
    (found, skipped)
}

fn summary(answers: &[Answer], rows: &[(&Row, usize)], names: &[&str], skipped: usize) -> Value {
    let mut report = report(answers, names);
    let sources = rows.iter().map(|(row, _)| row.source.as_deref());
    if let Value::Object(report) = &mut report {
        report.insert("per_source".to_owned(), by_source(answers, sources));
        report.insert("skipped".to_owned(), json!(skipped));
    }
    report
}
