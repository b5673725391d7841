//! Every YAML of the repository: loaded; resources by their published schemas; policies by the filter's own parser.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use libtest_mimic::Trial;
use promptswitch_policy::{Policy, Scorer, Scores};
use promptswitch_tests::{root, twin};
use serde_json::Value;

use crate::{crds::Crds, examples, skipped, trial};

/// Where this repository's own files are; what is built or fetched is elsewhere.
const FOLDERS: [&str; 6] = ["wasmplugin", "examples", "envoy", "tests", "policy", "cli"];

/// Groups whose schemas Kubernetes itself has, and kustomize, which no cluster sees.
const BUILT_IN: [&str; 4] = [
    "v1",
    "apps/v1",
    "networking.k8s.io/v1",
    "kustomize.config.k8s.io/v1beta1",
];

/// For policies without examples in them: nothing is to be embedded.
pub(crate) struct NoModel;

impl Scorer for NoModel {
    fn score(&mut self, _: &str) -> Result<Scores, String> {
        Err("there is no model here".into())
    }
}

pub(crate) fn add(trials: &mut Vec<Trial>) -> Result<()> {
    let files = files()?;
    let (all, embedded) = (files.clone(), files.clone());
    trials.push(trial("every YAML file can be read", move || {
        ensure!(all.len() > 40, "only {} files", all.len());
        all.iter().try_for_each(|file| yaml(file).map(drop))
    }));
    trials.push(trial(
        "every policy in a manifest passes the filter's own parser",
        move || policies(&embedded),
    ));
    trials.push(trial(
        "an example's envoy.yaml has the policy of its manifests",
        twins,
    ));
    trials.push(trial(
        "every manifest says in its first lines what it is for and what it cannot do",
        headers,
    ));
    add_schemas(trials, &files)
}

/// All YAML files but Helm's templates, which are no YAML before they are rendered.
fn files() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        walk(&root().join(folder), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "target" && name != "templates" {
            walk(&path, found)?;
        } else if name.ends_with(".yaml") || name.ends_with(".yml") {
            found.push(path);
        }
    }
    Ok(())
}

/// The documents of a YAML file.
pub(crate) fn yaml(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    documents(&text).with_context(|| file.display().to_string())
}

/// The documents of a YAML text.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

/// Adds a test of all resources by the schemas that can be had, and names the kinds that have none.
fn add_schemas(trials: &mut Vec<Trial>, files: &[PathBuf]) -> Result<()> {
    let crds = Crds::load()?;
    let mut without = BTreeSet::new();
    let mut known = Vec::new();
    for file in files.iter().filter(|file| is_manifest(file)) {
        for resource in yaml(file)? {
            let Some(api) = resource["apiVersion"].as_str() else {
                continue;
            };
            if crds.knows(&resource) {
                known.push((file.clone(), resource));
            } else if !BUILT_IN.contains(&api) {
                without.insert(format!("{api} {}", resource["kind"].as_str().unwrap_or_default()));
            }
        }
    }
    if !crds.missing.is_empty() {
        let reasons: Vec<_> = crds
            .missing
            .iter()
            .map(|(module, why)| format!("{module}: {why}"))
            .collect();
        let kinds = without.iter().cloned().collect::<Vec<_>>().join(", ");
        trials.push(skipped(format!(
            "no schema for {kinds}, since modules could not be downloaded: {}",
            reasons.join("; ")
        )));
        without.clear();
    }
    trials.push(trial(
        "every Kubernetes resource is valid by the schema that its project publishes",
        move || {
            ensure!(without.is_empty(), "no schema for {without:?}");
            ensure!(
                !crds.missing.is_empty() || known.len() > 30,
                "only {} resources",
                known.len()
            );
            let wrong = |(file, resource): &(PathBuf, Value)| {
                let error = crds.check(resource).err()?;
                Some(format!(
                    "{}: {} {}: {error:#}",
                    file.display(),
                    resource["kind"],
                    resource["metadata"]["name"]
                ))
            };
            let wrong: Vec<_> = known.iter().filter_map(wrong).collect();
            ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
            Ok(())
        },
    ));
    Ok(())
}

