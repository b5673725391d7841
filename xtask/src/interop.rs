//! Programs of other projects, built from source, that our resources and examples are run with.
//!
//! Apart from the everyday tests: the builds take minutes each and some of them gigabytes. What cannot be built or run here is said,
//! with the reason, and the rest goes on; the command fails if something that ran did not do what it should.

mod aigw;
mod bodies;
mod cluster;
mod gateway;
mod istio;
mod mesh;
mod models;
pub(crate) mod picker;
pub(crate) mod tools;

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::oci;
use crate::run::{output, root, run};
use tools::{source, tool};

/// What to build and run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The parts to run, instead of all.
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// A meeting with programs of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Helm renders the chart.
    Helm,
    /// Kustomize renders every folder.
    Kustomize,
    /// Envoy in front of llm-d's simulator of vLLM.
    Simulator,
    /// Envoy with the endpoint picker of the Inference Extension, in front of llm-d's simulator of vLLM.
    Picker,
    /// Bodies of every size through Envoy and the endpoint picker, on every Envoy.
    Bodies,
    /// Envoy Gateway's own fetcher unpacks the images of `cargo xtask oci`.
    Image,
    /// Envoy Gateway's translator makes xDS of our resources.
    EnvoyGateway,
    /// Envoy Gateway itself, without a cluster, and the Envoy that it starts.
    EnvoyGatewayHost,
    /// Envoy AI Gateway's own command, with its filter behind ours.
    AiGateway,
    /// Istio's control plane and its agent, which fetches the image from a registry.
    Istio,
    /// Istio with InferencePools, one with an endpoint picker.
    IstioPools,
    /// Istio's validation and analysis of the resources for it.
    Istioctl,
}

const PARTS: [Part; 12] = [
    Part::Helm,
    Part::Kustomize,
    Part::Simulator,
    Part::Picker,
    Part::Bodies,
    Part::Image,
    Part::EnvoyGateway,
    Part::EnvoyGatewayHost,
    Part::AiGateway,
    Part::Istio,
    Part::IstioPools,
    Part::Istioctl,
];

