//! The schemas of Kubernetes resources, from the CRDs that the projects publish as Go modules.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail};
use boon::{Compiler, Schemas};
use promptswitch_tests::root;
use serde_json::{Value, json};

use crate::manifests::yaml;

/// A module and the folder (or file) of its CRDs. Later ones do not replace what earlier ones have.
const SOURCES: [(&str, &str); 8] = [
    (
        "istio.io/api@v1.31.1",
        "kubernetes/customresourcedefinitions.gen.yaml",
    ),
    (
        "github.com/envoyproxy/gateway@v1.9.0",
        "charts/gateway-helm/charts/crds/crds/generated",
    ),
    ("sigs.k8s.io/gateway-api@v1.5.1", "config/crd/standard"),
    (
        "sigs.k8s.io/gateway-api-inference-extension@v1.6.0",
        "config/crd/bases",
    ),
    // The last one with InferenceObjective, which has moved to llm-d's router.
    (
        "sigs.k8s.io/gateway-api-inference-extension@v1.5.0",
        "config/crd/bases",
    ),
    ("github.com/kserve/kserve@v0.20.0", "config/crd/full/llmisvc"),
    (
        "github.com/envoyproxy/ai-gateway@v1.0.0",
        "manifests/charts/ai-gateway-crds-helm/templates",
    ),
    ("github.com/llm-d/llm-d-router@v0.10.0", "config/crd/bases"),
];

/// Schemas by `apiVersion` and `kind`.
#[derive(Debug, Default)]
pub(crate) struct Crds {
    schemas: BTreeMap<(String, String), Value>,
    /// The modules that could not be had, and why.
    pub(crate) missing: Vec<(String, String)>,
}

impl Crds {
    /// Downloads what is not in `target/tools/crds` yet.
    pub(crate) fn load() -> Result<Self> {
        let mut crds = Self::default();
        for (module, place) in SOURCES {
            match module_crds(module, place) {
                Ok(definitions) => definitions.into_iter().for_each(|crd| crds.add(&crd)),
                Err(error) => crds.missing.push((module.into(), format!("{error:#}"))),
            }
        }
        Ok(crds)
    }

    fn add(&mut self, crd: &Value) {
        let (group, kind) = (&crd["spec"]["group"], &crd["spec"]["names"]["kind"]);
        for version in crd["spec"]["versions"].as_array().into_iter().flatten() {
            let api = format!("{}/{}", text(group), text(&version["name"]));
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            // Every resource has these, whether its CRD names them or not.
            for field in ["apiVersion", "kind", "metadata"] {
                schema["properties"][field] = json!({});
            }
            close(&mut schema);
            self.schemas.entry((api, text(kind))).or_insert(schema);
        }
    }

    /// Whether there is a schema for resources like this one.
    pub(crate) fn knows(&self, resource: &Value) -> bool {
        self.schemas.contains_key(&key(resource))
    }

    /// Everything in which a resource differs from its schema. CEL rules are not evaluated.
    pub(crate) fn check(&self, resource: &Value) -> Result<()> {
        let schema = self.schemas.get(&key(resource)).context("no schema")?;
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let wrong = |error: boon::CompileError| anyhow!("the schema: {error:#}");
        compiler.add_resource("crd.json", schema.clone()).map_err(wrong)?;
        let compiled = compiler.compile("crd.json", &mut schemas).map_err(wrong)?;
        schemas
            .validate(resource, compiled)
            .map_err(|error| anyhow!("{error:#}"))
    }
}

fn key(resource: &Value) -> (String, String) {
    (text(&resource["apiVersion"]), text(&resource["kind"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Forbids what the schema does not name, where a cluster would drop it silently.
fn close(schema: &mut Value) {
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            close(property);
        }
        if !open && !fields.contains_key("additionalProperties") {
            fields.insert("additionalProperties".into(), json!(false));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            close(inner);
        }
    }
}

/// The CRDs of a module, kept as one JSON file.
fn module_crds(module: &str, place: &str) -> Result<Vec<Value>> {
    let folder = root().join("target/tools/crds");
    let kept = folder.join(format!("{}.json", module.replace('/', "_")));
    if let Ok(text) = fs::read(&kept) {
        return serde_json::from_slice(&text).with_context(|| kept.display().to_string());
    }
    fs::create_dir_all(&folder)?;
    let place = download(module, &folder)?.join(place);
    let mut crds = Vec::new();
    for file in files(&place)? {
        let documents = yaml(&file)?;
        crds.extend(
            documents
                .into_iter()
                .filter(|document| document["kind"] == "CustomResourceDefinition"),
        );
    }
    if crds.is_empty() {
        bail!("no CRD in {}", place.display());
    }
    let next = kept.with_extension(std::process::id().to_string());
    fs::write(&next, serde_json::to_vec(&crds)?)?;
    fs::rename(next, kept)?;
    Ok(crds)
}

fn files(place: &Path) -> Result<Vec<PathBuf>> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(place).with_context(|| place.display().to_string())? {
        let path = entry?.path();
        // Only what is named after a group is a CRD: kustomize's patches and Helm's helpers are beside them.
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".yaml") && name.contains('_') && !name.ends_with("_patch.yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The folder of a module, from the Go module proxy.
fn download(module: &str, folder: &Path) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", module])
        .current_dir(folder)
        .output()
        .context("go is not installed")?;
    let answer: Value = serde_json::from_slice(&output.stdout).context("go printed no JSON")?;
    match (answer["Dir"].as_str(), answer["Error"].as_str()) {
        (Some(folder), None) => Ok(folder.into()),
        (_, error) => bail!(
            "{}",
            error
                .unwrap_or("no folder")
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
        ),
    }
}
