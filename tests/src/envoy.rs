//! Envoy as a child process.

mod config;
mod fetch;
mod http;

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub use config::{LocalConfig, Ports};
pub use fetch::{VERSIONS, fetch};

// V8 compiles the whole module for every VM, which a busy machine takes its time for.
const START_DEADLINE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(20);

// Runs its arguments as a child until it ends or stdin closes, which happens however the parent ends:
// an Envoy must not outlive a test run that was interrupted.
const GUARD: &str =
    r#"exec 3<&0; "$@" </dev/null & child=$!; { read -r _ <&3; kill -9 $child; } 2>/dev/null & wait $child"#;

/// A running Envoy; dropping it kills it.
#[derive(Debug)]
pub struct Envoy {
    guard: Child,
    folder: PathBuf,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts Envoy with a configuration (YAML or JSON) and this number of workers, and waits until it is ready.
    /// If Envoy refuses the configuration the error holds what its log says above the level of information.
    pub fn start(binary: &Path, config: &str, concurrency: usize) -> Result<Self> {
        let folder = new_folder()?;
        let file = folder.join(if config.starts_with('{') {
            "envoy.json"
        } else {
            "envoy.yaml"
        });
        fs::write(&file, config)?;
        let mut guard = spawn(binary, &file, &folder, concurrency)?;
        match wait_until_ready(&mut guard, &folder) {
            Ok(admin) => Ok(Self { guard, folder, admin }),
            Err(error) => {
                stop(&mut guard);
                let log = read_log(&folder);
                let lines: Vec<_> = log.lines().filter(|line| !line.contains("][info]")).collect();
                Err(error.context(lines.join("\n")))
            }
        }
    }

    /// The address of a listener, for one that was given port 0.
    pub fn listener(&self, name: &str) -> Result<SocketAddr> {
        let deadline = Instant::now() + START_DEADLINE;
        while Instant::now() < deadline {
            let listeners: Value = serde_json::from_str(&self.admin_get("/listeners?format=json")?)?;
            let statuses = listeners.get("listener_statuses").and_then(Value::as_array);
            let found = statuses
                .into_iter()
                .flatten()
                .find(|l| l.get("name").is_some_and(|n| n == name));
            if let Some(address) =
                found.and_then(|listener| listener.pointer("/local_address/socket_address"))
            {
                let ip = address.get("address").and_then(Value::as_str).unwrap_or_default();
                let port = address
                    .get("port_value")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
                return format!("{ip}:{port}")
                    .parse()
                    .with_context(|| format!("listener {name} at {address}"));
            }
            thread::sleep(POLL);
        }
        bail!("Envoy has no listener {name}")
    }

    /// Where its admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// What Envoy has logged so far.
    pub fn log(&self) -> String {
        read_log(&self.folder)
    }

    /// The folder of its configuration and log, under `target/run`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process that guards Envoy; Envoy is its child.
    pub fn guard_pid(&self) -> u32 {
        self.guard.id()
    }

    /// All counters and gauges, a `name: value` a line.
    pub fn stats(&self) -> Result<String> {
        self.admin_get("/stats")
    }

    /// The value of a counter or gauge; 0 if Envoy does not have it (yet).
    pub fn stat(&self, name: &str) -> Result<u64> {
        let stats = self.stats()?;
        let value = stats
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(Ok(0), |value| {
            value.parse().with_context(|| format!("{name}: {value}"))
        })
    }

    /// The answer of the admin interface to a GET.
    pub fn admin_get(&self, path: &str) -> Result<String> {
        http::request(self.admin, "GET", path)
    }

    /// The answer of the admin interface to a POST.
    pub fn admin_post(&self, path: &str) -> Result<String> {
        http::request(self.admin, "POST", path)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        stop(&mut self.guard);
    }
}

fn spawn(binary: &Path, config: &Path, folder: &Path, concurrency: usize) -> Result<Child> {
    let log = File::create(folder.join("log"))?;
    Command::new("sh")
        .args(["-c", GUARD, "sh"])
        .arg(binary)
        .arg("-c")
        .arg(config)
        .args(["--concurrency", &concurrency.to_string(), "--disable-hot-restart"])
        .arg("--admin-address-path")
        .arg(folder.join("admin"))
        .current_dir(crate::root())
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("starting Envoy")
}

fn wait_until_ready(guard: &mut Child, folder: &Path) -> Result<SocketAddr> {
    let deadline = Instant::now() + START_DEADLINE;
    while Instant::now() < deadline {
        if let Some(status) = guard.try_wait()? {
            bail!("Envoy ended at start: {status}");
        }
        let written = fs::read_to_string(folder.join("admin")).ok();
        if let Some(admin) = written.and_then(|address| address.trim().parse().ok())
            && http::request(admin, "GET", "/ready").is_ok_and(|state| state.trim() == "LIVE")
        {
            return Ok(admin);
        }
        thread::sleep(POLL);
    }
    bail!("Envoy was not ready after {START_DEADLINE:?}")
}

// Closing stdin makes the guard kill Envoy, whose end the guard then waits for.
fn stop(guard: &mut Child) {
    drop(guard.stdin.take());
    guard.wait().ok();
}

fn read_log(folder: &Path) -> String {
    String::from_utf8_lossy(&fs::read(folder.join("log")).unwrap_or_default()).into_owned()
}

fn new_folder() -> Result<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = crate::root().join(format!("target/run/envoy-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
