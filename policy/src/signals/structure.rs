//! `structure`: patterns in the text, counted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde_json::Value;

use crate::config::reader::Object;
use crate::config::setup::Setup;
use crate::signals::pattern::Pattern;
use crate::signals::predicate::Predicate;
use crate::signals::words::{Finder, Word, is_cjk};
use crate::signals::{Reading, Signal, read_name};

/// The declared structure signals, with the words of all of them in one automaton.
#[derive(Debug)]
struct Structures {
    rules: Vec<StructureRule>,
    words: Vec<SetWord>,
    /// Finds `words`.
    finder: Finder,
}

#[derive(Debug)]
struct StructureRule {
    name: String,
    feature: Feature,
    source: Source,
    /// Without one the value has to be above 0.
    predicate: Option<Predicate>,
}

/// What is made of what the source finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feature {
    Exists,
    Count,
    /// The count, divided by the words and Chinese, Japanese and Korean characters of the text.
    Density,
    /// Whether a sequence occurs.
    Sequence,
}

#[derive(Debug)]
enum Source {
    Regex(Pattern),
    /// Counted by the words that point to the rule.
    KeywordSet,
    Sequences(Vec<Sequence>),
    /// The length of the text in bytes.
    TextBytes,
    /// One that is wrong, which has been reported.
    None,
}

/// Markers that occur one after another.
#[derive(Debug)]
struct Sequence {
    /// In lower case unless case matters.
    markers: Vec<String>,
    case_sensitive: bool,
}

/// A word of a `keyword_set`.
#[derive(Debug)]
struct SetWord {
    /// An index into [`Structures::rules`].
    rule: usize,
    word: Word,
}

const FEATURES: [(&str, Feature); 4] = [
    ("exists", Feature::Exists),
    ("count", Feature::Count),
    ("density", Feature::Density),
    ("sequence", Feature::Sequence),
];

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceType {
    Regex,
    KeywordSet,
    Sequence,
    TextBytes,
}

const SOURCES: [(&str, SourceType); 4] = [
    ("regex", SourceType::Regex),
    ("keyword_set", SourceType::KeywordSet),
    ("sequence", SourceType::Sequence),
    ("text_bytes", SourceType::TextBytes),
];

/// Reads `routing.signals.structure`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    Box::new(Structures::read(objects))
}

impl Structures {
    fn read(objects: Vec<Object<'_>>) -> Structures {
        let (mut rules, mut words, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
        for mut object in objects {
            let name = read_name(&mut object, &mut taken);
            let feature = object.object_or_empty("feature");
            let (feature, source) = read_feature(feature, rules.len(), &mut words);
            let predicate = object.object("predicate").map(Predicate::read);
            if feature == Feature::Exists && predicate.is_some() {
                object.error("predicate", "does not go with feature.type `exists`");
            }
            rules.push(StructureRule {
                name,
                feature,
                source,
                predicate,
            });
            object.ignore(&["description"]);
            object.finish();
        }
        let finder = Finder::new(words.iter().map(|(_, text)| *text));
        let words = words.into_iter().map(|(word, _)| word).collect();
        Structures { rules, words, finder }
    }

    /// The confidence of each rule, in document order, None where it does not match.
    fn scan(&self, text: &str) -> Vec<Option<f32>> {
        if text.trim().is_empty() {
            return vec![None; self.rules.len()];
        }
        let counts = self.count_words(text);
        let (mut lower, mut units) = (None, None);
        let rules = self.rules.iter().zip(counts);
        let confidence = |(rule, words): (&StructureRule, usize)| {
            let count = match &rule.source {
                Source::Regex(pattern) if rule.feature == Feature::Exists => {
                    usize::from(pattern.is_match(text))
                }
                Source::Regex(pattern) => pattern.count(text),
                Source::KeywordSet => words,
                Source::Sequences(all) => {
                    usize::from(all.iter().any(|sequence| sequence.occurs(text, &mut lower)))
                }
                Source::TextBytes => text.len(),
                Source::None => return None,
            };
            let value = match (rule.feature, &rule.source) {
                (Feature::Exists | Feature::Sequence, _) => f64::from(u8::from(count > 0)),
                (Feature::Count, _) => count as f64,
                (Feature::Density, Source::Regex(pattern)) if pattern.parts(text).len() > 1 => {
                    density(count, pattern.parts(text).into_iter().map(count_units).sum())
                }
                (Feature::Density, _) => density(count, *units.get_or_insert_with(|| count_units(text))),
            };
            confidence(value, rule.predicate.as_ref())
        };
        rules.map(confidence).collect()
    }

    /// How often words of each rule's `keyword_set` occur, each without overlap with itself.
    fn count_words(&self, text: &str) -> Vec<usize> {
        let mut counts = vec![0; self.rules.len()];
        let mut ends = vec![0; self.words.len()];
        self.finder.scan(text, |index, place| {
            if let (Some(word), Some(end)) = (self.words.get(index), ends.get_mut(index))
                && place.start >= *end
            {
                *end = place.end;
                let count = counts
                    .get_mut(word.rule)
                    .filter(|_| word.word.stands(text, &place));
                *count.unwrap_or(&mut 0) += 1;
            }
            ControlFlow::Continue(())
        });
        counts
    }
}

impl Signal for Structures {
    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        Ok(self.scan(reading.text()))
    }
}

