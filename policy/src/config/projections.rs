//! `routing.projections`, of the document and of its recipes.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Object;
use super::report::quoted;
use crate::projections::{Band, Edge, Emits, Input, Mapping, Partition, Projections, Score, Source};
use crate::signals::{Cost, SECTIONS, SignalId, SignalKind, Signals, read_name};

/// How many scores may build on each other; they are computed by recursion.
const MAX_CHAIN: usize = 32;

/// Weights, edges and values. Far beyond use, and no chain of sums overflows.
const NUMBERS: std::ops::RangeInclusive<f64> = -1e4..=1e4;

/// VSR's, where a mapping gives none.
const DEFAULT_SLOPE: f64 = 12.0;

/// Reads all sections into one: names are the document's, not a recipe's.
pub(super) fn read(sections: Vec<Object<'_>>, signals: &Signals) -> Projections {
    let (mut partitions, mut scores, mut mappings) = (Vec::new(), Vec::new(), Vec::new());
    for mut section in sections {
        partitions.extend(section.objects("partitions"));
        scores.extend(section.objects("scores"));
        mappings.extend(section.objects("mappings"));
        section.finish();
    }
    let mut taken = BTreeSet::new();
    let partitions = partitions
        .into_iter()
        .filter_map(|object| read_partition(object, &mut taken, signals))
        .collect();
    let mut taken = BTreeSet::new();
    let names: Vec<_> = scores
        .iter_mut()
        .map(|object| read_name(object, &mut taken))
        .collect();
    let mut names = Names {
        scores: names.into_iter().zip(0..).collect(),
        bands: BTreeMap::new(),
    };
    let (mut taken, mut taken_bands) = (BTreeSet::new(), BTreeSet::new());
    let mappings: Vec<_> = mappings
        .into_iter()
        .map(|object| read_mapping(object, &names, &mut taken, &mut taken_bands))
        .collect();
    names.add_bands(&mappings);
    let scores = read_scores(scores, &names, signals);
    Projections::new(partitions, scores, mappings)
}

/// What scores can refer to.
struct Names {
    /// An index into the scores.
    scores: BTreeMap<String, usize>,
    bands: BTreeMap<String, Place>,
}

#[derive(Clone, Copy)]
struct Place {
    score: usize,
    mapping: usize,
    band: usize,
}

impl Names {
    fn add_bands(&mut self, mappings: &[Mapping]) {
        for (index, mapping) in mappings.iter().enumerate() {
            for (band, output) in mapping.bands.iter().enumerate() {
                let place = Place {
                    score: mapping.source,
                    mapping: index,
                    band,
                };
                self.bands.insert(output.name.clone(), place);
            }
        }
    }
}

fn read_partition<'v>(
    mut object: Object<'v>,
    taken: &mut BTreeSet<&'v str>,
    signals: &Signals,
) -> Option<Partition> {
    read_name(&mut object, taken);
    object.ignore(&["description"]);
    if object.get("semantics").is_none() {
        object.error("semantics", "is missing: exclusive or softmax_exclusive");
    }
    let softmax = object.choice("semantics", &[("exclusive", false), ("softmax_exclusive", true)]);
    let temperature = object.number("temperature", 1e-6..=1e6);
    if softmax == Some(true) && object.get("temperature").is_none() {
        object.error("temperature", "is missing: softmax_exclusive needs one above 0");
    }
    let members = object.texts("members").unwrap_or_default();
    if members.is_empty() {
        object.error("members", "is empty");
    }
    let found = read_members(&object, &members, signals);
    let default = object.need_text("default");
    let place = default.and_then(|name| members.iter().position(|member| *member == name));
    if let (Some(name), None) = (default, place) {
        object.error("default", format!("{} is not one of the members", quoted(name)));
    }
    object.finish();
    let (kind, members) = found?;
    let default = *members.get(place?)?;
    // As in VSR, one member alone has nobody to exclude and is no default either.
    (members.len() > 1).then_some(Partition {
        kind,
        members,
        default,
        temperature: temperature.filter(|_| softmax == Some(true)),
    })
}

