//! The endpoint picker of the Inference Extension and llm-d's simulator of vLLM, with the inference-pool example.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::envoy::{Envoy, VERSIONS, fetch};
use promptswitch_tests::message::{Framing, Pace, Request, Response};
use serde_json::{Value, json};

use super::Outcome;
use super::cluster::{Cluster, pod};
use super::tools::tool;
use crate::process::Running;
use crate::run::root;

pub(super) const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";
const DEEPSEEK: &str = "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B";

/// As in examples/inference-pool/envoy.yaml.
const PLAIN: [(&str, u16, &str); 2] = [("llama", 9001, LLAMA), ("deepseek", 9002, DEEPSEEK)];
/// As in examples/inference-pool/envoy-picker.yaml.
pub(super) const PICKED: [(&str, u16, &str); 3] = [
    ("llama-a", 9001, LLAMA),
    ("llama-b", 9002, LLAMA),
    ("deepseek", 9003, DEEPSEEK),
];
pub(super) const PORTS: Ports = Ports {
    grpc: 9006,
    health: 9007,
    metrics: 9008,
    kube: 9009,
};

/// The InferencePool.
const POOL: &str = "llama3-8b";

/// Where the endpoint picker listens, and what it takes for a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) grpc: u16,
    pub(crate) health: u16,
    pub(crate) metrics: u16,
    pub(crate) kube: u16,
}

/// A running endpoint picker.
pub(crate) struct Picker {
    _cluster: Cluster,
    _picker: Running,
}

/// The example's `envoy.yaml` with the simulator as the model servers: it refuses models that it does not serve.
pub(super) fn simulator() -> Result<Outcome> {
    let simulator = match tool("llm-d-inference-sim") {
        Ok(simulator) => simulator,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let _servers = start_servers(&simulator, &PLAIN)?;
    let envoy = start_envoy("envoy.yaml", newest()?)?;
    Ok(Outcome::Passed(requests(envoy.listener("ingress")?)?))
}

/// The endpoint picker between the filter and two simulators.
pub(super) fn picker() -> Result<Outcome> {
    let (simulator, picker) = match (tool("llm-d-inference-sim"), tool("epp")) {
        (Ok(simulator), Ok(picker)) => (simulator, picker),
        (Err(error), _) | (_, Err(error)) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    free(&[PORTS.grpc, PORTS.health, PORTS.metrics, PORTS.kube])?;
    let _servers = start_servers(&simulator, &PICKED)?;
    let _picker = Picker::start(&picker, PORTS, "9001,9002")?;
    let envoy = start_envoy("envoy-picker.yaml", newest()?)?;
    let gateway = envoy.listener("ingress")?;
    wait_for_endpoints(gateway)?;
    Ok(Outcome::Passed(requests(gateway)?))
}

pub(super) fn free(ports: &[u16]) -> Result<()> {
    for port in ports {
        TcpListener::bind(("127.0.0.1", *port))
            .with_context(|| format!("port {port} of 127.0.0.1 is needed"))?;
    }
    Ok(())
}

pub(super) fn newest() -> Result<&'static str> {
    VERSIONS.last().copied().context("no version of Envoy")
}

pub(super) fn start_envoy(file: &str, version: &str) -> Result<Envoy> {
    free(&[8080, 9901])?;
    let path = root().join("examples/inference-pool").join(file);
    let config = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Envoy::start(&fetch(version)?, &config, 1)
}

pub(super) fn start_servers(simulator: &Path, servers: &[(&str, u16, &str)]) -> Result<Vec<Running>> {
    let start = |(name, port, model): &(&str, u16, &str)| {
        free(&[*port])?;
        start_server(simulator, name, *port, model)
    };
    servers.iter().map(start).collect()
}

fn start_server(simulator: &Path, name: &str, port: u16, model: &str) -> Result<Running> {
    let mut command = Command::new(simulator);
    command.args([
        "--port",
        &port.to_string(),
        "--model",
        model,
        "--mode",
        "random",
        "--max-model-len",
        "1000000",
        "--force-dummy-tokenizer",
    ]);
    if name != "deepseek" {
        command.args([
            "--lora-modules",
            r#"{"name": "reviews-1", "path": "/adapters/reviews-1"}"#,
        ]);
    }
    command
        .env("POD_NAME", name)
        .env("POD_NAMESPACE", "default")
        .env("POD_IP", "127.0.0.1");
    Running::start(name, &mut command, port)
}

impl Picker {
    /// Starts the picker, with its defaults, for model servers on these ports of this host, separated by commas.
    pub(crate) fn start(program: &Path, ports: Ports, servers: &str) -> Result<Self> {
        let _cluster = Cluster::start(ports.kube, &pool(servers)?)?;
        let _picker = start_picker(program, ports, &_cluster)?;
        Ok(Self { _cluster, _picker })
    }
}

/// An InferencePool, and a pod of this host that serves on each of these ports.
fn pool(ports: &str) -> Result<[Value; 2]> {
    let labels = json!({"app": POOL});
    let ports = ports
        .split(',')
        .map(|port| Ok(json!({"number": port.parse::<u16>()?})));
    Ok([
        json!({
            "apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool",
            "metadata": {"name": POOL, "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": labels},
                "targetPorts": ports.collect::<Result<Vec<_>>>()?,
                "endpointPickerRef": {"name": "picker", "port": {"number": 9002}},
            },
        }),
        pod("model-servers", "127.0.0.1", &labels),
    ])
}

