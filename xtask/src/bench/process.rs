//! Processes that are measured: the servers started for it, and what the kernel says they used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::run::output;

/// A server of the `bench` crate; dropping it kills it, and it ends by itself when this process is killed.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) addr: SocketAddr,
}

impl Server {
    /// Starts it on a free port of the loopback interface. It may not be ready, but it can be connected to.
    pub(super) fn start(binary: &Path, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary);
        command
            .args(["--listen", "127.0.0.1:0", "--end-with-stdin"])
            .args(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| binary.display().to_string())?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(addr) => Ok(Self { child, addr }),
            Err(_) => {
                child.kill().ok();
                child.wait().ok();
                anyhow::bail!("{} did not say where it listens", binary.display())
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The child of `parent` that runs the program `name`.
pub(super) fn child_named(parent: u32, name: &str) -> Result<u32> {
    let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found = processes.filter(|pid| {
        let parent_of = stat(*pid).ok().and_then(|fields| fields.get(1)?.parse().ok());
        parent_of == Some(parent)
            && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == name)
    });
    found
        .next()
        .with_context(|| format!("process {parent} has no child {name}"))
}

/// CPU time that a process has used so far, in user space and for it in the kernel.
pub(super) fn cpu_seconds(pid: u32) -> Result<f64> {
    let fields = stat(pid)?;
    // utime and stime: fields 14 and 15 of proc(5), the first two of which `stat` cuts off.
    let ticks: u64 = fields
        .iter()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 / ticks_per_second())
}

/// Resident memory of a process in KiB.
pub(super) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    line.trim().trim_end_matches("kB").trim().parse().context("VmRSS")
}

/// The fields of `/proc/PID/stat` after the name, which may hold anything.
fn stat(pid: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

fn ticks_per_second() -> f64 {
    let ticks = output(Command::new("getconf").arg("CLK_TCK"))
        .ok()
        .and_then(|ticks| ticks.parse().ok());
    ticks.unwrap_or(100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_be_asked_what_it_used() {
        let own = std::process::id();
        assert!(resident_kib(own).unwrap() > 100);
        let spent = (0..50_000_000_u64).fold(0, |sum, i| std::hint::black_box(sum ^ i));
        std::hint::black_box(spent);
        assert!(cpu_seconds(own).unwrap() > 0.0);
    }

    #[test]
    fn a_child_is_found_by_its_name() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        // Between fork and exec it still has its parent's name.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let found = child_named(std::process::id(), "sleep");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found.unwrap(), child.id());
    }
}
