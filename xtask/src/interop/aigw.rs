//! Envoy AI Gateway without a cluster (`aigw run`): the example ai-gateway, with simulated model servers in the place of its
//! pools and of its provider.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::envoy::fetch;
use promptswitch_tests::message::{Framing, Pace, Request};
use serde_json::{Value, json};

use super::tools::{source, tool};
use super::{Outcome, picker};
use crate::dist;
use crate::process::Running;
use crate::run::{output, root, run};

const PORT: u16 = 8080;
/// The models that have a server. That of `openai` is not there, so that its requests go to the backup.
const SERVERS: [(&str, u16, &str); 2] = [
    ("llama3-8b", 9001, "llama3-8b"),
    ("mistral-small", 9002, "mistral-small"),
];
const BACKENDS: [(&str, u16); 4] = [
    ("llama3-8b", 9001),
    ("mistral-small", 9002),
    ("openai", 9003),
    ("backup", 9001),
];

/// The example's resources in the gateway that `aigw` starts.
pub(super) fn aigw() -> Result<Outcome> {
    let tools = (tool("kustomize"), tool("llm-d-inference-sim"), build());
    let (kustomize, simulator, aigw) = match tools {
        (Ok(kustomize), Ok(simulator), Ok(aigw)) => (kustomize, simulator, aigw),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            return Ok(Outcome::NotRun(format!("{error:#}")));
        }
    };
    picker::free(&[PORT, 1061, 1064])?;
    let folder = root().canonicalize()?.join("target/run/aigw");
    let version = picker::newest()?;
    let envoy = folder.join("data/envoy-versions").join(version).join("bin");
    fs::create_dir_all(&envoy)?;
    if !envoy.join("envoy").exists() {
        std::os::unix::fs::symlink(fetch(version)?.canonicalize()?, envoy.join("envoy"))?;
    }
    let rendered = output(
        Command::new(kustomize)
            .arg("build")
            .arg(root().join("examples/ai-gateway")),
    )?;
    let config = folder.join("config.yaml");
    fs::write(&config, on_this_host(&rendered, version)?)?;
    let _servers = picker::start_servers(&simulator, &SERVERS)?;
    let mut command = Command::new(aigw);
    command.arg("run").arg(&config).args(["--run-id", "0", "--debug"]);
    for (name, place) in [
        ("CONFIG_HOME", "config"),
        ("DATA_HOME", "data"),
        ("STATE_HOME", "state"),
        ("RUNTIME_DIR", "runtime"),
    ] {
        command.env(format!("AIGW_{name}"), folder.join(place));
    }
    let _gateway = Running::start("aigw", &mut command, PORT)?;
    Ok(Outcome::Passed(requests(SocketAddr::from((
        [127, 0, 0, 1],
        PORT,
    )))?))
}

/// Builds `aigw` with EnvoyPatchPolicies allowed, as the values of Envoy AI Gateway's chart for Envoy Gateway have it; the
/// configuration inside the command leaves them out.
fn build() -> Result<PathBuf> {
    let program = root().canonicalize()?.join("target/tools/go/bin/aigw");
    if program.exists() {
        return Ok(program);
    }
    let copy = root().canonicalize()?.join("target/tools/go/aigw-source");
    output(Command::new("rm").arg("-rf").arg(&copy))?;
    output(
        Command::new("cp")
            .args(["-r", "--no-preserve=mode"])
            .arg(source("aigw")?)
            .arg(&copy),
    )?;
    let file = copy.join("cmd/aigw/envoy-gateway-config.yaml");
    let text = fs::read_to_string(&file)?;
    let allowed = text.replacen(
        "  enableBackend: true\n",
        "  enableBackend: true\n  enableEnvoyPatchPolicy: true\n",
        1,
    );
    ensure!(allowed != text, "{} is not as it was", file.display());
    fs::write(&file, allowed)?;
    let mut go = Command::new("nice");
    go.args(["go", "build", "-o"]).arg(&program).arg("./cmd/aigw");
    run("building aigw", go.current_dir(&copy).env("CGO_ENABLED", "0"))?;
    Ok(program)
}