/// The picker of this release looks for pods in a cluster: it gets as much of one as it asks for.
pub(super) fn start_picker(picker: &Path, ports: Ports, cluster: &Cluster) -> Result<Running> {
    let mut command = Command::new(picker);
    command
        .env("KUBECONFIG", &cluster.kubeconfig)
        .env("NAMESPACE", "default")
        .env("POD_NAME", "llama3-8b-epp-0");
    // Without a pool, by selector and ports alone, this release does not start: it wants the names that it forbids.
    command.args(["--pool-namespace", "default", "--pool-name", POOL]);
    command.args([
        "--secure-serving=false",
        "--metrics-endpoint-auth=false",
        "--tracing=false",
        "--enable-pprof=false",
    ]);
    command.args([
        "--grpc-port",
        &ports.grpc.to_string(),
        "--grpc-health-port",
        &ports.health.to_string(),
    ]);
    command.args(["--metrics-port", &ports.metrics.to_string()]);
    Running::start("picker", &mut command, ports.grpc)
}

/// The picker needs a moment to see the servers' metrics; until then it answers 503.
pub(super) fn wait_for_endpoints(gateway: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let response = ask(gateway, "auto", "Who painted the Mona Lisa?")?;
        if response.status == 200 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&response.body);
        ensure!(
            Instant::now() < deadline,
            "the picker answers {} {text}",
            response.status
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Model asked for, prompt, and the model that the simulator must say it is.
const REQUESTS: [(&str, &str, &str); 5] = [
    (
        "auto",
        "Who painted the Mona Lisa?",
        "meta-llama/Llama-3.1-8B-Instruct",
    ),
    (
        "auto",
        "Write a review of the restaurant by the river.",
        "reviews-1",
    ),
    (
        "auto",
        "Solve the equation x^2 - 5x + 6 = 0 and prove it.",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
    ),
    ("reviews-1", "2+2 is", "reviews-1"),
    ("deepseek-r1", "Hello", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"),
];

pub(super) fn requests(gateway: SocketAddr) -> Result<String> {
    let mut pods = std::collections::BTreeSet::new();
    for (model, prompt, wanted) in REQUESTS {
        let response = ask(gateway, model, prompt)?;
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        ensure!(
            response.status == 200,
            "{model} {prompt}: {} {body}",
            response.status
        );
        ensure!(
            body.get("model") == Some(&json!(wanted)),
            "{model} {prompt}: answered by {body}"
        );
    }
    for number in 0..20 {
        let response = ask(gateway, "auto", &format!("Who painted picture number {number}?"))?;
        ensure!(response.status == 200, "request {number}: {}", response.status);
        pods.extend(response.header("x-inference-pod"));
    }
    // Held by the filter, then streamed through the picker: two body filters in a row have corrupted bodies before.
    let large = "Who painted the Mona Lisa? ".repeat(20_000);
    let response = ask(gateway, "auto", &large)?;
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let counted = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let tokens = counted.pointer("/usage/prompt_tokens").and_then(Value::as_u64);
    Ok(format!(
        "{} requests by decision, adapter and name; 20 more on {pods:?}; a body of {} bytes got {} ({tokens:?} prompt tokens)",
        REQUESTS.len(),
        large.len(),
        response.status
    ))
}

pub(super) fn ask(gateway: SocketAddr, model: &str, prompt: &str) -> Result<Response> {
    client::send(
        gateway,
        &Request::chat(model, prompt),
        Framing::ContentLength,
        Pace::Whole,
    )
}
