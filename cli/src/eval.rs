//! `promptswitch eval`

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::thread;

use flate2::read::MultiGzDecoder;
use promptswitch_model::Classifier;
use promptswitch_policy::DOMAINS;
use serde_json::Value;

use crate::load::failure;
use crate::metrics::{Answer, report};
use crate::{Outcome, scorer};

/// Measure the classifier on labelled texts
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to classify
    #[arg(long, value_enum)]
    task: Task,
    /// JSON objects with `text` and `label`, one a line; may be compressed with gzip
    file: PathBuf,
    /// How many tokens of a text to read
    #[arg(long, default_value_t = 128)]
    max_tokens: usize,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Task {
    /// The subject, one of 14
    Domain,
}

#[cfg_attr(test, derive(Debug, PartialEq))]
struct Row {
    text: String,
    label: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let Task::Domain = arguments.task;
    let file = File::open(&arguments.file).map_err(|error| failure(&arguments.file, error))?;
    let (rows, skipped) = read(&arguments.file, file)?;
    let classifier = scorer::load().map_err(|error| format!("error: {error}\n"))?;
    let answers =
        answer(&classifier, arguments.max_tokens, &rows).map_err(|error| format!("error: {error}\n"))?;
    let mut report = report(&answers, &DOMAINS);
    if let Value::Object(report) = &mut report {
        report.insert("skipped".to_owned(), skipped.into());
    }
    Ok(format!("{report:#}\n").into())
}

/// The rows, and how many were left out because their label is not a category.
fn read(path: &Path, source: impl Read) -> Result<(Vec<Row>, usize), String> {
    let mut source = BufReader::new(source);
    let is_gzip = source
        .fill_buf()
        .map_err(|error| failure(path, error))?
        .starts_with(&[0x1f, 0x8b]);
    let lines: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(source)))
    } else {
        Box::new(source)
    };
    let (mut rows, mut skipped) = (Vec::new(), 0);
    for (number, line) in lines.lines().enumerate() {
        let row = line
            .map_err(|error| error.to_string())
            .and_then(|line| parse(&line));
        match row.map_err(|why| failure(path, format!("line {}: {why}", number + 1)))? {
            Line::Row(row) => rows.push(row),
            Line::UnknownLabel => skipped += 1,
            Line::Blank => {}
        }
    }
    Ok((rows, skipped))
}

enum Line {
    Row(Row),
    UnknownLabel,
    Blank,
}

fn parse(line: &str) -> Result<Line, String> {
    if line.trim().is_empty() {
        return Ok(Line::Blank);
    }
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    let (Some(text), Some(label)) = (field("text"), field("label")) else {
        return Err("needs the strings `text` and `label`".to_owned());
    };
    let label = DOMAINS.iter().position(|known| *known == label);
    Ok(label.map_or(Line::UnknownLabel, |label| {
        Line::Row(Row {
            text: text.to_owned(),
            label,
        })
    }))
}

/// Classifies the rows on all cores, in order.
fn answer(classifier: &Classifier, max_tokens: usize, rows: &[Row]) -> Result<Vec<Answer>, String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = rows.len().div_ceil(cores).max(1);
    let one = |row: &Row| {
        let scores = scorer::score(classifier, &row.text, max_tokens)?;
        let (predicted, confidence) = scorer::best(&scores.domain.0);
        Ok(Answer {
            label: row.label,
            predicted,
            confidence,
        })
    };
    thread::scope(|scope| {
        let work = |rows: &'_ [Row]| rows.iter().map(one).collect::<Result<Vec<_>, String>>();
        let workers: Vec<_> = rows
            .chunks(share)
            .map(|rows| scope.spawn(move || work(rows)))
            .collect();
        let results = workers.into_iter().map(|worker| match worker.join() {
            Ok(answers) => answers,
            Err(_) => Err("a worker failed".to_owned()),
        });
        results
            .collect::<Result<Vec<_>, String>>()
            .map(|answers| answers.concat())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LINES: &str =
        "{\"text\":\"a\",\"label\":\"math\",\"x\":[]}\n\n{\"text\":\"b\",\"label\":\"sports\"}\n";

    fn read_bytes(bytes: &[u8]) -> Result<(Vec<Row>, usize), String> {
        read(Path::new("f"), bytes)
    }

    #[test]
    fn rows_of_unknown_label_are_counted_and_left_out() {
        let expected = (
            vec![Row {
                text: "a".to_owned(),
                label: 9,
            }],
            1,
        );
        assert_eq!(read_bytes(LINES.as_bytes()), Ok(expected));
    }

    #[test]
    fn gzip_is_recognised_by_its_first_bytes() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(LINES.as_bytes()).unwrap();
        assert_eq!(read_bytes(&gzip.finish().unwrap()), read_bytes(LINES.as_bytes()));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let error = read_bytes(format!("{LINES}nonsense\n").as_bytes()).unwrap_err();
        assert!(error.starts_with("error: f: line 4: "), "{error}");
        let error = read_bytes(b"{\"text\":5,\"label\":\"math\"}").unwrap_err();
        assert_eq!(error, "error: f: line 1: needs the strings `text` and `label`\n");
    }
}
