//! Istio without a cluster: its control plane reads the example istio-vsr from an API of ours, and its agent, which runs Envoy,
//! fetches the image from a registry.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use promptswitch_tests::envoy::fetch;
use serde_json::{Value, json};

use super::cluster::{Cluster, pod, service};
use super::models::{SERVERS, requests};
use super::tools::{source, tool};
use super::{Outcome, picker};
use crate::process::Running;
use crate::run::{output, root};
use crate::{dist, oci};

const API: u16 = 9009;
const REGISTRY: u16 = 9010;
const DISCOVERY: u16 = 15010;
const GATEWAY: u16 = 8080;
/// The gateway's pod: an address of its own, as the model servers have 127.0.0.1.
const POD: &str = "127.0.0.2";
const LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// Where the agent keeps modules; nothing changes it.
const MODULES: &str = "/var/lib/istio/data";

/// Kinds that Istio looks at where their definitions are there: group, plurals.
const KINDS: [(&str, &[&str]); 3] = [
    (
        "gateway.networking.k8s.io",
        &["gatewayclasses", "gateways", "httproutes", "referencegrants"],
    ),
    (
        "networking.istio.io",
        &[
            "envoyfilters",
            "destinationrules",
            "virtualservices",
            "gateways",
            "serviceentries",
        ],
    ),
    ("extensions.istio.io", &["wasmplugins", "trafficextensions"]),
];

/// The example as a cluster would have it, up to Envoy.
pub(super) fn istio() -> Result<Outcome> {
    let names = [
        "pilot-discovery",
        "pilot-agent",
        "crane",
        "kustomize",
        "llm-d-inference-sim",
    ];
    let tools: Result<Vec<_>> = names.into_iter().map(tool).collect();
    let tools = match (tools, fs::create_dir_all(MODULES)) {
        (Err(error), _) => return Ok(Outcome::NotRun(format!("{error:#}"))),
        (_, Err(error)) => return Ok(Outcome::NotRun(format!("{MODULES}: {error}"))),
        (Ok(tools), Ok(())) => tools,
    };
    let [discovery, agent, crane, kustomize, simulator] = tools.as_slice() else {
        anyhow::bail!("a tool is missing");
    };
    picker::free(&[
        API, REGISTRY, DISCOVERY, GATEWAY, 15000, 15014, 15020, 15021, 15080, 15090,
    ])?;
    let image = format!("127.0.0.1:{REGISTRY}/promptswitch:0.1.0");
    let _registry = start_registry(crane, &image)?;
    let _servers = picker::start_servers(simulator, &SERVERS)?;
    let rendered = output(
        Command::new(kustomize)
            .arg("build")
            .arg(root().join("examples/istio-vsr")),
    )?;
    let rendered = rendered.replace("registry.example/promptswitch:0.1.0", &image);
    ensure!(rendered.contains(&image), "the example has no image");
    let cluster = Cluster::start(API, &objects(&rendered)?)?;
    let folder = root().canonicalize()?.join("target/run/istio");
    fs::create_dir_all(&folder)?;
    let _discovery = start_discovery(discovery, &cluster, &folder)?;
    let _agent = start_agent(agent, &folder)?;
    let found = requests(SocketAddr::from(([127, 0, 0, 1], GATEWAY)))?;
    Ok(Outcome::Passed(format!(
        "{found}; the module came from the registry, by Istio's agent"
    )))
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

/// A registry that has the image of `cargo xtask oci`.
fn start_registry(crane: &Path, image: &str) -> Result<Running> {
    ensure!(
        dist::wasm().exists(),
        "dist/promptswitch.wasm is missing: cargo xtask dist"
    );
    oci::oci()?;
    let mut command = Command::new(crane);
    command.args(["registry", "serve", "--address", &format!("127.0.0.1:{REGISTRY}")]);
    let registry = Running::start("registry", &mut command, REGISTRY)?;
    let mut push = Command::new(crane);
    push.args(["push", "--insecure"]);
    output(push.arg(root().join("dist/oci/image")).arg(image))?;
    Ok(registry)
}

/// What is rendered, and what a cluster has besides: definitions, the class, namespaces, services, the gateway's pod.
fn objects(rendered: &str) -> Result<Vec<Value>> {
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(rendered)?;
    for (group, plurals) in KINDS {
        let annotations = json!({"gateway.networking.k8s.io/bundle-version": "v1.5.1", "gateway.networking.k8s.io/channel": "standard"});
        objects.extend(plurals.iter().map(|plural| {
            json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{plural}.{group}"), "annotations": annotations},
            })
        }));
    }
    for name in ["default", "istio-system"] {
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    objects.push(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "istio"},
        "spec": {"controllerName": "istio.io/gateway-controller"},
    }));
    for (number, (name, port, _)) in SERVERS.into_iter().enumerate() {
        objects.extend(service(
            name,
            &format!("10.0.0.{}", number + 1),
            "127.0.0.1",
            port,
            None,
        ));
    }
    objects.push(pod("gateway", POD, &json!({LABEL: "inference-gateway"})));
    // Istio makes this service, and the deployment behind it, for a Gateway.
    objects.extend(service(
        "inference-gateway-istio",
        "10.0.0.9",
        POD,
        GATEWAY,
        Some("gateway"),
    ));
    Ok(objects)
}

