//! An example's own `envoy.yaml`, with a mock model server behind each address that it names.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client,
    companion::{self, Temper},
    envoy::Envoy,
    message::{Framing, Pace, Request, Response},
    scenario::Outcome,
    stack::test_id,
    upstream::{Seen, TEST_ID, Upstream},
};

/// Where an example's parts listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the ports in the file.
    AsWritten,
    /// On free ports.
    Free,
}

/// An `envoy.yaml` with the model servers that it needs, not yet started.
#[derive(Debug)]
pub struct Plan {
    document: Value,
    servers: Vec<Upstream>,
    companion: Option<u16>,
}

/// A running example.
#[derive(Debug)]
pub struct Twin {
    pub envoy: Envoy,
    servers: Vec<Upstream>,
    addr: SocketAddr,
}

/// The `envoy.yaml` of an example, as data.
pub fn document(example: &str) -> Result<Value> {
    let path = crate::root().join(format!("examples/{example}/envoy.yaml"));
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.display().to_string())
}

/// The configuration of the filter in an Envoy configuration or a Kubernetes resource: what stands beside its VM.
pub fn policy(value: &mut Value) -> Option<&mut Value> {
    if value.get("vm_config").is_some() {
        return value.pointer_mut("/configuration/value");
    }
    match value {
        Value::Object(fields) => fields.values_mut().find_map(policy),
        Value::Array(items) => items.iter_mut().find_map(policy),
        _ => None,
    }
}

/// The HTTP filters of an Envoy configuration.
pub fn http_filters(value: &mut Value) -> Option<&mut Vec<Value>> {
    if value.get("http_filters").is_some() {
        return value.pointer_mut("/http_filters")?.as_array_mut();
    }
    match value {
        Value::Object(fields) => fields.values_mut().find_map(http_filters),
        Value::Array(items) => items.iter_mut().find_map(http_filters),
        _ => None,
    }
}

impl Plan {
    /// Reads an example's `envoy.yaml` and starts a model server for each endpoint. A server bears the endpoint's hostname,
    /// or else the name of its cluster. What a companion says on a free port is that all is math; on the port in the file the real one is due.
    pub fn new(example: &str, place: Place) -> Result<Self> {
        let mut plan = Self {
            document: document(example)?,
            servers: Vec::new(),
            companion: None,
        };
        let mut moved = BTreeMap::new();
        for (name, port) in endpoints(&plan.document) {
            if name == companion::CLUSTER {
                plan.companion = Some(port);
                if place == Place::Free {
                    moved.insert(port, companion::start(Temper::Certain)?.port());
                }
                continue;
            }
            let port_to_take = if place == Place::Free { 0 } else { port };
            let server = Upstream::start(&name, SocketAddr::from((Ipv4Addr::LOCALHOST, port_to_take)))
                .with_context(|| format!("the model server {name}"))?;
            moved.insert(port, server.addr().port());
            plan.servers.push(server);
        }
        if place == Place::Free {
            move_ports(&mut plan.document, &moved);
        }
        Ok(plan)
    }

    /// The port in the file at which a companion is asked, if one is.
    pub fn companion(&self) -> Option<u16> {
        self.companion
    }

    /// The configuration, to change it.
    pub fn document(&mut self) -> &mut Value {
        &mut self.document
    }

    /// Has Envoy read the listener from a file that it watches, which is written by [`write_listener`].
    pub fn listener_in_file(&mut self, file: &Path) -> Result<Value> {
        let listener = self.document.pointer("/static_resources/listeners/0");
        let listener = listener.context("no listener")?.clone();
        let resources = self
            .document
            .pointer_mut("/static_resources")
            .and_then(Value::as_object_mut);
        resources.context("no static resources")?.remove("listeners");
        let document = self.document.as_object_mut().context("no document")?;
        let lds = json!({"resource_api_version": "V3", "path_config_source": {"path": file}});
        document.insert("node".into(), json!({"id": "test", "cluster": "test"}));
        document.insert("dynamic_resources".into(), json!({"lds_config": lds}));
        Ok(listener)
    }

