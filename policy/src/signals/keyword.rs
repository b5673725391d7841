//! `keyword`: words that occur in the text.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

use crate::config::reader::Object;
use crate::signals::{Reading, Signal, read_name};

/// The declared keyword signals, with the words of all of them in one automaton.
#[derive(Debug, Default)]
pub(crate) struct Keywords {
    rules: Vec<KeywordRule>,
    words: Vec<Word>,
    /// Finds `words` by index; None when there are none.
    automaton: Option<AhoCorasick>,
}

#[derive(Debug)]
struct KeywordRule {
    name: String,
    operator: Operator,
    /// How many words it has.
    total: usize,
}

#[derive(Debug)]
struct Word {
    rule: usize,
    /// The spelling that has to occur, when case matters.
    exact: Option<String>,
    /// Whether the word may not be the end, or the beginning, of a longer one.
    starts_word: bool,
    ends_word: bool,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    And,
    Or,
    Nor,
}

impl Keywords {
    /// Reads `routing.signals.keywords`.
    pub(crate) fn read(objects: Vec<Object<'_>>) -> Keywords {
        let mut keywords = Keywords::default();
        let (mut patterns, mut taken) = (Vec::new(), BTreeSet::new());
        for object in objects {
            keywords.read_rule(object, &mut patterns, &mut taken);
        }
        if !patterns.is_empty() {
            // Building fails only for more words than fit a 31-bit state; nothing would match then.
            keywords.automaton = AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .build(patterns)
                .ok();
        }
        keywords
    }

    fn read_rule<'v>(
        &mut self,
        mut object: Object<'v>,
        patterns: &mut Vec<String>,
        taken: &mut BTreeSet<&'v str>,
    ) {
        let name = read_name(&mut object, taken);
        let operators = [
            ("OR", Operator::Or),
            ("AND", Operator::And),
            ("NOR", Operator::Nor),
        ];
        let operator = object.choice("operator", &operators).unwrap_or(Operator::Or);
        let case_sensitive = object.flag("case_sensitive").unwrap_or(false);
        read_method(&mut object);
        let words = object.texts("keywords").unwrap_or_default();
        if words.is_empty() || words.iter().any(|word| word.trim().is_empty()) {
            object.error("keywords", "must be words, at least one");
        }
        for word in &words {
            self.words.push(Word {
                rule: self.rules.len(),
                exact: case_sensitive.then(|| (*word).to_owned()),
                starts_word: word.chars().next().is_some_and(is_word),
                ends_word: word.chars().next_back().is_some_and(is_word),
            });
            patterns.push(fold(word).into_owned());
        }
        self.rules.push(KeywordRule {
            name,
            operator,
            total: words.len(),
        });
        object.ignore(&["description"]);
        object.finish();
    }

    /// The confidence of each rule, in document order, None where it does not match.
    pub(crate) fn scan(&self, text: &str) -> Vec<Option<f32>> {
        let mut matched = vec![0; self.rules.len()];
        let mut found = vec![false; self.words.len()];
        let folded = fold(text);
        let hits = self
            .automaton
            .iter()
            .flat_map(|automaton| automaton.find_overlapping_iter(folded.as_ref()));
        for hit in hits {
            let index = hit.pattern().as_usize();
            let (Some(word), Some(found)) = (self.words.get(index), found.get_mut(index)) else {
                continue;
            };
            if !*found && word.stands(text, hit.start(), hit.end()) {
                *found = true;
                if let Some(count) = matched.get_mut(word.rule) {
                    *count += 1;
                }
            }
        }
        self.rules
            .iter()
            .zip(matched)
            .map(|(rule, matched)| rule.confidence(matched))
            .collect()
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

impl Word {
    /// Whether the word, found at `start..end` of `text`, is there as a word and in the spelling asked for.
    fn stands(&self, text: &str, start: usize, end: usize) -> bool {
        let (Some(before), Some(itself), Some(after)) =
            (text.get(..start), text.get(start..end), text.get(end..))
        else {
            return false;
        };
        let is_longer = (self.starts_word && before.chars().next_back().is_some_and(is_word))
            || (self.ends_word && after.chars().next().is_some_and(is_word));
        !is_longer && self.exact.as_ref().is_none_or(|exact| exact == itself)
    }
}

fn read_method(object: &mut Object<'_>) {
    match object.text("method") {
        None | Some("regex") => {}
        Some("bm25" | "ngram" | "fuzzy") => object.error("method", "only `regex` is supported yet"),
        Some(_) => object.error("method", "must be `regex`"),
    }
    if object.flag("fuzzy_match") == Some(true) {
        object.error("fuzzy_match", "fuzzy matching is not supported yet");
    }
    object.ignore(&[
        "fuzzy_threshold",
        "bm25_threshold",
        "ngram_threshold",
        "ngram_arity",
    ]);
}

/// `text` in lower case as far as that keeps every byte's place; ASCII is left to the automaton.
fn fold(text: &str) -> Cow<'_, str> {
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            _ => c,
        }
    };
    if text.is_ascii() || text.chars().all(|c| c.is_ascii() || lower(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(lower).collect())
}

/// Whether `c` is part of words that are set apart by spaces. Chinese, Japanese, Korean, Thai and their like
/// are not: there, a keyword is found wherever it stands.
fn is_word(c: char) -> bool {
    let unspaced = matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Myanmar
        | '\u{1100}'..='\u{11ff}' // Hangul
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{2e80}'..='\u{a4cf}' // Han, kana, bopomofo, Yi
        | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' // Hangul
        | '\u{f900}'..='\u{faff}' // Han
        | '\u{ff66}'..='\u{ffdc}' // half-width kana and Hangul
        | '\u{20000}'..='\u{3ffff}' // Han
    );
    c == '_' || (c.is_alphanumeric() && !unspaced)
}

#[cfg(test)]
mod tests;