/// Runs the parts and prints how long each took, or why it was not run.
pub(crate) fn interop(options: &Options) -> Result<()> {
    let parts = if options.parts.is_empty() {
        PARTS.to_vec()
    } else {
        options.parts.clone()
    };
    let mut failed = Vec::new();
    for part in parts {
        let started = Instant::now();
        let outcome = match part {
            Part::Helm => helm(),
            Part::Kustomize => kustomize(),
            Part::Simulator => picker::simulator(),
            Part::Picker => picker::picker(),
            Part::Bodies => bodies::bodies(),
            Part::Image => image(),
            Part::EnvoyGateway => envoy_gateway(),
            Part::EnvoyGatewayHost => gateway::gateway(),
            Part::AiGateway => aigw::aigw(),
            Part::Istio => istio::istio(),
            Part::IstioPools => istio::pools(),
            Part::Istioctl => istio::istioctl(),
        };
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(Outcome::Passed(what)) => println!("passed  {part:?}, {seconds:.0} s: {what}"),
            Ok(Outcome::NotRun(why)) => println!("not run {part:?}: {why}"),
            Err(error) => {
                println!("failed  {part:?}, {seconds:.0} s: {error:#}");
                failed.push(part);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("failed: {failed:?}"),
    }
}

/// How a part went, where nothing was wrong.
enum Outcome {
    Passed(String),
    NotRun(String),
}

/// Everyday tests render the chart too, once Helm is here.
fn helm() -> Result<Outcome> {
    let helm = match tool("helm") {
        Ok(helm) => helm,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let chart = root().join("wasmplugin/helm/promptswitch");
    output(Command::new(&helm).arg("lint").arg(&chart))?;
    let mut resources = 0;
    for platform in ["istio", "envoy-gateway"] {
        let mut template = Command::new(&helm);
        template.args([
            "template",
            "promptswitch",
            "--set",
            &format!("platform={platform}"),
        ]);
        let text = output(template.arg(&chart))?;
        resources += text.lines().filter(|line| line.starts_with("kind: ")).count();
    }
    Ok(Outcome::Passed(format!(
        "lint, and {resources} resources for two platforms"
    )))
}

/// Everyday tests hold what it renders to the published schemas, once it is here.
fn kustomize() -> Result<Outcome> {
    let kustomize = match tool("kustomize") {
        Ok(kustomize) => kustomize,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(root().join("examples"))? {
        let folder = entry?.path();
        if folder.join("kustomization.yaml").exists() {
            output(Command::new(&kustomize).arg("build").arg(&folder))?;
            folders.push(folder);
        }
    }
    Ok(Outcome::Passed(format!("{} examples", folders.len())))
}

/// A test of ours in a copy of Envoy Gateway, whose fetcher is internal to it.
fn image() -> Result<Outcome> {
    let module = match source("egctl") {
        Ok(module) => module,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    oci::oci()?;
    let root = root().canonicalize()?;
    // Files of the module cache may not be replaced, not even by an overlay.
    let copy = root.join("target/run/envoy-gateway-source");
    output(Command::new("rm").arg("-rf").arg(&copy))?;
    output(
        Command::new("cp")
            .args(["-r", "--no-preserve=mode"])
            .arg(&module)
            .arg(&copy),
    )?;
    let test = root.join("xtask/src/interop/image_test.go");
    fs::copy(test, copy.join("internal/wasm/promptswitch_test.go"))?;
    let mut go = Command::new("nice");
    go.args(["go", "test", "-run", "TestPromptswitchImage", "./internal/wasm"]);
    go.current_dir(&copy);
    run(
        "unpacking with Envoy Gateway's code",
        go.env("PROMPTSWITCH_DIST", root.join("dist")),
    )?;
    Ok(Outcome::Passed(
        "both forms of the image are the module, byte for byte".into(),
    ))
}

/// egctl translates routes and patches without a cluster; it cannot fetch Wasm code, so the plain policy is left out.
fn envoy_gateway() -> Result<Outcome> {
    let egctl = match tool("egctl") {
        Ok(egctl) => egctl,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let folder = root().join("target/run");
    fs::create_dir_all(&folder)?;
    let input = folder.join("envoy-gateway.yaml");
    fs::write(&input, resources()?)?;
    let mut translate = Command::new(egctl);
    translate.args([
        "x",
        "translate",
        "--from",
        "gateway-api",
        "--to",
        "xds",
        "--type",
        "all",
        "-o",
        "json",
        "-f",
    ]);
    let xds = output(translate.arg(&input))?;
    for wanted in [
        "allow_on_headers_stop_iteration",
        "FAIL_RELOAD",
        "/promptswitch/plugin.wasm",
    ] {
        let camel =
            wanted == "allow_on_headers_stop_iteration" && xds.contains("allowOnHeadersStopIteration");
        if !camel && !xds.contains(wanted) {
            fs::write(folder.join("envoy-gateway.json"), &xds)?;
            bail!("{wanted} is not in the xDS that egctl makes (target/run/envoy-gateway.json)");
        }
    }
    Ok(Outcome::Passed(
        "the filter, its flag and its limits are in the listener".into(),
    ))
}

/// The base, and a gateway with a route for it.
fn resources() -> Result<String> {
    let mut text = String::new();
    for file in [
        "envoypatchpolicy.yaml",
        "clienttrafficpolicy.yaml",
        "envoyproxy.yaml",
    ] {
        let path = root().join("wasmplugin/envoy-gateway/base").join(file);
        let resource = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        text.push_str(&resource.replacen("metadata:\n", "metadata:\n  namespace: default\n", 1));
        text.push_str("---\n");
    }
    for file in ["ai-gateway/gateway.yaml", "istio-vsr/routes.yaml"] {
        let path = root().join("examples").join(file);
        let resource = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        text.push_str(&resource.replace("metadata: {", "metadata: {namespace: default, "));
        text.push_str("---\n");
    }
    Ok(text)
}