fn read_members(
    object: &Object<'_>,
    members: &[&str],
    signals: &Signals,
) -> Option<(SignalKind, Vec<usize>)> {
    let known = |kind| {
        members
            .iter()
            .filter(move |name| signals.find(kind, name).is_some())
            .count()
    };
    let kind = if known(SignalKind::Embedding) > known(SignalKind::Domain) {
        SignalKind::Embedding
    } else {
        SignalKind::Domain
    };
    let mut seen = BTreeSet::new();
    for (index, name) in members.iter().enumerate() {
        let elsewhere = [SignalKind::Domain, SignalKind::Embedding]
            .iter()
            .any(|kind| signals.find(*kind, name).is_some());
        let message = if !seen.insert(name) {
            "is listed twice".to_owned()
        } else if signals.find(kind, name).is_some() {
            continue;
        } else if elsewhere {
            format!("is not of type `{}` as the other members are", kind.as_str())
        } else {
            "is not a declared signal of type `domain` or `embedding`".to_owned()
        };
        let path = format!("{}[{index}]", object.at("members"));
        object.report().error(path, format!("{} {message}", quoted(name)));
    }
    let found: Vec<_> = members
        .iter()
        .filter_map(|name| signals.find(kind, name))
        .map(|id| id.index)
        .collect();
    (found.len() == members.len()).then_some((kind, found))
}

fn read_mapping<'v>(
    mut object: Object<'v>,
    names: &Names,
    taken: &mut BTreeSet<&'v str>,
    taken_bands: &mut BTreeSet<&'v str>,
) -> Mapping {
    read_name(&mut object, taken);
    object.ignore(&["description"]);
    let source = object.need_text("source").and_then(|name| {
        let found = names.scores.get(name).copied();
        if found.is_none() {
            object.error("source", format!("there is no score {}", quoted(name)));
        }
        found
    });
    let methods = [("threshold_bands", Emits::First), ("multi_emit", Emits::All)];
    let emits = object.choice("method", &methods).unwrap_or(Emits::First);
    let slope = object.object("calibration").and_then(read_slope);
    let outputs = object.objects("outputs");
    match (outputs.len(), emits) {
        (0, _) => object.error("outputs", "is empty"),
        (1, Emits::All) => object.error("outputs", "multi_emit needs two or more"),
        _ => {}
    }
    let bands = outputs
        .into_iter()
        .map(|output| read_band(output, taken_bands))
        .collect();
    object.finish();
    Mapping {
        // Where there is none, no score is: the document is refused.
        source: source.unwrap_or(usize::MAX),
        emits,
        slope: slope.unwrap_or(DEFAULT_SLOPE),
        bands,
    }
}

fn read_slope(mut object: Object<'_>) -> Option<f64> {
    object.choice("method", &[("sigmoid_distance", ())]);
    let slope = object.number("slope", 0.0..=1e6);
    object.finish();
    slope.filter(|slope| *slope > 0.0)
}

fn read_band<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> Band {
    let name = read_name(&mut object, taken);
    let lower = read_edge(&mut object, "gt", "gte");
    let upper = read_edge(&mut object, "lt", "lte");
    match (lower, upper) {
        (None, None) => object
            .report()
            .error(object.path().to_owned(), "needs one of lt, lte, gt and gte"),
        (Some(low), Some(high)) => {
            let both = low.inclusive && high.inclusive;
            if low.at > high.at || (low.at == high.at && !both) {
                let message = format!("holds for no score: {} is not below {}", low.at, high.at);
                object.report().error(object.path().to_owned(), message);
            }
        }
        _ => {}
    }
    object.finish();
    Band { name, lower, upper }
}

fn read_edge(object: &mut Object<'_>, open: &'static str, closed: &'static str) -> Option<Edge> {
    let edge = |at: Option<f64>, inclusive| at.map(|at| Edge { at, inclusive });
    let without = edge(object.number(open, NUMBERS), false);
    let with = edge(object.number(closed, NUMBERS), true);
    if without.is_some() && with.is_some() {
        object.error(closed, format!("contradicts `{open}`: give one of them"));
    }
    without.or(with)
}

fn read_scores(objects: Vec<Object<'_>>, names: &Names, signals: &Signals) -> Vec<Score> {
    let Some(first) = objects.first() else {
        return Vec::new();
    };
    let report = first.report();
    let paths: Vec<_> = objects.iter().map(|object| object.path().to_owned()).collect();
    let mut scores: Vec<_> = objects
        .into_iter()
        .map(|object| read_score(object, names, signals))
        .collect();
    match order(&scores) {
        Ok(order) => measure(&mut scores, &order),
        Err((score, message)) => {
            report.error(paths.get(score).cloned().unwrap_or_default(), message);
            // Nothing is evaluated: the document is refused.
            scores.clear();
        }
    }
    scores
}

