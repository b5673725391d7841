//! A child process that ends with us, and its log.

use std::fs::File;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::run::root;

// A Go program on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

const FAREWELL: Duration = Duration::from_secs(10);

/// A running program; dropping it ends it.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program and waits until it listens on a port of this host.
    pub(crate) fn start(name: &str, command: &mut Command, port: u16) -> Result<Self> {
        let folder = root().join("target/run");
        std::fs::create_dir_all(&folder)?;
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let command = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        let mut running = Self { child, log };
        running.wait(name, port)?;
        Ok(running)
    }

    fn wait(&mut self, name: &str, port: u16) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended with {status}: {}", self.last_lines());
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{name} does not listen on {port}: {}", self.last_lines())
    }

    fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.len().saturating_sub(5);
        lines.get(last..).unwrap_or_default().join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first, so that a control plane ends the Envoy that it has started. It may have ended by itself.
        let id = self.child.id().to_string();
        Command::new("kill").arg(id).stderr(Stdio::null()).status().ok();
        let deadline = Instant::now() + FAREWELL;
        while Instant::now() < deadline && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