impl Sequence {
    /// `lower` is the text in lower case, made when it is first needed.
    fn occurs(&self, text: &str, lower: &mut Option<String>) -> bool {
        let text = if self.case_sensitive {
            text
        } else {
            lower.get_or_insert_with(|| text.to_lowercase())
        };
        let mut rest = Some(text);
        for marker in &self.markers {
            rest = rest.and_then(|rest| Some(rest.split_once(marker.as_str())?.1));
        }
        rest.is_some()
    }
}

fn density(count: usize, units: usize) -> f64 {
    if units == 0 {
        0.0
    } else {
        count as f64 / units as f64
    }
}

/// The confidence of a value, None where it does not match: a logistic function of the distance to the first bound
/// that is given, as in VSR.
fn confidence(value: f64, predicate: Option<&Predicate>) -> Option<f32> {
    let Some(predicate) = predicate else {
        return (value > 0.0).then_some(1.0);
    };
    let bound = predicate.gt.or(predicate.gte).or(predicate.lt).or(predicate.lte);
    let distance = bound.map_or(1.0, |bound| (value - bound).abs());
    predicate
        .holds(value)
        .then(|| (1.0 / (1.0 + (-4.0 * distance).exp())) as f32)
}

/// How many words a text has; each Chinese, Japanese or Korean character is one.
fn count_units(text: &str) -> usize {
    let (mut units, mut in_word) = (0, false);
    if text.is_ascii() {
        for byte in text.bytes() {
            let is_part = byte.is_ascii_alphanumeric();
            units += usize::from(is_part & !in_word);
            in_word = is_part;
        }
        return units;
    }
    for c in text.chars() {
        let alone = is_cjk(c);
        let is_part = !alone && c.is_alphanumeric();
        units += usize::from(alone || (is_part && !in_word));
        in_word = is_part;
    }
    units
}

fn read_feature<'v>(
    mut object: Object<'v>,
    rule: usize,
    words: &mut Vec<(SetWord, &'v str)>,
) -> (Feature, Source) {
    object.need_text("type");
    let feature = object.choice("type", &FEATURES);
    let mut source = object.object_or_empty("source");
    object.finish();
    source.need_text("type");
    let kind = source.choice("type", &SOURCES);
    if feature == Some(Feature::Sequence) && kind.is_some_and(|kind| kind != SourceType::Sequence) {
        source.error("type", "has to be `sequence`, as feature.type is");
    }
    if kind == Some(SourceType::TextBytes) && feature.is_some_and(|feature| feature != Feature::Count) {
        source.error("type", "`text_bytes` goes with feature.type `count` only");
    }
    let case_sensitive = source.flag("case_sensitive").unwrap_or(false);
    let read = match kind {
        Some(SourceType::Regex) => read_regex(&mut source, case_sensitive),
        Some(SourceType::KeywordSet) => {
            let texts = source.texts("keywords").unwrap_or_default();
            if texts.is_empty() || texts.iter().any(|word| word.trim().is_empty()) {
                source.error("keywords", "must be words, at least one");
            }
            let word = |text| {
                (
                    SetWord {
                        rule,
                        word: Word::apart(text, case_sensitive),
                    },
                    text,
                )
            };
            words.extend(texts.into_iter().map(word));
            Source::KeywordSet
        }
        Some(SourceType::Sequence) => Source::Sequences(read_sequences(&mut source, case_sensitive)),
        Some(SourceType::TextBytes) => Source::TextBytes,
        None => Source::None,
    };
    source.ignore(&["pattern", "keywords", "sequences"]);
    source.finish();
    (feature.unwrap_or(Feature::Exists), read)
}

fn read_regex(source: &mut Object<'_>, case_sensitive: bool) -> Source {
    let Some(text) = source.need_text("pattern") else {
        return Source::None;
    };
    match Pattern::new(text, case_sensitive) {
        Ok(pattern) => Source::Regex(pattern),
        Err(why) => {
            source.error("pattern", why);
            Source::None
        }
    }
}

fn read_sequences(source: &mut Object<'_>, case_sensitive: bool) -> Vec<Sequence> {
    let items = source.get("sequences").and_then(Value::as_array);
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        source.error("sequences", "must be a list of lists of markers");
        return Vec::new();
    };
    let read = |(index, item): (usize, &Value)| {
        let markers = item.as_array().into_iter().flatten().map(Value::as_str);
        let markers: Option<Vec<_>> = markers.collect();
        let markers = markers.filter(|markers| markers.len() > 1 && !markers.contains(&""));
        if markers.is_none() {
            let path = format!("{}[{index}]", source.at("sequences"));
            source
                .report()
                .error(path, "must be a list of markers, at least two");
        }
        let fold = |marker: &str| {
            if case_sensitive {
                marker.to_owned()
            } else {
                marker.to_lowercase()
            }
        };
        let markers = markers?.into_iter().map(fold).collect();
        Some(Sequence {
            markers,
            case_sensitive,
        })
    };
    items.iter().enumerate().filter_map(read).collect()
}

#[cfg(test)]
mod tests;