fn read_score(mut object: Object<'_>, names: &Names, signals: &Signals) -> Score {
    // Whether the name is there and is not taken has been seen to.
    let name = object.text("name").unwrap_or_default().to_owned();
    object.ignore(&["description"]);
    if object.get("method").is_none() {
        object.error("method", "is missing: weighted_sum");
    }
    object.choice("method", &[("weighted_sum", ())]);
    let inputs = object.objects("inputs");
    if inputs.is_empty() {
        object.error("inputs", "is empty");
    }
    let inputs = inputs
        .into_iter()
        .filter_map(|input| read_input(input, names, signals))
        .collect();
    object.finish();
    Score {
        name,
        inputs,
        cost: Cost::Rule,
    }
}

fn read_input(mut object: Object<'_>, names: &Names, signals: &Signals) -> Option<Input> {
    if object.get("weight").is_none() {
        object.error("weight", "is missing");
    }
    let weight = object.number("weight", NUMBERS);
    let source = match object.need_text("type") {
        Some("kb_metric") => read_metric(&mut object, signals),
        Some("projection") => read_reference(&mut object, names),
        Some(kind) => read_signal(&mut object, kind, signals),
        None => {
            object.ignore(&["name", "kb", "metric", "value_source", "match", "miss"]);
            None
        }
    };
    object.finish();
    Some(Input {
        weight: weight?,
        source: source?,
        cost: Cost::Rule,
        low: 0.0,
        high: 0.0,
    })
}

fn read_metric(object: &mut Object<'_>, signals: &Signals) -> Option<Source> {
    let (kb, metric) = (object.need_text("kb"), object.need_text("metric"));
    object.choice("value_source", &[("score", ()), ("", ())]);
    let (kb, metric) = (kb?, metric?);
    if !signals.has_metric(kb, metric) {
        let (metric, kb) = (quoted(metric), quoted(kb));
        object.error(
            "metric",
            format!("there is no metric {metric} of a knowledge base {kb}"),
        );
        return None;
    }
    Some(Source::Metric {
        kb: kb.to_owned(),
        metric: metric.to_owned(),
    })
}

fn read_reference(object: &mut Object<'_>, names: &Names) -> Option<Source> {
    let name = object.need_text("name");
    let sources = [("score", false), ("", false), ("confidence", true)];
    let by_band = object.choice("value_source", &sources).unwrap_or(false);
    let name = name?;
    let found = if by_band {
        names.bands.get(name).map(|place| Source::Band {
            score: place.score,
            mapping: place.mapping,
            band: place.band,
        })
    } else {
        names.scores.get(name).map(|score| Source::Score(*score))
    };
    if found.is_none() {
        let what = if by_band { "output of a mapping" } else { "score" };
        object.error("name", format!("there is no {what} {}", quoted(name)));
    }
    found
}

#[derive(Clone, Copy)]
enum ValueSource {
    Binary,
    Confidence,
    Raw,
}

const VALUE_SOURCES: [(&str, ValueSource); 4] = [
    ("binary", ValueSource::Binary),
    ("confidence", ValueSource::Confidence),
    ("raw", ValueSource::Raw),
    ("", ValueSource::Binary), // as VSR reads it
];

fn read_signal(object: &mut Object<'_>, kind: &str, signals: &Signals) -> Option<Source> {
    let id = find_signal(object, kind, signals);
    let source = object
        .choice("value_source", &VALUE_SOURCES)
        .unwrap_or(ValueSource::Binary);
    if !matches!(source, ValueSource::Binary) {
        for key in ["match", "miss"] {
            object.tuning(key, "only inputs whose value_source is binary use it");
        }
    }
    let (matched, miss) = (object.number("match", NUMBERS), object.number("miss", NUMBERS));
    match source {
        ValueSource::Raw => {
            object.error(
                "value_source",
                "raw values are not supported; use confidence, or binary with `match` and `miss`",
            );
            None
        }
        ValueSource::Confidence => Some(Source::Confidence(id?)),
        ValueSource::Binary => {
            if matched == Some(0.0) {
                object.warn("match", "is 0, which counts as 1, as in VSR");
            }
            Some(Source::Binary {
                id: id?,
                matched: matched.filter(|value| *value != 0.0).unwrap_or(1.0),
                miss: miss.unwrap_or(0.0),
            })
        }
    }
}

