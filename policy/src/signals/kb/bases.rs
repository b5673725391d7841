//! Knowledge bases: labels with example sentences, groups of labels, and what is measured of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::config::examples::Examples;
use crate::config::reader::{Object, decimal};
use crate::config::report::{Report, quoted};
use crate::signals::bank::{Bank, Scoring};
use crate::signals::read_name;
use crate::{DOMAINS, Scorer, Scores};

/// The bases that a document can name without declaring them, as in VSR; their sentences are our own.
const BUILT_IN: [&str; 2] = [include_str!("mmlu.json"), include_str!("privacy.json")];

/// The base whose labels are the categories of the domain classifier, which answers for it.
const OF_DOMAINS: &str = "mmlu_kb";

/// A knowledge base, ready to judge.
#[derive(Debug)]
pub(crate) struct Kb {
    /// In the order of their names.
    labels: Vec<Label>,
    groups: Vec<Group>,
    metrics: BTreeMap<String, Metric>,
    scoring: Scoring,
}

#[derive(Debug)]
struct Label {
    name: String,
    threshold: f32,
    source: Source,
}

/// What says how much of a label a text has.
#[derive(Debug)]
enum Source {
    Examples(Bank),
    /// An index into [`DOMAINS`].
    Domain(usize),
}

#[derive(Debug)]
struct Group {
    name: String,
    /// Indices into the labels.
    labels: Vec<usize>,
}

/// A number that a base gives of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Metric {
    /// The score of the best label.
    BestScore,
    /// The score of the best label that reaches its threshold; 0 if none does.
    BestMatchedScore,
    /// How far one group is ahead of another; both are indices into the groups.
    GroupMargin { positive: usize, negative: usize },
}

/// What a signal asks of a base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// An index into the labels.
    Label(usize),
    /// An index into the groups.
    Group(usize),
}

/// When a target matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Match {
    /// When none is ahead of it.
    Best,
    /// When it, or a label of it, reaches the threshold.
    Threshold,
}

/// The scores of a text by label, in the order of the labels.
#[derive(Debug)]
pub(crate) struct Measured(Vec<f32>);

impl Kb {
    /// Scores a text.
    pub(crate) fn measure(&self, scores: &Scores) -> Measured {
        let score = |label: &Label| match &label.source {
            Source::Examples(bank) => bank.score(&scores.embedding, self.scoring),
            Source::Domain(index) => scores.domain.0.get(*index).copied().unwrap_or_default(),
        };
        Measured(self.labels.iter().map(score).collect())
    }

    /// The score of a target, None where it does not match.
    pub(crate) fn test(&self, measured: &Measured, target: Target, how: Match) -> Option<f32> {
        let reaches = |label: usize| self.reaches(measured, label);
        match (target, how) {
            (Target::Label(label), Match::Best) => first_best(&measured.0).filter(|best| best.0 == label),
            (Target::Label(label), Match::Threshold) => {
                Some((label, measured.label(label))).filter(|_| reaches(label))
            }
            (Target::Group(group), Match::Best) => {
                let groups: Vec<_> = (0..self.groups.len())
                    .map(|group| self.group(measured, group))
                    .collect();
                first_best(&groups).filter(|best| best.0 == group)
            }
            (Target::Group(group), Match::Threshold) => {
                let labels = self.groups.get(group).map_or(&[][..], |group| &group.labels);
                let any = labels.iter().any(|label| reaches(*label));
                Some((group, self.group(measured, group))).filter(|_| any)
            }
        }
        .map(|(_, score)| score)
    }

    /// The value of a metric: a score or the difference of two, so -1 to 1.
    pub(crate) fn value(&self, measured: &Measured, metric: Metric) -> f32 {
        match metric {
            Metric::BestScore => first_best(&measured.0).map_or(0.0, |(_, score)| score),
            Metric::BestMatchedScore => {
                let matched = (0..self.labels.len()).filter(|label| self.reaches(measured, *label));
                matched.map(|label| measured.label(label)).fold(0.0, f32::max)
            }
            Metric::GroupMargin { positive, negative } => {
                self.group(measured, positive) - self.group(measured, negative)
            }
        }
    }

    /// The metric of this name.
    pub(crate) fn metric(&self, name: &str) -> Option<Metric> {
        self.metrics.get(name).copied()
    }

    /// The label of this name.
    pub(crate) fn label(&self, name: &str) -> Option<Target> {
        self.labels
            .iter()
            .position(|label| label.name == name)
            .map(Target::Label)
    }

    /// The group of this name.
    pub(crate) fn find_group(&self, name: &str) -> Option<Target> {
        self.groups
            .iter()
            .position(|group| group.name == name)
            .map(Target::Group)
    }