    /// Starts Envoy.
    pub fn start(self, binary: &Path) -> Result<Twin> {
        let wasm = crate::root().join("dist/promptswitch.wasm");
        ensure!(
            wasm.exists(),
            "dist/promptswitch.wasm is missing: run `cargo xtask dist` first"
        );
        let envoy = Envoy::start(binary, &self.document.to_string(), 1)?;
        let addr = envoy.listener(crate::stack::LISTENER)?;
        Ok(Twin {
            envoy,
            servers: self.servers,
            addr,
        })
    }
}

/// Writes a listener to a file that a running Envoy watches.
pub fn write_listener(file: &Path, listener: &Value) -> Result<()> {
    let mut listener = listener.clone();
    let fields = listener.as_object_mut().context("the listener is no object")?;
    fields.insert(
        "@type".into(),
        json!("type.googleapis.com/envoy.config.listener.v3.Listener"),
    );
    // Envoy sees only files that are moved into place.
    let next = file.with_extension("next");
    fs::write(&next, json!({"resources": [listener]}).to_string())?;
    Ok(fs::rename(next, file)?)
}

impl Twin {
    /// Where Envoy listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends a request on a connection of its own.
    pub fn send(&self, request: &Request, framing: Framing, pace: Pace) -> Result<Outcome> {
        let id = test_id();
        let response = client::send(self.addr, &request.clone().header(TEST_ID, &id), framing, pace)?;
        let (upstream, seen) = self.take_seen(&id)?.unzip();
        Ok(outcome(response, upstream, seen))
    }

    /// The one request with this [`TEST_ID`] that was received, and by which server.
    pub fn take_seen(&self, id: &str) -> Result<Option<(String, Seen)>> {
        let mut found = Vec::new();
        for server in &self.servers {
            let seen = server.take_seen(id);
            found.extend(seen.into_iter().map(|seen| (server.model().to_owned(), seen)));
        }
        ensure!(found.len() <= 1, "one request arrived {} times", found.len());
        Ok(found.pop())
    }

    /// Stops a model server.
    pub fn stop(&mut self, name: &str) -> Result<()> {
        let at = self.servers.iter().position(|server| server.model() == name);
        drop(
            self.servers
                .remove(at.with_context(|| format!("no server {name}"))?),
        );
        Ok(())
    }
}

fn outcome(response: Response, upstream: Option<String>, seen: Option<Seen>) -> Outcome {
    let (upstream_headers, upstream_body) = seen.map(|seen| (seen.headers, seen.body)).unwrap_or_default();
    Outcome {
        status: response.status,
        response_headers: response.headers,
        upstream,
        upstream_headers,
        upstream_body,
    }
}

/// Name and port of each endpoint on this host.
fn endpoints(document: &Value) -> Vec<(String, u16)> {
    let mut found = Vec::new();
    for cluster in list(document, "/static_resources/clusters") {
        for locality in list(cluster, "/load_assignment/endpoints") {
            for lb in list(locality, "/lb_endpoints") {
                let name = lb.pointer("/endpoint/hostname").or_else(|| cluster.get("name"));
                let port = lb.pointer("/endpoint/address/socket_address/port_value");
                let port = port
                    .and_then(Value::as_u64)
                    .and_then(|port| u16::try_from(port).ok());
                found.extend(name.and_then(Value::as_str).map(str::to_owned).zip(port));
            }
        }
    }
    found
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Moves sockets, and addresses in texts such as a policy's; a socket that no server has (Envoy's own) becomes free.
fn move_ports(value: &mut Value, moved: &BTreeMap<u16, u16>) {
    match value {
        Value::Object(fields) => {
            if let Some(port) = fields.get_mut("port_value") {
                let old = port
                    .as_u64()
                    .and_then(|port| u16::try_from(port).ok())
                    .unwrap_or_default();
                *port = json!(moved.get(&old).copied().unwrap_or_default());
            }
            fields.values_mut().for_each(|value| move_ports(value, moved));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| move_ports(value, moved)),
        Value::String(text) => {
            for (old, new) in moved {
                *text = text.replace(&format!("127.0.0.1:{old}"), &format!("127.0.0.1:{new}"));
            }
        }
        _ => {}
    }
}
