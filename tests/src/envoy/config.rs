//! The shipped Envoy configuration, moved to free ports and changed where a test says so.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::policy;

/// The model servers of the shipped file.
const SHIPPED_CLUSTERS: usize = 2;
const LISTENER: &str = "/static_resources/listeners/0";
const FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
const PLUGIN: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";

/// Where the parts of a setup listen. Port 0 for the listener and admin lets Envoy choose.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub listener: u16,
    pub admin: u16,
    pub llama: SocketAddr,
    pub phi: SocketAddr,
}

/// `envoy/envoy.yaml` as a test runs it: the file itself, but for the changes made here.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    document: Value,
}

impl LocalConfig {
    /// The shipped file, with the filter at its absolute path. It is an error if the filter is not built.
    pub fn shipped() -> Result<Self> {
        let mut config = Self {
            document: policy::shipped_envoy()?,
        };
        let wasm = wasm()?;
        *config.at(&format!("{PLUGIN}/vm_config/code/local/filename"))? = json!(wasm);
        Ok(config)
    }

    /// The shipped file without the filter, to test the harness itself.
    pub fn without_filter() -> Result<Self> {
        let mut config = Self {
            document: policy::shipped_envoy()?,
        };
        config
            .at(FILTERS)?
            .as_array_mut()
            .context("http_filters is no list")?
            .remove(0);
        Ok(config)
    }

    /// Moves everything to other ports.
    pub fn ports(mut self, ports: Ports) -> Result<Self> {
        *self.at(&format!("{LISTENER}/address/socket_address/port_value"))? = json!(ports.listener);
        *self.at("/admin/address/socket_address/port_value")? = json!(ports.admin);
        for (cluster, addr) in [ports.llama, ports.phi].iter().enumerate() {
            let endpoint = format!(
                "/static_resources/clusters/{cluster}/load_assignment/endpoints/0/lb_endpoints/0/endpoint"
            );
            *self.at(&format!("{endpoint}/address/socket_address"))? =
                json!({"address": addr.ip(), "port_value": addr.port()});
        }
        Ok(self)
    }

    /// Replaces the policy.
    pub fn policy(mut self, policy: &Value) -> Result<Self> {
        *self.at(&format!("{PLUGIN}/configuration/value"))? = policy.clone();
        Ok(self)
    }

    /// Passes the policy as a JSON string, as Istio and Envoy Gateway do.
    pub fn policy_as_string(mut self) -> Result<Self> {
        let configuration = self.at(&format!("{PLUGIN}/configuration"))?;
        let policy = configuration
            .get("value")
            .context("the plugin has no policy")?
            .to_string();
        *configuration = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": policy});
        Ok(self)
    }

    /// Drops `allow_on_headers_stop_iteration`, as the platforms do that cannot set it.
    pub fn without_header_hold(mut self) -> Result<Self> {
        let plugin = self
            .at(PLUGIN)?
            .as_object_mut()
            .context("the plugin is no object")?;
        plugin.remove("allow_on_headers_stop_iteration");
        Ok(self)
    }

    /// Sets how much of a request Envoy buffers, for HTTP/1.1 and HTTP/2.
    pub fn buffer_limit(mut self, bytes: u32) -> Result<Self> {
        *self.at(&format!("{LISTENER}/per_connection_buffer_limit_bytes"))? = json!(bytes);
        let http2 = "filter_chains/0/filters/0/typed_config/http2_protocol_options";
        *self.at(&format!("{LISTENER}/{http2}/initial_stream_window_size"))? = json!(bytes);
        Ok(self)
    }

    /// Adds the listener of another configuration under another name, on a port that Envoy chooses, and its clusters. One Envoy
    /// with many listeners compiles the filter once; many Envoys compile it each.
    pub fn with_listener(mut self, name: &str, mut other: Self) -> Result<Self> {
        let mut listener = other.at(LISTENER)?.take();
        let fields = listener.as_object_mut().context("the listener is no object")?;
        fields.insert("name".into(), json!(name));
        let port = listener
            .pointer_mut("/address/socket_address/port_value")
            .context("the listener has no port")?;
        *port = json!(0);
        let listeners = self
            .at("/static_resources/listeners")?
            .as_array_mut()
            .context("listeners is no list")?;
        listeners.push(listener);
        let added = other.clusters()?.split_off(SHIPPED_CLUSTERS);
        self.clusters()?.extend(added);
        Ok(self)
    }

    /// Adds a cluster of one endpoint.
    pub fn with_cluster(mut self, name: &str, addr: SocketAddr) -> Result<Self> {
        let endpoint =
            json!({"address": {"socket_address": {"address": addr.ip(), "port_value": addr.port()}}});
        let endpoints = json!([{"lb_endpoints": [{"endpoint": endpoint}]}]);
        let cluster = json!({
            "name": name, "type": "STATIC", "connect_timeout": "1s",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        });
        self.clusters()?.push(cluster);
        Ok(self)
    }

    /// Writes the listener to a file that Envoy watches, and leaves a configuration that reads it from there.
    pub fn listener_in_file(mut self, file: &Path) -> Result<Self> {
        self.write_listener(file)?;
        self.at("/static_resources")?
            .as_object_mut()
            .context("no static resources")?
            .remove("listeners");
        let document = self.document.as_object_mut().context("no document")?;
        document.insert("node".into(), json!({"id": "test", "cluster": "test"}));
        let lds = json!({"resource_api_version": "V3", "path_config_source": {"path": file}});
        document.insert("dynamic_resources".into(), json!({"lds_config": lds}));
        Ok(self)
    }

    /// Writes the listener to a file that a running Envoy watches.
    pub fn write_listener(&mut self, file: &Path) -> Result<()> {
        let mut listener = self.at(LISTENER)?.clone();
        let fields = listener.as_object_mut().context("the listener is no object")?;
        fields.insert(
            "@type".into(),
            json!("type.googleapis.com/envoy.config.listener.v3.Listener"),
        );
        let response = json!({"resources": [listener]});
        // Envoy sees only files that are moved into place.
        let next = file.with_extension("next");
        fs::write(&next, response.to_string())?;
        Ok(fs::rename(next, file)?)
    }

    /// The configuration as JSON, which Envoy reads as well as YAML.
    pub fn to_json(&self) -> String {
        self.document.to_string()
    }

    fn clusters(&mut self) -> Result<&mut Vec<Value>> {
        let clusters = self.at("/static_resources/clusters")?.as_array_mut();
        clusters.context("clusters is no list")
    }

    fn at(&mut self, pointer: &str) -> Result<&mut Value> {
        self.document
            .pointer_mut(pointer)
            .with_context(|| format!("envoy/envoy.yaml has no {pointer}"))
    }
}

fn wasm() -> Result<PathBuf> {
    let file = crate::root().join("dist/promptswitch.wasm");
    ensure!(
        file.exists(),
        "dist/promptswitch.wasm is missing: run `cargo xtask dist` first"
    );
    Ok(file.canonicalize()?)
}
