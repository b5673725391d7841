//! The load tool, wrk, and what it measured.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::bodies::{self, Bodies};
use crate::run::{apt_install, output, root, succeeds};

/// One run of the load tool.
#[derive(Debug)]
pub(super) struct Load<'a> {
    pub(super) bodies: &'a Bodies,
    pub(super) connections: usize,
    pub(super) seconds: u64,
    /// Runs with the same number send the same requests in the same order; no request is sent under two numbers.
    pub(super) number: u64,
}

/// What one run measured. Times are in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) requests: f64,
    pub(super) seconds: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
}

/// No run sends more requests than this.
const REQUESTS_PER_RUN: u64 = 1 << 22;

impl Load<'_> {
    /// Sends the load. An answer that is not 2xx or 3xx, or none, is an error: it would count as a quick one.
    pub(super) fn send(&self, addr: SocketAddr) -> Result<Measured> {
        let mut wrk = Command::new("wrk");
        // One thread: a second would take a core from what is measured, and one is far from being busy.
        wrk.args(["-t1", "--latency", "--timeout", "30s"])
            .args([
                "-c",
                &self.connections.to_string(),
                "-d",
                &format!("{}s", self.seconds),
            ])
            .arg("-s")
            .arg(root().join("bench/load.lua"))
            .arg(format!("http://{addr}"))
            .arg("--")
            .arg(&self.bodies.folder)
            .args([
                bodies::COUNT.to_string(),
                (self.number * REQUESTS_PER_RUN).to_string(),
            ]);
        let printed = output(&mut wrk)?;
        parse(&printed).with_context(|| format!("wrk printed:\n{printed}"))
    }
}

fn parse(printed: &str) -> Result<Measured> {
    let line = printed
        .lines()
        .rev()
        .find(|line| line.starts_with('{'))
        .context("no line of JSON")?;
    let result: Value = serde_json::from_str(line)?;
    let number = |name: &str| {
        result
            .get(name)
            .and_then(Value::as_f64)
            .with_context(|| format!("no {name}"))
    };
    let (errors, bad) = (number("errors")?, number("bad_status")?);
    ensure!(
        errors + bad == 0.0,
        "{errors} requests failed and {bad} were answered with an error"
    );
    let requests = number("requests")?;
    ensure!(requests > 0.0, "no request was answered");
    let seconds = number("duration_us")? / 1e6;
    Ok(Measured {
        requests,
        seconds,
        p50: number("p50_us")?,
        p90: number("p90_us")?,
        p99: number("p99_us")?,
    })
}

/// Installs wrk where it is missing, which takes Debian and root; gives its version.
pub(super) fn installed() -> Result<String> {
    if version().is_none() {
        install()?;
    }
    version().context("wrk was installed, but does not run")
}

fn install() -> Result<()> {
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!("the load tool wrk is missing: install it from your distribution or https://github.com/wg/wrk");
    }
    apt_install("installing wrk (needs root)", &["wrk"])
}

/// wrk prints its version and ends with 1.
fn version() -> Option<String> {
    let output = Command::new("wrk").arg("-v").output().ok()?;
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some(printed.lines().next()?.split(" Copyright").next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_with_failed_requests_counts_as_failed() {
        let line = |errors| {
            format!(
                "Running 1s test\n{{\"requests\":10,\"duration_us\":2000000,\"p50_us\":1,\"p90_us\":2,\"p99_us\":3,\
                 \"max_us\":4,\"errors\":{errors},\"bad_status\":0}}\n"
            )
        };
        let measured = parse(&line(0)).unwrap();
        assert_eq!(
            (measured.requests, measured.seconds, measured.p99),
            (10.0, 2.0, 3.0)
        );
        assert!(parse(&line(1)).is_err());
        assert!(parse("unable to connect\n").is_err());
    }
}