    fn reaches(&self, measured: &Measured, label: usize) -> bool {
        self.labels
            .get(label)
            .is_some_and(|known| measured.label(label) >= known.threshold)
    }

    /// The score of the best label of a group, at least 0.
    fn group(&self, measured: &Measured, group: usize) -> f32 {
        let labels = self.groups.get(group).map_or(&[][..], |group| &group.labels);
        labels
            .iter()
            .map(|label| measured.label(*label))
            .fold(0.0, f32::max)
    }
}

impl Measured {
    fn label(&self, label: usize) -> f32 {
        self.0.get(label).copied().unwrap_or_default()
    }
}

/// The place and the value of the greatest, the first of equals.
fn first_best(scores: &[f32]) -> Option<(usize, f32)> {
    let scores = scores.iter().copied().enumerate();
    scores.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The knowledge bases that a document may name; the examples of those that it does are embedded.
#[derive(Clone, Debug)]
pub(crate) struct Kbs {
    declared: BTreeMap<String, Declared>,
    /// Those that projections name.
    pub(crate) measured: BTreeSet<String>,
    ready: BTreeMap<String, Arc<Kb>>,
}

/// A base as it is declared.
#[derive(Clone, Debug, Default)]
struct Declared {
    path: String,
    /// Whether the domain classifier scores the labels, which are its categories.
    by_domain: bool,
    threshold: f32,
    label_thresholds: BTreeMap<String, f32>,
    /// The examples by label; empty where they are in files.
    labels: BTreeMap<String, Vec<String>>,
    groups: BTreeMap<String, Vec<String>>,
    /// The positive and the negative group by metric.
    metrics: BTreeMap<String, (String, String)>,
    scoring: Scoring,
}

impl Kbs {
    /// The built-in ones.
    pub(crate) fn built_in() -> Kbs {
        let mut kbs = Kbs {
            declared: BTreeMap::new(),
            measured: BTreeSet::new(),
            ready: BTreeMap::new(),
        };
        let report = Report::default();
        for text in BUILT_IN {
            // Tests see to it that they are right.
            let value = serde_json::from_str(text).unwrap_or(Value::Null);
            if let Some(map) = value.as_object() {
                kbs.read(vec![Object::new("built-in".to_owned(), map, &report)]);
            }
        }
        if let Some(kb) = kbs.declared.get_mut(OF_DOMAINS) {
            kb.by_domain = true;
        }
        kbs
    }

    /// Reads `global.model_catalog.kbs`. One with the name of a built-in one and without examples keeps those.
    pub(crate) fn read(&mut self, objects: Vec<Object<'_>>) {
        let mut taken = BTreeSet::new();
        for mut object in objects {
            let name = read_name(&mut object, &mut taken);
            let base = self.declared.get(&name).cloned().unwrap_or_default();
            let declared = base.read(object);
            self.declared.insert(name, declared);
        }
    }

    /// Those that signals or projections have asked for so far, by name.
    pub(crate) fn ready(&self) -> BTreeMap<String, Arc<Kb>> {
        self.ready.clone()
    }

    /// The base of this name.
    ///
    /// # Errors
    /// Why there is none; what is wrong inside of it is reported where it is.
    pub(crate) fn get(
        &mut self,
        name: &str,
        examples: &mut Examples,
        scorer: &mut dyn Scorer,
        report: &Report,
    ) -> Result<Arc<Kb>, String> {
        if let Some(kb) = self.ready.get(name) {
            return Ok(kb.clone());
        }
        let Some(declared) = self.declared.get(name) else {
            let known: Vec<_> = self.declared.keys().map(|name| quoted(name)).collect();
            return Err(format!(
                "there is no knowledge base {}; there are {}",
                quoted(name),
                known.join(", ")
            ));
        };
        if declared.labels.is_empty() {
            return Err(format!(
                "the examples of {} are in files, which a filter cannot read; list them under its `labels`",
                quoted(name)
            ));
        }
        let kb = Arc::new(declared.build(examples, scorer, report));
        self.ready.insert(name.to_owned(), kb.clone());
        Ok(kb)
    }
}

impl Declared {
    fn read(mut self, mut object: Object<'_>) -> Declared {
        self.path = object.path().to_owned();
        if let Some(threshold) = object.number("threshold", 0.0..=1.0) {
            self.threshold = threshold as f32;
        }
        let labels = object.members("labels");
        if !labels.is_empty() {
            self.by_domain = false;
            self.labels = labels
                .into_iter()
                .map(|(name, label)| (name.to_owned(), read_label(label)))
                .collect();
        }
        if let Some(thresholds) = object.each("label_thresholds", "0 to 1", read_threshold) {
            self.label_thresholds = thresholds;
        }
        if let Some(groups) = object.each("groups", "a list of labels", read_names) {
            self.groups = groups;
        }
        let metrics = object.objects("metrics");
        if !metrics.is_empty() {
            self.metrics = metrics.into_iter().filter_map(read_metric).collect();
        }
        if let Some(scoring) = object.object("prototype_scoring") {
            self.scoring = Scoring::read(Some(scoring));
        }
        object.ignore(&["source", "description", "version"]);
        self.check(&object);
        object.finish();
        self
    }

    /// Reports what a base names and does not have.
    fn check(&self, object: &Object<'_>) {
        if self.labels.is_empty() {
            return;
        }
        let known = |label: &str| self.labels.contains_key(label);
        for label in self.label_thresholds.keys().filter(|label| !known(label)) {
            object.error("label_thresholds", format!("there is no label {}", quoted(label)));
        }
        for (group, labels) in &self.groups {
            for label in labels.iter().filter(|label| !known(label)) {
                let message = format!("group {} has no label {} to hold", quoted(group), quoted(label));
                object.error("groups", message);
            }
        }
        for (metric, (positive, negative)) in &self.metrics {
            for group in [positive, negative] {
                if !self.groups.contains_key(group) {
                    let message = format!(
                        "{} needs group {}, which is missing",
                        quoted(metric),
                        quoted(group)
                    );
                    object.error("metrics", message);
                }
            }
        }
    }

    fn build(&self, examples: &mut Examples, scorer: &mut dyn Scorer, report: &Report) -> Kb {
        let mut source = |name: &str, sentences: &[String]| {
            let domain = DOMAINS.iter().position(|known| *known == name);
            if let (true, Some(index)) = (self.by_domain, domain) {
                return Source::Domain(index);
            }
            let path = || format!("{}.labels.{name}", self.path);
            let embed = |text: &String| examples.embed(text, scorer, report, path);
            Source::Examples(Bank::new(sentences.iter().filter_map(embed).collect()))
        };
        let label = |(name, sentences): (&String, &Vec<String>)| Label {
            name: name.clone(),
            threshold: self.label_thresholds.get(name).copied().unwrap_or(self.threshold),
            source: source(name, sentences),
        };
        let labels: Vec<_> = self.labels.iter().map(label).collect();
        let index = |name: &String| labels.iter().position(|label| label.name == *name);
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|(name, labels)| Group {
                name: name.clone(),
                labels: labels.iter().filter_map(index).collect(),
            })
            .collect();
        let metrics = self.metrics(&groups);
        Kb {
            labels,
            groups,
            metrics,
            scoring: self.scoring,
        }
    }

    fn metrics(&self, groups: &[Group]) -> BTreeMap<String, Metric> {
        let index = |name: &str| groups.iter().position(|group| group.name == name);
        let margin = |(name, (positive, negative)): (&String, &(String, String))| {
            let (positive, negative) = (index(positive)?, index(negative)?);
            Some((name.clone(), Metric::GroupMargin { positive, negative }))
        };
        let own = [
            ("best_score".to_owned(), Metric::BestScore),
            ("best_matched_score".to_owned(), Metric::BestMatchedScore),
        ];
        self.metrics.iter().filter_map(margin).chain(own).collect()
    }
}

fn read_threshold(value: &Value) -> Option<f32> {
    decimal(value)
        .filter(|threshold| (0.0..=1.0).contains(threshold))
        .map(|threshold| threshold as f32)
}

fn read_names(value: &Value) -> Option<Vec<String>> {
    let names = value
        .as_array()?
        .iter()
        .map(|name| name.as_str().map(str::to_owned));
    names.collect()
}

fn read_label(mut object: Object<'_>) -> Vec<String> {
    let sentences = object.texts("exemplars").unwrap_or_default();
    if sentences.is_empty() {
        object.error("exemplars", "lists no example");
    }
    object.ignore(&["description"]);
    object.finish();
    sentences.into_iter().map(str::to_owned).collect()
}

fn read_metric(mut object: Object<'_>) -> Option<(String, (String, String))> {
    let name = object.need_text("name");
    if object.get("type").is_none() {
        object.error("type", "is missing: group_margin");
    }
    object.choice("type", &[("group_margin", ())]);
    let (positive, negative) = (
        object.need_text("positive_group"),
        object.need_text("negative_group"),
    );
    object.ignore(&["description"]);
    object.finish();
    Some((name?.to_owned(), (positive?.to_owned(), negative?.to_owned())))
}
