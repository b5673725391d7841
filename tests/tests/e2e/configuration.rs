//! Configurations that Envoy takes, and those that it must not.

use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use promptswitch_tests::{
    envoy::LocalConfig,
    message::{Framing, Pace, Request},
    policy,
    stack::{Stack, test_id},
};
use serde_json::{Value, json};

use crate::suite::{Listener, Suite};

// Envoy does nothing else while it compiles, which a busy machine takes its time for.
const DEADLINE: Duration = Duration::from_secs(300);

pub(crate) fn add(suite: &mut Suite, guide: &Listener) {
    let string = guide.beside("policy as a string", || {
        LocalConfig::shipped()?.policy_as_string()
    });
    suite.test(
        "a policy that comes as a JSON string serves like one that comes as YAML",
        &string,
        |stack| {
            ensure!(math_model(stack)? == "phi4-mini");
            Ok(())
        },
    );
    suite.add(
        "the shipped configuration is valid as it stands",
        shipped_is_valid,
    );
    suite.add(
        "three mistakes are refused at start with three messages",
        three_mistakes,
    );
    suite.add(
        "a bad update leaves the old policy serving, a good one replaces it",
        updates,
    );
}

fn shipped_is_valid(binary: &Path) -> Result<()> {
    LocalConfig::shipped()?; // says so if the filter is not built
    let mut validate = Command::new(binary);
    validate.args([
        "--mode",
        "validate",
        "--disable-hot-restart",
        "-c",
        "envoy/envoy.yaml",
    ]);
    let output = validate.current_dir(promptswitch_tests::root()).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Changes that make three mistakes, and the paths that the messages must name.
fn mistakes() -> (Value, [&'static str; 3]) {
    let changes = json!({
        "providers": {"defaults": {"default_model": "nobody"}},
        "routing": {"strategyy": "priority"},
        "promptswitch": {"limits": {"max_tokens": "many"}},
    });
    (
        changes,
        [
            "providers.defaults.default_model",
            "routing.strategyy",
            "promptswitch.limits.max_tokens",
        ],
    )
}

fn three_mistakes(binary: &Path) -> Result<()> {
    let (changes, paths) = mistakes();
    let config = LocalConfig::shipped()?.policy(&changed(&changes)?)?;
    let Err(error) = Stack::start(binary, config, 1) else {
        bail!("Envoy has started")
    };
    let log = format!("{error:#}");
    for path in paths {
        let messages = log.lines().filter(|line| line.contains(path)).count();
        ensure!(messages > 0, "no message names {path} in\n{log}");
    }
    Ok(())
}

fn updates(binary: &Path) -> Result<()> {
    let folder = promptswitch_tests::root().canonicalize()?.join("target/run");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("listener-{}-{}.json", std::process::id(), test_id()));
    let (stack, config) = Stack::start_with_listener_file(binary, LocalConfig::shipped()?, &file)?;
    ensure!(
        math_model(&stack)? == "phi4-mini",
        "the first policy does not serve"
    );

    let (changes, _) = mistakes();
    config
        .clone()
        .policy(&changed(&changes)?)?
        .write_listener(&file)?;
    wait_for(&stack, "listener_manager.lds.update_rejected")?;
    ensure!(
        math_model(&stack)? == "phi4-mini",
        "the old policy does not serve after a bad update"
    );

    let everything_to_llama = json!({"routing": {"decisions": [{
        "name": "sums", "priority": 1, "modelRefs": [{"model": "llama3-8b"}],
        "rules": {"operator": "OR", "conditions": [{"type": "domain", "name": "math"}]},
    }]}});
    config
        .clone()
        .policy(&changed(&everything_to_llama)?)?
        .write_listener(&file)?;
    let deadline = Instant::now() + DEADLINE;
    while math_model(&stack)? != "llama3-8b" {
        ensure!(Instant::now() < deadline, "the new policy does not serve");
        thread::sleep(Duration::from_millis(50));
    }
    stack.check_health()
}

fn changed(changes: &Value) -> Result<Value> {
    let mut policy = policy::guide()?;
    policy::merge(&mut policy, changes);
    Ok(policy)
}

fn math_model(stack: &Stack) -> Result<String> {
    let exchange = stack.send(
        &Request::chat("auto", "2+2 is  "),
        Framing::ContentLength,
        Pace::Whole,
    )?;
    ensure!(
        exchange.response.status == 200,
        "status is {}",
        exchange.response.status
    );
    Ok(exchange.arrived.context("nothing arrived")?.0)
}

fn wait_for(stack: &Stack, stat: &str) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while stack.envoy.stat(stat).unwrap_or(0) == 0 {
        ensure!(
            Instant::now() < deadline,
            "{stat} stays 0:\n{}",
            stack.envoy.log()
        );
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
