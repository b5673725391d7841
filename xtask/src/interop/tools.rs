//! Programs that are built from source by the Go toolchain of this machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run::{output, root, run};

struct Tool {
    name: &'static str,
    module: &'static str,
    version: &'static str,
    /// Its folder in the module; empty for the module's own.
    package: &'static str,
    /// Modules in other versions than the tool's own go.mod has.
    requires: &'static [(&'static str, &'static str)],
}

const fn new(name: &'static str, module: &'static str, version: &'static str, package: &'static str) -> Tool {
    Tool {
        name,
        module,
        version,
        package,
        requires: &[],
    }
}

const ENVOY_GATEWAY: &str = "github.com/envoyproxy/gateway";
const ISTIO: &str = "istio.io/istio";
/// Istio 1.31 as its main branch was; its tags have no `v`, so that a module proxy need not have them.
const ISTIO_VERSION: &str = "v0.0.0-20260827124520-eed52ebb66ad";
/// Releases, where its go.mod has commits that a proxy may have forgotten.
const ISTIO_REQUIRES: &[(&str, &str)] = &[
    ("istio.io/api", "v1.31.1"),
    ("istio.io/client-go", "v1.31.1"),
    (
        "github.com/envoyproxy/go-control-plane",
        "v0.14.1-0.20260729145720-a2d8c7492908",
    ),
    (
        "github.com/envoyproxy/go-control-plane/envoy",
        "v1.37.1-0.20260729145720-a2d8c7492908",
    ),
    (
        "github.com/envoyproxy/go-control-plane/contrib",
        "v1.36.1-0.20260729145720-a2d8c7492908",
    ),
];

const fn istio(name: &'static str, package: &'static str) -> Tool {
    Tool {
        requires: ISTIO_REQUIRES,
        ..new(name, ISTIO, ISTIO_VERSION, package)
    }
}

const TOOLS: &[Tool] = &[
    new("helm", "helm.sh/helm/v3", "v3.19.0", "cmd/helm"),
    new("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1", ""),
    new(
        "crane",
        "github.com/google/go-containerregistry",
        "v0.21.7",
        "cmd/crane",
    ),
    new(
        "llm-d-inference-sim",
        "github.com/llm-d/llm-d-inference-sim",
        "v0.10.2",
        "cmd/llm-d-inference-sim",
    ),
    // The last release with the picker; it has moved to github.com/llm-d/llm-d-router since.
    new(
        "epp",
        "sigs.k8s.io/gateway-api-inference-extension",
        "v1.5.0",
        "cmd/epp",
    ),
    new("egctl", ENVOY_GATEWAY, "v1.9.0", "cmd/egctl"),
    new("envoy-gateway", ENVOY_GATEWAY, "v1.9.0", "cmd/envoy-gateway"),
    new("aigw", "github.com/envoyproxy/ai-gateway", "v1.0.0", "cmd/aigw"),
    istio("pilot-discovery", "pilot/cmd/pilot-discovery"),
    istio("pilot-agent", "pilot/cmd/pilot-agent"),
    istio("istioctl", "istioctl/cmd/istioctl"),
];

/// The program, built into `target/tools/go/bin` unless it is there; an error says why it cannot be built.
pub(crate) fn tool(name: &str) -> Result<PathBuf> {
    let folder = root().canonicalize()?.join("target/tools/go");
    let program = folder.join("bin").join(name);
    if program.exists() {
        return Ok(program);
    }
    let known = TOOLS.iter().find(|tool| tool.name == name);
    let tool = known.with_context(|| format!("no module for {name}"))?;
    let mut go = Command::new("nice");
    go.args(["go", "build", "-mod=mod", "-o"]).arg(&program);
    go.arg(format!("{}/{}", tool.module, tool.package).trim_end_matches('/'));
    go.current_dir(tool.requirer()?).env("CGO_ENABLED", "0");
    run(&format!("building {name} {}", tool.version), &mut go)?;
    Ok(program)
}

/// The folder of the source of a program, which may not be written to.
pub(crate) fn source(name: &str) -> Result<PathBuf> {
    let known = TOOLS.iter().find(|tool| tool.name == name);
    let tool = known.with_context(|| format!("no module for {name}"))?;
    let wanted = format!("{}@{}", tool.module, tool.version);
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", &wanted]);
    let answer: Value = serde_json::from_str(&output(go.current_dir(tool.requirer()?))?)?;
    let folder = answer.get("Dir").and_then(Value::as_str);
    Ok(PathBuf::from(folder.context("go gave no folder")?))
}

impl Tool {
    /// A module that requires it: `go install MODULE@VERSION` also asks for the list of versions, which not every proxy gives.
    fn requirer(&self) -> Result<PathBuf> {
        let folder = root().canonicalize()?.join("target/tools/go").join(self.name);
        fs::create_dir_all(&folder)?;
        let mut text = format!(
            "module build\n\ngo 1.26\n\nrequire {} {}\n",
            self.module, self.version
        );
        for (module, version) in self.requires {
            text.push_str(&format!("require {module} {version}\n"));
        }
        fs::write(folder.join("go.mod"), text)?;
        Ok(folder)
    }
}
