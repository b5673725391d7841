//! The examples for Istio, with Istio.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::cluster::service;
use super::mesh::Mesh;
use super::models::{SERVERS, requests};
use super::tools::tool;
use super::{Outcome, picker};
use crate::run::{output, root};

/// istio-vsr: the guide's routes.
pub(super) fn istio() -> Result<Outcome> {
    if let Some(why) = Mesh::missing() {
        return Ok(Outcome::NotRun(why));
    }
    let _servers = picker::start_servers(&tool("llm-d-inference-sim")?, &SERVERS)?;
    let mesh = Mesh::start("examples/istio-vsr", |objects| {
        for (number, (name, port, _)) in SERVERS.into_iter().enumerate() {
            objects.extend(service(
                name,
                &format!("10.0.0.{}", number + 1),
                "127.0.0.1",
                port,
                None,
            ));
        }
        Ok(())
    })?;
    let found = requests(mesh.gateway())?;
    Ok(Outcome::Passed(format!(
        "{found}; the module came from the registry, by Istio's agent"
    )))
}

/// Pool, the ports of its servers on this host, Istio's service for it (the name, and the start of its SHA-256), and what is to
/// happen where its picker does not answer.
const POOLS: [(&str, &[u16], &str, &str); 2] = [
    ("llama3-8b", &[9001, 9002], "llama3-8b-ip-b2872713", "FailClose"),
    ("deepseek-r1", &[9003], "deepseek-r1-ip-28616143", "FailOpen"),
];

/// inference-pool: Istio calls the endpoint picker for the pool of the route that the filter's header chooses. The second pool's
/// picker is not there, which its failure mode allows; the first one's may not be missing.
pub(super) fn pools() -> Result<Outcome> {
    let missing = Mesh::missing().or(tool("epp").err().map(|error| format!("{error:#}")));
    if let Some(why) = missing {
        return Ok(Outcome::NotRun(why));
    }
    let _servers = picker::start_servers(&tool("llm-d-inference-sim")?, &picker::PICKED)?;
    let mesh = Mesh::start("examples/inference-pool", |objects| {
        for (name, ports, service, failure) in POOLS {
            let mut pools = objects
                .iter_mut()
                .filter(|o| o.pointer("/kind") == Some(&json!("InferencePool")));
            let pool = pools.find(|o| o.pointer("/metadata/name") == Some(&json!(name)));
            let pool = pool.context("no such pool")?;
            *pool
                .pointer_mut("/spec/endpointPickerRef/failureMode")
                .context("no mode")? = json!(failure);
            *pool.pointer_mut("/spec/targetPorts").context("no ports")? =
                ports.iter().map(|port| json!({"number": port})).collect();
            objects.extend(shadow(name, ports, service, failure));
            objects.push(super::cluster::pod(
                name,
                "127.0.0.1",
                &json!({"app": format!("vllm-{name}")}),
            ));
        }
        objects.extend(picker_service());
        objects.iter_mut().for_each(accept);
        Ok(())
    })?;
    let running = picker::start_picker(&tool("epp")?, picker::PORTS, &mesh.cluster)?;
    picker::wait_for_endpoints(mesh.gateway())?;
    let found = picker::requests(mesh.gateway())?;
    // Nothing else shows that Envoy asked it.
    drop(running);
    let status = picker::ask(mesh.gateway(), "auto", "Who painted the Mona Lisa?")?.status;
    ensure!(status != 200, "the pool answers without its picker");
    Ok(Outcome::Passed(format!(
        "{found}; {status} once the picker is gone"
    )))
}

/// The status that Istio gives a route that it has accepted, and by which it finds the gateways of a pool.
fn accept(object: &mut Value) {
    let parents = object
        .pointer("/spec/parentRefs")
        .and_then(Value::as_array)
        .cloned();
    if let (Some(parents), Some(object)) = (parents, object.as_object_mut()) {
        let status = |parent| {
            json!({
                "parentRef": parent, "controllerName": "istio.io/gateway-controller",
                "conditions": [{
                    "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            })
        };
        let parents: Vec<_> = parents.into_iter().map(status).collect();
        object.insert("status".into(), json!({"parents": parents}));
    }
}

/// The service that Istio makes for a pool, with its endpoints, which a cluster would find by the selector.
fn shadow(pool: &str, ports: &[u16], name: &str, failure: &str) -> [Value; 2] {
    let numbered = || (0u16..).zip(ports);
    let of_service = numbered().map(|(n, port)| json!({"name": format!("http-{n}"), "port": 54321 + n, "targetPort": port, "protocol": "TCP"}));
    let of_slice =
        numbered().map(|(n, port)| json!({"name": format!("http-{n}"), "port": port, "protocol": "TCP"}));
    [
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default", "labels": {
                "istio.io/inferencepool-name": pool,
                "istio.io/inferencepool-extension-service": format!("{pool}-epp"),
                "istio.io/inferencepool-extension-port": "9002",
                "istio.io/inferencepool-extension-failure-mode": failure,
                "internal.istio.io/service-semantics": "inferencepool",
            }},
            "spec": {"type": "ClusterIP", "clusterIP": "None", "selector": {"app": format!("vllm-{pool}")}, "ports": of_service.collect::<Vec<_>>()},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}], "ports": of_slice.collect::<Vec<_>>(),
        }),
    ]
}

fn picker_service() -> [Value; 2] {
    let name = "llama3-8b-epp";
    let port = picker::PORTS.grpc;
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "type": "ClusterIP", "clusterIP": "10.0.0.5", "clusterIPs": ["10.0.0.5"],
                "ports": [{"name": "grpc", "port": 9002, "targetPort": port, "protocol": "TCP"}],
            },
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}],
            "ports": [{"name": "grpc", "port": port, "protocol": "TCP"}],
        }),
    ]
}

const FOLDERS: [&str; 8] = [
    "wasmplugin/istio/base",
    "wasmplugin/istio/headers-only",
    "wasmplugin/istio/overlays/after-authn",
    "wasmplugin/istio/overlays/companion",
    "examples/istio-vsr",
    "examples/inference-pool",
    "examples/kserve",
    "examples/companion-gpu",
];

/// What it says of every EnvoyFilter: that it depends on Istio's inside.
const EXPECTED: &str = "[IST0133]";

/// `istioctl validate` and `istioctl analyze` on what the folders render to.
pub(super) fn istioctl() -> Result<Outcome> {
    let (istioctl, kustomize) = match (tool("istioctl"), tool("kustomize")) {
        (Ok(istioctl), Ok(kustomize)) => (istioctl, kustomize),
        (Err(error), _) | (_, Err(error)) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let file = root().join("target/run/rendered.yaml");
    for folder in FOLDERS {
        let rendered = output(Command::new(&kustomize).arg("build").arg(root().join(folder)))?;
        fs::write(&file, rendered)?;
        output(Command::new(&istioctl).args(["validate", "-f"]).arg(&file)).context(folder)?;
        let mut analyze = Command::new(&istioctl);
        analyze
            .args(["analyze", "--use-kube=false", "--output", "log"])
            .arg(&file);
        let said = output(&mut analyze).context(folder)?;
        let surprise = said
            .lines()
            .find(|line| line.contains("[IST") && !line.contains(EXPECTED));
        ensure!(surprise.is_none(), "{folder}: {surprise:?}");
    }
    Ok(Outcome::Passed(format!(
        "{} folders, no warning but of EnvoyFilters as such",
        FOLDERS.len()
    )))
}
