//! What kustomize and Helm make of the folders, where they can be had.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use promptswitch_tests::root;
use serde_json::Value;

use crate::{crds::Crds, manifests, skipped, trial};

pub(crate) fn add(trials: &mut Vec<Trial>) -> Result<()> {
    let crds = Arc::new(Crds::load()?);
    match kustomize() {
        Some(command) => {
            let mut folders = Vec::new();
            for folder in ["wasmplugin", "examples"] {
                kustomizations(&root().join(folder), &mut folders)?;
            }
            let crds = crds.clone();
            trials.push(trial(
                "every kustomization renders, and what it renders is valid",
                move || {
                    ensure!(folders.len() > 10, "only {} kustomizations", folders.len());
                    folders.iter().try_for_each(|folder| {
                        let text = output(command.iter().map(String::as_str), &[folder])?;
                        check(&text, &crds).with_context(|| folder.display().to_string())
                    })
                },
            ));
        }
        None => trials.push(skipped(
            "no kustomization is rendered: neither kustomize nor kubectl is installed",
        )),
    }
    match helm() {
        Some(helm) => trials.push(trial("the Helm chart renders for both platforms, and what it renders is valid", move || {
            charts(&helm, &crds)
        })),
        None => trials.push(skipped(
            "the Helm chart is not rendered: helm is not installed, nor in target/tools (`cargo xtask interop` builds it)",
        )),
    }
    Ok(())
}

fn kustomize() -> Option<Vec<String>> {
    let built = root().join("target/tools/go/bin/kustomize").display().to_string();
    let ways = [
        vec!["kustomize", "build"],
        vec!["kubectl", "kustomize"],
        vec![built.as_str(), "build"],
    ];
    let works = |way: &&Vec<&str>| {
        let mut command = Command::new(way[0]);
        command.args(if way[0] == "kubectl" {
            ["version", "--client"].as_slice()
        } else {
            &["version"]
        });
        command.output().is_ok_and(|output| output.status.success())
    };
    ways.iter()
        .find(works)
        .map(|way| way.iter().map(|word| (*word).to_owned()).collect())
}

fn helm() -> Option<String> {
    let built = root().join("target/tools/go/bin/helm").display().to_string();
    let works = |helm: &String| {
        Command::new(helm)
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    ["helm".to_owned(), built].into_iter().find(works)
}

fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join("kustomization.yaml").exists() {
        found.push(folder.to_owned());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            kustomizations(&path, found)?;
        }
    }
    Ok(())
}

fn charts(helm: &str, crds: &Crds) -> Result<()> {
    let chart = root().join("wasmplugin/helm/promptswitch");
    for platform in ["istio", "envoy-gateway"] {
        for companion in ["false", "true"] {
            let (platform_set, companion_set) = (
                format!("platform={platform}"),
                format!("companion.enabled={companion}"),
            );
            let words = [
                helm,
                "template",
                "promptswitch",
                "--namespace",
                "default",
                "--set",
                &platform_set,
                "--set",
                &companion_set,
            ];
            let text = output(words.into_iter(), &[&chart])?;
            let kinds = check(&text, crds);
            kinds.with_context(|| format!("{platform_set} {companion_set}"))?;
            ensure!(
                text.contains("kind: Deployment") == (companion == "true"),
                "the companion is there although it should not, or not"
            );
        }
    }
    Ok(())
}

/// Every resource by its schema, every filter by its settings, every policy by the parser.
fn check(text: &str, crds: &Crds) -> Result<()> {
    let resources = manifests::documents(text)?;
    ensure!(!resources.is_empty(), "nothing is rendered");
    for resource in resources {
        let name = || format!("{} {}", resource["kind"], resource["metadata"]["name"]);
        if crds.knows(&resource) {
            crds.check(&resource).with_context(name)?;
        }
        let has_filter = resource.to_string().contains("vm_config");
        if has_filter
            && matches!(
                resource["kind"].as_str(),
                Some("EnvoyFilter" | "EnvoyPatchPolicy")
            )
        {
            manifests::same_plugin(&resource).with_context(name)?;
        }
        let mut policies = Vec::<Value>::new();
        manifests::collect_policies(&resource, &mut policies);
        for policy in policies {
            manifests::accepted(&policy).with_context(name)?;
        }
    }
    Ok(())
}

fn output<'w>(mut words: impl Iterator<Item = &'w str>, paths: &[&PathBuf]) -> Result<String> {
    let program = words.next().context("no program")?;
    let output = Command::new(program).args(words).args(paths).output()?;
    ensure!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
