//! The canary: its split over many sessions, and its steps in a running Envoy.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use libtest_mimic::Trial;
use promptswitch_policy::{Api, Context, Policy, Request as Body};
use promptswitch_tests::{
    message::{Framing, Pace, Request},
    root,
    stack::test_id,
    twin::{self, Place, Plan, Twin},
};
use serde_json::{Value, json};

use crate::{envoy, manifests::NoModel, trial};

const SESSIONS: usize = 20_000;

/// The shares of chat-v2 in percent, and where the policy of each step is.
const STEPS: [(f64, &str); 3] = [(10.0, "base"), (50.0, "overlays/50"), (100.0, "overlays/100")];

// Envoy does nothing else while it compiles, which a busy machine takes its time for.
const DEADLINE: Duration = Duration::from_secs(300);

/// A session that is in the second half but not in the last tenth, and one that is in the last tenth.
const MOVES_AT_50: &str = "k";
const MOVES_AT_10: &str = "c";

pub(crate) fn add(trials: &mut Vec<Trial>) {
    trials.push(trial(
        "20,000 sessions split within 1 % at each step of the canary, and none goes back",
        split,
    ));
}

pub(crate) fn add_reload(trials: &mut Vec<Trial>, version: &'static str) {
    let name = format!("the canary moves to 50 and to 100 by reload, without a lost request ({version})");
    trials.push(trial(name, move || reload(&envoy(version)?)));
}

fn split() -> Result<()> {
    let mut before = vec![false; SESSIONS];
    for (share, step) in STEPS {
        let policy = policy(step)?;
        let loaded = Policy::from_value(&policy, &mut NoModel).map_err(|errors| anyhow!("{errors:?}"))?;
        let on_v2: Vec<_> = (0..SESSIONS)
            .map(|session| is_on_v2(&loaded.policy, session))
            .collect::<Result<_>>()?;
        let again: Vec<_> = (0..SESSIONS)
            .map(|session| is_on_v2(&loaded.policy, session))
            .collect::<Result<_>>()?;
        ensure!(on_v2 == again, "a session has two versions at {share} %");
        let count = on_v2.iter().filter(|on| **on).count();
        let got = 100.0 * count as f64 / SESSIONS as f64;
        ensure!((got - share).abs() <= 1.0, "{got} % at {share} %");
        let back = before
            .iter()
            .zip(&on_v2)
            .position(|(before, now)| *before && !now);
        ensure!(back.is_none(), "session {back:?} went back at {share} %");
        before = on_v2;
    }
    Ok(())
}

fn is_on_v2(policy: &Policy, session: usize) -> Result<bool> {
    let headers =
        move |name: &str| (name == "x-session-id").then(|| format!("session-{session}").into_bytes());
    let context = Context {
        headers: &headers,
        random: session as u64,
        ..Context::default()
    };
    let body = br#"{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}"#;
    let request = Body::parse(Api::ChatCompletions, body).map_err(|reason| anyhow!("{reason:?}"))?;
    match policy.decide(&request, &context, &mut NoModel).model.as_str() {
        "chat-v1" => Ok(false),
        "chat-v2" => Ok(true),
        other => bail!("session {session} gets {other}"),
    }
}

/// The policy of a step: the base's, with the overlay's changes.
fn policy(step: &str) -> Result<Value> {
    let folder = root().join("examples/canary");
    let mut policy = crate::manifests::yaml(&folder.join("base/policy.yaml"))?[0][0]["value"].take();
    if step == "base" {
        return Ok(policy);
    }
    let text = fs::read_to_string(folder.join(step).join("kustomization.yaml"))?;
    let kustomization: Value = serde_saphyr::from_str(&text)?;
    let patch = kustomization.pointer("/patches/0/patch").and_then(Value::as_str);
    let operations: Vec<Value> = serde_saphyr::from_str(patch.context("no patch")?)?;
    for operation in operations {
        ensure!(operation["op"] == "replace", "{operation}");
        let path = operation["path"].as_str().context("no path")?;
        let (_, inside) = path
            .split_once("/configuration/value")
            .context("not in the policy")?;
        *policy.pointer_mut(inside).with_context(|| inside.to_owned())? = operation["value"].clone();
    }
    Ok(policy)
}

fn reload(binary: &Path) -> Result<()> {
    let folder = root().canonicalize()?.join("target/run");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("canary-{}-{}.json", std::process::id(), test_id()));
    let mut plan = Plan::new("canary", Place::Free)?;
    let listener = plan.listener_in_file(&file)?;
    let write = |step| -> Result<()> {
        let mut listener = listener.clone();
        *twin::policy(&mut listener).context("no policy")? = policy(step)?;
        twin::write_listener(&file, &listener)
    };
    write("base")?;
    let twin = plan.start(binary)?;
    ensure!(version(&twin, MOVES_AT_50)? == "chat-v1" && version(&twin, MOVES_AT_10)? == "chat-v2");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| keep_asking(&twin, &done)))
            .collect();
        let moved = (|| {
            write("overlays/50")?;
            wait_for(&twin, MOVES_AT_50)?;
            write("overlays/100")?;
            wait_for(&twin, "a")
        })();
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let sent = client.join().map_err(|_| anyhow!("a client panicked"))??;
            ensure!(sent > 0, "a client sent nothing");
        }
        moved
    })
}

/// Asks for a session that is on chat-v2 all along, until it is done; gives the number of requests.
fn keep_asking(twin: &Twin, done: &AtomicBool) -> Result<usize> {
    let mut sent = 0;
    while !done.load(Ordering::Relaxed) {
        let got = version(twin, MOVES_AT_10)?;
        ensure!(got == "chat-v2", "the session went back to {got}");
        sent += 1;
    }
    Ok(sent)
}

fn wait_for(twin: &Twin, session: &str) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while version(twin, session)? != "chat-v2" {
        ensure!(Instant::now() < deadline, "{session} does not move");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn version(twin: &Twin, session: &str) -> Result<String> {
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}).to_string();
    let request = Request::post("/v1/chat/completions", body).header("x-session-id", session);
    let outcome = twin.send(&request, Framing::ContentLength, Pace::Whole)?;
    ensure!(outcome.status == 200, "status is {}", outcome.status);
    outcome.upstream.context("no server saw the request")
}
