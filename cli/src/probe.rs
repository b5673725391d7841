//! `promptswitch probe`

mod check;
mod file;
mod request;
mod show;

use std::path::PathBuf;

use promptswitch_policy::{Api, Context, Policy, Request, Scorer};

use crate::load::{self, failure};
use crate::scorer::Model;
use crate::{Outcome, Printed};
use check::Found;
use file::Probe;
use show::{Failure, Report};

/// Check a policy against a file of prompts with the decisions they should get
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy, in YAML or JSON
    config: PathBuf,
    /// The probes, in VSR's format
    probes: PathBuf,
    /// Print one JSON object: passed, total, failures
    #[arg(long)]
    json: bool,
    /// Exit with 1 if fewer percent pass
    #[arg(long, value_name = "PERCENT")]
    min_pass_rate: Option<f64>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut model = Model::new();
    let document = load::document(&arguments.config)?;
    let (policy, _) = load::policy(&document, &arguments.config, &mut model)?;
    let probes = load::document(&arguments.probes)?;
    let probes = file::read(&probes).map_err(|why| failure(&arguments.probes, why))?;
    let mut report = Report::default();
    for probe in &probes {
        let wrong = |why| failure(&arguments.probes, format!("{}: {why}", probe.id));
        let body = request::body(probe, &document).map_err(wrong)?;
        report.add(&probe.decision, judge(&policy, probe, &body, &mut model));
    }
    let out = if arguments.json {
        report.as_json()
    } else {
        report.as_text()
    };
    Ok(Printed {
        out,
        failed: arguments.min_pass_rate.is_some_and(|rate| report.rate() < rate),
        ..Printed::default()
    })
}

/// What is wrong with what a probe gets, if anything is.
fn judge(policy: &Policy, probe: &Probe, body: &str, scorer: &mut dyn Scorer) -> Option<Failure> {
    let (found, context) = match Request::parse(Api::ChatCompletions, body.as_bytes()) {
        Ok(request) => {
            let find = |name: &str| probe.headers.get(name).map(|value| value.clone().into_bytes());
            let context = Context {
                headers: &find,
                ..Context::default()
            };
            let verdict = policy.decide(&request, &context, scorer);
            let trace = policy.trace(&request, &context, scorer).unwrap_or_default();
            (
                Found::new(&verdict, &trace),
                show::context(&verdict, &trace, probe.expected.decision.as_deref()),
            )
        }
        Err(reason) => (
            Found::default(),
            vec![format!("not judged: {}", reason.meaning())],
        ),
    };
    let mut reasons = check::differences(&probe.expected, &found);
    if reasons.is_empty() {
        return None;
    }
    reasons.extend(context);
    Some(Failure {
        id: probe.id.clone(),
        decision: probe.decision.clone(),
        query: request::excerpt(probe),
        reasons,
    })
}
