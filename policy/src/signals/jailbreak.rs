//! `jailbreak`: attacks on the model.

mod windows;

use std::collections::BTreeSet;

use crate::config::modules::ignore_model;
use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::config::setup::Setup;
use crate::request::{Role, Turn};
use crate::signals::bank::Bank;
use crate::signals::{Reading, Signal, read_name};
use crate::{GuardScores, Scores};

/// From which probability on an attack matches, unless something else is said.
const CLASSIFIER_THRESHOLD: f64 = 0.7;

/// From which lead of the attacks over the harmless on a text matches, unless something else is said.
const CONTRASTIVE_THRESHOLD: f64 = 0.1;

/// How jailbreak signals are judged, as in `modules.prompt_guard`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardDefaults {
    /// Whether signals that go by the classifier match at all.
    on: bool,
    threshold: f64,
    on_error: Option<OnError>,
    counts: Counts,
}

/// What signals do when the model fails. Without it the request gets the default model, as with every signal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OnError {
    /// None matches.
    Allow,
    /// All match.
    Block,
}

/// Which of the classifier's classes are attacks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Counts {
    Both,
    Injection,
}

/// VSR's classifier knows no injections and calls them jailbreaks.
const LABELS: [(&str, Counts); 7] = [
    ("jailbreak", Counts::Both),
    ("unsafe", Counts::Both),
    ("malicious", Counts::Both),
    ("attack", Counts::Both),
    ("injection", Counts::Injection),
    ("prompt_injection", Counts::Injection),
    ("indirect_injection", Counts::Injection),
];

/// The declared jailbreak signals.
#[derive(Debug)]
struct Jailbreaks {
    signals: Vec<Jailbreak>,
    guard: GuardDefaults,
}

#[derive(Debug)]
struct Jailbreak {
    name: String,
    method: Method,
    threshold: f32,
    include_history: bool,
    attacks: Bank,
    harmless: Bank,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Classifier,
    Contrastive,
    Hybrid,
}

const METHODS: [(&str, Method); 3] = [
    ("classifier", Method::Classifier),
    ("contrastive", Method::Contrastive),
    ("hybrid", Method::Hybrid),
];

impl Default for GuardDefaults {
    fn default() -> Self {
        GuardDefaults {
            on: true,
            threshold: CLASSIFIER_THRESHOLD,
            on_error: None,
            counts: Counts::Both,
        }
    }
}

impl GuardDefaults {
    /// Reads `modules.prompt_guard`.
    pub(crate) fn read(mut object: Object<'_>) -> GuardDefaults {
        let mut guard = GuardDefaults::default();
        guard.on = object.flag("enabled").unwrap_or(true);
        guard.threshold = read_threshold(&mut object).unwrap_or(guard.threshold);
        guard.on_error = object.choice(
            "on_error",
            &[("allow", OnError::Allow), ("block", OnError::Block)],
        );
        let labels = object.texts("positive_labels").unwrap_or_default();
        let counts: Vec<_> = labels
            .iter()
            .filter_map(|label| read_label(&object, label))
            .collect();
        if !counts.is_empty() && !counts.contains(&Counts::Both) {
            guard.counts = Counts::Injection;
        }
        for key in ["backend", "protocol"] {
            object.unsupported(
                key,
                "a guard of one's own is not supported; leave it out for the built-in one",
            );
        }
        if object.flag("use_vllm") == Some(true) {
            object.error(
                "use_vllm",
                "a guard of one's own is not supported; leave it out for the built-in one",
            );
        }
        object.tuning("jailbreak_mapping_path", "the classifier is built in");
        object.tuning("on_unscanned", "what is not read is said in the reference");
        ignore_model(&mut object);
        object.finish();
        guard
    }

    fn risk(&self, scores: &GuardScores) -> f32 {
        match self.counts {
            Counts::Both => scores.jailbreak + scores.injection,
            Counts::Injection => scores.injection,
        }
    }
}

fn read_label(object: &Object<'_>, label: &str) -> Option<Counts> {
    let found = LABELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(label));
    if found.is_none() {
        let known: Vec<_> = LABELS.iter().map(|(known, _)| *known).collect();
        let message = format!("must be some of {}, found {}", known.join(", "), quoted(label));
        object.error("positive_labels", message);
    }
    found.map(|(_, counts)| *counts)
}

/// A threshold above 0.
fn read_threshold(object: &mut Object<'_>) -> Option<f64> {
    let threshold = object.number("threshold", 0.0..=1.0);
    if threshold == Some(0.0) {
        object.error(
            "threshold",
            "is 0, and every text would match; leave it out for the default",
        );
    }
    threshold
}

/// Reads `routing.signals.jailbreak`.
pub(crate) fn read(objects: Vec<Object<'_>>, setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| Jailbreak::read(object, setup, &mut taken);
    Box::new(Jailbreaks {
        signals: objects.into_iter().map(read).collect(),
        guard: setup.modules.guard,
    })
}

