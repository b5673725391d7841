//! The scenario files, each request sent in each of its ways.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use promptswitch_tests::{
    envoy::LocalConfig,
    message::Framing,
    policy,
    scenario::{self, Outcome, Scenario},
    stack::Stack,
};

use crate::suite::{Listener, Suite};

pub(crate) fn add(suite: &mut Suite, guide: &Listener) -> Result<()> {
    let mut listeners = HashMap::from([(policy::guide()?.to_string(), guide.clone())]);
    for (file, scenario) in scenario::all()? {
        let policy = scenario.policy()?;
        let name = format!("{file} {}", listeners.len());
        let listener = listeners
            .entry(policy.to_string())
            .or_insert_with(|| guide.beside(&name, move || LocalConfig::shipped()?.policy(&policy)))
            .clone();
        for framing in scenario.framings() {
            let (framing, scenario) = (*framing, scenario.clone());
            let name = format!("{} ({framing:?})", scenario.name);
            suite.test(name, &listener, move |stack| holds(stack, &scenario, framing));
        }
    }
    Ok(())
}

fn holds(stack: &Stack, scenario: &Scenario, framing: Framing) -> Result<()> {
    let sent = scenario.request()?;
    let outcome = Outcome::from(stack.send(&sent, framing, scenario.pace())?);
    let problems = scenario.expect.problems(&sent, &outcome);
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}
