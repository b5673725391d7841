//! Envoy between a client and two mock model servers: what an end-to-end test talks to.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    client,
    envoy::{Envoy, LocalConfig, Ports},
    message::{Framing, Pace, Request, Response},
    scenario::Outcome,
    upstream::{Seen, TEST_ID, Upstream},
};

/// The listener of `envoy/envoy.yaml`.
pub const LISTENER: &str = "ingress";

/// Envoy, and the model servers behind it; clones are of the same Envoy, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Stack {
    pub envoy: Arc<Envoy>,
    pub llama: Arc<Upstream>,
    pub phi: Arc<Upstream>,
    addr: SocketAddr,
}

/// A request that went through Envoy: what came back, and what arrived where.
#[derive(Debug)]
pub struct Exchange {
    pub response: Response,
    /// The name of the model server that saw the request, and what it saw.
    pub arrived: Option<(String, Seen)>,
}

impl Stack {
    /// Starts everything on free ports of the loopback interface, with the shipped listener in front.
    pub fn start(binary: &Path, config: LocalConfig, concurrency: usize) -> Result<Self> {
        Self::launch(binary, config, concurrency, Ok).map(|(stack, _)| stack)
    }

    /// Starts everything, with the listener in a file that can be changed later.
    /// Gives the configuration back, which has the ports that a change must keep.
    pub fn start_with_listener_file(
        binary: &Path,
        config: LocalConfig,
        file: &Path,
    ) -> Result<(Self, LocalConfig)> {
        Self::launch(binary, config, 1, |config| config.listener_in_file(file))
    }

    fn launch(
        binary: &Path,
        config: LocalConfig,
        concurrency: usize,
        finish: impl FnOnce(LocalConfig) -> Result<LocalConfig>,
    ) -> Result<(Self, LocalConfig)> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let llama = Arc::new(Upstream::start("llama3-8b", any)?);
        let phi = Arc::new(Upstream::start("phi4-mini", any)?);
        let config = config.ports(Ports {
            listener: 0,
            admin: 0,
            llama: llama.addr(),
            phi: phi.addr(),
        })?;
        let envoy = Arc::new(Envoy::start(
            binary,
            &finish(config.clone())?.to_json(),
            concurrency,
        )?);
        let addr = envoy.listener(LISTENER)?;
        Ok((
            Self {
                envoy,
                llama,
                phi,
                addr,
            },
            config,
        ))
    }

    /// The same Envoy, seen through another listener.
    pub fn through(&self, listener: &str) -> Result<Self> {
        Ok(Self {
            addr: self.envoy.listener(listener)?,
            ..self.clone()
        })
    }

    /// Where Envoy listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends a request through Envoy on a connection of its own.
    pub fn send(&self, request: &Request, framing: Framing, pace: Pace) -> Result<Exchange> {
        let id = test_id();
        let response = client::send(self.addr, &request.clone().header(TEST_ID, &id), framing, pace)?;
        Ok(Exchange {
            response,
            arrived: self.take_seen(&id)?,
        })
    }

    /// The one request with this [`TEST_ID`] that a model server saw.
    pub fn take_seen(&self, id: &str) -> Result<Option<(String, Seen)>> {
        let seen = [&self.llama, &self.phi].into_iter().flat_map(|upstream| {
            upstream
                .take_seen(id)
                .into_iter()
                .map(|seen| (upstream.model().to_string(), seen))
        });
        let mut seen: Vec<_> = seen.collect();
        ensure!(seen.len() <= 1, "one request arrived {} times", seen.len());
        Ok(seen.pop())
    }

    /// Fails if a VM died or Envoy answered any request with a 5xx so far.
    pub fn check_health(&self) -> Result<()> {
        let log = self.envoy.log();
        // A refused configuration is logged as a VM that failed, too.
        let mut lines = log.lines().filter(|line| !line.contains("Failed to configure"));
        let signs = ["Function: proxy_", "VM failed", "panicked at"];
        if let Some(line) = lines.find(|line| signs.iter().any(|sign| line.contains(sign))) {
            bail!("the filter's VM died: {line}");
        }
        let stats = self.envoy.stats()?;
        let bad = |name: &str| {
            name.starts_with("wasm.") && name.contains("vm_reload")
                || name.ends_with("http.ingress.downstream_rq_5xx")
        };
        for line in stats.lines() {
            let (name, value) = line
                .split_once(": ")
                .with_context(|| format!("a statistic like {line}"))?;
            ensure!(!bad(name) || value == "0", "{line}");
        }
        Ok(())
    }
}

impl From<Exchange> for Outcome {
    fn from(exchange: Exchange) -> Self {
        let (upstream, seen) = exchange.arrived.unzip();
        let (upstream_headers, upstream_body) =
            seen.map(|seen| (seen.headers, seen.body)).unwrap_or_default();
        Self {
            status: exchange.response.status,
            response_headers: exchange.response.headers,
            upstream,
            upstream_headers,
            upstream_body,
        }
    }
}

/// A value for [`TEST_ID`] that no other request of this process has.
pub fn test_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