fn find_signal(object: &mut Object<'_>, kind: &str, signals: &Signals) -> Option<SignalId> {
    let name = object.need_text("name");
    let Some((_, kind, _)) = SECTIONS.iter().find(|(_, known, _)| known.as_str() == kind) else {
        object.error("type", format!("signal type {} is unknown", quoted(kind)));
        return None;
    };
    let found = signals.find(*kind, name?);
    if let (None, Some(name)) = (found, name) {
        let message = format!("there is no signal {} of type `{}`", quoted(name), kind.as_str());
        object.error("name", message);
    }
    found
}

/// The scores, each after those that it builds on.
///
/// # Errors
/// One score that cannot be computed, and why.
fn order(scores: &[Score]) -> Result<Vec<usize>, (usize, String)> {
    let needs = |index: usize| {
        let inputs = scores.get(index).map_or(&[][..], |score| &score.inputs);
        let needs = inputs.iter().filter_map(|input| input.source.needs());
        needs.filter(|need| *need < scores.len())
    };
    let mut missing: Vec<usize> = (0..scores.len()).map(|index| needs(index).count()).collect();
    let mut users = vec![Vec::new(); scores.len()];
    for index in 0..scores.len() {
        for need in needs(index) {
            if let Some(users) = users.get_mut(need) {
                users.push(index);
            }
        }
    }
    let mut depth = vec![1; scores.len()];
    let mut done: Vec<usize> = (0..scores.len())
        .filter(|index| needs(*index).count() == 0)
        .collect();
    let mut next = 0;
    while let Some(index) = done.get(next).copied() {
        next += 1;
        let below = depth.get(index).copied().unwrap_or(1);
        if below > MAX_CHAIN {
            return Err((index, format!("builds on more than {MAX_CHAIN} scores in a row")));
        }
        for user in users.get(index).into_iter().flatten() {
            if let (Some(missing), Some(depth)) = (missing.get_mut(*user), depth.get_mut(*user)) {
                *missing -= 1;
                *depth = (*depth).max(below + 1);
                if *missing == 0 {
                    done.push(*user);
                }
            }
        }
    }
    match missing.iter().position(|missing| *missing > 0) {
        None => Ok(done),
        Some(stuck) => Err(circle(scores, stuck, &missing)),
    }
}

/// A circle among scores that wait for each other, found by following needs from one of them.
fn circle(scores: &[Score], stuck: usize, missing: &[usize]) -> (usize, String) {
    const LONGEST: usize = 8;
    let waits = |index: &usize| missing.get(*index).is_some_and(|missing| *missing > 0);
    let mut path = Vec::new();
    let mut place = BTreeMap::new();
    let mut at = stuck;
    while !place.contains_key(&at) {
        place.insert(at, path.len());
        path.push(at);
        let inputs = scores.get(at).map_or(&[][..], |score| &score.inputs);
        let next = inputs.iter().filter_map(|input| input.source.needs()).find(waits);
        at = next.unwrap_or(stuck);
    }
    let path = path.split_off(place.get(&at).copied().unwrap_or(0));
    let name = |index: usize| scores.get(index).map_or("", |score| &score.name).to_owned();
    let mut names: Vec<_> = path
        .iter()
        .take(LONGEST)
        .map(|index| quoted(&name(*index)))
        .collect();
    if path.len() > LONGEST {
        names.push("...".to_owned());
    }
    names.push(quoted(&name(at)));
    (at, format!("builds on itself: {}", names.join(" -> ")))
}

/// Fills in the costs and ranges of inputs and scores.
fn measure(scores: &mut [Score], order: &[usize]) {
    let mut known = BTreeMap::new();
    for index in order {
        let Some(score) = scores.get_mut(*index) else {
            continue;
        };
        let of = |index: usize| known.get(&index).copied().unwrap_or((Cost::Rule, (0.0, 0.0)));
        for input in &mut score.inputs {
            let (low, high) = input.source.range(|index| of(index).1);
            let ends = (input.weight * low, input.weight * high);
            (input.low, input.high) = (ends.0.min(ends.1), ends.0.max(ends.1));
            input.cost = input.source.cost(|index| of(index).0);
        }
        score.cost = score
            .inputs
            .iter()
            .map(|input| input.cost)
            .max()
            .unwrap_or(Cost::Rule);
        known.insert(*index, (score.cost, score.range()));
    }
}
