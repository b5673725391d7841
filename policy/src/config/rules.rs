//! The `rules` of a decision.

use serde_json::Value;

use super::reader::Object;
use super::report::quoted;
use super::routing::OTHER_SIGNALS;
use crate::rule::Rule;
use crate::signals::{SECTIONS, SignalKind, Signals};

/// How deep conditions may nest. VSR's own recipes stay below 8; rules are tested by recursion.
const MAX_RULE_DEPTH: usize = 32;

#[derive(Clone, Copy)]
enum Operator {
    And,
    Or,
    Not,
}

const OPERATORS: [(&str, Operator); 3] = [
    ("AND", Operator::And),
    ("OR", Operator::Or),
    ("NOT", Operator::Not),
];

/// Reads a decision's rules; without any it is always true.
pub(crate) fn read(object: Option<Object<'_>>, signals: &Signals) -> Rule {
    let Some(mut object) = object else {
        return Rule::always();
    };
    let has_conditions = object
        .get("conditions")
        .is_some_and(|value| value != &Value::Array(Vec::new()));
    if !has_conditions && object.get("type").is_none() {
        if let Some(Operator::Or | Operator::Not) = object.choice("operator", &OPERATORS) {
            object.error(
                "conditions",
                "is empty, so it would never match; only AND of nothing is true",
            );
        }
        object.ignore(&["name"]);
        object.finish();
        return Rule::always();
    }
    read_node(object, signals, 1).unwrap_or_else(Rule::always)
}

/// None when the node is wrong, which has been reported.
fn read_node(mut object: Object<'_>, signals: &Signals, depth: usize) -> Option<Rule> {
    if depth > MAX_RULE_DEPTH {
        object.report().error(
            object.path().to_owned(),
            format!("is nested deeper than {MAX_RULE_DEPTH} conditions"),
        );
        return None;
    }
    let rule = if object.get("type").is_some() {
        read_signal(&mut object, signals)
    } else {
        read_group(&mut object, signals, depth)
    };
    object.finish();
    rule
}

fn read_signal(object: &mut Object<'_>, signals: &Signals) -> Option<Rule> {
    for key in ["label", "predicate", "on_error"] {
        object.unsupported(
            key,
            "belongs to signals of type `classifier`, which are not supported; \
             compare numbers by the outputs of routing.projections.mappings",
        );
    }
    object.unsupported(
        "on_unknown",
        "is not supported: when the classifier fails, the default model answers",
    );
    for key in ["operator", "conditions"] {
        object.unsupported(key, "belongs to a group of conditions, and this is a signal");
    }
    let (kind, name) = (object.text("type"), object.need_text("name"));
    let (kind, name) = (kind?, name?);
    if let Some(kind) = kind_of(kind) {
        let found = signals.find(kind, name);
        if found.is_none() {
            object.error(
                "name",
                format!("there is no signal {} of type `{}`", quoted(name), kind.as_str()),
            );
        }
        return found.map(Rule::signal);
    }
    let other = OTHER_SIGNALS.iter().any(|(_, known)| *known == kind);
    let state = if other { "not supported yet" } else { "unknown" };
    object.error("type", format!("signal type {} is {state}", quoted(kind)));
    None
}

fn kind_of(name: &str) -> Option<SignalKind> {
    let sections = SECTIONS.iter().map(|(_, kind, _)| *kind);
    sections
        .chain([SignalKind::Projection])
        .find(|kind| kind.as_str().eq_ignore_ascii_case(name.trim()))
}

fn read_group(object: &mut Object<'_>, signals: &Signals, depth: usize) -> Option<Rule> {
    if object.get("operator").is_none() {
        object.error("operator", "is missing: AND, OR or NOT");
    }
    let operator = object.choice("operator", &OPERATORS);
    let conditions = object.objects("conditions");
    let declared = conditions.len();
    if declared == 0 {
        object.error("conditions", "is empty");
    }
    let mut rules: Vec<_> = conditions
        .into_iter()
        .filter_map(|c| read_node(c, signals, depth + 1))
        .collect();
    match operator? {
        Operator::And => Some(Rule::and(rules)),
        Operator::Or => Some(Rule::or(rules)),
        Operator::Not if declared == 1 => rules.pop().map(Rule::negate),
        Operator::Not => {
            object.error(
                "conditions",
                "NOT takes one condition; join several by AND or OR first",
            );
            None
        }
    }
}
