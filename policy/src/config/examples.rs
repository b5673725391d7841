//! The example sentences of a document, and what they mean.

use std::collections::BTreeMap;

use super::reader::Object;
use super::report::Report;
use crate::Scorer;
use crate::signals::bank::{Bank, Vector};

/// How many distinct sentences a document may have: each is one run of the model before the first request.
const MAX_EXAMPLES: usize = 4096;

/// The example sentences read so far; the model runs once for each that differs.
#[derive(Debug, Default)]
pub(crate) struct Examples {
    vectors: BTreeMap<String, Vector>,
    /// Whether a sentence could not be embedded, which is reported once.
    failed: bool,
}

impl Examples {
    /// What a sentence means; None where that cannot be found out, which is reported once for the document.
    pub(crate) fn embed(
        &mut self,
        text: &str,
        scorer: &mut dyn Scorer,
        report: &Report,
        path: impl FnOnce() -> String,
    ) -> Option<Vector> {
        let text = text.trim();
        if let Some(vector) = self.vectors.get(text) {
            return Some(vector.clone());
        }
        if text.is_empty() {
            report.error(path(), "is empty");
            return None;
        }
        if self.failed {
            return None;
        }
        let found = match self.vectors.len() {
            ..MAX_EXAMPLES => scorer.score(text),
            _ => Err(format!("there are more than {MAX_EXAMPLES} example sentences")),
        };
        match found {
            Ok(scores) => {
                let vector = Vector::from(scores.embedding);
                self.vectors.insert(text.to_owned(), vector.clone());
                Some(vector)
            }
            Err(error) => {
                self.failed = true;
                report.error(path(), format!("cannot be embedded: {error}"));
                None
            }
        }
    }

    /// The sentences listed under a key.
    pub(crate) fn bank(
        &mut self,
        object: &mut Object<'_>,
        key: &'static str,
        scorer: &mut dyn Scorer,
    ) -> Bank {
        let texts = object.texts(key).unwrap_or_default();
        let (base, report) = (object.at(key), object.report());
        let embed =
            |(index, text): (usize, &str)| self.embed(text, scorer, report, || format!("{base}[{index}]"));
        Bank::new(texts.into_iter().enumerate().filter_map(embed).collect())
    }
}
