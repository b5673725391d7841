//! `keyword`: words that occur in the text, or come near it.

mod bm25;
mod fuzzy;
mod ngram;

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use bm25::Bm25;
use fuzzy::Fuzzy;
use ngram::Ngram;

use crate::config::reader::Object;
use crate::signals::pattern::Pattern;
use crate::signals::words::{Finder, Word};
use crate::signals::{Reading, Signal, read_name};

/// The declared keyword signals, with the words of all of them in one automaton.
#[derive(Debug, Default)]
pub(crate) struct Keywords {
    rules: Vec<KeywordRule>,
    words: Vec<Word>,
    /// Finds `words`.
    finder: Finder,
    /// The entries that are expressions, by their index in `words`.
    patterns: Vec<(usize, Pattern)>,
}

#[derive(Debug)]
struct KeywordRule {
    name: String,
    operator: Operator,
    /// How many entries it has.
    total: usize,
    method: Method,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    And,
    Or,
    Nor,
}

/// How entries are found.
#[derive(Debug)]
enum Method {
    /// They occur, or a word of the text is nearly one of them; by their indices in [`Keywords::words`].
    Words {
        range: Range<usize>,
        fuzzy: Option<Fuzzy>,
    },
    Bm25(Bm25),
    Ngram(Ngram),
}

/// The `method` of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MethodName {
    /// None is named: entries are words.
    Words,
    /// `regex`: entries are expressions.
    Regex,
    Fuzzy,
    Bm25,
    Ngram,
}

const METHODS: [(&str, MethodName); 4] = [
    ("regex", MethodName::Regex),
    ("bm25", MethodName::Bm25),
    ("ngram", MethodName::Ngram),
    ("fuzzy", MethodName::Fuzzy),
];

const OPERATORS: [(&str, Operator); 3] = [
    ("OR", Operator::Or),
    ("AND", Operator::And),
    ("NOR", Operator::Nor),
];

impl Keywords {
    /// Reads `routing.signals.keywords`.
    pub(crate) fn read(objects: Vec<Object<'_>>) -> Keywords {
        let mut keywords = Keywords::default();
        let (mut entries, mut taken) = (Vec::new(), BTreeSet::new());
        for object in objects {
            keywords.read_rule(object, &mut entries, &mut taken);
        }
        keywords.finder = Finder::new(entries);
        keywords
    }

    fn read_rule<'v>(
        &mut self,
        mut object: Object<'v>,
        entries: &mut Vec<&'v str>,
        taken: &mut BTreeSet<&'v str>,
    ) {
        let name = read_name(&mut object, taken);
        let operator = object.choice("operator", &OPERATORS).unwrap_or(Operator::Or);
        let case_sensitive = object.flag("case_sensitive").unwrap_or(false);
        let method = match object.text("method") {
            None | Some("") => MethodName::Words,
            Some(_) => object.choice("method", &METHODS).unwrap_or(MethodName::Words),
        };
        let words = object.texts("keywords").unwrap_or_default();
        if words.is_empty() || words.iter().any(|word| word.trim().is_empty()) {
            object.error("keywords", "must be words, at least one");
        }
        let fuzzy = fuzzy::read(&mut object, method, &words);
        let bm25 = bm25::read_threshold(&mut object);
        let (threshold, arity) = ngram::read_limits(&mut object);
        let total = words.len();
        let method = match method {
            MethodName::Bm25 => Method::Bm25(Bm25::new(&words, bm25, case_sensitive)),
            MethodName::Ngram => Method::Ngram(Ngram::new(&words, threshold, arity, case_sensitive)),
            MethodName::Words | MethodName::Regex | MethodName::Fuzzy => {
                let start = self.words.len();
                for (index, word) in words.into_iter().enumerate() {
                    let expression = method == MethodName::Regex;
                    self.read_entry((&object, index), word, expression, case_sensitive, entries);
                }
                let range = start..self.words.len();
                Method::Words { range, fuzzy }
            }
        };
        self.rules.push(KeywordRule {
            name,
            operator,
            total,
            method,
        });
        object.ignore(&["description"]);
        object.finish();
    }

    /// Reads one entry of a rule. Under `method: regex` VSR takes entries as expressions, which need not stand at
    /// word boundaries; without a method it takes them literally, and they need to.
    fn read_entry<'v>(
        &mut self,
        (object, index): (&Object<'v>, usize),
        entry: &'v str,
        expression: bool,
        case_sensitive: bool,
        entries: &mut Vec<&'v str>,
    ) {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '\'' | '/' | ',');
        if !expression {
            self.words.push(Word::standing(entry, case_sensitive));
            return entries.push(entry);
        }
        self.words.push(Word::anywhere(entry, case_sensitive));
        if entry.chars().all(is_plain) {
            return entries.push(entry);
        }
        entries.push("");
        match Pattern::new(entry, case_sensitive) {
            Ok(pattern) => self.patterns.push((self.words.len() - 1, pattern)),
            Err(why) => object
                .report()
                .error(format!("{}[{index}]", object.at("keywords")), why),
        }
    }

    /// The confidence of each rule, in document order, None where it does not match.
    pub(crate) fn scan(&self, text: &str) -> Vec<Option<f32>> {
        let found = self.find(text);
        let mut distinct = None;
        let confidence = |rule: &KeywordRule| {
            let matched = match &rule.method {
                Method::Words { range, fuzzy } => {
                    let found = found.get(range.clone()).unwrap_or_default();
                    let near = |fuzzy: &Fuzzy| {
                        fuzzy.count(found, distinct.get_or_insert_with(|| fuzzy::distinct_words(text)))
                    };
                    let exact = found.iter().filter(|found| **found).count();
                    exact + fuzzy.as_ref().map_or(0, near)
                }
                Method::Bm25(rule) => rule.count(text),
                Method::Ngram(rule) => rule.count(text),
            };
            rule.confidence(matched)
        };
        self.rules.iter().map(confidence).collect()
    }

    /// Which of `words` occur.
    fn find(&self, text: &str) -> Vec<bool> {
        let mut found = vec![false; self.words.len()];
        let mut missing = found.len();
        self.finder.scan(text, |index, place| {
            if let (Some(word), Some(found)) = (self.words.get(index), found.get_mut(index))
                && !*found
                && word.stands(text, &place)
            {
                *found = true;
                missing -= 1;
            }
            if missing == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        for (index, pattern) in &self.patterns {
            if let Some(found) = found.get_mut(*index) {
                *found = pattern.is_match(text);
            }
        }
        found
    }
}

impl Signal for Keywords {
    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(self.scan(reading.text()))
    }
}

impl KeywordRule {
    fn confidence(&self, matched: usize) -> Option<f32> {
        let matches = match self.operator {
            Operator::Or => matched > 0,
            Operator::And => matched == self.total,
            Operator::Nor => return (matched == 0).then_some(1.0),
        };
        matches.then(|| 0.5 + 0.5 * matched as f32 / self.total.max(1) as f32)
    }
}

#[cfg(test)]
mod tests;
