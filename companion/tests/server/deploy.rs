//! What is in `deploy/`, held against the server.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use promptswitch_companion::config::Settings;
use promptswitch_companion::metrics::Metrics;
use serde_json::Value;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(name: &str) -> String {
    fs::read_to_string(deploy().join(name)).unwrap()
}

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manifest(name: &str) -> Value {
    yaml(&deploy().join("kubernetes").join(name))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// The value at a path of keys.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value
        .pointer(path)
        .unwrap_or_else(|| panic!("no {path} in {value}"))
}

#[test]
fn every_yaml_is_an_object_and_every_resource_says_what_it_is() {
    let all: Vec<_> = files(&deploy())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    assert!(all.len() >= 12, "{all:?}");
    for path in all {
        let value = yaml(&path);
        assert!(value.is_object(), "{}", path.display());
        let parent = path.parent().and_then(Path::file_name).unwrap();
        if ["base", "cpu", "gpu"].iter().any(|name| parent == *name) {
            assert!(
                value["kind"].is_string() && value["apiVersion"].is_string(),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn kustomizations_name_files_that_exist() {
    for name in ["base", "cpu", "gpu"] {
        let folder = deploy().join("kubernetes").join(name);
        let kustomization = yaml(&folder.join("kustomization.yaml"));
        let resources = kustomization["resources"].as_array().unwrap().iter();
        let patches = kustomization["patches"].as_array().into_iter().flatten();
        for file in resources.chain(patches.map(|patch| &patch["path"])) {
            assert!(folder.join(file.as_str().unwrap()).exists(), "{name}: {file}");
        }
    }
}

#[test]
fn selectors_fit_the_labels_of_the_pods() {
    let deployment = manifest("base/deployment.yaml");
    let labels = at(&deployment, "/spec/template/metadata/labels");
    let selectors = [
        at(&deployment, "/spec/selector/matchLabels").clone(),
        at(&manifest("base/service.yaml"), "/spec/selector").clone(),
        at(
            &manifest("base/poddisruptionbudget.yaml"),
            "/spec/selector/matchLabels",
        )
        .clone(),
        at(
            &manifest("base/networkpolicy.yaml"),
            "/spec/podSelector/matchLabels",
        )
        .clone(),
    ];
    for selector in &selectors {
        assert_eq!(selector, labels);
    }
    let name = at(&deployment, "/metadata/name");
    let autoscaler = manifest("base/horizontalpodautoscaler.yaml");
    assert_eq!(at(&autoscaler, "/spec/scaleTargetRef/name"), name);
    for patch in ["cpu/deployment.yaml", "gpu/deployment.yaml"] {
        assert_eq!(at(&manifest(patch), "/metadata/name"), name);
    }
}

#[test]
fn the_arguments_of_every_deployment_are_those_of_the_server() {
    let parse = |arguments: &[&str]| {
        let arguments = ["companion"].iter().chain(arguments);
        Settings::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}"))
    };
    for patch in ["cpu/deployment.yaml", "gpu/deployment.yaml"] {
        let manifest = manifest(patch);
        let arguments = at(&manifest, "/spec/template/spec/containers/0/args")
            .as_array()
            .unwrap();
        let arguments: Vec<&str> = arguments.iter().map(|a| a.as_str().unwrap()).collect();
        parse(&arguments).complete().unwrap();
    }
    let unit = read("promptswitch-companion.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let arguments: Vec<&str> = start.split(' ').skip(1).collect();
    assert!(parse(&arguments).config.is_some());
    let file = deploy().join("companion.yaml");
    let config = parse(&["--config", file.to_str().unwrap()]).complete().unwrap();
    assert_eq!(config.listen.port(), 8090);
    assert!(read("Containerfile").contains("EXPOSE 8090"));
}

#[test]
fn the_autoscaler_reads_a_metric_that_the_rule_makes_of_one_that_the_server_has() {
    let autoscaler = manifest("base/horizontalpodautoscaler.yaml");
    let rule = manifest("prometheus-adapter-rule.yaml");
    let rule = at(&rule, "/rules/custom/0");
    assert_eq!(
        at(&autoscaler, "/spec/metrics/0/pods/metric/name"),
        at(rule, "/name/as")
    );
    let metrics = Metrics::default().text();
    let query = at(rule, "/metricsQuery").as_str().unwrap();
    let name = "promptswitch_companion_queue_seconds";
    assert!(query.contains(&format!("{name}_sum")) && query.contains(&format!("{name}_count")));
    assert!(metrics.contains(&format!("# TYPE {name} histogram")), "{metrics}");
}

#[test]
fn the_server_has_more_time_to_end_than_it_takes() {
    let drain = Settings::default().complete().unwrap().drain_timeout.as_secs();
    let deployment = manifest("base/deployment.yaml");
    let grace = at(&deployment, "/spec/template/spec/terminationGracePeriodSeconds")
        .as_u64()
        .unwrap();
    let sleep = at(
        &deployment,
        "/spec/template/spec/containers/0/lifecycle/preStop/sleep/seconds",
    );
    assert!(grace > sleep.as_u64().unwrap() + drain);
    let unit = read("promptswitch-companion.service");
    let stop = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .unwrap();
    assert!(stop.parse::<u64>().unwrap() > drain);
}