fn is_manifest(file: &Path) -> bool {
    ["wasmplugin", "examples"]
        .iter()
        .any(|folder| file.starts_with(root().join(folder)))
}

fn headers() -> Result<()> {
    for file in files()?.iter().filter(|file| is_manifest(file)) {
        let text = fs::read_to_string(file)?;
        let head: Vec<_> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let head = head.join("\n");
        ensure!(
            head.contains("Cannot:"),
            "{} does not say what it cannot",
            file.display()
        );
        let platforms = ["Istio", "Envoy", "Kubernetes", "KServe", "Gateway API"];
        ensure!(
            platforms.iter().any(|platform| head.contains(platform)),
            "{} does not say what it is for",
            file.display()
        );
    }
    Ok(())
}

fn policies(files: &[PathBuf]) -> Result<()> {
    let mut count = 0;
    for file in files.iter().filter(|file| is_manifest(file)) {
        for document in yaml(file)? {
            let mut found = Vec::new();
            collect_policies(&document, &mut found);
            for policy in found {
                accepted(&policy).with_context(|| file.display().to_string())?;
                count += 1;
            }
        }
    }
    ensure!(count >= 15, "only {count} policies");
    Ok(())
}

/// What has the version of the policy language is a policy, wherever it stands.
pub(crate) fn collect_policies(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) if fields.get("version").is_some_and(|version| version == "v0.3") => {
            found.push(value.clone());
        }
        Value::Object(fields) => fields.values().for_each(|value| collect_policies(value, found)),
        Value::Array(items) => items.iter().for_each(|value| collect_policies(value, found)),
        _ => {}
    }
}

/// Whether the filter takes a policy.
pub(crate) fn accepted(policy: &Value) -> Result<()> {
    match Policy::from_value(policy, &mut NoModel) {
        Ok(_) => Ok(()),
        Err(findings) => {
            let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
            bail!("{texts:?}")
        }
    }
}

fn twins() -> Result<()> {
    for example in examples::all()? {
        let folder = root().join("examples").join(&example);
        if !folder.join("envoy.yaml").exists() {
            continue;
        }
        let mut files = Vec::new();
        walk(&folder, &mut files)?;
        let mut policies = Vec::new();
        for file in files.iter().filter(|file| file.ends_with("policy.yaml")) {
            for document in yaml(file)? {
                collect_policies(&document, &mut policies);
            }
        }
        let mut document = twin::document(&example)?;
        let own = twin::policy(&mut document).with_context(|| format!("{example}: no policy"))?;
        policies.iter_mut().chain([&mut *own]).for_each(without_place);
        ensure!(
            policies == [own.clone()],
            "examples/{example}: policy.yaml and envoy.yaml differ"
        );
    }
    Ok(())
}

/// Where the companion is, and how long it takes, is another thing in a cluster than on one host.
fn without_place(policy: &mut Value) {
    let offload = policy.pointer_mut("/promptswitch/offload");
    if let Some(offload) = offload.and_then(Value::as_object_mut) {
        offload.retain(|key, _| !["cluster", "timeout"].contains(&key.as_str()));
    }
}

/// The settings of the filter in a resource must be those that Envoy is tested with.
pub(crate) fn same_plugin(resource: &Value) -> Result<()> {
    let plugin = find_plugin(resource).context("no filter")?;
    for (key, wanted) in [
        ("failure_policy", Value::from("FAIL_RELOAD")),
        ("allow_on_headers_stop_iteration", Value::from(true)),
        ("name", Value::from("promptswitch")),
    ] {
        ensure!(plugin.get(key) == Some(&wanted), "{key} is {:?}", plugin.get(key));
    }
    let mut policies = Vec::new();
    collect_policies(plugin, &mut policies);
    let policy = policies.first().ok_or_else(|| anyhow!("no policy"))?;
    accepted(policy)
}

fn find_plugin(value: &Value) -> Option<&Value> {
    if value.get("vm_config").is_some() {
        return Some(value);
    }
    match value {
        Value::Object(fields) => fields.values().find_map(find_plugin),
        Value::Array(items) => items.iter().find_map(find_plugin),
        _ => None,
    }
}
