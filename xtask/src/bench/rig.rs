//! One of the compared setups, running: Envoy, and what stands beside it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use promptswitch_tests::client;
use promptswitch_tests::envoy::{Envoy, LocalConfig, Ports};
use promptswitch_tests::message::{Framing, Pace, Request, Response};
use serde_json::{Value, json};

use super::process::{self, Server};

const HTTP_FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
const CLUSTERS: &str = "/static_resources/clusters";
const ROUTED_DEADLINE: Duration = Duration::from_secs(60);

/// What is compared, in the order in which it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    /// Envoy alone: every request takes the catch-all route, and no body is held.
    NoFilter,
    Filter,
    ExtProc,
}

impl Setup {
    pub(super) const ALL: [Self; 3] = [Self::NoFilter, Self::Filter, Self::ExtProc];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::Filter => "promptswitch",
            Self::ExtProc => "ext_proc",
        }
    }
}

/// What setups are made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) envoy: PathBuf,
    pub(super) twin: PathBuf,
    pub(super) policy: PathBuf,
    pub(super) twin_threads: usize,
    pub(super) upstream: SocketAddr,
}

/// A running setup; dropping it ends its processes.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) setup: Setup,
    pub(super) addr: SocketAddr,
    envoy: Envoy,
    envoy_pid: u32,
    twin: Option<Server>,
}

/// How long a setup took from the start of its processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Started {
    /// To Envoy's /ready.
    pub(super) ready: Duration,
    /// To the answer to the first request that was routed by its prompt (that was answered, without a filter).
    pub(super) routed: Duration,
}

/// A quantity of Envoy's process and of the twin's, which is 0 where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) envoy: f64,
    pub(super) twin: f64,
}

impl Rig {
    /// Starts everything; the twin and Envoy start at the same time.
    pub(super) fn start(setup: Setup, parts: &Parts, workers: usize) -> Result<(Self, Started)> {
        let started = Instant::now();
        let twin = if setup == Setup::ExtProc {
            Some(parts.start_twin()?)
        } else {
            None
        };
        let config = config(setup, parts.upstream, twin.as_ref())?;
        let envoy = Envoy::start(&parts.envoy, &config, workers)?;
        let ready = started.elapsed();
        let addr = envoy.listener("ingress")?;
        let envoy_pid = process::child_named(envoy.guard_pid(), "envoy")?;
        let rig = Self {
            setup,
            addr,
            envoy,
            envoy_pid,
            twin,
        };
        while !rig.routes() {
            ensure!(
                started.elapsed() < ROUTED_DEADLINE,
                "{} routes nothing:\n{}",
                setup.name(),
                rig.envoy.log()
            );
        }
        Ok((
            rig,
            Started {
                ready,
                routed: started.elapsed(),
            },
        ))
    }

    /// Sends one body on a connection of its own; the upstream gives back what it got.
    pub(super) fn echo(&self, body: &str) -> Result<Response> {
        let request = Request::post("/v1/chat/completions", body).header("x-echo", "1");
        client::send(self.addr, &request, Framing::ContentLength, Pace::Whole)
    }

    /// CPU seconds used so far.
    pub(super) fn cpu(&self) -> Result<Usage> {
        self.usage(process::cpu_seconds)
    }

    /// Resident memory in MiB.
    pub(super) fn memory(&self) -> Result<Usage> {
        self.usage(|pid| Ok(process::resident_kib(pid)? as f64 / 1024.0))
    }

    /// Fails if requests passed without having been decided about: both setups fail open, and fast.
    pub(super) fn check(&self) -> Result<()> {
        let stats = self.envoy.stats()?;
        let suspicious = |name: &str| {
            name.ends_with("failure_mode_allowed")
                || name.contains("vm_reload")
                || name.ends_with("downstream_rq_5xx")
        };
        for line in stats.lines() {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            ensure!(!suspicious(name) || value == "0", "{}: {line}", self.setup.name());
        }
        Ok(())
    }

    fn usage(&self, of: impl Fn(u32) -> Result<f64>) -> Result<Usage> {
        let twin = self.twin.as_ref().map_or(Ok(0.0), |twin| of(twin.pid()))?;
        Ok(Usage {
            envoy: of(self.envoy_pid)?,
            twin,
        })
    }

    fn routes(&self) -> bool {
        let request = Request::chat("auto", "What is the derivative of x squared?");
        let answer = client::send(self.addr, &request, Framing::ContentLength, Pace::Whole);
        answer.is_ok_and(|answer| {
            let is_decided = answer
                .header("x-promptswitch-reason")
                .is_some_and(|reason| reason == "decision");
            answer.status == 200 && (is_decided || self.setup == Setup::NoFilter)
        })
    }
}

impl Parts {
    fn start_twin(&self) -> Result<Server> {
        let policy = self.policy.display().to_string();
        Server::start(
            &self.twin,
            &["--config", &policy, "--threads", &self.twin_threads.to_string()],
        )
    }
}

/// The shipped configuration with the filter, without it, or with ext_proc in its place.
fn config(setup: Setup, upstream: SocketAddr, twin: Option<&Server>) -> Result<String> {
    let ports = Ports {
        listener: 0,
        admin: 0,
        llama: upstream,
        phi: upstream,
    };
    let shipped = if setup == Setup::Filter {
        LocalConfig::shipped()?
    } else {
        LocalConfig::without_filter()?
    };
    let json = shipped.ports(ports)?.to_json();
    let Some(twin) = twin else { return Ok(json) };
    let mut document: Value = serde_json::from_str(&json)?;
    list(&mut document, HTTP_FILTERS)?.insert(0, ext_proc());
    list(&mut document, CLUSTERS)?.push(twin_cluster(twin.addr));
    Ok(document.to_string())
}

fn list<'a>(document: &'a mut Value, pointer: &str) -> Result<&'a mut Vec<Value>> {
    let value = document.pointer_mut(pointer).and_then(Value::as_array_mut);
    value.with_context(|| format!("envoy/envoy.yaml has no list {pointer}"))
}

/// As vLLM Semantic Router's guide for Istio wires its router (deploy/kubernetes/istio/envoyfilter.yaml).
fn ext_proc() -> Value {
    json!({
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
            "failure_mode_allow": true,
            "allow_mode_override": true,
            "message_timeout": "300s",
            "processing_mode": {
                "request_header_mode": "SEND", "response_header_mode": "SEND",
                "request_body_mode": "BUFFERED", "response_body_mode": "NONE",
                "request_trailer_mode": "SKIP", "response_trailer_mode": "SKIP",
            },
            "grpc_service": {"envoy_grpc": {"cluster_name": "twin"}},
        },
    })
}

fn twin_cluster(addr: SocketAddr) -> Value {
    let address = json!({"socket_address": {"address": addr.ip(), "port_value": addr.port()}});
    json!({
        "name": "twin",
        "type": "STATIC",
        "connect_timeout": "1s",
        // As much as the listener may buffer: a smaller one would stop and go within a large body.
        "per_connection_buffer_limit_bytes": 8 << 20,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        },
        "load_assignment": {
            "cluster_name": "twin",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}
