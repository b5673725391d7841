//! Istio without a cluster: its control plane reads resources from an API of ours, and its agent, which runs Envoy, fetches the
//! module from a registry.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use promptswitch_tests::envoy::fetch;
use serde_json::{Value, json};

use super::cluster::{Cluster, pod, service};
use super::picker;
use super::tools::{source, tool};
use crate::process::Running;
use crate::run::{output, root};
use crate::{dist, oci};

pub(super) const API: u16 = 9009;
const REGISTRY: u16 = 9010;
const DISCOVERY: u16 = 15010;
const GATEWAY: u16 = 8080;
/// Istio's own, of the control plane and of the agent.
const OTHERS: [u16; 7] = [15000, 15014, 15020, 15021, 15080, 15090, REGISTRY];
/// The gateway's pod: an address of its own, as the model servers have 127.0.0.1.
const POD: &str = "127.0.0.2";
const LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// Where the agent keeps modules; nothing changes it.
const MODULES: &str = "/var/lib/istio/data";

/// Kinds that Istio looks at where their definitions are there: group, plurals.
const KINDS: [(&str, &[&str]); 4] = [
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
    ("inference.networking.k8s.io", &["inferencepools"]),
];

/// A gateway that Istio runs; dropping it ends all of it.
pub(super) struct Mesh {
    pub(super) cluster: Cluster,
    _registry: Running,
    _discovery: Running,
    _agent: Running,
}

impl Mesh {
    /// Why it cannot be run here, if it cannot.
    pub(super) fn missing() -> Option<String> {
        let names = [
            "pilot-discovery",
            "pilot-agent",
            "crane",
            "kustomize",
            "llm-d-inference-sim",
        ];
        let built = names.into_iter().map(tool).find_map(Result::err);
        let folder = fs::create_dir_all(MODULES).err();
        built
            .map(|error| format!("{error:#}"))
            .or(folder.map(|error| format!("{MODULES}: {error}")))
    }

    /// Runs what an example renders to, changed by `change`, and waits until the gateway listens.
    pub(super) fn start(example: &str, change: impl FnOnce(&mut Vec<Value>) -> Result<()>) -> Result<Self> {
        picker::free(&OTHERS)?;
        picker::free(&[API, DISCOVERY, GATEWAY])?;
        let image = format!("127.0.0.1:{REGISTRY}/promptswitch:0.1.0");
        let registry = start_registry(&image)?;
        let mut render = Command::new(tool("kustomize")?);
        let rendered = output(render.arg("build").arg(root().join(example)))?;
        let rendered = rendered.replace("registry.example/promptswitch:0.1.0", &image);
        ensure!(rendered.contains(&image), "{example} has no image");
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&rendered)?;
        objects.extend(surroundings());
        change(&mut objects)?;
        let cluster = Cluster::start(API, &objects)?;
        let folder = root().canonicalize()?.join("target/run/istio");
        fs::create_dir_all(&folder)?;
        Ok(Self {
            _discovery: start_discovery(&cluster, &folder)?,
            _agent: start_agent(&folder)?,
            _registry: registry,
            cluster,
        })
    }

    pub(super) fn gateway(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], GATEWAY))
    }
}

/// A registry that has the image of `cargo xtask oci`.
fn start_registry(image: &str) -> Result<Running> {
    ensure!(
        dist::wasm().exists(),
        "dist/promptswitch.wasm is missing: cargo xtask dist"
    );
    oci::oci()?;
    let crane = tool("crane")?;
    let mut command = Command::new(&crane);
    command.args(["registry", "serve", "--address", &format!("127.0.0.1:{REGISTRY}")]);
    let registry = Running::start("registry", &mut command, REGISTRY)?;
    let mut push = Command::new(crane);
    push.args(["push", "--insecure"]);
    output(push.arg(root().join("dist/oci/image")).arg(image))?;
    Ok(registry)
}

/// What a cluster has besides what is installed: definitions, the class, namespaces, the gateway's pod.
fn surroundings() -> Vec<Value> {
    let mut objects = Vec::new();
    let annotations = json!({"gateway.networking.k8s.io/bundle-version": "v1.5.1", "gateway.networking.k8s.io/channel": "standard"});
    for (group, plurals) in KINDS {
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
    objects.push(pod("gateway", POD, &json!({LABEL: "inference-gateway"})));
    // Istio makes this service, and the deployment behind it, for a Gateway.
    objects.extend(service(
        "inference-gateway-istio",
        "10.0.0.9",
        POD,
        GATEWAY,
        Some("gateway"),
    ));
    objects
}

fn start_discovery(cluster: &Cluster, folder: &Path) -> Result<Running> {
    let mesh =
        json!({"enableAutoMtls": false, "enablePrometheusMerge": false, "defaultProviders": {"metrics": []}});
    let file = folder.join("mesh.json");
    fs::write(&file, mesh.to_string())?;
    let mut command = Command::new(tool("pilot-discovery")?);
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
    command.env("ENABLE_GATEWAY_API_INFERENCE_EXTENSION", "true");
    Running::start("pilot-discovery", &mut command, DISCOVERY)
}

fn start_agent(folder: &Path) -> Result<Running> {
    let envoy = fetch(picker::newest()?)?.canonicalize()?;
    let config = json!({
        "discoveryAddress": format!("127.0.0.1:{DISCOVERY}"), "controlPlaneAuthPolicy": "NONE", "concurrency": 1,
        "binaryPath": envoy, "configPath": folder.join("proxy"), "statusPort": 15020,
        "terminationDrainDuration": "1s",
    });
    let template = source("pilot-agent")?.join("tools/packaging/common/envoy_bootstrap.json");
    let template = template.to_str().context("a path that is no text")?;
    let mut command = Command::new(tool("pilot-agent")?);
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
