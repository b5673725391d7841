//! What each example's gateway does where the filter is absent, refused or trapped, as its README says.

use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use promptswitch_tests::{
    message::{Framing, Pace, Request},
    root,
    scenario::Outcome,
    twin::{self, Place, Plan, Twin},
};
use serde_json::{Value, json};

use crate::{envoy, examples, trial};

const HEADING: &str = "## If the filter is not there";

/// Passes one request, and traps at the next; a new VM begins anew.
const TRAPS_AT_SECOND: &str = r#"
(module
  (memory (export "memory") 1)
  (global $requests (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
    (if (i32.eq (global.get $requests) (i32.const 2)) (then unreachable))
    (i32.const 0)))
"#;

pub(crate) fn add(trials: &mut Vec<Trial>, version: &'static str) -> Result<()> {
    for example in examples::with_twin()? {
        let name = format!("examples/{example} without its filter does what its README says ({version})");
        trials.push(trial(name, move || {
            let binary = envoy(version)?;
            absent(&binary, &example).context("absent")?;
            trapped(&binary, &example).context("trapped")
        }));
    }
    let name = format!("a gateway does not start with a policy that the filter refuses ({version})");
    trials.push(trial(name, move || refused(&envoy(version)?)));
    let name = format!("a running gateway keeps its policy when the next one is refused ({version})");
    trials.push(trial(name, move || kept(&envoy(version)?)));
    Ok(())
}

/// All goes where the README says, with `auto` still in the body.
fn absent(binary: &Path, example: &str) -> Result<()> {
    let mut plan = Plan::new(example, Place::Free)?;
    let filters = twin::http_filters(plan.document()).context("no filters")?;
    filters.retain(|filter| twin::policy(&mut filter.clone()).is_none());
    let outcome = ask(&plan.start(binary)?)?;
    ensure!(outcome.status == 200, "status is {}", outcome.status);
    let body: Value = serde_json::from_slice(&outcome.upstream_body)?;
    ensure!(
        body.get("model") == Some(&json!("auto")),
        "the body has become {body}"
    );
    let server = outcome.upstream.context("nothing arrived")?;
    let readme = fs::read_to_string(root().join(format!("examples/{example}/README.md")))?;
    let (_, said) = readme
        .split_once(HEADING)
        .with_context(|| format!("README.md has no {HEADING}"))?;
    ensure!(
        said.contains(&format!("`{server}`")),
        "README.md does not say that all goes to `{server}`"
    );
    Ok(())
}

/// One request fails, and those of the next second; then there is a new filter.
fn trapped(binary: &Path, example: &str) -> Result<()> {
    fs::create_dir_all(root().join("target/run"))?;
    // One for each test: another's Envoy may be reading at this moment.
    let module = root().join(format!("target/run/traps-{example}.wasm"));
    fs::write(&module, wat::parse_str(TRAPS_AT_SECOND)?)?;
    let mut plan = Plan::new(example, Place::Free)?;
    let filters = twin::http_filters(plan.document()).context("no filters")?;
    let code = filters
        .iter_mut()
        .find_map(|filter| filter.pointer_mut("/typed_config/config/vm_config/code/local/filename"));
    *code.context("no filter")? = json!(module);
    let twin = plan.start(binary)?;
    let status = || ask(&twin).map(|outcome| outcome.status);
    let first = [status()?, status()?, status()?];
    ensure!(first == [200, 503, 503], "the first answers are {first:?}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while status()? != 200 {
        ensure!(Instant::now() < deadline, "the filter is not loaded anew");
        sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn refused(binary: &Path) -> Result<()> {
    let mut plan = Plan::new("istio-vsr", Place::Free)?;
    spoil(plan.document())?;
    let error = plan.start(binary).err().context("Envoy has started")?;
    ensure!(format!("{error:#}").contains("nobody"), "{error:#}");
    Ok(())
}

fn kept(binary: &Path) -> Result<()> {
    let folder = root().canonicalize()?.join("target/run");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("kept-{}.json", std::process::id()));
    let mut plan = Plan::new("istio-vsr", Place::Free)?;
    let mut listener = plan.listener_in_file(&file)?;
    twin::write_listener(&file, &listener)?;
    let twin = plan.start(binary)?;
    spoil(&mut listener)?;
    twin::write_listener(&file, &listener)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while twin.envoy.stat("listener_manager.lds.update_rejected")? == 0 {
        ensure!(Instant::now() < deadline, "Envoy does not refuse the update");
        sleep(Duration::from_millis(50));
    }
    let server = ask(&twin)?.upstream;
    ensure!(server.as_deref() == Some("phi4-mini"), "served by {server:?}");
    Ok(())
}

/// Has a decision name a model that nobody declared.
fn spoil(configuration: &mut Value) -> Result<()> {
    let policy = twin::policy(configuration).context("no policy")?;
    policy["routing"]["decisions"][0]["modelRefs"] = json!([{"model": "nobody"}]);
    Ok(())
}

fn ask(twin: &Twin) -> Result<Outcome> {
    let request = Request::chat("auto", "Solve the equation x^2 - 5x + 6 = 0 and prove it.");
    twin.send(&request, Framing::ContentLength, Pace::Whole)
}