fn start_discovery(program: &Path, cluster: &Cluster, folder: &Path) -> Result<Running> {
    let mesh =
        json!({"enableAutoMtls": false, "enablePrometheusMerge": false, "defaultProviders": {"metrics": []}});
    let file = folder.join("mesh.json");
    fs::write(&file, mesh.to_string())?;
    let mut command = Command::new(program);
    command
        .arg("discovery")
        .arg("--kubeconfig")
        .arg(&cluster.kubeconfig)
        .arg("--meshConfig")
        .arg(&file);
    for (flag, address) in [
        ("--httpAddr", "127.0.0.1:15080"),
        ("--httpsAddr", ""),
        ("--grpcAddr", &format!("127.0.0.1:{DISCOVERY}")),
        ("--secureGRPCAddr", ""),
        ("--monitoringAddr", "127.0.0.1:15014"),
        ("--ctrlz_port", "0"),
    ] {
        command.args([flag, address]);
    }
    // Two filters of Istio's own build of Envoy, which this Envoy does not have; neither routes.
    command.envs([
        ("PILOT_ENABLE_ALPN_FILTER", "false"),
        ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
    ]);
    command.envs([
        ("ENABLE_CA_SERVER", "false"),
        ("POD_NAMESPACE", "istio-system"),
        ("POD_NAME", "istiod"),
    ]);
    Running::start("pilot-discovery", &mut command, DISCOVERY)
}

fn start_agent(program: &Path, folder: &Path) -> Result<Running> {
    let envoy = fetch(picker::newest()?)?.canonicalize()?;
    let config = json!({
        "discoveryAddress": format!("127.0.0.1:{DISCOVERY}"), "controlPlaneAuthPolicy": "NONE", "concurrency": 1,
        "binaryPath": envoy, "configPath": folder.join("proxy"), "statusPort": 15020,
        "terminationDrainDuration": "1s",
    });
    let template = source("pilot-agent")?.join("tools/packaging/common/envoy_bootstrap.json");
    let template = template.to_str().context("a path that is no text")?;
    let mut command = Command::new(program);
    command.args([
        "proxy",
        "router",
        "--domain",
        "default.svc.cluster.local",
        "--templateFile",
        template,
    ]);
    command.env("PROXY_CONFIG", config.to_string());
    command.envs([
        ("POD_NAME", "gateway"),
        ("POD_NAMESPACE", "default"),
        ("INSTANCE_IP", POD),
    ]);
    command.envs([
        ("ISTIO_META_CLUSTER_ID", "Kubernetes"),
        ("ISTIO_META_ISTIO_VERSION", "1.31.0"),
    ]);
    command.env(
        "ISTIO_METAJSON_LABELS",
        json!({LABEL: "inference-gateway"}).to_string(),
    );
    command.env("WASM_INSECURE_REGISTRIES", format!("127.0.0.1:{REGISTRY}"));
    // There is no one to ask for a certificate.
    command.envs([("FILE_MOUNTED_CERTS", "true"), ("JWT_POLICY", "none")]);
    Running::start("pilot-agent", command.current_dir(folder), GATEWAY)
}
