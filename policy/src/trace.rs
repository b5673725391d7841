//! What deciding leaves out, for those who ask why: every signal, and how every decision fares.

use crate::decision::Decision;
use crate::signals::Reading;
use crate::{Context, Matched, Policy, Reason, Request, Scorer};

/// How a request fares with everything that is declared. Empty for a request that is not judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// All signals that match, also of kinds that the decision did not need.
    pub matched: Vec<Matched>,
    /// The decisions, in the order in which they are tried.
    pub decisions: Vec<Tried>,
}

/// How a request fares with one decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The decision.
    pub name: String,
    /// The names of its models, in the order of the document.
    pub models: Vec<String>,
    /// How sure it is, 0 to 1, or the condition for which it does not hold.
    pub outcome: Result<f32, String>,
}

impl Policy {
    /// Computes every declared signal and tests every decision, where [`Policy::decide`] does only what it needs.
    ///
    /// # Errors
    /// What the scorer says.
    pub fn trace(
        &self,
        request: &Request<'_>,
        context: &Context<'_>,
        scorer: &mut dyn Scorer,
    ) -> Result<Trace, String> {
        let recipe = self.recipe(request.model());
        let Some((recipe, text)) = recipe.zip(request.last_user_text()) else {
            return Ok(Trace::default());
        };
        let mut reading = Reading::new(&self.signals, request, context, &text, scorer);
        reading.judge_all()?;
        let decisions = recipe.decisions.iter();
        let decisions = decisions.map(|decision| self.tried(decision, &mut reading));
        let decisions = decisions.collect::<Result<_, _>>()?;
        let mut verdict = self.fallback(Reason::Default);
        reading.report(&mut verdict);
        Ok(Trace {
            decisions,
            matched: verdict.matched,
        })
    }

    fn tried(&self, decision: &Decision, reading: &mut Reading<'_>) -> Result<Tried, String> {
        let outcome = match decision.rule.test(reading, true)? {
            Some(confidence) => Ok(confidence),
            None => Err(decision.rule.lacks(reading)?),
        };
        let models = decision.models.iter();
        let models = models.filter_map(|choice| self.models.get(choice.model));
        Ok(Tried {
            name: decision.name.clone(),
            models: models.map(|model| model.name.clone()).collect(),
            outcome,
        })
    }
}
