//! Who says what the texts are: the filter's model, or a companion.

use std::thread;

use promptswitch_model::Classifier;
use promptswitch_policy::{DOMAINS, Scores};
use serde_json::{Map, Value, json};

use super::guard;
use super::rows::Row;
use crate::scorer;

/// Texts of one request to a companion.
const BATCH: usize = 256;

/// A model that is measured.
#[derive(Debug)]
pub(super) enum Judge {
    /// The filter's, which reads so many tokens of a text.
    Filter { max_tokens: usize },
    /// What answers at this URL, as `/v1/classify` does.
    Companion { url: String },
}

impl Judge {
    /// What it says of the rows, in their order.
    pub(super) fn scores(&self, rows: &[(&Row, usize)]) -> Result<Vec<Scores>, String> {
        match self {
            Self::Filter { max_tokens } => filter(rows, *max_tokens),
            Self::Companion { url } => {
                let answers = rows.chunks(BATCH).map(|rows| ask(url, rows));
                Ok(answers.collect::<Result<Vec<_>, _>>()?.concat())
            }
        }
    }
}

/// On all cores.
fn filter(rows: &[(&Row, usize)], max_tokens: usize) -> Result<Vec<Scores>, String> {
    let classifier = scorer::load()?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = rows.len().div_ceil(cores).max(1);
    let work = |rows: &[(&Row, usize)], classifier: &Classifier| -> Result<Vec<Scores>, String> {
        rows.iter()
            .map(|(row, _)| scorer::score(classifier, &row.text, max_tokens))
            .collect()
    };
    thread::scope(|scope| {
        let (work, classifier) = (&work, &classifier);
        let workers: Vec<_> = rows
            .chunks(share)
            .map(|rows| scope.spawn(move || work(rows, classifier)))
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a worker failed".to_owned())??);
        }
        Ok(all)
    })
}

fn ask(url: &str, rows: &[(&Row, usize)]) -> Result<Vec<Scores>, String> {
    let texts: Vec<&str> = rows.iter().map(|(row, _)| row.text.as_str()).collect();
    let question = json!({"texts": texts, "heads": ["domain", "guard"]});
    let failed = |error: ureq::Error| format!("{url}: {error}");
    let mut answer = ureq::post(url).send_json(question).map_err(failed)?;
    let answer: Value = answer.body_mut().read_json().map_err(failed)?;
    let results = answer.get("results").and_then(Value::as_array);
    let results = results.filter(|results| results.len() == rows.len());
    let results = results.ok_or_else(|| format!("{url}: not {} results", rows.len()))?;
    let scores = results.iter().map(scores);
    scores
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{url}: {error}"))
}

/// The two heads that have labelled rows; of the others nothing is said.
fn scores(result: &Value) -> Result<Scores, String> {
    let domain = chances(result, "domain", &DOMAINS)?;
    let guard = chances(result, "guard", &guard::CLASSES)?;
    Ok(Scores::new(domain, guard, 0.0, [0.0; 4], Vec::new()))
}

fn chances<const N: usize>(result: &Value, head: &str, names: &[&str; N]) -> Result<[f32; N], String> {
    let of = result.get(head).and_then(|head| head.get("scores"));
    let of: Option<&Map<_, _>> = of.and_then(Value::as_object);
    let mut found = [0.0; N];
    for (chance, name) in found.iter_mut().zip(names) {
        let known = of.and_then(|of| of.get(*name)?.as_f64());
        *chance = known.ok_or_else(|| format!("{head}: no chance of {name}"))? as f32;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(domains: &[&str]) -> Value {
        let chances: Map<_, _> = domains
            .iter()
            .map(|name| ((*name).to_owned(), json!(0.5)))
            .collect();
        json!({"domain": {"label": "math", "scores": chances},
               "guard": {"scores": {"injection": 0.25, "benign": 0.5, "jailbreak": 0.25}}})
    }

    #[test]
    fn chances_are_found_by_name() {
        let scores = scores(&result(&DOMAINS)).unwrap();
        assert_eq!(scores.domain.0, [0.5; 14]);
        assert_eq!((scores.guard.benign, scores.guard.injection), (0.5, 0.25));
    }

    #[test]
    fn a_model_of_other_subjects_is_refused_by_name() {
        let error = scores(&result(&["math", "astrology"])).unwrap_err();
        assert_eq!(error, "domain: no chance of biology");
    }

    #[test]
    fn a_companion_that_is_not_there_is_an_error_with_its_address() {
        let row = Row {
            text: "hello".to_owned(),
            source: None,
            value: Value::Null,
        };
        let url = "http://127.0.0.1:1/v1/classify".to_owned();
        let error = Judge::Companion { url }.scores(&[(&row, 0)]).unwrap_err();
        assert!(error.starts_with("http://127.0.0.1:1/v1/classify: "), "{error}");
    }
}
