//! Each example's `envoy.yaml` in real Envoy: its requests, its README, and clients that forge headers.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::Trial;
use promptswitch_tests::{
    message::{Framing, Pace, Request},
    root,
    scenario::{self, Outcome, Scenario},
    twin::{Place, Plan, Twin},
};

use crate::{envoy, readme, trial};

/// Every header by which some gateway, picker or model server routes.
const ROUTING_HEADERS: [&str; 15] = [
    "x-selected-model",
    "x-gateway-model-name",
    "x-gateway-base-model-name",
    "x-gateway-destination-endpoint",
    "x-gateway-destination-endpoint-subset",
    "x-gateway-inference-objective",
    "x-llm-d-inference-objective",
    "x-gateway-inference-fairness-id",
    "x-llm-d-inference-fairness-id",
    "x-gateway-model-name-rewrite",
    "x-llm-d-model-name-rewrite",
    "x-prefiller-host-port",
    "x-encoder-hosts-ports",
    "x-ai-eg-model",
    "X-Gateway-Model-Name",
];

/// The examples, by the names of their folders.
pub(crate) fn all() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("examples"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

pub(crate) fn with_twin() -> Result<Vec<String>> {
    let has_twin = |name: &String| root().join("examples").join(name).join("envoy.yaml").exists();
    Ok(all()?.into_iter().filter(has_twin).collect())
}

/// Adds a test that Envoy takes each Envoy configuration of an example as it stands.
pub(crate) fn add_validation(trials: &mut Vec<Trial>, version: &'static str) -> Result<()> {
    for example in all()? {
        for file in ["envoy.yaml", "envoy-picker.yaml"] {
            let path = format!("examples/{example}/{file}");
            if root().join(&path).exists() {
                let name = format!("{path} is valid as it stands ({version})");
                trials.push(trial(name, move || valid(&envoy(version)?, &path)));
            }
        }
    }
    Ok(())
}

fn valid(binary: &Path, path: &str) -> Result<()> {
    let mut validate = Command::new(binary);
    validate.args(["--mode", "validate", "--disable-hot-restart", "-c", path]);
    let output = validate.current_dir(root()).output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{log}");
    Ok(())
}

/// Adds a test of each example in Envoy: one start for all of its facts, since Envoy compiles the filter at each.
pub(crate) fn add(trials: &mut Vec<Trial>, version: &'static str) -> Result<()> {
    for example in with_twin()? {
        let name = format!("examples/{example} does what its requests.yaml and README.md say ({version})");
        trials.push(trial(name, move || holds(&envoy(version)?, &example)));
    }
    Ok(())
}

fn holds(binary: &Path, example: &str) -> Result<()> {
    let folder = root().join("examples").join(example);
    let mut twin = Plan::new(example, Place::Free)?.start(binary)?;
    for scenario in scenario::read(&folder.join("requests.yaml"))? {
        check(&twin, &scenario).with_context(|| scenario.name.clone())?;
    }
    forged_headers_are_gone(&twin)?;
    readme::run(
        example,
        &fs::read_to_string(folder.join("README.md"))?,
        twin.addr(),
    )
    .context("README.md")?;
    failover(example, &mut twin).context("failover")?;
    Ok(())
}

fn check(twin: &Twin, scenario: &Scenario) -> Result<()> {
    for framing in scenario.framings() {
        let sent = scenario.request()?;
        let outcome = twin.send(&sent, *framing, scenario.pace())?;
        let problems = scenario.expect.problems(&sent, &outcome);
        ensure!(problems.is_empty(), "{framing:?}: {}", problems.join("\n"));
    }
    Ok(())
}

fn forged_headers_are_gone(twin: &Twin) -> Result<()> {
    let list = Request {
        method: "GET".into(),
        path: "/v1/models".into(),
        ..Request::default()
    };
    let requests = [
        Request::chat("auto", "Solve the equation x^2 - 5x + 6 = 0."),
        Request::chat("auto", "Who painted the Mona Lisa?"),
        Request::chat("nobody", "Hello"),
        Request::post("/v1/chat/completions", "no JSON"),
        list,
    ];
    for request in requests {
        let forged = ROUTING_HEADERS
            .iter()
            .fold(request, |request, name| request.header(name, "forged"));
        let outcome = twin.send(&forged, Framing::ContentLength, Pace::Whole)?;
        ensure!(
            outcome.upstream.is_some(),
            "no server saw {} {}",
            forged.method,
            forged.path
        );
        let arrived = outcome
            .upstream_headers
            .iter()
            .find(|(_, value)| value == b"forged");
        if let Some((name, _)) = arrived {
            bail!(
                "a client's {name} reached the server ({} {})",
                forged.method,
                forged.path
            );
        }
    }
    Ok(())
}

/// The first choice stops; the next one in the order answers.
fn failover(example: &str, twin: &mut Twin) -> Result<()> {
    let math = "Solve the equation x^2 - 5x + 6 = 0. ".repeat(30);
    let (request, servers) = match example {
        "ai-gateway" => (Request::chat("gpt-4o-mini", "Hello"), ["openai", "backup"]),
        "standalone-picker" => (Request::chat("auto", &math), ["phi4-mini-a", "phi4-mini-b"]),
        _ => return Ok(()),
    };
    let send = |twin: &Twin| twin.send(&request, Framing::ContentLength, Pace::Whole);
    let before = send(twin)?;
    let first = before.upstream.clone().context("nobody answered")?;
    let is_first_again = send(twin)?.upstream.as_ref() == Some(&first);
    ensure!(is_first_again, "{first} is not the first choice again");
    let next = servers.into_iter().find(|server| *server != first);
    // Only an endpoint that the filter has chosen may be another than the first in the list.
    ensure!(
        named(&before).is_some() || first == servers[0],
        "{first} is not the first choice"
    );
    twin.stop(&first)?;
    for turn in 0..5 {
        let outcome = send(twin)?;
        ensure!(outcome.status == 200, "status is {}", outcome.status);
        ensure!(
            outcome.upstream.as_deref() == next,
            "served by {:?}",
            outcome.upstream
        );
        let has_learned = named(&before).is_none() || named(&outcome) != named(&before);
        ensure!(
            turn == 0 || has_learned,
            "{:?} is still named first",
            named(&outcome)
        );
    }
    Ok(())
}

/// The endpoint that the filter has named first.
fn named(outcome: &Outcome) -> Option<&[u8]> {
    let header = |(name, _): &&(String, Vec<u8>)| name == "x-gateway-destination-endpoint";
    let (_, order) = outcome.upstream_headers.iter().find(header)?;
    order.split(|byte| *byte == b',').next()
}
