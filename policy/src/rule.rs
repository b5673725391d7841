//! The condition of a decision.

use crate::signals::{Cost, Reading, SignalId};

/// A tree of conditions, of bounded depth.
#[derive(Debug)]
pub(crate) struct Rule {
    node: Node,
    cost: Cost,
}

#[derive(Debug)]
enum Node {
    Always,
    Signal(SignalId),
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
}

impl Rule {
    /// True of every request, with confidence 0.
    pub(crate) fn always() -> Rule {
        Rule {
            node: Node::Always,
            cost: Cost::Rule,
        }
    }

    pub(crate) fn signal(id: SignalId) -> Rule {
        Rule {
            node: Node::Signal(id),
            cost: id.cost,
        }
    }

    pub(crate) fn and(rules: Vec<Rule>) -> Rule {
        Rule::of(rules, Node::And)
    }

    pub(crate) fn or(rules: Vec<Rule>) -> Rule {
        Rule::of(rules, Node::Or)
    }

    pub(crate) fn negate(self) -> Rule {
        Rule {
            cost: self.cost,
            node: Node::Not(Box::new(self)),
        }
    }

    fn of(mut rules: Vec<Rule>, node: impl FnOnce(Vec<Rule>) -> Node) -> Rule {
        // Cheap conditions go first, so that they can spare the classifier.
        rules.sort_by_key(Rule::cost);
        Rule {
            cost: rules.iter().map(Rule::cost).max().unwrap_or(Cost::Rule),
            node: node(rules),
        }
    }

    /// What testing it may cost.
    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    /// The highest confidence that the rule can have.
    pub(crate) fn bound(&self) -> f32 {
        if matches!(self.node, Node::Always) {
            0.0
        } else {
            1.0
        }
    }

    /// The confidence of the rule, None when it does not hold: the mean of what AND joins, the greatest of what
    /// OR joins, 1 for NOT.
    ///
    /// Unless `exact`, the classifier is not asked for the sake of a higher confidence alone.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn test(&self, reading: &mut Reading<'_>, exact: bool) -> Result<Option<f32>, String> {
        match &self.node {
            Node::Always => Ok(Some(0.0)),
            Node::Signal(id) => reading.confidence(*id),
            Node::Not(rule) => Ok(rule.test(reading, false)?.is_none().then_some(1.0)),
            Node::And(rules) => {
                // Such a sum of halves is exact, so the order of the conditions does not matter.
                let mut sum = 0.0f64;
                for rule in rules {
                    match rule.test(reading, exact)? {
                        Some(confidence) => sum += f64::from(confidence),
                        None => return Ok(None),
                    }
                }
                Ok(Some((sum / rules.len().max(1) as f64) as f32))
            }
            Node::Or(rules) => {
                let mut best = None;
                for rule in rules {
                    let settled = best.is_some() && rule.cost > Cost::Rule && !exact;
                    if settled || best >= Some(1.0) {
                        break;
                    }
                    let found = rule.test(reading, exact)?;
                    best = if found > best { found } else { best };
                }
                Ok(best)
            }
        }
    }

    /// The condition for which a rule does not hold, in words.
    ///
    /// # Errors
    /// What the scorer says.
    pub(crate) fn lacks(&self, reading: &mut Reading<'_>) -> Result<String, String> {
        let named = |id: &SignalId, reading: &Reading<'_>, verb: &str| {
            format!("{} {} {verb}", id.kind.as_str(), reading.name(*id))
        };
        match &self.node {
            Node::Always => Ok(String::new()),
            Node::Signal(id) => Ok(named(id, reading, "does not match")),
            Node::Not(rule) => Ok(match &rule.node {
                Node::Signal(id) => named(id, reading, "matches"),
                _ => "what must not hold does".to_owned(),
            }),
            Node::And(rules) => {
                for rule in rules {
                    if rule.test(reading, false)?.is_none() {
                        return rule.lacks(reading);
                    }
                }
                Ok(String::new())
            }
            Node::Or(rules) => match rules.as_slice() {
                [only] => only.lacks(reading),
                _ => Ok(format!("none of {} conditions holds", rules.len())),
            },
        }
    }
}
