//! Envoy Gateway without a cluster: its resources from files, its Envoy a process of this host.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use promptswitch_tests::envoy::fetch;
use serde_json::json;

use super::models::{SERVERS, requests};
use super::tools::tool;
use super::{Outcome, picker, resources};
use crate::process::Running;
use crate::run::{output, root};

const PORT: u16 = 8080;

/// Our resources for Envoy Gateway, loaded by it, in an Envoy that it configures and starts, before simulated model servers.
pub(super) fn gateway() -> Result<Outcome> {
    let (simulator, gateway) = match (tool("llm-d-inference-sim"), tool("envoy-gateway")) {
        (Ok(simulator), Ok(gateway)) => (simulator, gateway),
        (Err(error), _) | (_, Err(error)) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    picker::free(&[PORT])?;
    let folder = root().canonicalize()?.join("target/run/envoy-gateway");
    fs::remove_dir_all(&folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let configuration = prepare(&folder)?;
    let _servers = picker::start_servers(&simulator, &SERVERS)?;
    let mut certificates = Command::new(&gateway);
    certificates
        .args(["certgen", "--local", "--config-home"])
        .arg(folder.join("config"));
    output(&mut certificates)?;
    let mut command = Command::new(gateway);
    command.args(["server", "--config-path"]).arg(configuration);
    let _gateway = Running::start("envoy-gateway", &mut command, PORT)?;
    Ok(Outcome::Passed(requests(SocketAddr::from((
        [127, 0, 0, 1],
        PORT,
    )))?))
}

/// Writes the controller's configuration, the resources, and an Envoy where the controller looks before it downloads one.
fn prepare(folder: &Path) -> Result<std::path::PathBuf> {
    let version = picker::newest()?;
    let envoy = folder.join("data/envoy-versions").join(version).join("bin");
    fs::create_dir_all(&envoy)?;
    std::os::unix::fs::symlink(fetch(version)?.canonicalize()?, envoy.join("envoy"))?;
    let watched = folder.join("resources");
    fs::create_dir_all(&watched)?;
    fs::write(
        watched.join("resources.yaml"),
        on_this_host(&resources()?, version)?,
    )?;
    let paths = ["config", "data", "state", "runtime"].map(|name| folder.join(name));
    let [config, data, state, runtime] = paths;
    let configuration = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyGateway",
        "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        "provider": {"type": "Custom", "custom": {
            "resource": {"type": "File", "file": {"paths": [watched]}},
            "infrastructure": {"type": "Host", "host": {
                "configHome": config, "dataHome": data, "stateHome": state, "runtimeDir": runtime}},
        }},
        "extensionApis": {"enableBackend": true, "enableEnvoyPatchPolicy": true},
    });
    let file = folder.join("envoy-gateway.json");
    fs::write(&file, configuration.to_string())?;
    Ok(file)
}

/// The resources, with what a cluster gives put in: a port that needs no privilege, the module, Envoy, and the model servers.
fn on_this_host(resources: &str, version: &str) -> Result<String> {
    let module = root().canonicalize()?.join("dist/promptswitch.wasm");
    ensure!(
        module.exists(),
        "dist/promptswitch.wasm is missing: cargo xtask dist"
    );
    let mut text = resources
        .replace("/promptswitch/plugin.wasm", &module.display().to_string())
        .replace(
            "protocol: HTTP, port: 80}",
            &format!("protocol: HTTP, port: {PORT}}}"),
        );
    for (name, port, _) in SERVERS {
        text = text.replace(
            &format!("{{name: {name}, port: 80}}"),
            &format!("{{group: gateway.envoyproxy.io, kind: Backend, name: {name}}}"),
        );
        let backend = json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"endpoints": [{"ip": {"address": "127.0.0.1", "port": port}}]},
        });
        text.push_str(&format!("{backend}\n---\n"));
    }
    let proxy = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyProxy",
        "metadata": {"name": "promptswitch", "namespace": "default"},
        "spec": {"provider": {"type": "Host", "host": {"envoyVersion": version}}},
    });
    let documents = text
        .split("---\n")
        .filter(|document| !document.contains("kind: EnvoyProxy\n"));
    Ok(format!(
        "{}---\n{proxy}\n",
        documents.collect::<Vec<_>>().join("---\n")
    ))
}
