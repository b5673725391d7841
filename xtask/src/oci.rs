//! The module as OCI images, for registries: made of files alone, without a container engine.
//!
//! Two forms, because platforms differ in what they unpack (Istio: `pkg/wasm/imagefetcher.go`; Envoy Gateway:
//! `internal/wasm/imagefetcher.go`):
//!
//! - `image`: one layer, a tar.gz with `plugin.wasm`. Both take it; so does `FROM scratch`, and a Kubernetes image volume.
//! - `artifact`: exactly two layers, the second of which is the module itself, not packed. Both take it too.
//!
//! Each is a layout folder and a tar of that folder. The same module gives the same bytes, so the digest can be pinned.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dist;
use crate::run::root;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
// Of the Wasm artifact format that both platforms read: https://github.com/solo-io/wasm/blob/master/spec/spec.md
const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const WASM_MODULE: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes `dist/oci/{image,artifact}` and a tar of each, from the module that `cargo xtask dist` left.
pub(crate) fn oci() -> Result<()> {
    let path = dist::wasm();
    let module =
        fs::read(&path).with_context(|| format!("{}: run `cargo xtask dist` first", path.display()))?;
    let folder = root().join("dist/oci");
    for (name, layout) in [("image", image(&module)?), ("artifact", artifact(&module)?)] {
        layout.write(&folder.join(name))?;
        let tar = folder.join(format!("promptswitch-{name}.tar"));
        fs::write(&tar, layout.tar()?).with_context(|| tar.display().to_string())?;
        println!("dist/oci/{name}, dist/oci/promptswitch-{name}.tar");
        println!("  digest  {}", layout.digest);
    }
    Ok(())
}

/// An OCI image layout: files by their path in it.
struct Layout {
    files: BTreeMap<String, Vec<u8>>,
    /// The digest of its one manifest, by which a registry knows it.
    digest: String,
}

fn image(module: &[u8]) -> Result<Layout> {
    let tar = tar_of([("plugin.wasm", module)])?;
    let diff_id = digest(&tar);
    let mut layout = Layout::new();
    let layer = layout.blob(TAR_GZIP, gzip(&tar)?);
    let config = json!({
        "architecture": "wasm",
        "os": "wasip1", // what OCI takes from Go's names for Wasm; the module itself needs no WASI
        "config": {"Labels": annotations()},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    });
    let config = layout.blob(IMAGE_CONFIG, config.to_string().into());
    layout.finish(json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": annotations(),
    }));
    Ok(layout)
}

fn artifact(module: &[u8]) -> Result<Layout> {
    let mut layout = Layout::new();
    let config = layout.blob(EMPTY, b"{}".to_vec());
    let about =
        json!({"type": "envoy_proxy", "abiVersions": ["0.2.1"], "config": {"rootIds": ["promptswitch"]}});
    let about = layout.blob(WASM_CONFIG, about.to_string().into());
    let module = layout.blob(WASM_MODULE, module.to_vec());
    layout.finish(json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": WASM_CONFIG, "config": config,
        "layers": [about, module], "annotations": annotations(),
    }));
    Ok(layout)
}

/// No date among them: the same module is to give the same digest.
fn annotations() -> Value {
    json!({
        "org.opencontainers.image.title": "promptswitch",
        "org.opencontainers.image.description": "Semantic routing for LLM traffic inside Envoy",
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        "org.opencontainers.image.source": env!("CARGO_PKG_REPOSITORY"),
    })
}

impl Layout {
    fn new() -> Self {
        let version = json!({"imageLayoutVersion": "1.0.0"}).to_string();
        Self {
            files: BTreeMap::from([("oci-layout".to_owned(), version.into())]),
            digest: String::new(),
        }
    }

