//! A Kubernetes API for control planes: it serves objects that never change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use crate::process::Running;
use crate::run::root;

/// A running API; dropping it ends it.
pub(super) struct Cluster {
    pub(super) kubeconfig: PathBuf,
    _api: Running,
}

impl Cluster {
    /// Serves objects on a port of this host.
    pub(super) fn start(port: u16, objects: &[Value]) -> Result<Self> {
        let folder = root().canonicalize()?.join("target/run");
        fs::create_dir_all(&folder)?;
        let file = folder.join("cluster.json");
        fs::write(&file, serde_json::to_vec(objects)?)?;
        let mut command = Command::new("python3");
        command.arg(root().join("xtask/src/interop/cluster.py"));
        command.arg(port.to_string()).arg(file);
        let _api = Running::start("cluster", &mut command, port)?;
        let kubeconfig = kubeconfig(&folder, port)?;
        Ok(Self { kubeconfig, _api })
    }
}

fn kubeconfig(folder: &Path, port: u16) -> Result<PathBuf> {
    let file = folder.join("interop-kubeconfig.json");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "local",
        "clusters": [{"name": "local", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        "users": [{"name": "local", "user": {}}],
    });
    fs::write(&file, config.to_string())?;
    Ok(file)
}

/// A ready pod of the namespace `default`.
pub(super) fn pod(name: &str, address: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"serviceAccountName": "default", "containers": [{"name": "main", "image": "none"}]},
        "status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

/// A service of the namespace `default` on port 80, and its only endpoint, which may be a pod.
pub(super) fn service(
    name: &str,
    cluster_ip: &str,
    address: &str,
    port: u16,
    pod: Option<&str>,
) -> [Value; 2] {
    let pod = pod.map(|pod| json!({"kind": "Pod", "name": pod, "namespace": "default"}));
    let endpoint = json!({"addresses": [address], "conditions": {"ready": true}, "targetRef": pod});
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "type": "ClusterIP", "clusterIP": cluster_ip, "clusterIPs": [cluster_ip],
                "ports": [{"name": "http", "port": 80, "targetPort": port, "protocol": "TCP"}],
            },
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [endpoint], "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        }),
    ]
}