/// The resources, with what a cluster gives put in.
fn on_this_host(rendered: &str, version: &str) -> Result<String> {
    ensure!(
        dist::wasm().exists(),
        "dist/promptswitch.wasm is missing: cargo xtask dist"
    );
    let module = dist::wasm().canonicalize()?.display().to_string();
    let rendered = rendered.replace("/promptswitch/plugin.wasm", &module);
    let all: Vec<Value> = serde_saphyr::from_multiple(&rendered)?;
    let (mut text, replaced) = (
        String::new(),
        ["InferencePool", "BackendTLSPolicy", "Backend", "EnvoyProxy"],
    );
    let kind = |resource: &Value| {
        resource
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut resources: Vec<Value> = all
        .into_iter()
        .filter(|r| !replaced.contains(&kind(r).as_str()))
        .collect();
    for resource in &mut resources {
        match kind(resource).as_str() {
            "Gateway" => {
                let port = resource.pointer_mut("/spec/listeners/0/port");
                *port.context("the gateway has no listener")? = json!(PORT);
            }
            "AIGatewayRoute" => pools_to_backends(resource).context("the route has other rules")?,
            _ => {}
        }
    }
    for (name, port) in BACKENDS {
        resources.push(json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend",
            "metadata": {"name": name, "namespace": "default"},
            // By name, as in the example: of addresses Envoy AI Gateway does not see the priority.
            "spec": {"endpoints": [{"fqdn": {"hostname": "localhost", "port": port}}]},
        }));
    }
    for (name, ..) in SERVERS {
        resources.push(json!({
            "apiVersion": "aigateway.envoyproxy.io/v1beta1", "kind": "AIServiceBackend",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"schema": {"name": "OpenAI"}, "backendRef": {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": name}},
        }));
    }
    resources.push(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "openai-key", "namespace": "default"},
        "type": "Opaque", "stringData": {"apiKey": "none"},
    }));
    resources.push(json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyProxy",
        "metadata": {"name": "promptswitch", "namespace": "default"},
        "spec": {"provider": {"type": "Host", "host": {"envoyVersion": version}}},
    }));
    for resource in resources {
        text.push_str(&format!("---\n{resource}\n"));
    }
    Ok(text)
}

/// An InferencePool needs an endpoint picker: `cargo xtask interop picker` has that.
fn pools_to_backends(route: &mut Value) -> Option<()> {
    for rule in route.pointer_mut("/spec/rules")?.as_array_mut()? {
        for backend in rule.get_mut("backendRefs")?.as_array_mut()? {
            let backend = backend.as_object_mut()?;
            backend.remove("group");
            backend.remove("kind");
        }
    }
    Some(())
}

/// Model asked for, prompt, and the server that must answer.
const REQUESTS: [(&str, &str, &str); 4] = [
    (
        "auto",
        "Solve the equation x^2 - 5x + 6 = 0 and prove it.",
        "mistral-small",
    ),
    ("auto", "Who painted the Mona Lisa?", "llama3-8b"),
    ("mistral-small", "Who painted the Mona Lisa?", "mistral-small"),
    // To gpt-4o-mini, whose provider is not there, and from there to the backup.
    (
        "auto",
        "Is a landlord liable under contract law for breach of the lease?",
        "llama3-8b",
    ),
];

fn requests(gateway: SocketAddr) -> Result<String> {
    for (model, prompt, wanted) in REQUESTS {
        let request = Request::chat(model, prompt).header("x-ai-eg-model", "gpt-4o-mini");
        let response = client::send(gateway, &request, Framing::ContentLength, Pace::Whole)?;
        let server = response.header("x-inference-pod");
        ensure!(
            response.status == 200 && server.as_deref() == Some(wanted),
            "{model} {prompt}: {} by {server:?}: {}",
            response.status,
            String::from_utf8_lossy(&response.body)
        );
    }
    Ok(format!(
        "{} requests, by decision, by name and by failover, with a client's own x-ai-eg-model",
        REQUESTS.len()
    ))
}