impl Jailbreak {
    fn read<'v>(mut object: Object<'v>, setup: &mut Setup<'_>, taken: &mut BTreeSet<&'v str>) -> Jailbreak {
        let name = read_name(&mut object, taken);
        let method = object.choice("method", &METHODS).unwrap_or(Method::Classifier);
        let threshold = read_threshold(&mut object).unwrap_or(match method {
            Method::Contrastive => CONTRASTIVE_THRESHOLD,
            Method::Classifier | Method::Hybrid => setup.modules.guard.threshold,
        });
        let (attacks, harmless) = read_patterns(&mut object, setup, method);
        if method != Method::Contrastive && !setup.modules.guard.on {
            object.warn(
                "method",
                "the classifier is off (modules.prompt_guard.enabled), so it never matches",
            );
        }
        if object
            .text("direction")
            .is_some_and(|direction| !direction.eq_ignore_ascii_case("request"))
        {
            object.error("direction", "only requests are judged");
        }
        let include_history = object.flag("include_history").unwrap_or(false);
        object.ignore(&["description"]);
        object.finish();
        Jailbreak {
            name,
            method,
            threshold: threshold as f32,
            include_history,
            attacks,
            harmless,
        }
    }

    /// How much of an attack a window is: a probability, a lead over the harmless, or the greater of both.
    fn risk(&self, scores: &Scores, guard: &GuardDefaults) -> f32 {
        let classifier = || if guard.on { guard.risk(&scores.guard) } else { 0.0 };
        let contrastive = || self.attacks.best(&scores.embedding) - self.harmless.best(&scores.embedding);
        match self.method {
            Method::Classifier => classifier(),
            Method::Contrastive => contrastive(),
            Method::Hybrid => classifier().max(contrastive()),
        }
    }
}

fn read_patterns(object: &mut Object<'_>, setup: &mut Setup<'_>, method: Method) -> (Bank, Bank) {
    const KEYS: [&str; 2] = ["jailbreak_patterns", "benign_patterns"];
    if method == Method::Hybrid {
        object.warn(
            "method",
            "the greater of classifier and patterns counts; VSR runs its classifier alone",
        );
    }
    let given = KEYS.map(|key| object.texts(key).is_some_and(|texts| !texts.is_empty()));
    let wanted = match method {
        Method::Classifier => {
            for key in KEYS {
                object.tuning(key, "the method classifier does not go by patterns");
            }
            false
        }
        Method::Contrastive => true,
        Method::Hybrid => given.contains(&true),
    };
    if !wanted {
        return Default::default();
    }
    let [attacks, harmless] = KEYS.map(|key| setup.bank(object, key));
    (attacks, harmless)
}

impl Signal for Jailbreaks {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let risks = match (self.risks(reading), self.guard.on_error) {
            (Ok(risks), _) => risks,
            (Err(_), Some(OnError::Allow)) => vec![0.0; self.signals.len()],
            (Err(_), Some(OnError::Block)) => vec![1.0; self.signals.len()],
            (Err(error), None) => return Err(error),
        };
        let pairs = self.signals.iter().zip(risks);
        let tell =
            |(signal, risk): (&Jailbreak, f32)| (risk >= signal.threshold).then_some(risk.clamp(0.0, 1.0));
        Ok(pairs.map(tell).collect())
    }
}

impl Jailbreaks {
    /// The risk of the riskiest window, by signal.
    fn risks(&self, reading: &mut Reading<'_>) -> Result<Vec<f32>, String> {
        let history = self.signals.iter().any(|signal| signal.include_history);
        let turns = reading.request().turns();
        let (tools, earlier) = (
            tool_results(&turns),
            if history { other_texts(&turns) } else { Vec::new() },
        );
        let user = [reading.text()];
        let groups = [
            (&user[..], false),
            (&refs(&tools)[..], false),
            (&refs(&earlier)[..], true),
        ];
        let used = groups.iter().filter(|(texts, _)| !texts.is_empty()).count();
        let mut risks = vec![f32::MIN; self.signals.len()];
        for (texts, is_history) in groups {
            for window in windows::of(texts, windows::MOST / used.max(1)) {
                let own;
                let scores = if window == reading.text() {
                    reading.scores()?
                } else {
                    own = reading.scores_of(window)?;
                    &own
                };
                for (signal, risk) in self.signals.iter().zip(&mut risks) {
                    if signal.include_history || !is_history {
                        *risk = risk.max(signal.risk(scores, &self.guard));
                    }
                }
            }
        }
        Ok(risks)
    }
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// What tools have answered, the latest first. It is where instructions of others come in, so it is always read.
fn tool_results(turns: &[Turn<'_>]) -> Vec<String> {
    let results = turns.iter().rev().flat_map(|turn| {
        let inner = turn.tool_results.iter().map(|text| text.decode().into_owned());
        let whole = (turn.role == Some(Role::Tool)).then(|| turn.text());
        inner.chain(whole)
    });
    results.filter(|text| !text.trim().is_empty()).collect()
}

/// The turns of everyone but tools, without the last of the user, the latest first.
fn other_texts(turns: &[Turn<'_>]) -> Vec<String> {
    let is_user = |turn: &Turn<'_>| turn.role == Some(Role::User) && !turn.text().trim().is_empty();
    let last = turns.iter().rposition(is_user);
    let others = turns.iter().enumerate().rev();
    let others = others.filter(|(index, turn)| Some(*index) != last && turn.role != Some(Role::Tool));
    others
        .map(|(_, turn)| turn.text())
        .filter(|text| !text.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