    /// Keeps a blob and gives its descriptor.
    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.files.insert(blob_path(&digest), bytes);
        descriptor
    }

    /// Adds the manifest, and the index that names it by version.
    fn finish(&mut self, manifest: Value) {
        let mut descriptor = self.blob(MANIFEST, manifest.to_string().into());
        if let Some(digest) = descriptor.get("digest").and_then(Value::as_str) {
            self.digest = digest.to_owned();
        }
        if let Some(fields) = descriptor.as_object_mut() {
            let name = json!({"org.opencontainers.image.ref.name": VERSION});
            fields.insert("annotations".to_owned(), name);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]});
        self.files
            .insert("index.json".to_owned(), index.to_string().into());
    }

    /// Writes the folder anew: blobs of an older module must not stay.
    fn write(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(folder.join("blobs/sha256"))?;
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn tar(&self) -> Result<Vec<u8>> {
        tar_of(
            self.files
                .iter()
                .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
        )
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// A tar in which nothing depends on this machine: owner 0, the start of 1970.
fn tar_of<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len().try_into()?);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path, bytes)?;
    }
    Ok(tar.into_inner()?)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0 and more";

    /// What a registry would serve: a manifest, and blobs by digest.
    struct Pulled {
        files: BTreeMap<String, Vec<u8>>,
        manifest: Value,
    }

    impl Pulled {
        fn new(layout: &Layout) -> Self {
            let tar = layout.tar().unwrap();
            let mut files = BTreeMap::new();
            for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                files.insert(path, bytes);
            }
            let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
            let manifest = Self::fetch(&files, &index["manifests"][0]);
            let manifest = serde_json::from_slice(&manifest).unwrap();
            Self { files, manifest }
        }

        /// The blob of a descriptor, which must be what the descriptor says.
        fn fetch(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
            let name = descriptor["digest"].as_str().unwrap();
            let bytes = files[&blob_path(name)].clone();
            assert_eq!(digest(&bytes), name);
            assert_eq!(Some(bytes.len() as u64), descriptor["size"].as_u64());
            bytes
        }

        fn layers(&self) -> &[Value] {
            self.manifest["layers"].as_array().unwrap()
        }

        /// The "compat" form: the last layer is an OCI tar.gz, in which the base name of a file is plugin.wasm.
        fn as_image(&self) -> Result<Vec<u8>, String> {
            let layer = self.layers().last().ok_or("no layers")?;
            if layer["mediaType"] != "application/vnd.oci.image.layer.v1.tar+gzip" {
                return Err(format!("invalid media type {}", layer["mediaType"]));
            }
            let packed = Self::fetch(&self.files, layer);
            let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()));
            for entry in archive.entries().map_err(|e| e.to_string())? {
                let mut entry = entry.map_err(|e| e.to_string())?;
                if entry.path().unwrap().file_name().unwrap() == "plugin.wasm" {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    return Ok(bytes);
                }
            }
            Err("plugin.wasm not found in the archive".into())
        }

        /// The "oci" form: exactly two layers, one of which is the module as it is.
        fn as_artifact(&self) -> Result<Vec<u8>, String> {
            let [a, b] = self.layers() else {
                return Err(format!(
                    "number of layers must be 2 but got {}",
                    self.layers().len()
                ));
            };
            let is_module =
                |layer: &&Value| layer["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm";
            let layer = [a, b].into_iter().find(is_module).ok_or("no layer of Wasm")?;
            Ok(Self::fetch(&self.files, layer))
        }

        /// As Istio and Envoy Gateway do it: as an image, and if that fails as an artifact.
        fn unpack(&self) -> Vec<u8> {
            assert_eq!(
                self.manifest["mediaType"],
                "application/vnd.oci.image.manifest.v1+json"
            );
            self.as_image().or_else(|_| self.as_artifact()).unwrap()
        }
    }

    #[test]
    fn both_forms_unpack_to_the_module_by_the_rules_of_the_platforms() {
        for layout in [image(MODULE).unwrap(), artifact(MODULE).unwrap()] {
            assert_eq!(Pulled::new(&layout).unpack(), MODULE);
        }
        let (image, artifact) = (image(MODULE).unwrap(), artifact(MODULE).unwrap());
        assert_eq!(Pulled::new(&image).as_image().unwrap(), MODULE);
        assert_eq!(Pulled::new(&artifact).as_artifact().unwrap(), MODULE);
        // A tar.gz as the last layer would be taken for an image, which it is not.
        assert!(
            Pulled::new(&artifact)
                .as_image()
                .unwrap_err()
                .starts_with("invalid media type")
        );
    }

    #[test]
    fn the_layer_of_the_image_unpacks_to_its_diff_id() {
        let layout = image(MODULE).unwrap();
        let pulled = Pulled::new(&layout);
        let config: Value =
            serde_json::from_slice(&Pulled::fetch(&pulled.files, &pulled.manifest["config"])).unwrap();
        let mut tar = Vec::new();
        let packed = Pulled::fetch(&pulled.files, &pulled.layers()[0]);
        GzDecoder::new(packed.as_slice()).read_to_end(&mut tar).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&tar)]));
    }

    #[test]
    fn the_manifest_says_source_licence_and_version() {
        let pulled = Pulled::new(&image(MODULE).unwrap());
        for key in ["source", "licenses", "version"] {
            let value = &pulled.manifest["annotations"][format!("org.opencontainers.image.{key}")];
            assert!(value.as_str().is_some_and(|value| !value.is_empty()), "{key}");
        }
    }

    #[test]
    fn the_same_module_gives_the_same_bytes_and_another_gives_another_digest() {
        for form in [image, artifact] {
            let layout = form(MODULE).unwrap();
            assert_eq!(layout.tar().unwrap(), form(MODULE).unwrap().tar().unwrap());
            assert_ne!(layout.digest, form(b"\0asm\x01\0\0\0").unwrap().digest);
        }
    }

    #[test]
    fn the_built_module_survives_packing() {
        let module = fs::read(dist::wasm()).expect("run `cargo xtask dist` first");
        for layout in [image(&module).unwrap(), artifact(&module).unwrap()] {
            assert!(Pulled::new(&layout).unpack() == module);
        }
    }
}
